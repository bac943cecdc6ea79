"""Stores over HTTP: as staff keep them, and as members choose one to pick a parcel up at."""

from __future__ import annotations

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import member, staff
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import (
    PAGE,
    PAGE_DEFAULT,
    PAGE_MOST,
    Place,
    cursor_of,
    limit_of,
    listing,
    page_of,
    place_in,
)
from chalicelib.spending.answers import history_answer, kept_answer
from chalicelib.spending.bodies import StateIn, asked_page
from chalicelib.spending.documents import Kept
from chalicelib.spending.goods.good import AnyGood
from chalicelib.spending.mall.answers import store_answer
from chalicelib.spending.mall.bodies import StoreEditIn, StoreIn
from chalicelib.spending.mall.keep_store import add_store, change_store, standing_store, switch_store
from chalicelib.spending.mall.model import ItemState
from chalicelib.spending.mall.store import KnownStore, Wish, is_wished
from chalicelib.spending.mall.stores_table import open_stores
from chalicelib.spending.mall.table import MallTable, open_mall

bp = Blueprint(__name__)
_OPERATORS = staff("operator")
_LOOKERS = staff("operator", "customer_service", "finance", "reviewer", "store_manager", "guide")
_ORDER = "stores"


@bp.route("/staff/mall/stores", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=StoreIn)
def post_store(call: Call) -> Json:
    """Write a new store, a draft that members do not see. The same again answers what stands."""
    return _store(call, add_store(open_stores(), call.body.id, call.body.store, by=call.caller.id, now=call.now))


@bp.route("/staff/mall/stores", methods=["GET"])
@endpoint(bp, caller=_LOOKERS, query=PAGE)
def get_staff_stores(call: Call) -> Json:
    """All stores by id, drafts and those that are off among them."""
    found, following = open_stores().documents.page(*asked_page(call.query))
    return listing([_store(call, kept) for kept in found], following)


@bp.route("/staff/mall/stores/{store_id}", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_staff_store(call: Call, store_id: str) -> Json:
    """One store, with who did what to it."""
    stores, zone = open_stores(), terms_at(call.now).zone
    shown = _store(call, standing_store(stores, store_id))
    return {**shown, "history": history_answer(stores.documents.lines(store_id), zone)}


@bp.route("/staff/mall/stores/{store_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=StoreEditIn)
def put_store(call: Call, store_id: str) -> Json:
    """Replace a store's document at the version that was seen. Redemptions keep the name and address they were told."""
    version, by = call.body.version, call.caller.id
    return _store(
        call, change_store(open_stores(), store_id, call.body.store, seen_version=version, by=by, now=call.now)
    )


@bp.route("/staff/mall/stores/{store_id}/state", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=StateIn)
def post_store_state(call: Call, store_id: str) -> Json:
    """Let members choose a store, or no longer: within five seconds everywhere. What waits there is handed
    out all the same.
    """
    switched = switch_store(
        open_stores(),
        store_id,
        call.body.state,
        seen_version=call.body.version,
        reason=call.body.reason,
        by=call.caller.id,
        now=call.now,
    )
    return _store(call, switched)


@bp.route("/me/mall/stores", methods=["GET"])
@endpoint(bp, caller=member, query=PAGE | {"city", "search", "item_id"})
def get_stores(call: Call) -> Json:
    """Stores to pick a parcel up at, by city and id; `item_id` leaves those that hand this item out. `cities` are those
    of all stores.
    """
    mall, limit = open_mall(), limit_of(call.query, PAGE_MOST, PAGE_DEFAULT)
    after, stores = place_in(call.query, _ORDER, str, str), mall.stores.held(call.now).values()
    good = _good_of(call.query["item_id"], mall, call.now) if call.query.get("item_id") else None
    wish = Wish(call.query.get("city", "")[:20], call.query.get("search", "")[:40], getattr(good, "stores", ()))
    is_handed_out = good is None or "pick_up" in getattr(good, "ways", ())
    wished = [one for one in stores if is_handed_out and is_wished(one, wish)]
    page, following = page_of(wished, _place, after=after, limit=limit)
    cities = sorted({one.store.city for one in stores if one.is_on})
    return {
        **listing([store_answer(one) for one in page], cursor_of(_ORDER, following) if following else None),
        "cities": cities,
    }


def _good_of(item_id: str, mall: MallTable, now: datetime) -> AnyGood:
    listed = mall.listed(item_id, now)
    if listed.state is ItemState.DRAFT:
        raise JifenError(Code.ITEM_NOT_FOUND)
    return listed.item.good


def _place(known: KnownStore) -> Place:
    return known.store.city, known.id


def _store(call: Call, kept: Kept) -> Json:
    return kept_answer(kept, "store", terms_at(call.now).zone)
