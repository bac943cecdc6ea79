"""Growth value (成长值): counted by calendar month, never spent. Pure.

What decides a level is the growth of the running month and of the months before it in the window; what is older leaves
the account by itself, so it holds thirteen numbers at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

Growth = Mapping[int, int]
"""Month number (year * 12 + month - 1) to growth; below zero where more was taken back than the month brought."""

MOST_MONTHS = 12
"""The longest window. One month more is kept, because a review may look back from the last day of an earlier month."""


def month_of(on: date) -> int:
    """The month number of a business date."""
    return on.year * 12 + on.month - 1


def grown(growth: Growth, amount: int, on: date) -> dict[int, int]:
    """`growth` with a signed amount counted in the month of `on`; a month that comes to nothing is forgotten."""
    result = dict(growth)
    month = month_of(on)
    left = result.get(month, 0) + amount
    if left:
        result[month] = left
    else:
        result.pop(month, None)
    return result


def in_window(growth: Growth, on: date, months: int) -> int:
    """The growth of the `months` calendar months that end with the month of `on`, never below 0."""
    last = month_of(on)
    return max(0, sum(amount for month, amount in growth.items() if last - months < month <= last))


def recent(growth: Growth, on: date) -> Growth:
    """What an account keeps of `growth` on a business date."""
    oldest = month_of(on) - MOST_MONTHS
    if all(month >= oldest for month in growth):
        return growth
    return {month: amount for month, amount in growth.items() if month >= oldest}


def packed(growth: Growth) -> str:
    """Growth in few bytes: the first month's number, then each month's growth from there on (`24322:120..-5`)."""
    if not growth:
        return ""
    first = min(growth)
    amounts = [str(growth.get(month) or "") for month in range(first, max(growth) + 1)]
    return f"{first}:{'.'.join(amounts)}"


def unpacked(text: str) -> dict[int, int]:
    """The growth that `packed` wrote."""
    if not text:
        return {}
    first, _, amounts = text.partition(":")
    return {int(first) + place: int(amount) for place, amount in enumerate(amounts.split(".")) if amount}
