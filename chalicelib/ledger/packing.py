"""What an account holds in few bytes: days, instants, check-ins, levels, counters as texts and numbers, both ways.

Pure. An account with everything in use stays below a kilobyte because of it (tests/ledger/test_budgets.py).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from chalicelib.ledger.buckets import DIGITS, EPOCH_ON
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Count
from chalicelib.ledger.levels import FIRST, Tenure

EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)


def day_packed(on: date | None) -> str:
    """A date in three base-36 digits as in bucket keys, empty for none."""
    if on is None:
        return ""
    days = (on - EPOCH_ON).days
    return DIGITS[days // 1296] + DIGITS[days // 36 % 36] + DIGITS[days % 36]


def day_unpacked(text: str) -> date | None:
    """The date that `day_packed` wrote."""
    return date.fromordinal(EPOCH_ON.toordinal() + int(text, 36)) if text else None


def check_ins_packed(days: CheckInDays) -> str:
    """Check-ins in few bytes: the last day, the map of days in base 36, the run (`ftz.1r.6`)."""
    if days.last_on is None:
        return ""
    text, rest = "", days.bitmap
    while rest:
        rest, digit = divmod(rest, 36)
        text = DIGITS[digit] + text
    return f"{day_packed(days.last_on)}.{text}.{days.run_days}"


def check_ins_unpacked(text: str) -> CheckInDays:
    """The days that `check_ins_packed` wrote."""
    if not text:
        return CheckInDays()
    last_on, bitmap, run_days = text.split(".")
    return CheckInDays(day_unpacked(last_on), int(bitmap, 36), int(run_days))


def tenure_packed(tenure: Tenure) -> str:
    """A tenure in few bytes: level, since, until, the level before, trial, its last day, without trailing blanks."""
    parts = (
        tenure.level,
        day_packed(tenure.since_on),
        day_packed(tenure.until_on),
        tenure.prior,
        tenure.trial,
        day_packed(tenure.trial_until_on),
    )
    return ".".join(parts).rstrip(".")


def tenure_unpacked(text: str) -> Tenure:
    """The tenure that `tenure_packed` wrote."""
    if not text:
        return FIRST
    level, since, until, prior, trial, trial_until = (text.split(".") + [""] * 5)[:6]
    return Tenure(level, day_unpacked(since), day_unpacked(until), prior, trial, day_unpacked(trial_until))


def count_packed(count: Count) -> str:
    """A counter in few bytes: `<period's end>.<used>.<last day>`, the trailing part left out when empty."""
    text = f"{day_packed(count.through_on)}.{count.used}"
    return f"{text}.{day_packed(count.last_on)}" if count.last_on else text


def count_unpacked(text: str) -> Count:
    """The counter that `count_packed` wrote."""
    through, used, *last = text.split(".")
    return Count(day_unpacked(through), int(used), day_unpacked(last[0]) if last else None)


def milliseconds(at: datetime | None) -> int:
    """An instant of the account in eight bytes: milliseconds since 1970, 0 for none."""
    return (at - EPOCH_AT) // timedelta(milliseconds=1) if at else 0


def moment(milliseconds: int | None) -> datetime | None:
    """The instant that `milliseconds` wrote."""
    return EPOCH_AT + timedelta(milliseconds=milliseconds) if milliseconds else None
