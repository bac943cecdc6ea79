"""Offers as staff keep them: written, changed, switched on and off, their pieces set aside and given back.

While an offer is on, its stock and what it has sold come to its `pieces`; the rest is the item's. Pieces move in the
very transaction that changes the offer, so that none is on two shelves or on none.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.spending.checked import checked
from chalicelib.spending.documents import DRAFT, OFF, ON, Kept, add
from chalicelib.spending.documents import change as change_document
from chalicelib.spending.documents import switch as switch_document
from chalicelib.spending.mall.item import MallItem, StockPlace, stock_of
from chalicelib.spending.mall.items import listed_from
from chalicelib.spending.mall.model import ItemState
from chalicelib.spending.offers.offer import Offer, faults_of, misfits, offer_stock
from chalicelib.spending.offers.room import Room
from chalicelib.spending.offers.table import Standing, standing

ATTEMPTS = 6
BACKOFF_S = 0.05
LOOKED_AFTER = timedelta(days=60)
"""For so long after its end, pieces that come back to an offer are put back on the item's shelf by the sweep: parcels
are sent, received, sent back and cancelled for weeks.
"""


def read_offer(document: Mapping[str, Any]) -> Offer:
    """The offer a JSON document describes; raises JifenError INVALID_REQUEST with the path of the first fault."""
    return checked(Offer, document, faults_of, name="offer")


def add_offer(offer_id: str, document: Mapping[str, Any], *, room: Room, by: str, now: datetime) -> Standing:
    """Write a new offer, a draft. The same again answers what stands. Raises INVALID_REQUEST, ITEM_NOT_FOUND."""
    _item_for(read_offer(document), room)
    return standing(add(room.offers.documents, offer_id, document, by=by, now=now))


def change_offer(
    offer_id: str,
    document: Mapping[str, Any],
    *,
    seen_version: int,
    room: Room,
    by: str,
    now: datetime,
    pause: Callable[[float], None] = time.sleep,
) -> Standing:
    """Replace an offer's document at the version that was seen; while it is on, its pieces follow.

    Raises OFFER_STATE where something cannot change any more or the pieces are not there, VERSION_TAKEN, BUSY.
    """
    offer, found = read_offer(document), room.offers.offer(offer_id)
    _item_for(offer, room)
    kept = found.kept
    if kept.version == seen_version + 1 and kept.changed_by == by and digest(kept.document) == digest(document):
        return found
    _require_changeable(found, offer, now)
    if kept.state != ON:
        return standing(
            change_document(room.offers.documents, kept, document, seen_version=seen_version, by=by, now=now)
        )
    after = kept._replace(document=document, version=seen_version + 1, changed_by=by, changed_at=now)
    return _written(after, "changed", "", room, pause)


def switch_on(
    offer_id: str,
    *,
    seen_version: int,
    reason: str,
    room: Room,
    by: str,
    now: datetime,
    pause: Callable[[float], None] = time.sleep,
) -> Standing:
    """Let an offer be: its pieces are set aside. Again is no change.

    Raises OFFER_STATE where it is over, its item is off or has too few pieces, INVALID_REQUEST where it does not go
    with the item, VERSION_TAKEN, BUSY.
    """
    found = room.offers.offer(offer_id)
    if found.kept.state == ON:
        return found
    if found.offer.until_at <= now:
        raise JifenError(Code.OFFER_STATE, "活动时间已过")
    _item_for(found.offer, room, must_be_on=True)
    after = found.kept._replace(state=ON, version=seen_version + 1, changed_by=by, changed_at=now)
    return _written(after, ON, reason, room, pause)


def switch_off(
    offer_id: str,
    *,
    seen_version: int,
    reason: str,
    room: Room,
    by: str,
    now: datetime,
    pause: Callable[[float], None] = time.sleep,
) -> Standing:
    """End an offer early, at once; what is unsold goes back. Again is no change. Raises VERSION_TAKEN."""
    found = room.offers.offer(offer_id)
    if found.kept.state == OFF:
        return found
    kept = switch_document(
        room.offers.documents, found.kept, OFF, seen_version=seen_version, reason=reason, by=by, now=now
    )
    put_back(standing(kept), room=room, pause=pause)
    return standing(kept)


def is_over(found: Standing, now: datetime) -> bool:
    """Whether nothing is sold by it any more."""
    return found.kept.state == OFF or (found.kept.state == ON and found.offer.until_at <= now)


def is_looked_after(found: Standing, now: datetime) -> bool:
    """Whether it is over, and not for so long that nothing is expected to come back."""
    ended_at = found.kept.changed_at if found.kept.state == OFF else found.offer.until_at
    return is_over(found, now) and now < ended_at + LOOKED_AFTER


def put_back(found: Standing, *, room: Room, pause: Callable[[float], None] = time.sleep) -> int:
    """Put what an offer has not sold back on its item's shelf; how many pieces. None where others were always first, or
    where the offer is no more as it was found: it may sell again.
    """
    own, shelf = _places(found.id, found.offer, room)
    as_found = room.offers.as_found(found.kept)
    for attempt in range(ATTEMPTS):
        left = room.desk.goods.shards_left(own.id, own.shards)
        pieces = sum(left.values())
        if not pieces or room.offers.write(None, [as_found, *room.offers.moves(own, shelf, pieces, left)]):
            return pieces
        if room.offers.offer(found.id).kept.version != found.kept.version:
            return 0
        pause(random.uniform(0, BACKOFF_S * 2**attempt))
    return 0


def _written(after: Kept, action: str, reason: str, room: Room, pause: Callable[[float], None]) -> Standing:
    """Store an offer that is on, with what brings its pieces to what it says; of one that is over nothing moves."""
    offer = standing(after).offer
    is_selling = after.changed_at < offer.until_at
    own, shelf = _places(after.id, offer, room)
    for attempt in range(ATTEMPTS):
        has = room.offers.shelves([own])[own.id]
        missing = offer.pieces - has.left - has.taken if is_selling else 0
        if -missing > has.left:
            raise JifenError(Code.OFFER_STATE, f"已售出{has.taken}件,不能少于已售出的件数", field="offer.pieces")
        source, target = (shelf, own) if missing > 0 else (own, shelf)
        left = room.desk.goods.shards_left(source.id, source.shards) if missing else {}
        moves = room.offers.moves(source, target, abs(missing), left) if missing else []
        if room.offers.write(after, moves, action=action, reason=reason):
            return standing(after)
        pause(random.uniform(0, BACKOFF_S * 2**attempt))
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _places(offer_id: str, offer: Offer, room: Room) -> tuple[StockPlace, StockPlace]:
    """Where the offer's pieces are counted, and where the item's."""
    listed = listed_from(room.desk.mall.standing(offer.item))
    return offer_stock(offer_id, offer), stock_of(offer.item, listed.item)


def _item_for(offer: Offer, room: Room, *, must_be_on: bool = False) -> MallItem:
    listed = listed_from(room.desk.mall.standing(offer.item))
    for path, reason in misfits(offer, listed.item):
        raise JifenError(Code.INVALID_REQUEST, f"offer.{path}{reason}", field=f"offer.{path}")
    if must_be_on and listed.state is not ItemState.ON:
        raise JifenError(Code.OFFER_STATE, "请先上架商品")
    return listed.item


def _require_changeable(found: Standing, offer: Offer, now: datetime) -> None:
    """Once an offer was on, where its pieces are counted stands; once it began, so does its beginning."""
    before = found.offer
    if found.kept.state == DRAFT:
        return
    if (offer.item, offer.template.kind) != (before.item, before.template.kind):
        raise JifenError(Code.OFFER_STATE, "开启过的活动不能更换商品或玩法", field="offer.item")
    if offer_stock(found.id, offer) != offer_stock(found.id, before):
        raise JifenError(Code.OFFER_STATE, "开启过的活动不能更改库存的计数方式", field="offer.template.peak_per_second")
    if offer.from_at != before.from_at and before.from_at <= now:
        raise JifenError(Code.OFFER_STATE, "已开始的活动不能更改开始时间", field="offer.from_at")
