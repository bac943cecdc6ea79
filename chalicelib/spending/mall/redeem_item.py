"""A redemption in the mall (兑换): points, pieces, limits, what is given and the redemption's row, all or nothing.

Where the price has money in it, the points are held and the pieces reserved until it is paid (settle_payment.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import hold
from chalicelib.ledger.model import Account, Also, Stock, business_on
from chalicelib.ledger.redeem import Purchase, redeem
from chalicelib.spending.goods.give import hand
from chalicelib.spending.goods.good import Parcel, Virtual
from chalicelib.spending.goods.model import Given, PoolCode
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.gates import owned
from chalicelib.spending.mall.item import Price, stock_of
from chalicelib.spending.mall.model import (
    ACTIVITY,
    Delivery,
    ItemState,
    Listed,
    Money,
    Redemption,
    RedemptionState,
    state_once_paid,
)
from chalicelib.spending.mall.needs import lacking, lumps
from chalicelib.spending.mall.pick_up import code_digest, new_code
from chalicelib.spending.mall.quote_item import good_digest, used_of
from chalicelib.spending.mall.shelf import barred, is_on_sale, limit_key, over_limit, task_key, task_name
from chalicelib.spending.quotes import Quote

PAID_WITHIN = timedelta(minutes=15)
RELEASED_AFTER = timedelta(hours=2)
"""From the quote on: a repeat names the same instant. The ledger gives held points back by itself then; the mall's own
sweep comes long before.
"""
PICKS = 3
"""How often another code of a pool is picked when somebody was quicker."""


class Redeemed(NamedTuple):
    """A redemption as it stands, whether it had been made before, and the code to pick it up with: told once."""

    redemption: Redemption
    replayed: bool
    pick_up_code: str = ""


class _Asked(NamedTuple):
    """What a quote stands for, decided on once; each attempt of the posting works with the same."""

    quote: Quote
    listed: Listed
    row: Redemption
    picked: tuple[PoolCode, ...] | JifenError
    codes: tuple[str, ...]
    on: date


def hold_id_of(redemption_id: str) -> str:
    """The hold of a redemption that waits for its money."""
    return f"{ACTIVITY}.{redemption_id}"


def redeem_item(quote: Quote, delivery: Delivery | None, *, desk: Desk, actor: str, now: datetime) -> Redeemed:
    """Redeem what was quoted, once; a repeat answers with what stands.

    Raises QUOTE_INVALID when it is too old, NOT_ON_SALE, ITEM_CHANGED, NOT_FOR_YOU, PURCHASE_LIMIT, SOLD_OUT,
    ALREADY_OWNED, DELIVERY_MISSING, INSUFFICIENT_POINTS, MEMBER_FROZEN or BUSY.
    """
    listed = desk.mall.listed(quote.facts["item"], now)
    pick_up_code = new_code() if delivery and delivery.way == "pick_up" else ""
    for picks_left in reversed(range(PICKS)):
        asked = _asked(quote, listed, delivery, pick_up_code, desk, now)
        try:
            made = _post(asked, desk, actor, now)
            break
        except JifenError as refused:
            if refused.code is not Code.BUSY or not isinstance(listed.item.good, Virtual) or not picks_left:
                raise
    if made is not None:
        return Redeemed(made, False, pick_up_code)
    standing = desk.mall.redemption(quote.id)
    if standing is None:
        raise AssertionError("a redemption was paid without its row")
    return Redeemed(standing, True)


def _asked(
    quote: Quote, listed: Listed, delivery: Delivery | None, pick_up_code: str, desk: Desk, now: datetime
) -> _Asked:
    item, quantity, on = listed.item, quote.facts["quantity"], business_on(now, desk.terms.zone)
    price_id, points, cash_fen = quote.facts["price"]
    price = Price(id=price_id, points=points, cash_fen=cash_fen)
    is_paid_later = bool(price.cash_fen)
    row = Redemption(
        id=quote.id,
        member_id=quote.member_id,
        item_id=listed.id,
        name=item.name,
        good=item.good.kind,
        price=price,
        quantity=quantity,
        quoted_at=quote.issued_at,
        made_at=now,
        state=RedemptionState.UNPAID if is_paid_later else state_once_paid(delivery),
        stock_id=stock_of(listed.id, item).id,
        pool=item.good.pool if isinstance(item.good, Virtual) else "",
        delivery=delivery,
        pay_until_at=now + PAID_WITHIN if is_paid_later else None,
        money=Money.AWAITED if is_paid_later else Money.NONE,
        pick_up_digest=code_digest(pick_up_code) if pick_up_code else "",
    )
    codes = tuple(f"{secrets.randbelow(10**16):016d}" for _ in range(10 * quantity))
    return _Asked(quote, listed, row, _picked(item.good, quantity, desk), codes, on)


def _picked(good: object, quantity: int, desk: Desk) -> tuple[PoolCode, ...] | JifenError:
    """Free codes of the pool of a virtual good; that there are none is told only once nothing stands."""
    if not isinstance(good, Virtual):
        return ()
    try:
        return desk.goods.free_codes(good.pool, quantity)
    except JifenError as sold_out:
        return sold_out


def _post(asked: _Asked, desk: Desk, actor: str, now: datetime) -> Redemption | None:
    """One posting of it: the row it wrote, None when it had been made before."""
    item, row = asked.listed.item, asked.row
    written = row

    def buy(account: Account) -> Purchase:
        nonlocal written
        _require(asked, account, desk, now)
        written, purchase = _purchase(asked, account, desk, now)
        return purchase

    text = f"兑换{item.name}" + (f"×{row.quantity}" if row.quantity > 1 else "")
    ledger, terms = desk.ledger, desk.terms.ledger
    if row.cash_fen:
        receipt = hold(
            row.member_id,
            hold_id_of(row.id),
            row.points,
            release_at=row.quoted_at + RELEASED_AFTER,
            activity=ACTIVITY,
            actor=actor,
            ledger=ledger,
            terms=terms,
            now=now,
            text=text,
            buy=buy,
        )
    else:
        receipt = redeem(
            row.member_id,
            row.id,
            row.points,
            activity=ACTIVITY,
            at=row.quoted_at,
            source=ACTIVITY,
            actor=actor,
            ledger=ledger,
            terms=terms,
            now=now,
            text=text,
            campaign=item.campaign,
            buy=buy,
        )
    return None if receipt.replayed else written


def _require(asked: _Asked, account: Account, desk: Desk, now: datetime) -> None:
    """Raise JifenError for the first thing that stands in the way, now that the member is known as he is."""
    listed, item = asked.listed, asked.listed.item
    if not asked.quote.issued_at <= now < asked.quote.until_at:
        raise JifenError(Code.QUOTE_INVALID, field="quote")
    if listed.state is not ItemState.ON or not is_on_sale(item, now, desk.terms.zone):
        raise JifenError(Code.NOT_ON_SALE)
    if asked.quote.facts["good"] != good_digest(listed):
        raise JifenError(Code.ITEM_CHANGED)
    _require_delivery(item.good, asked.row.delivery)
    if found := barred(item, account, desk.terms, asked.on) or lacking(item, account, desk.ledger):
        raise JifenError(Code.NOT_FOR_YOU, found.text)
    if isinstance(asked.picked, JifenError):
        raise asked.picked


def _require_delivery(good: object, delivery: Delivery | None) -> None:
    ways = good.ways if isinstance(good, Parcel) else ()
    if bool(ways) != bool(delivery) or (delivery and delivery.way not in ways):
        raise JifenError(Code.DELIVERY_MISSING, "这件商品不用收货信息" if not ways else None, field="delivery")


def _purchase(asked: _Asked, account: Account, desk: Desk, now: datetime) -> tuple[Redemption, Purchase]:
    """The redemption's row, and with it all that is written beside the points."""
    item, row, member_id = asked.listed.item, asked.row, account.member_id
    picked = () if isinstance(asked.picked, JifenError) else asked.picked
    if account.merged and owned(asked.listed, account, desk):  # what stands under his own id refuses by itself
        raise JifenError(Code.ALREADY_OWNED)
    handed = hand(
        item.good,
        item.name,
        row.quantity,
        member_id=member_id,
        given=Given(ACTIVITY, row.id, now, asked.on),
        new_codes=iter(asked.codes),
        picked=picked,
        table=desk.goods.name,
    )
    limits = tuple(limit_key(row.item_id, limit.period, member_id, asked.on) for limit in item.limits)
    if item.task:
        limits = (*limits, task_key(row.item_id, member_id))
    own = row._replace(member_id=member_id, codes=handed.codes, limits=limits)
    place = stock_of(row.item_id, item)
    stock = Stock(desk.goods.name, place.id, place.shards, row.quantity)
    also = (desk.mall.new_redemption(own), *handed.also, *_counted(asked, account, desk))
    return own, Purchase(also, (stock,))


def _counted(asked: _Asked, account: Account, desk: Desk) -> Iterator[Also]:
    """The writes that count the pieces against each limit; what was had under merged ids takes its room."""
    item, quantity = asked.listed.item, asked.row.quantity
    used = used_of(asked.listed, account._replace(member_id=""), desk.mall, asked.on) if account.merged else {}
    for limit in item.limits:
        key = limit_key(asked.row.item_id, limit.period, account.member_id, asked.on)
        room = limit.pieces - quantity - used.get(limit.period, 0)
        told = over_limit(item, {limit.period: limit.pieces}, quantity)
        refusal = JifenError(Code.PURCHASE_LIMIT, told.text if told else None)
        if room < 0:
            raise refusal
        yield desk.mall.counted(key, quantity, room, refusal)
    if item.task:
        yield _opened(asked, account, desk)


def _opened(asked: _Asked, account: Account, desk: Desk) -> Also:
    """The write that uses up a lump of the task which opens the item."""
    task, quantity = asked.listed.item.task or "", asked.row.quantity
    keys = [task_key(asked.row.item_id, one) for one in account.merged]
    room = lumps(task, account, desk.ledger) - quantity - sum(desk.mall.used(keys).values())
    refusal = JifenError(Code.NOT_FOR_YOU, f"完成任务“{task_name(task, desk.terms)}”后可兑")
    if room < 0:
        raise refusal
    return desk.mall.counted(task_key(asked.row.item_id, account.member_id), quantity, room, refusal)
