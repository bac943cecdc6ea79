"""What a payment brings its payer: once, whoever asks first, the notice's worker or the page after the payment.

A payment is kept with its first telling. Its gift is given as soon as its payer is a known member; a refund of all
of it takes back what was not used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also, business_on
from chalicelib.spending.gifts.plan import GiftPlan, Payment, plan_for
from chalicelib.spending.gifts.table import Gift, GiftsTable, GiftState
from chalicelib.spending.gifts.told import Refund
from chalicelib.spending.goods.give import coupon_code, hand
from chalicelib.spending.goods.model import Given
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.goods.take_back import coupons_withdrawn
from chalicelib.spending.goods.trail import Line

SOURCE = "payment"
ATTEMPTS = 3


class Giving(NamedTuple):
    """What giving works with."""

    gifts: GiftsTable
    goods: GoodsTable
    plans: Sequence[tuple[str, GiftPlan]]
    """(id, plan) of those that are switched on."""
    zone: str
    merged_of: Callable[[str], tuple[str, ...]]
    """Whose accounts went into a member's: what those had counts, too."""


def paid(payment: Payment, member_id: str | None, *, giving: Giving, now: datetime) -> Gift:
    """A verified payment was told: keep it, and give its gift when its payer is a member. Again changes nothing."""
    met = plan_for(giving.plans, payment)
    first = Gift(payment, GiftState.WAITING if met else GiftState.NONE)
    if met:
        plan_id, plan = met
        first = first._replace(plan_id=plan_id, message=plan.message, path=plan.path, taken_back=plan.taken_back)
    gift = giving.gifts.keep(first)
    if gift.state is GiftState.UNKNOWN:
        gift = _told_at_last(gift, first, giving.gifts)
    if gift.state is not GiftState.WAITING or member_id is None:
        return gift
    return give(gift, member_id, giving=giving, now=now)


def _told_at_last(gift: Gift, first: Gift, gifts: GiftsTable) -> Gift:
    """The row of a payment whose refunds were told before it."""
    for _ in range(ATTEMPTS):
        if gift.state is not GiftState.UNKNOWN:
            return gift
        is_back = sum(gift.refunds.values()) >= first.payment.paid_fen
        state = GiftState.TAKEN_BACK if is_back else first.state
        known = first._replace(state=state, refunds=gift.refunds, version=gift.version + 1)
        if gifts.give(known, ()):
            return known
        gift = _standing(gift, gifts)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def give(gift: Gift, member_id: str, *, giving: Giving, now: datetime) -> Gift:
    """Give a waiting gift to its payer, once; the plan's coupons as it says now, or none where it is switched off."""
    for _ in range(ATTEMPTS):
        if gift.state is not GiftState.WAITING:
            return gift
        given = _as_given(gift, member_id, giving, now)
        try:
            if giving.gifts.give(given[0], given[1]):
                return given[0]
        except JifenError as refused:
            if refused.code is not Code.PURCHASE_LIMIT:
                raise
            enough = gift._replace(state=GiftState.NONE, member_id=member_id, version=gift.version + 1)
            if giving.gifts.give(enough, ()):
                return enough
        gift = _standing(gift, giving.gifts)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def note_told(gift: Gift, *, gifts: GiftsTable) -> None:
    """The payer's message is queued. Where the gift changed meanwhile it may be queued again: it is sent once a day."""
    gifts.give(gift._replace(is_told=True, version=gift.version + 1), ())


def refunded(refund: Refund, *, giving: Giving, now: datetime) -> Gift:
    """Money of a payment went back: once all of it has, what of its gift was not used is taken back. Again, or before
    the payment itself was told, changes nothing else.
    """
    for _ in range(ATTEMPTS):
        gift = giving.gifts.gift(refund.platform, refund.number)
        if gift is None:
            unknown = Payment(refund.platform, refund.number, "", 0, now)
            gift = giving.gifts.keep(Gift(unknown, GiftState.UNKNOWN))
        if refund.refund_no in gift.refunds:
            return gift
        after = gift._replace(refunds={**gift.refunds, refund.refund_no: refund.refunded_fen}, version=gift.version + 1)
        also: tuple[Also, ...] = ()
        if _goes_back(after):
            after, also = after._replace(state=GiftState.TAKEN_BACK), _withdrawn(gift, giving.goods, now)
        if giving.gifts.give(after, also):
            return after
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _goes_back(gift: Gift) -> bool:
    """Whether a gift, given or waiting, is to be taken back by now."""
    if sum(gift.refunds.values()) < gift.payment.paid_fen:
        return False
    return gift.state is GiftState.WAITING or (gift.state is GiftState.GIVEN and gift.taken_back)


def _as_given(gift: Gift, member_id: str, giving: Giving, now: datetime) -> tuple[Gift, tuple[Also, ...]]:
    """The row of a gift that was given, and what is written with it."""
    plan = dict(giving.plans).get(gift.plan_id)
    owned = gift._replace(member_id=member_id, version=gift.version + 1)
    if plan is None:
        return owned._replace(state=GiftState.NONE), ()
    handed = hand(
        plan.good,
        plan.name,
        1,
        member_id=member_id,
        given=Given(SOURCE, f"{gift.payment.platform}#{gift.payment.number}", now, business_on(now, giving.zone)),
        new_codes=iter(coupon_code, ""),
        picked=(),
        table=giving.goods.name,
    )
    counted: tuple[Also, ...] = ()
    if limit := plan.times_per_member:
        had = giving.gifts.had(gift.plan_id, giving.merged_of(member_id))
        counted = (giving.gifts.counted(gift.plan_id, member_id, limit - had),)
    return owned._replace(state=GiftState.GIVEN, codes=handed.codes), (*handed.also, *counted)


def _withdrawn(gift: Gift, goods: GoodsTable, now: datetime) -> tuple[Also, ...]:
    """The writes that make a gift's coupons unusable, those in use once they come back."""
    line = Line("cancelled", SOURCE, now, "所付款项已全额退款")
    busy = JifenError(Code.BUSY, retry_after_seconds=1)
    found = coupons_withdrawn(goods.coupons(gift.codes), line, goods=goods)
    return tuple(also._replace(refusal=busy) for also in found)


def _standing(gift: Gift, gifts: GiftsTable) -> Gift:
    found = gifts.gift(gift.payment.platform, gift.payment.number)
    if found is None:
        raise AssertionError("a payment's row is gone")
    return found
