"""What becomes of a parcel (履约): sent, its number corrected, sent again when it was lost, received."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.table import stock_taken
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.item import MOST_SHARDS, own_stock
from chalicelib.spending.mall.items import redemption_row_key
from chalicelib.spending.mall.model import RECEIVED_AFTER, Redemption, RedemptionState, Tracking, gone_out
from chalicelib.spending.mall.revise import Revised, Step, require_state, revise
from chalicelib.spending.mall.table import MallTable

BY_ITSELF = "jifen"
"""Who did what nobody did: time passed."""


def ship(redemption_id: str, tracking: Tracking, *, by: str, mall: MallTable, now: datetime) -> Revised:
    """What waited to be sent has left; the same again is no change. Raises REDEMPTION_NOT_FOUND, REDEMPTION_STATE."""

    def judge(found: Redemption) -> Step | None:
        if found.state is RedemptionState.SHIPPED:
            if found.tracking == tracking:
                return None
            raise JifenError(Code.REDEMPTION_STATE, "已用其他单号发货,改单号请用更正单号")
        require_state(found, RedemptionState.TO_SHIP)
        after = gone_out(found._replace(state=RedemptionState.SHIPPED, tracking=tracking, shipped_at=now))
        return Step(after, Line("shipped", by, now, facts=tracking._asdict()))

    return revise(redemption_id, judge, mall=mall)


def correct_tracking(
    redemption_id: str, tracking: Tracking, reason: str, *, by: str, mall: MallTable, now: datetime
) -> Revised:
    """The number that was entered is another; when it left is not changed. Raises as `ship`."""

    def judge(found: Redemption) -> Step | None:
        _require_sent(found)
        if found.tracking == tracking:
            return None
        facts = {**tracking._asdict(), "instead_of": " ".join(found.tracking or ())}
        return Step(gone_out(found._replace(tracking=tracking)), Line("tracking_corrected", by, now, reason, facts))

    return revise(redemption_id, judge, mall=mall)


def reissue(
    redemption_id: str, tracking: Tracking, reason: str, *, takes_stock: bool, by: str, desk: Desk, now: datetime
) -> Revised:
    """A parcel that was lost is sent again, for nothing; `takes_stock` takes its pieces from its stock again, and from
    the item's usual one where its offer has too few left.

    The same number again is no change, also when it was corrected or lost meanwhile. Raises REDEMPTION_NOT_FOUND,
    REDEMPTION_STATE, INVALID_REQUEST for the number of the lost parcel itself, SOLD_OUT, BUSY.
    """

    def judge(found: Redemption) -> Step | None:
        _require_sent(found)
        if found.tracking == tracking:
            if found.reissued:
                return None
            raise JifenError(Code.INVALID_REQUEST, "与原包裹的单号相同", field="number")
        if found.reissued and _was_reissued(found.id, tracking, desk):
            return None
        if found.draw and takes_stock:
            raise JifenError(Code.REDEMPTION_STATE, "奖品的库存是公示的数量,补发不能占用")
        pieces = found.quantity if takes_stock else 0
        taken = _taken(found, pieces, desk, now) if pieces else None
        from_shelf = pieces if taken and taken.stock_id != found.stock_id else 0
        after = found._replace(
            state=RedemptionState.SHIPPED,
            tracking=tracking,
            shipped_at=now,
            reissued=found.reissued + 1,
            reissued_pieces=found.reissued_pieces + pieces,
            shelf_pieces=found.shelf_pieces + from_shelf,
        )
        facts = {**tracking._asdict(), "instead_of": " ".join(found.tracking or ()), "pieces": pieces}
        if from_shelf:
            facts["from_shelf"] = from_shelf
        also = (stock_taken(desk.goods.name, taken.stock_id, taken.shard, pieces),) if taken else ()
        return Step(gone_out(after), Line("reissued", by, now, reason, facts), also)

    return revise(redemption_id, judge, mall=desk.mall)


def receive(redemption_id: str, *, by: str, mall: MallTable, now: datetime) -> Revised:
    """The member has it; again is no change. Raises REDEMPTION_NOT_FOUND, REDEMPTION_STATE."""

    def judge(found: Redemption) -> Step | None:
        if found.state is RedemptionState.DONE and found.tracking:
            return None
        require_state(found, RedemptionState.SHIPPED)
        return Step(found._replace(state=RedemptionState.DONE), Line("received", by, now))

    return revise(redemption_id, judge, mall=mall)


def receive_overdue(redemption_id: str, *, mall: MallTable, now: datetime) -> Revised:
    """A parcel that left RECEIVED_AFTER ago counts as received; one that was sent again meanwhile does not yet."""

    def judge(found: Redemption) -> Step | None:
        if found.state is not RedemptionState.SHIPPED or not found.shipped_at:
            return None
        if found.shipped_at + RECEIVED_AFTER > now:
            return None
        return Step(found._replace(state=RedemptionState.DONE), Line("received", BY_ITSELF, now))

    return revise(redemption_id, judge, mall=mall)


def _require_sent(found: Redemption) -> None:
    """A parcel that has left, also one that counts as received."""
    require_state(found, RedemptionState.SHIPPED, RedemptionState.DONE)
    if not found.tracking:
        raise JifenError(Code.REDEMPTION_STATE, "这笔兑换没有发过货")


def _was_reissued(redemption_id: str, tracking: Tracking, desk: Desk) -> bool:
    """Whether it was sent again under this number before, whatever came after."""
    lines = desk.goods.trail(redemption_row_key(redemption_id)["pk"])
    return any(line.action == "reissued" and tracking._asdict().items() <= line.facts.items() for line in lines)


class _Taken(NamedTuple):
    """The shard of a stock that pieces are taken out of, and how many it has."""

    stock_id: str
    shard: int
    left: int


def _taken(found: Redemption, pieces: int, desk: Desk, now: datetime) -> _Taken:
    """The fullest shard of the stock it came from; of an offer that has too few left the fullest of the item's usual
    stock: what an offer did not sell goes back there at its end. The write refuses where it has too few as well.
    """
    if not found.offer_id:
        return _fullest(found.stock_id, desk.mall.shards_of(found.item_id, now), desk)
    own = _fullest(found.stock_id, MOST_SHARDS, desk)
    if own.left >= pieces:
        return own
    return _fullest(own_stock(found.item_id), desk.mall.shards_of(found.item_id, now), desk)


def _fullest(stock_id: str, count: int, desk: Desk) -> _Taken:
    shards = desk.goods.shards_left(stock_id, count)
    shard = max(shards, key=lambda one: shards[one], default=0)
    return _Taken(stock_id, shard, shards.get(shard, 0))
