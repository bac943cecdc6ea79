"""A redemption in the mall (兑换): points, pieces, limits, what is given and the redemption's row, all or nothing.

Where the price has money in it, the points are held and the pieces reserved until it is paid: only then is anything
given (settle_payment.py).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import hold
from chalicelib.ledger.model import Account, Stock, business_on
from chalicelib.ledger.redeem import Purchase, redeem, redemption_key
from chalicelib.ledger.release import hold_key
from chalicelib.spending.goods.give import Handed, coupon_code, hand
from chalicelib.spending.goods.good import Virtual, coupons_of
from chalicelib.spending.goods.model import Given, PoolCode
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.gates import owned
from chalicelib.spending.mall.item import Price
from chalicelib.spending.mall.model import (
    ACTIVITY,
    Delivery,
    Listed,
    Money,
    Redemption,
    RedemptionState,
    state_once_paid,
)
from chalicelib.spending.mall.pick_up import code_digest, new_code
from chalicelib.spending.mall.promise import promise_of
from chalicelib.spending.mall.sale import Sale, counted, limit_keys, opening_lump, require, usual_sale
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
    sale: Sale
    row: Redemption
    picked: tuple[PoolCode, ...] | JifenError
    codes: tuple[str, ...]
    on: date

    @property
    def listed(self) -> Listed:
        """The item, under the conditions of its sale."""
        return self.sale.listed


def hold_id_of(redemption_id: str) -> str:
    """The hold of a redemption that waits for its money."""
    return f"{ACTIVITY}.{redemption_id}"


def spent_key(one: Redemption) -> str:
    """The guard that knows what of its points was spent: their hold's where a group held them or they waited for money,
    else its entry's.
    """
    if one.group_id or (one.cash_fen and not one.is_late):
        return hold_key(hold_id_of(one.id))
    return redemption_key(one.id, activity=ACTIVITY, at=one.quoted_at)


def redeem_item(
    quote: Quote, delivery: Delivery | None, *, desk: Desk, actor: str, now: datetime, sale: Sale | None = None
) -> Redeemed:
    """Redeem what was quoted, once; a repeat answers with what stands. `sale` is an offer's, where it has one.

    Raises QUOTE_INVALID when it is too old, NOT_ON_SALE, ITEM_CHANGED, NOT_FOR_YOU, PURCHASE_LIMIT, SOLD_OUT,
    ALREADY_OWNED, DELIVERY_MISSING, INSUFFICIENT_POINTS, MEMBER_FROZEN or BUSY.
    """
    sale = sale or usual_sale(desk.mall.listed(quote.facts["item"], now))
    pick_up_code = new_code() if delivery and delivery.way == "pick_up" else ""
    for picks_left in reversed(range(PICKS)):
        asked = _asked(quote, sale, delivery, pick_up_code, desk, now)
        try:
            made = _post(asked, desk, actor, now)
            break
        except JifenError as refused:
            if refused.code is not Code.BUSY or not isinstance(sale.listed.item.good, Virtual) or not picks_left:
                raise
    if made is not None:
        return Redeemed(made, False, pick_up_code)
    standing = desk.mall.redemption(quote.id)
    if standing is None:
        raise AssertionError("a redemption was paid without its row")
    return Redeemed(standing, True)


def _asked(quote: Quote, sale: Sale, delivery: Delivery | None, pick_up_code: str, desk: Desk, now: datetime) -> _Asked:
    item, quantity, on = sale.listed.item, quote.facts["quantity"], business_on(now, desk.terms.zone)
    price_id, points, cash_fen = quote.facts["price"]
    price = Price(id=price_id, points=points, cash_fen=cash_fen)
    is_paid_later = bool(price.cash_fen)
    row = Redemption(
        id=quote.id,
        member_id=quote.member_id,
        item_id=sale.item_id,
        name=item.name,
        good=item.good.kind,
        price=price,
        quantity=quantity,
        quoted_at=quote.issued_at,
        made_at=now,
        state=RedemptionState.UNPAID if is_paid_later else state_once_paid(delivery),
        stock_id=sale.stock.id,
        pool=item.good.pool if isinstance(item.good, Virtual) else "",
        promised=promise_of(item.good) if is_paid_later else "",
        delivery=delivery,
        pay_until_at=now + PAID_WITHIN if is_paid_later else None,
        money=Money.AWAITED if is_paid_later else Money.NONE,
        pick_up_digest=code_digest(pick_up_code) if pick_up_code else "",
        offer_id=sale.offer_id,
    )
    codes = tuple(coupon_code() for _ in range(quantity * len(coupons_of(item.good))))
    picked = _sold_out(sale, desk) or picked_codes(item.good, quantity, desk)
    return _Asked(quote, sale, row, picked, codes, on)


def _sold_out(sale: Sale, desk: Desk) -> JifenError | None:
    """That a stock of several shards has no piece left, by one read: else each of a crowd would ask shard after shard
    by transactions. Told only once nothing stands.
    """
    if sale.stock.shards == 1 or any(desk.goods.shards_left(sale.stock.id, sale.stock.shards).values()):
        return None
    return JifenError(Code.SOLD_OUT)


def picked_codes(good: object, quantity: int, desk: Desk) -> tuple[PoolCode, ...] | JifenError:
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
        require(asked.sale, asked.quote, row.delivery, account, desk=desk, on=asked.on, now=now)
        if isinstance(asked.picked, JifenError):
            raise asked.picked
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
            campaign=item.campaign,
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


def _purchase(asked: _Asked, account: Account, desk: Desk, now: datetime) -> tuple[Redemption, Purchase]:
    """The redemption's row, and with it all that is written beside the points."""
    row, member_id = asked.row, account.member_id
    if account.merged and owned(asked.listed, account, desk):  # what stands under his own id refuses by itself
        raise JifenError(Code.ALREADY_OWNED)
    handed = Handed((), ()) if row.cash_fen else _handed(asked, member_id, desk, now)
    lump = opening_lump(asked.sale, account, desk)
    keys = limit_keys(asked.sale, member_id, asked.on, lump)
    own = row._replace(member_id=member_id, codes=handed.codes, limits=keys)
    place = asked.sale.stock
    stock = Stock(desk.goods.name, place.id, place.shards, row.quantity, asked.sale.tally)
    limits = counted(asked.sale, row.quantity, account, lump, desk=desk, on=asked.on)
    also = (desk.mall.new_redemption(own), *handed.also, *limits)
    return own, Purchase(also, (stock,))


def _handed(asked: _Asked, member_id: str, desk: Desk, now: datetime) -> Handed:
    item, row = asked.listed.item, asked.row
    return hand(
        item.good,
        item.name,
        row.quantity,
        member_id=member_id,
        given=Given(ACTIVITY, row.id, now, asked.on),
        new_codes=iter(asked.codes),
        picked=() if isinstance(asked.picked, JifenError) else asked.picked,
        table=desk.goods.name,
    )
