"""An item of the mall (商品), as staff write it. Pure: checked by pydantic, sense by `faults_of`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.ledger.model import MAX_POINTS
from chalicelib.programme.campaigns import Phase
from chalicelib.programme.caps import Id
from chalicelib.programme.conditions import EVERYTHING, When
from chalicelib.programme.periods import Period
from chalicelib.spending.goods.good import Badge, Good, Parcel, Virtual, coupons_of

MOST_SHARDS = 64
MOST_COUPONS = 40
"""Coupons of one redemption: all are written, and taken back with their lines, in one transaction."""


@document
class Price:
    """One way to pay: points, with some money beside them or without. 高积分+低金额 is one, 低积分+高金额 another."""

    id: Id
    points: Annotated[int, Ge(1), Le(10**8)]
    cash_fen: Annotated[int, Ge(0), Le(10**8)] = 0


@document
class Limit:
    """Most pieces for one member in a business period."""

    pieces: Annotated[int, Ge(1), Le(10_000)]
    period: Period


@document
class Window:
    """On sale from an instant until another (that one no longer)."""

    from_at: datetime
    until_at: datetime


@document
class Rotation:
    """Items of a plan that take turns (轮换): this one is on sale in every `of`-th month or week, the `turn`-th."""

    every: Literal["week", "month"]
    of: Annotated[int, Ge(2), Le(12)]
    turn: Annotated[int, Ge(0), Le(11)]


@document
class Needed:
    """What the member must have done: an activity so many times, as his journal has it."""

    activity: Id
    times: Annotated[int, Ge(1), Le(100)]
    name: Annotated[str, Len(1, 20)]
    """What it is called to members."""


@document
class MallItem:
    """What is offered, for what, to whom and when."""

    name: Annotated[str, Len(1, 40)]
    text: Annotated[str, Len(0, 1000)] = ""
    picture: Annotated[str, Len(0, 300)] = ""
    good: Good
    worth: Literal["material", "emotional"] = "material"
    labels: Annotated[tuple[Literal["limited", "own_ip", "badge", "new"], ...], Len(0, 4)] = ()
    category: Annotated[str, Len(0, 20)] = ""
    prices: Annotated[tuple[Price, ...], Len(1, 4)]
    cost_fen: Annotated[int, Ge(0), Le(10**8)] = 0
    """What one piece costs the brand."""
    per_order: Annotated[int, Ge(1), Le(99)] = 1
    limits: Annotated[tuple[Limit, ...], Len(0, 3)] = ()
    who: When = EVERYTHING
    """Conditions on the member alone."""
    needs: Needed | None = None
    task: Id | None = None
    """The programme's task whose lump it matches: each lump opens it once, at once."""
    windows: Annotated[tuple[Window, ...], Len(0, 12)] = ()
    """With no phases of a campaign either: as long as it is switched on."""
    rotation: Rotation | None = None
    campaign: Annotated[str, Len(0, 60)] = ""
    """Said by each redemption's entry, so that a campaign's effect can be measured."""
    phases: Annotated[tuple[Phase, ...], Len(0, 3)] = ()
    """Those of `campaign`, then one of the programme's, in which it is on sale, beside its own windows: when the
    campaign's dates change, it follows.
    """
    late_payment: Literal["refund", "honour"] = "refund"
    """What becomes of money that is paid though the redemption was closed: it goes back, or the redemption is made
    after all where points and pieces still suffice.
    """
    shards: Annotated[int, Ge(1), Le(MOST_SHARDS)] = 1
    """Places its stock is counted in: one for each 100 redemptions a second that are expected at most."""
    rank: Annotated[int, Ge(0), Le(10_000)] = 100
    """Items of a lower rank are shown first."""


class StockPlace(NamedTuple):
    """Where an item's pieces are counted."""

    id: str
    shards: int


def stock_of(item_id: str, item: MallItem) -> StockPlace:
    """Of virtual goods the pool's own stock, which several items and prizes may share; else the item's."""
    if isinstance(item.good, Virtual):
        return StockPlace(pool_stock(item.good.pool), 1)
    return StockPlace(own_stock(item_id), item.shards)


def own_stock(item_id: str) -> str:
    """The stock of what comes from no pool."""
    return f"STOCK#{item_id}"


def pool_stock(pool: str) -> str:
    """The stock of a code pool."""
    return f"STOCK#pool:{pool}"


def faults_of(item: MallItem) -> Iterator[tuple[str, str]]:
    """(path, reason in Chinese) of everything that no single field shows."""
    if wrong := item.good.problem():
        yield f"good.{wrong[0]}", wrong[1]
    if wrong := item.who.problem():
        yield f"who.{wrong[0]}", wrong[1]
    yield from not_of_the_member(item.who)
    yield from _of_prices(item)
    yield from _of_pieces(item)
    yield from _of_times(item)


def not_of_the_member(who: When) -> Iterator[tuple[str, str]]:
    """(path, reason in Chinese) of conditions that say nothing about who may buy."""
    for name in _OF_A_DEED:
        if getattr(who, name) != getattr(EVERYTHING, name):
            yield f"who.{name}", "不是会员条件"


_OF_A_DEED = ("platforms", "skus", "categories", "weekdays", "hours", "from_on", "until_on", "first", "min_fen")
"""Conditions of an order or a time say nothing about who may buy: windows do that."""


def _of_prices(item: MallItem) -> Iterator[tuple[str, str]]:
    yield from _twins("prices", "id", [price.id for price in item.prices])
    for place, price in enumerate(item.prices):
        if price.cash_fen and isinstance(item.good, Badge):
            yield f"prices.{place}.cash_fen", "奖牌只能用积分兑换"
        if price.points * item.per_order > MAX_POINTS:
            yield f"prices.{place}.points", f"乘以每单最多件数后不能超过{MAX_POINTS}分"


def _of_pieces(item: MallItem) -> Iterator[tuple[str, str]]:
    if item.shards > 1 and (item.per_order > 1 or isinstance(item.good, Virtual)):
        yield "shards", "大于1时,每单只能兑一件,且不能是卡密"
    if item.per_order * max(len(coupons_of(item.good)), 1) > MOST_COUPONS and not isinstance(item.good, Parcel):
        yield "per_order", f"每单最多发{MOST_COUPONS}张券或卡密"
    if item.task and item.per_order > 1:
        yield "per_order", "任务商品每单一件"
    if isinstance(item.good, Badge) and item.per_order > 1:
        yield "per_order", "奖牌每人一枚"
    yield from _twins("limits", "period", [limit.period for limit in item.limits])


def _of_times(item: MallItem) -> Iterator[tuple[str, str]]:
    for place, window in enumerate(item.windows):
        if window.from_at.tzinfo is None or window.until_at.tzinfo is None:
            yield f"windows.{place}", "应带时区"
        elif window.from_at >= window.until_at:
            yield f"windows.{place}.until_at", "应晚于开始时间"
    if item.rotation and item.rotation.turn >= item.rotation.of:
        yield "rotation.turn", "应小于轮换的总数"


def _twins(name: str, field: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    for place, value in enumerate(values):
        if values.index(value) < place:
            yield f"{name}.{place}.{field}", "有重复项"
