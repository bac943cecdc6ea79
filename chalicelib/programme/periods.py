"""Business periods: when one ends, how it is keyed, and how it is named to a member. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from chalicelib.ledger.validity import Months, Quarter

Period = Literal["day", "week", "month", "quarter", "year", "ever"]

THIS = {"day": "今日", "week": "本周", "month": "本月", "quarter": "本季度", "year": "今年", "ever": "累计"}
"""The running period, in words for a member."""
_NEXT = {"day": "明天起", "week": "下周一起", "month": "下月1日起", "quarter": "下季度起", "year": "明年1月1日起"}
_MONTH_END, _QUARTER_END = Months(kind="months", months=0), Quarter(kind="quarter", quarters=0)


@lru_cache(maxsize=512)
def through_on(period: Period, on: date) -> date | None:
    """The last business date of the period that `on` lies in; None for one that never ends."""
    if period == "day":
        return on
    if period == "week":
        return on + timedelta(days=6 - on.weekday())
    if period == "month":
        return _MONTH_END.expires_on(on)
    if period == "quarter":
        return _QUARTER_END.expires_on(on)
    return date(on.year, 12, 31) if period == "year" else None


@lru_cache(maxsize=512)
def period_key(period: Period, on: date) -> str:
    """The period's own key: `2026-11-16`, `2026-W47`, `2026-11`, `2026-Q4`, `2026`, `ever`. Keys of one kind sort."""
    if period == "week":
        year, week, _weekday = on.isocalendar()
        return f"{year:04d}-W{week:02d}"
    if period == "quarter":
        return f"{on.year:04d}-Q{(on.month + 2) // 3}"
    length = {"day": 10, "month": 7, "year": 4, "ever": 0}[period]
    return on.isoformat()[:length] or "ever"


@lru_cache(maxsize=512)
def starts_on(period: Period, on: date) -> date:
    """The first business date of the period that `on` lies in; `date.min` for one that has no beginning."""
    if period == "week":
        return on - timedelta(days=on.weekday())
    if period == "quarter":
        return date(on.year, (on.month - 1) // 3 * 3 + 1, 1)
    return {"day": on, "month": on.replace(day=1), "year": date(on.year, 1, 1), "ever": date.min}[period]


def again(period: Period) -> str:
    """When a used-up period begins anew, in words for a member; empty when it never does."""
    return _NEXT.get(period, "")
