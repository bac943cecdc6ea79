from datetime import date

import pytest

from chalicelib.programme.validity import Days, Months, Never


@pytest.mark.parametrize(
    ("credited_on", "expected"),
    [
        (date(1997, 1, 1), date(1998, 1, 31)),
        (date(1997, 1, 31), date(1998, 1, 31)),
        (date(1997, 12, 31), date(1998, 12, 31)),
        (date(2027, 2, 28), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2029, 2, 28)),
    ],
)
def test_twelve_months_end_with_the_twelfth_month_after_the_credits_own(credited_on: date, expected: date) -> None:
    assert Months(kind="months", months=12).expires_on(credited_on) == expected


def test_days_round_up_to_the_months_end_unless_the_term_says_day() -> None:
    assert Days(kind="days", days=30).expires_on(date(2028, 1, 30)) == date(2028, 2, 29)
    assert Days(kind="days", days=30, until="day").expires_on(date(2028, 1, 30)) == date(2028, 2, 29)
    assert Days(kind="days", days=29, until="day").expires_on(date(2028, 1, 30)) == date(2028, 2, 28)
    assert Days(kind="days", days=0, until="day").expires_on(date(2028, 1, 30)) == date(2028, 1, 30)


def test_never_has_no_last_day() -> None:
    assert Never(kind="never").expires_on(date(2028, 1, 30)) is None
