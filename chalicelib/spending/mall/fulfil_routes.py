"""Fulfilment and after-sales over HTTP, for staff: work lists, shipments, files of them, pick-ups, cancelling."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64

from chalice.app import Blueprint

from chalicelib.connect.wechat_pay.api import open_pay_if_connected
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import staff
from chalicelib.members.model import is_member_id
from chalicelib.members.tagged import tags_of
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.answers import history_answer, redemption_answer
from chalicelib.spending.mall.bodies import (
    CorrectionIn,
    PickUpCodeIn,
    ReissueIn,
    StaffCancelIn,
    TrackingFileIn,
    TrackingIn,
)
from chalicelib.spending.mall.cancel import Wish
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.fulfil import correct_tracking, reissue, ship
from chalicelib.spending.mall.items import REFUNDS, STUCK, UNREPORTED, redemption_row_key, work_of
from chalicelib.spending.mall.model import Redemption, Tracking
from chalicelib.spending.mall.pick_up import pick_up
from chalicelib.spending.mall.places import place_of
from chalicelib.spending.mall.revise import Revised
from chalicelib.spending.mall.ship_list import ship_rows, ship_sheet
from chalicelib.spending.mall.table import open_mall
from chalicelib.spending.mall.tracking_file import read_tracking
from chalicelib.spending.mall.tries_table import open_tries
from chalicelib.spending.mall.undo import undo

bp = Blueprint(__name__)
_SENDERS = staff("operator", "customer_service")
_LOOKERS = staff("operator", "customer_service", "finance", "reviewer")
_STORES = staff("store_manager", "guide", "customer_service")
_LISTS = {
    "to_ship": "FULFIL#to_ship",
    "to_pick_up": "FULFIL#to_pick_up",
    "refunding": REFUNDS,
    "refund_stuck": STUCK,
    "report_refused": UNREPORTED,
}
"""Work lists, by what staff call them."""
_PAGE = frozenset({"limit", "cursor"})
MOST_LISTED, MOST_SHEET = 100, 500


@bp.route("/staff/mall/redemptions", methods=["GET"])
@endpoint(bp, caller=_LOOKERS, query=_PAGE | {"state"})
def get_waiting_redemptions(call: Call) -> Json:
    """What waits to be sent (`state=to_ship`) or picked up (`to_pick_up`), the oldest first; whose money is on its way
    back (`refunding`) or could not be given back and is to be seen to (`refund_stuck`); of which WeChat does not take
    what it is told of the shipment (`report_refused`): correct its number.
    """
    state = call.query.get("state", "")
    if state not in _LISTS:
        raise JifenError(Code.INVALID_REQUEST, f"state只能是{'、'.join(_LISTS)}", field="state")
    found, following = _waiting(call, state, limit_of(call.query, MOST_LISTED))
    zone = terms_at(call.now).zone
    return listing([redemption_answer(one, zone, for_staff=True) for one in found], following)


@bp.route("/staff/mall/redemptions/{redemption_id}", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_staff_redemption(call: Call, redemption_id: str) -> Json:
    """One redemption, and who did what to it."""
    found = open_mall().redemption(redemption_id)
    if found is None:
        raise JifenError(Code.REDEMPTION_NOT_FOUND)
    return _answer(call, found)


@bp.route("/staff/members/{member_id}/redemptions", methods=["GET"])
@endpoint(bp, caller=_LOOKERS, query=_PAGE)
def get_member_redemptions(call: Call, member_id: str) -> Json:
    """A member's redemptions, newest first, for customer service."""
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    limit, mall, zone = limit_of(call.query, MOST_LISTED), open_mall(), terms_at(call.now).zone
    ids = open_ledger().read(member_id).member_ids
    places = mall.listed_redemptions(ids, before=place_of(call.query), limit=limit + 1)
    shown = mall.redemptions([id for _, id in places[:limit]])
    following = places[limit - 1][0] if len(places) > limit else None
    return listing([redemption_answer(one, zone, for_staff=True) for one in shown], following)


@bp.route("/staff/mall/ship-list", methods=["GET"])
@endpoint(bp, caller=_SENDERS, query=_PAGE)
def get_ship_list(call: Call) -> Json:
    """What waits to be sent as a CSV text, the oldest first; save it as UTF-8 as it is. With the carrier and the number
    in two columns more (快递公司, 快递单号) it is the file that `tracking-files` takes.
    """
    found, following = _waiting(call, "to_ship", limit_of(call.query, MOST_SHEET, 200))
    zone = terms_at(call.now).zone
    return {
        "file_name": f"ship-list-{business_on(call.now, zone)}.csv",
        "csv": ship_sheet(found, zone),
        "rows": len(found),
        "next_cursor": following,
        "has_more": following is not None,
    }


@bp.route("/staff/mall/tracking-files", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_SENDERS, body=TrackingFileIn, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_tracking_file(call: Call) -> Json:
    """Send what a file of tracking numbers names, row by row. The same file again changes nothing and goes on where it
    broke off.
    """
    try:
        raw = b64decode(call.body.file, validate=True)
    except NotBase64:
        raise JifenError(Code.INVALID_REQUEST, "文件应为base64编码", field="file") from None
    sent = [*ship_rows(read_tracking(raw), by=call.caller.id, mall=open_mall(), now=call.now)]
    counts = {name: sum(one.outcome == name for one in sent) for name in ("shipped", "replayed", "refused")}
    rows = [
        {
            "row": one.number,
            "redemption_id": one.redemption_id,
            "outcome": one.outcome,
            "column": one.column,
            "reason": one.reason,
        }
        for one in sent
    ]
    return {**counts, "rows": rows}


@bp.route("/staff/mall/redemptions/{redemption_id}/shipment", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_SENDERS, body=TrackingIn)
def post_shipment(call: Call, redemption_id: str) -> Json:
    """It has left, under a carrier's number."""
    return _revised(call, ship(redemption_id, _tracking(call), by=call.caller.id, mall=open_mall(), now=call.now))


@bp.route("/staff/mall/redemptions/{redemption_id}/tracking", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_SENDERS, body=CorrectionIn)
def post_tracking_correction(call: Call, redemption_id: str) -> Json:
    """The number that was entered was wrong: this one is right."""
    return _revised(
        call,
        correct_tracking(
            redemption_id, _tracking(call), call.body.reason, by=call.caller.id, mall=open_mall(), now=call.now
        ),
    )


@bp.route("/staff/mall/redemptions/{redemption_id}/reissue", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_SENDERS, body=ReissueIn)
def post_reissue(call: Call, redemption_id: str) -> Json:
    """A lost parcel is sent again, for nothing, under a number of its own; the same number again changes nothing."""
    done = reissue(
        redemption_id,
        _tracking(call),
        call.body.reason,
        takes_stock=call.body.takes_stock,
        by=call.caller.id,
        desk=_desk(call),
        now=call.now,
    )
    return _revised(call, done)


@bp.route("/staff/mall/redemptions/{redemption_id}/cancel", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_SENDERS, body=StaffCancelIn)
def post_staff_cancel(call: Call, redemption_id: str) -> Json:
    """Undo a redemption, also one that was sent or is done: its points go back where they came from, its money to who
    paid it. Used coupons and codes that were seen cannot be given back.
    """
    wish = Wish(call.caller.id, call.body.reason, is_member=False, is_stock_back=call.body.stock_back)
    api = open_pay_if_connected(call.now)
    return _revised(call, undo(redemption_id, wish, desk=_desk(call), api=api, now=call.now))


@bp.route("/staff/mall/pick-ups", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_STORES, body=PickUpCodeIn)
def post_pick_up(call: Call) -> Json:
    """Hand out what a member picks up, for the code that he shows. After five wrong codes, of a redemption or of a
    member of staff, none is taken for 15 minutes.
    """
    done = pick_up(
        call.body.redemption_id,
        call.body.code,
        by=call.caller.id,
        mall=open_mall(),
        tries=open_tries(),
        now=call.now,
    )
    one = done.redemption
    store = one.delivery.store if one.delivery else ""
    told = {"id": one.id, "item_id": one.item_id, "name": one.name, "quantity": one.quantity, "store": store}
    return {**told, "state": str(one.state), "replayed": done.replayed}


def _waiting(call: Call, state: str, limit: int) -> tuple[list[Redemption], str | None]:
    """A page of a work list, and where the next begins; what the index still lists is looked at itself."""
    mall, kind = open_mall(), _LISTS[state]
    places = mall.work(kind, after=place_of(call.query), limit=limit + 1)
    found = mall.redemptions([id for _, id in places[:limit]])
    following = places[limit - 1][0] if len(places) > limit else None
    return [one for one in found if work_of(one) == kind], following


def _tracking(call: Call) -> Tracking:
    return Tracking(call.body.carrier, call.body.number)


def _revised(call: Call, done: Revised) -> Json:
    return {**_answer(call, done.redemption), "replayed": done.replayed}


def _answer(call: Call, found: Redemption) -> Json:
    zone = terms_at(call.now).zone
    lines = open_goods().trail(redemption_row_key(found.id)["pk"])
    return {**redemption_answer(found, zone, for_staff=True), "history": history_answer(found, lines, zone)}


def _desk(call: Call) -> Desk:
    return Desk(open_mall(), open_goods(), open_ledger(), terms_at(call.now), tags_of)
