"""An offer (优惠活动), as staff write it: a template with its parameters over an item of the mall. Pure.

flash_sale  限时特惠: another price within a span, while its pieces last
seckill     秒杀: one piece a member, opening at an instant for a crowd
group_buy   拼团: a price for who comes as a group
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple

from chalicelib.ledger.document import Discriminator, Ge, Le, Len, document
from chalicelib.programme.caps import Id
from chalicelib.programme.conditions import EVERYTHING, When
from chalicelib.programme.model import Terms
from chalicelib.spending.goods.good import Badge, Virtual
from chalicelib.spending.mall.item import Limit, MallItem, Price, StockPlace, Window, not_of_the_member
from chalicelib.spending.mall.shelf import advice

SHARD_RATE = 100
"""Redemptions a second that one shard of a stock is planned for.

A DynamoDB partition takes 1,000 write units a second, and a transaction writes an item twice: 2 units of 1 KB, so never
more than 500 a second of one item. Transactions that meet on it are cancelled and tried again: a fifth of that leaves
room for them.
"""
MOST_SHARDS = 32
"""With 64 shards of the item's own stock, all of them fit into the one transaction that sets pieces aside."""
LONGEST = timedelta(days=31)
"""Each hour that sells is an attribute of the stock's shards: so no more than 744."""


@document
class FlashSale:
    """限时特惠."""

    kind: Literal["flash_sale"]
    per_member: Annotated[int, Ge(1), Le(99)] = 1
    """Most pieces for one member in all."""
    per_order: Annotated[int, Ge(1), Le(99)] = 1


@document
class Seckill:
    """秒杀: one piece a member."""

    kind: Literal["seckill"]
    peak_per_second: Annotated[int, Ge(1), Le(SHARD_RATE * MOST_SHARDS)] = SHARD_RATE
    """The redemptions a second that are expected at most: of so many shards its stock is."""


@document
class GroupBuy:
    """拼团: `size` members within `hours` of its opening, one piece each."""

    kind: Literal["group_buy"]
    size: Annotated[int, Ge(2), Le(20)]
    hours: Annotated[int, Ge(1), Le(72)] = 24
    per_member: Annotated[int, Ge(1), Le(99)] = 1
    """Most places for one member in all groups that are open or have formed."""


@document
class Offer:
    """What is sold for how much less, to whom and when."""

    name: Annotated[str, Len(1, 40)]
    text: Annotated[str, Len(0, 1000)] = ""
    template: Annotated[FlashSale | Seckill | GroupBuy, Discriminator("kind")]
    item: Id
    """The mall's item. It must be switched on; its own windows, turns and limits say nothing here."""
    points: Annotated[int, Ge(1), Le(10**8)]
    cash_fen: Annotated[int, Ge(0), Le(10**8)] = 0
    pieces: Annotated[int, Ge(1), Le(10**7)]
    """All pieces of it, set aside from the item's stock when it is switched on."""
    who: When = EVERYTHING
    """Conditions on the member alone; the item's own hold as well."""
    from_at: datetime
    until_at: datetime
    """From then on it is over."""
    campaign: Annotated[str, Len(0, 60)] = ""
    """Said by each redemption's entry; the item's own where this is empty."""


class Warning(NamedTuple):
    """Something that staff should know of an offer; it forbids nothing."""

    code: str
    """`below_cost` or `not_cheaper`."""
    text: str


def offer_stock(offer_id: str, offer: Offer) -> StockPlace:
    """Where an offer's pieces are counted."""
    return StockPlace(f"STOCK#{scope(offer_id)}", shards_of(offer))


def scope(offer_id: str) -> str:
    """What an offer's rows are named by where an item's would be."""
    return f"offer:{offer_id}"


def shards_of(offer: Offer) -> int:
    """Of how many shards its stock is."""
    peak = offer.template.peak_per_second if isinstance(offer.template, Seckill) else SHARD_RATE
    return -(-peak // SHARD_RATE)


def per_member(offer: Offer) -> int:
    """Most pieces for one member in all."""
    return 1 if isinstance(offer.template, Seckill) else offer.template.per_member


def per_order(offer: Offer) -> int:
    """Most pieces of one redemption."""
    return offer.template.per_order if isinstance(offer.template, FlashSale) else 1


def as_sold(offer: Offer, item: MallItem) -> MallItem:
    """The item under an offer's conditions: its price, limit and span in place of the item's own. In an order there are
    no more than the item allows: it may have become what one has once.
    """
    return replace(
        item,
        prices=(Price(id=offer.template.kind, points=offer.points, cash_fen=offer.cash_fen),),
        per_order=min(per_order(offer), item.per_order),
        limits=(Limit(pieces=per_member(offer), period="ever"),),
        who=offer.who,
        windows=(Window(from_at=offer.from_at, until_at=offer.until_at),),
        phases=(),
        rotation=None,
        shards=shards_of(offer),
        campaign=offer.campaign or item.campaign,
    )


def hour_of(offer: Offer, now: datetime) -> str:
    """What a stock's shards count the pieces of an instant under: the hours since the offer began."""
    return f"h{(now - offer.from_at) // timedelta(hours=1)}"


def faults_of(offer: Offer) -> Iterator[tuple[str, str]]:
    """(path, reason in Chinese) of everything that no single field shows."""
    if wrong := offer.who.problem():
        yield f"who.{wrong[0]}", wrong[1]
    yield from not_of_the_member(offer.who)
    for name in ("from_at", "until_at"):
        if getattr(offer, name).tzinfo is None:
            yield name, "应带时区"
            return
    if offer.from_at >= offer.until_at:
        yield "until_at", "应晚于开始时间"
    elif offer.until_at - offer.from_at > LONGEST:
        yield "until_at", f"应在开始后{LONGEST.days}天之内"
    if offer.cash_fen and isinstance(offer.template, GroupBuy):
        yield "cash_fen", "拼团只收积分"


def misfits(offer: Offer, item: MallItem) -> Iterator[tuple[str, str]]:
    """(path, reason in Chinese) of what does not go with the item as it stands."""
    if offer.cash_fen and isinstance(item.good, Badge):
        yield "cash_fen", "奖牌只能用积分兑换"
    if per_order(offer) > item.per_order:
        yield "template.per_order", f"大于商品的每单上限{item.per_order}件"
    if isinstance(item.good, Virtual) and shards_of(offer) > 1:
        yield "template.peak_per_second", f"卡密商品最高{SHARD_RATE}"
    if isinstance(item.good, Badge) and isinstance(offer.template, GroupBuy):
        yield "item", "奖牌不能拼团"


def warnings(offer: Offer, item: MallItem, terms: Terms) -> Iterator[Warning]:
    """What staff should know of its price."""
    price = as_sold(offer, item).prices[0]
    advised = advice(item.cost_fen, price, terms)
    if advised.is_below_cost:
        yield Warning("below_cost", f"低于成本,不亏本至少需{advised.least_points}分")
    if not any(_is_cheaper(price, one) for one in item.prices):
        yield Warning("not_cheaper", "不比商品原价便宜")


def _is_cheaper(price: Price, than: Price) -> bool:
    is_no_more = price.points <= than.points and price.cash_fen <= than.cash_fen
    return is_no_more and (price.points, price.cash_fen) != (than.points, than.cash_fen)
