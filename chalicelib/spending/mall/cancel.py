"""A redemption is undone (取消): points, pieces, limits and what was given go back in one transaction, or none of them.

Points go back to the buckets they came from; those whose date has passed get the programme's grace. Money that was paid
with them is from then on to go back: it is asked for after this (undo.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also
from chalicelib.ledger.redeem import restore
from chalicelib.spending.goods.model import OwnedBadge
from chalicelib.spending.goods.table import stock_returned
from chalicelib.spending.goods.take_back import badge_back, codes_back, coupons_back
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Money, Redemption, RedemptionState, Report
from chalicelib.spending.mall.redeem_item import spent_key
from chalicelib.spending.mall.revise import ATTEMPTS, Revised, Step, next_version, require_state

MEMBER_MAY = (RedemptionState.TO_SHIP, RedemptionState.TO_PICK_UP)
"""Until it has left, a member changes his mind as he likes."""
STAFF_MAY = (*MEMBER_MAY, RedemptionState.SHIPPED, RedemptionState.DONE)
RESTORING = "cancel"
"""The one restoring of a redemption: its points go back once, whole."""


class Wish(NamedTuple):
    """Who wants a redemption undone, and why."""

    by: str
    reason: str
    is_member: bool
    is_stock_back: bool = True
    """Whether its pieces can be sold again; of what is no parcel they always can."""
    gave_up: bool = False
    """It was not paid yet when he gave it up, and turned out to be: what that gave him is undone, too."""


def cancel(redemption_id: str, wish: Wish, *, desk: Desk, now: datetime) -> Revised:
    """Undo a redemption, once; again answers what stands.

    Raises REDEMPTION_NOT_FOUND; REDEMPTION_STATE when it is too far, its money is awaited or its code was seen;
    COUPON_STATE when a coupon of it was used; BUSY.
    """
    for _ in range(ATTEMPTS):
        found = desk.mall.redemption(redemption_id)
        if found is None:
            raise JifenError(Code.REDEMPTION_NOT_FOUND)
        if found.state is RedemptionState.CANCELLED:
            return Revised(found, replayed=True)
        require_state(found, *_allowed(found, wish))
        if found.draw and wish.is_member:
            raise JifenError(Code.REDEMPTION_STATE, "奖品领取后不能取消,请联系客服")
        try:
            if done := _cancelled(found, wish, desk, now):
                return Revised(done, replayed=False)
        except JifenError:
            if not _has_moved(found, desk):
                raise
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _allowed(found: Redemption, wish: Wish) -> tuple[RedemptionState, ...]:
    if not wish.is_member:
        return STAFF_MAY
    return (*MEMBER_MAY, RedemptionState.DONE) if wish.gave_up and not found.delivery else MEMBER_MAY


def _cancelled(found: Redemption, wish: Wish, desk: Desk, now: datetime) -> Redemption | None:
    """The redemption, cancelled; None when somebody else did that meanwhile."""
    step = Step(*_undone(found, wish, now), (*_given_back(found, wish, desk, now),))
    after = next_version(step)
    if found.draw:  # a prize cost nothing
        return after if desk.mall.move(after, step.line, step.also) else None
    receipt = restore(
        found.member_id,
        spent_key(found),
        RESTORING,
        found.points,
        actor=wish.by,
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        text=f"取消兑换{found.name}",
        also=(*desk.mall.revised(after, step.line), *step.also),
    )
    return None if receipt.replayed else after


def _undone(found: Redemption, wish: Wish, now: datetime) -> tuple[Redemption, Line]:
    back, is_paid = _pieces_back(found, wish), found.money is Money.PAID
    after = found._replace(
        state=RedemptionState.CANCELLED,
        reason=wish.reason,
        kept_pieces=found.pieces_out - back,
        pick_up_digest="",
        money=Money.REFUNDING if is_paid else found.money,
        # WeChat gives back what it holds of the money; it need not hear any more that something was sent.
        report=Report.NONE if found.report is Report.DUE else found.report,
    )
    facts = {"points": found.points, "pieces_back": back, **({"fen": found.cash_fen} if is_paid else {})}
    return after, Line("cancelled", wish.by, now, wish.reason, facts)


def _pieces_back(found: Redemption, wish: Wish) -> int:
    """What was lost and sent again comes back once at most."""
    return found.quantity if wish.is_stock_back or found.good != "parcel" else 0


def _given_back(found: Redemption, wish: Wish, desk: Desk, now: datetime) -> Iterator[Also]:
    """The writes beside the points and the redemption's own."""
    if pieces := _pieces_back(found, wish):
        yield stock_returned(desk.goods.name, found.stock_id, pieces)
    for key in found.limits:
        yield desk.mall.counted_down(key, found.quantity)
    line = Line("cancelled", wish.by, now, "兑换已取消")
    if found.good in ("coupon", "bundle"):
        yield from coupons_back(desk.goods.coupons(found.codes), line, goods=desk.goods)
    if found.pool:
        if found.revealed_at:
            raise JifenError(Code.REDEMPTION_STATE, "卡密已查看,不能取消")
        codes = desk.goods.pool_codes(found.pool, found.codes)
        yield from codes_back(codes, source_id=found.id, table=desk.goods.name)
    if found.good == "badge":
        yield badge_back(_badge_of(found, desk), table=desk.goods.name)


def _badge_of(found: Redemption, desk: Desk) -> OwnedBadge:
    """The honour that it gave; BUSY while the index does not list it yet."""
    for badge in desk.goods.badges(found.member_id):
        if badge.source_id == found.id:
            return badge
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _has_moved(found: Redemption, desk: Desk) -> bool:
    """Whether somebody changed the redemption since it was read: then it is judged anew."""
    standing = desk.mall.redemption(found.id)
    return standing is None or standing.version != found.version
