"""Whether an item is on sale, what stands between a member and it, and what it should cost. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Account, business_on
from chalicelib.programme.campaigns import spans_of
from chalicelib.programme.conditions import of_the_member
from chalicelib.programme.model import Terms
from chalicelib.programme.periods import THIS, Period, period_key
from chalicelib.programme.standing import NO_TAGS, standing_of
from chalicelib.spending.mall.item import MallItem, Price, Rotation

_EPOCH_MONDAY = date(2001, 1, 1).toordinal()


class WhyNot(NamedTuple):
    """One thing that stands between a member and an item."""

    reason: str
    """`off`, `not_on_sale`, `sold_out`, `levels`, `gate`, `tags`, `buyers`, `within_days_of_joining`, `needs`, `limit`,
    `task`, `points`, `frozen` or `owned`.
    """
    text: str


def is_on_sale(item: MallItem, terms: Terms, now: datetime) -> bool:
    """Whether its windows and its turn allow it at an instant; whether it is switched on is another matter."""
    is_timed = bool(item.windows or item.phases)
    if is_timed and not any(from_at <= now < until_at for from_at, until_at in spans(item, terms)):
        return False
    return item.rotation is None or _turn_of(item.rotation, business_on(now, terms.zone)) == item.rotation.turn


def spans(item: MallItem, terms: Terms) -> Iterator[tuple[datetime, datetime]]:
    """Its own windows, and those of the phases it follows; none of a campaign that is gone from the programme."""
    yield from ((window.from_at, window.until_at) for window in item.windows)
    if item.phases and (campaign := terms.campaign(item.campaign)):
        yield from spans_of(campaign, item.phases)


def _turn_of(rotation: Rotation, on: date) -> int:
    """Whose turn a date is: months are counted from year 0, weeks from a Monday."""
    if rotation.every == "month":
        return (on.year * 12 + on.month - 1) % rotation.of
    return (on.toordinal() - _EPOCH_MONDAY) // 7 % rotation.of


def begins_at(item: MallItem, terms: Terms, now: datetime) -> datetime | None:
    """When the next of its windows opens, if one will."""
    return min((from_at for from_at, _ in spans(item, terms) if from_at > now), default=None)


def is_over(item: MallItem, terms: Terms, now: datetime) -> bool:
    """Whether the last of its windows has closed."""
    found = [*spans(item, terms)]
    return bool(found) and all(until_at <= now for _, until_at in found)


def barred(item: MallItem, account: Account, tags: frozenset[str], terms: Terms, on: date) -> WhyNot | None:
    """The first condition on the member, who has these tags, that does not hold."""
    found = of_the_member(item.who, NO_TAGS, standing_of(account, terms, on, tags), on)
    if found is None:
        return None
    return WhyNot(found, _condition_in_words(found, item, terms))


def _condition_in_words(found: str, item: MallItem, terms: Terms) -> str:
    levels = terms.programme.levels
    if found == "levels" and levels is not None:
        names = [level.name for level in levels.levels if level.id in item.who.levels]
        return f"仅限{'、'.join(names)}会员" if names else "仅限指定等级会员"
    if found == "gate" and levels is not None:
        names = [level.name for level in levels.levels if item.who.gate in level.privileges.gates]
        return f"仅限{'、'.join(names)}会员" if names else "仅限指定等级会员"
    return {
        "tags": "仅限受邀会员",
        "buyers": "下过单的会员可兑",
        "within_days_of_joining": f"仅限入会{item.who.within_days_of_joining}天内的会员",
    }.get(found, "暂不符合兑换条件")


def over_limit(item: MallItem, used: Mapping[Period, int], quantity: int) -> WhyNot | None:
    """The first limit that `quantity` more pieces would pass."""
    for limit in item.limits:
        left = max(limit.pieces - used.get(limit.period, 0), 0)
        if quantity > left:
            more = f",还可兑{left}件" if left else ""
            return WhyNot("limit", f"{THIS[limit.period]}限兑{limit.pieces}件{more}")
    return None


def limit_key(item_id: str, period: Period, member_id: str, on: date) -> tuple[str, str]:
    """(pk, sk) of the row that counts a member's pieces of an item in a period."""
    return f"LIMIT#{item_id}#{member_id}", period_key(period, on)


def task_key(item_id: str, member_id: str, lump: str) -> tuple[str, str]:
    """(pk, sk) of the row that says that a lump of the item's task, by its entry, has opened it."""
    return f"LIMIT#{item_id}#{member_id}", f"task#{lump}"


def task_name(task_id: str, terms: Terms) -> str:
    """What a task is called to members."""
    return next((task.name for task in terms.programme.tasks if task.id == task_id), task_id)


def price_of(item: MallItem, price_id: str) -> Price:
    """One of its prices; raises JifenError INVALID_REQUEST."""
    for price in item.prices:
        if price.id == price_id:
            return price
    raise JifenError(Code.INVALID_REQUEST, "没有这个价格", field="price")


def mode_of(price: Price, cost_fen: int, terms: Terms) -> str:
    """How a price is called: `points`, `points_and_cash`, and of those with money `high_points` where the points are
    worth at least as much as the money, else `low_points`.
    """
    if not price.cash_fen:
        return "points"
    return "high_points" if worth_fen(price.points, terms) >= price.cash_fen else "low_points"


def worth_fen(points: int, terms: Terms) -> int:
    """What points are worth in money, rounded down."""
    return terms.programme.point_value.fen_of(points)


class Advice(NamedTuple):
    """What an item that costs so much should be offered for."""

    least_points: int
    """The points whose worth covers what cost the money beside them leaves."""
    is_below_cost: bool
    """Whether the asked points and money together do not cover the cost."""


def advice(cost_fen: int, price: Price, terms: Terms) -> Advice:
    """The price helper: from a piece's cost and a point's value, rounded up to whole points."""
    value = terms.programme.point_value
    missing_fen = max(cost_fen - price.cash_fen, 0)
    least = -(-missing_fen * value.points // value.fen)
    return Advice(least, price.points < least)
