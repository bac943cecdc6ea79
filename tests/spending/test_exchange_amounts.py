"""What so many points are in a partner's units, which accounts it has, and which documents are none."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import JifenError
from chalicelib.spending.exchange.keep_partner import check_partner
from chalicelib.spending.exchange.partner import Amounts, Partner, Ratio, amounts, is_account, masked
from tests.spending.exchanges import MILES


def partner(ratio: tuple[int, int], least: int = 1, step: int = 1, **given: Any) -> Partner:
    parts = {**MILES, "ratio": Ratio(points=ratio[0], units=ratio[1]), "least_points": least, "step_points": step}
    return Partner(**{**parts, **given})


@pytest.mark.parametrize(
    ("ratio", "points", "expected"),
    [
        ((10, 1), 9, None),
        ((10, 1), 10, Amounts(10, 1)),
        ((10, 1), 19, Amounts(10, 1)),
        ((10, 1), 20, Amounts(20, 2)),
        ((10, 3), 4, Amounts(4, 1)),
        ((10, 3), 3, None),
        ((10, 3), 15, Amounts(14, 4)),
        ((3, 2), 4, Amounts(3, 2)),
        ((3, 2), 5, Amounts(5, 3)),
        ((1, 5), 1, Amounts(1, 5)),
        ((7, 7), 1, Amounts(1, 1)),
        ((1_000_000, 999_999), 10**9, Amounts(10**9, 999_999_000)),
    ],
)
def test_units_are_rounded_down_and_only_the_points_they_need_are_taken(
    ratio: tuple[int, int], points: int, expected: Amounts | None
) -> None:
    assert amounts(partner(ratio), points) == expected


def test_whatever_is_asked_for_no_unit_is_given_for_too_few_points_and_no_point_is_taken_for_none() -> None:
    for ratio in ((10, 3), (3, 10), (7, 5), (1, 1), (13, 1)):
        for points in range(1, 200):
            found = amounts(partner(ratio), points)
            if found is None:
                assert points * ratio[1] < ratio[0]
                continue
            assert found.points <= points
            assert found.units * ratio[0] <= found.points * ratio[1] < (found.units + 1) * ratio[0] + ratio[1]
            assert (found.points - 1) * ratio[1] < found.units * ratio[0]
            assert amounts(partner(ratio), found.points) == found


def test_points_are_rounded_down_to_steps_and_below_the_least_there_is_nothing() -> None:
    miles = partner((10, 3), least=100, step=50)

    assert [amounts(miles, points) for points in (99, 100, 149, 150)] == [
        None,
        Amounts(100, 30),
        Amounts(100, 30),
        Amounts(150, 45),
    ]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("digits", "0012345", "12345a"),
        ("digits", "1234", "123"),
        ("phone", "13800000000", "12800000000"),
        ("card", "CA1234567", "ca1234567"),
        ("email", "mei@mail.example.com", "mei@localhost"),
        ("email", "a.b+c@example.cn", "a b@example.cn"),
        ("digits", "88001234567", "88001234567\n"),
        ("digits", "88001234567", "８８００１２３４５６７"),
    ],
)
def test_an_account_has_its_partners_form_to_the_last_character(kind: Any, good: str, bad: str) -> None:
    given = partner((1, 1), account=kind)

    assert is_account(given, good)
    assert not is_account(given, bad)


def test_of_an_account_little_is_shown() -> None:
    assert [masked(text) for text in ("88001234567", "1234", "mei@mail.example.com")] == [
        "****567",
        "****4",
        "****i@mail.example.com",
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ratio": {"points": 0, "units": 1}}, "ratio.points"),
        ({"least_points": 105}, "partner.least_points"),
        ({"ratio": {"points": 1000, "units": 1}}, "partner.least_points"),
        ({"member_points_per_day": 99}, "partner.member_points_per_day"),
        ({"all_points_per_day": 99}, "partner.all_points_per_day"),
        ({"reversible": True}, "reversible"),
        ({"account": "[0-9]+"}, "account"),
        ({"host": "10.0.0.8"}, "partner.host"),
        ({"host": "localhost"}, "partner.host"),
        ({"host": "partner.example.com:8080"}, "host"),
        ({"root": "/../x?y"}, "root"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_a_partner_that_cannot_be_is_refused_with_the_place(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(JifenError) as refused:
        check_partner({**MILES, **changes})

    assert refused.value.field == field
