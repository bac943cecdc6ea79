"""A group is decided once, in one write of its row; then each of its places comes to its end once, whoever sees to it.

A formed group captures each hold with the redemption and what it gives; a failed one releases each with its piece. Each
is a transaction with the place's own row, so that what was broken off anywhere is finished by doing it again.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import capture
from chalicelib.ledger.model import Also, business_on
from chalicelib.runtime import log
from chalicelib.spending.documents import OFF
from chalicelib.spending.goods.give import coupon_code, hand
from chalicelib.spending.goods.good import Virtual
from chalicelib.spending.goods.model import Given
from chalicelib.spending.mall.item import MallItem, Price
from chalicelib.spending.mall.model import ACTIVITY, Redemption, state_once_paid
from chalicelib.spending.mall.redeem_item import hold_id_of, picked_codes
from chalicelib.spending.offers.group import GroupState, Place, PlaceState, Whole, failed
from chalicelib.spending.offers.join_group import HELD_AFTER
from chalicelib.spending.offers.leave_group import let_go, limits_of
from chalicelib.spending.offers.room import Room

_BY_OTHERS = (Code.GROUP_CLOSED, Code.BUSY)
"""Somebody else is at the same place, or was: who comes next sees what is left."""


def fail_if_overdue(group_id: str, *, room: Room, now: datetime, is_ended: bool = False) -> bool:
    """Decide that an open group failed, once its deadline has passed or, where `is_ended` was heard, its offer is off
    as it stands; whether it is decided now. Raises BUSY.
    """
    group = room.groups.whole(group_id).group
    if group.state is not GroupState.OPEN:
        return True
    also = [room.groups.changed(failed(group, now))]
    if group.deadline_at > now:
        kept = room.offers.offer(group.offer_id).kept if is_ended else None
        if kept is None or kept.state != OFF:
            return False
        # What was heard of the offer may be seconds old: it may have been begun again, or be just now.
        also.append(Also(room.offers.as_found(kept), JifenError(Code.BUSY, retry_after_seconds=1)))
    room.groups.write(also)
    log.outcome("group_failed", group=group.id, taken=group.taken, size=group.size)
    return True


def finish_group(group_id: str, *, room: Room, now: datetime) -> bool:
    """Bring every place of a decided group to its end; whether none is left. Again changes nothing.

    A place with a fault is logged and stays as it was, for the next time; the others do not wait for it.
    """
    whole = room.groups.whole(group_id)
    if whole.group.state is GroupState.OPEN:
        return False
    for place in whole.joined:
        try:
            _resolve(place, whole, room, now)
        except JifenError as refused:
            log.outcome("place_unresolved", group=group_id, why=refused.code.name)
        except Exception as error:  # noqa: BLE001  # one that fails must not be in the way of the others
            log.defect("place_failed", error, group=group_id, redemption=place.redemption_id)
    return _settled(group_id, room)


def _resolve(place: Place, whole: Whole, room: Room, now: datetime) -> None:
    if whole.group.state is GroupState.FORMED:
        try:
            _give(place, whole, room, now)
            return
        except JifenError as refused:
            is_held = now < whole.group.deadline_at + HELD_AFTER
            if refused.code is not Code.HOLD_CLOSED and (is_held or refused.code is not Code.SOLD_OUT):
                raise
        # Nobody captured it in time, or no code was found until then: the points are the member's again.
    let_go(place, PlaceState.RELEASED, whole, room, now)


def _give(place: Place, whole: Whole, room: Room, now: datetime) -> None:
    """Capture a place's hold with its redemption and what that gives. Raises HOLD_CLOSED where it was released."""
    desk, item = room.desk, whole.item
    picked = picked_codes(item.good, 1, desk)
    if isinstance(picked, JifenError):
        raise picked
    owner_id = desk.ledger.read(place.member_id).member_id
    handed = hand(
        item.good,
        item.name,
        1,
        member_id=owner_id,
        given=Given(ACTIVITY, place.redemption_id, now, business_on(now, desk.terms.zone)),
        new_codes=iter(coupon_code, ""),
        picked=picked,
        table=desk.goods.name,
    )
    row = _redemption(place, whole, item, now)._replace(member_id=owner_id, codes=handed.codes)
    capture(
        place.member_id,
        hold_id_of(place.redemption_id),
        place.points,
        actor=ACTIVITY,
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        text=f"拼团{item.name}",
        also=(
            room.groups.resolved(whole.group, place._replace(state=PlaceState.GIVEN)),
            desk.mall.new_redemption(row),
            *handed.also,
        ),
    )


def _redemption(place: Place, whole: Whole, item: MallItem, now: datetime) -> Redemption:
    """The redemption of a place, as one of the mall."""
    group = whole.group
    return Redemption(
        id=place.redemption_id,
        member_id=place.member_id,
        item_id=group.item_id,
        name=item.name,
        good=item.good.kind,
        price=Price(id="group_buy", points=place.points),
        quantity=1,
        quoted_at=place.quoted_at,
        made_at=now,
        state=state_once_paid(place.delivery),
        stock_id=group.stock_id,
        limits=limits_of(whole, place),
        pool=item.good.pool if isinstance(item.good, Virtual) else "",
        delivery=place.delivery,
        pick_up_digest=place.pick_up_digest,
        offer_id=group.offer_id,
        group_id=group.id,
    )


def _settled(group_id: str, room: Room) -> bool:
    """Take a group off the due index once all of its places are resolved; whether they are."""
    whole = room.groups.whole(group_id)
    if whole.joined:
        return False
    if not whole.group.is_settled:
        done = whole.group._replace(is_settled=True, version=whole.group.version + 1)
        try:
            room.groups.write((room.groups.changed(done),))
        except JifenError as refused:
            if refused.code not in _BY_OTHERS:
                raise
            return False
        log.outcome("group_settled", group=group_id, state=str(done.state), places=len(whole.places))
    return True
