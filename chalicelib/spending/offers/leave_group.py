"""A place is given up: by its member before the group is decided, or because the group came to nothing.

Its hold is released with the piece, the limit and the place's own row, in one transaction, once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also
from chalicelib.ledger.release import release
from chalicelib.spending.goods.table import stock_returned
from chalicelib.spending.mall.model import ACTIVITY
from chalicelib.spending.mall.redeem_item import hold_id_of
from chalicelib.spending.mall.shelf import task_key
from chalicelib.spending.offers.group import GroupState, Place, PlaceState, Whole, with_one_less
from chalicelib.spending.offers.join_group import ATTEMPTS, BACKOFF_S
from chalicelib.spending.offers.offer import scope
from chalicelib.spending.offers.room import Room


def leave_group(
    member_id: str, group_id: str, *, room: Room, now: datetime, pause: Callable[[float], None] = time.sleep
) -> Whole:
    """Give one's place up before the group is decided: points and piece go back, the place is free. Again changes
    nothing. Raises GROUP_NOT_FOUND also where one never had a place, GROUP_CLOSED, BUSY.
    """
    for attempt in range(ATTEMPTS):
        whole = room.groups.whole(group_id)
        account = room.desk.ledger.read(member_id)
        own = [place for place in whole.places if account.is_of(place.member_id)]
        if not own:
            raise JifenError(Code.GROUP_NOT_FOUND)
        place = next((one for one in own if one.state is PlaceState.JOINED), None)
        if place is None and all(one.state is PlaceState.LEFT for one in own):
            return whole
        if place is None or whole.group.state is not GroupState.OPEN:
            raise JifenError(Code.GROUP_CLOSED)
        try:
            let_go(place, PlaceState.LEFT, whole, room, now, (room.groups.changed(with_one_less(whole.group, now)),))
            return room.groups.whole(group_id)
        except JifenError as refused:
            if refused.code not in (Code.BUSY, Code.GROUP_CLOSED, Code.HOLD_CLOSED):
                raise
        pause(random.uniform(0, BACKOFF_S * 2**attempt))
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def let_go(
    place: Place, state: PlaceState, whole: Whole, room: Room, now: datetime, more: tuple[Also, ...] = ()
) -> None:
    """Release a place's hold with all that it had reserved, once; raises GROUP_CLOSED where it is resolved already."""
    desk = room.desk
    also = (
        *more,
        room.groups.resolved(whole.group, place._replace(state=state)),
        stock_returned(desk.goods.name, whole.group.stock_id, 1),
        *(desk.mall.counted_down(key, 1) for key in limits_of(whole, place)),
    )
    receipt = release(
        place.member_id,
        hold_id_of(place.redemption_id),
        actor=ACTIVITY,
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        also=also,
    )
    if receipt.replayed:
        # The ledger gave the points back by itself, or this very write was made before: then it is refused.
        room.groups.write(also)


def limits_of(whole: Whole, place: Place) -> tuple[tuple[str, str], ...]:
    """The rows that count a place against its member's limit, and against the task that opened the item."""
    group = whole.group
    own = f"LIMIT#{scope(group.offer_id)}#{place.member_id}", "ever"
    return (own, task_key(group.item_id, place.member_id, place.lump)) if place.lump else (own,)
