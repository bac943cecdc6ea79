"""The mall over HTTP for operators: the catalogue, stocks and code pools."""

from __future__ import annotations

import json
import re
from hashlib import sha256

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Call, Json, client_key, endpoint
from chalicelib.runtime.lists import listing
from chalicelib.spending.answers import history_answer
from chalicelib.spending.bodies import StateIn
from chalicelib.spending.goods.shelves import open_shelves
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.answers import staff_item_answer
from chalicelib.spending.mall.bodies import CodesIn, ItemEditIn, ItemIn, StockIn
from chalicelib.spending.mall.item import own_stock, pool_stock, stock_of
from chalicelib.spending.mall.items import listed_from
from chalicelib.spending.mall.keep_item import add_codes, add_item, change_item, change_stock, switch_item
from chalicelib.spending.mall.model import ItemState
from chalicelib.spending.mall.table import open_mall

bp = Blueprint(__name__)
_OPERATORS = staff("operator")
_LOOKERS = staff("operator", "customer_service", "finance", "reviewer")
_POOL = re.compile(r"[a-z][a-z0-9_]{0,39}")


@bp.route("/staff/mall/items", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=ItemIn)
def post_mall_item(call: Call) -> Json:
    """Write a new item, a draft that members do not see. The same again answers what stands."""
    programme = terms_at(call.now).programme
    add_item(open_mall(), call.body.id, call.body.item, programme, by=call.caller.id, now=call.now)
    return _item(call, call.body.id)


@bp.route("/staff/mall/items", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_staff_mall_items(call: Call) -> Json:
    """The whole catalogue with its stocks, drafts and what is off sale among it."""
    found = open_mall().catalogue(call.now)
    places = {id: stock_of(id, listed.item) for id, listed in found.items()}
    shelf = open_goods().shelf([*set(places.values())])
    return listing(
        [
            {
                "id": id,
                "name": listed.item.name,
                "kind": listed.item.good.kind,
                "state": str(listed.state),
                "version": listed.version,
                "stock": {"left": shelf[places[id].id][0], "taken": shelf[places[id].id][1]},
            }
            for id, listed in sorted(found.items(), key=lambda one: (one[1].item.rank, one[0]))
        ]
    )


@bp.route("/staff/mall/items/{item_id}", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_staff_mall_item(call: Call, item_id: str) -> Json:
    """One item with its document, its stock, the price helper's advice, and who did what to it."""
    return _item(call, item_id)


@bp.route("/staff/mall/items/{item_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=ItemEditIn)
def put_mall_item(call: Call, item_id: str) -> Json:
    """Replace an item's document at the version that was seen. Quotes made before keep price and good."""
    change_item(
        open_mall(),
        item_id,
        call.body.item,
        terms_at(call.now).programme,
        goods=open_goods(),
        seen_version=call.body.version,
        by=call.caller.id,
        now=call.now,
    )
    return _item(call, item_id)


@bp.route("/staff/mall/items/{item_id}/state", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=StateIn)
def post_mall_item_state(call: Call, item_id: str) -> Json:
    """Put an item on sale, or take it off: within five seconds everywhere."""
    switch_item(
        open_mall(),
        item_id,
        ItemState(call.body.state),
        seen_version=call.body.version,
        reason=call.body.reason,
        by=call.caller.id,
        now=call.now,
    )
    return _item(call, item_id)


@bp.route("/staff/mall/items/{item_id}/stock-changes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=StockIn)
def post_mall_stock_change(call: Call, item_id: str) -> Json:
    """Add pieces, or take unsold ones off, also during a sale. Needs an Idempotency-Key. Who waits for it is told
    within minutes.
    """
    mall = open_mall()
    listed = listed_from(mall.standing(item_id))
    place = stock_of(item_id, listed.item)
    if place.id != own_stock(item_id):
        raise JifenError(Code.ITEM_STATE, "卡密商品的库存随卡密池增减")
    key = sha256(json.dumps(["stock", call.caller.id, client_key(call)]).encode()).hexdigest()
    changed = change_stock(
        open_shelves(),
        place,
        call.body.pieces,
        key=key,
        by=call.caller.id,
        reason=call.body.reason,
        now=call.now,
    )
    if call.body.pieces > 0:
        mall.restocks.begin(item_id, call.now)
    left, taken = open_goods().shelf([place])[place.id]
    return {"left": left, "taken": taken, "replayed": changed.replayed}


@bp.route("/staff/mall/code-pools/{pool}/codes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=CodesIn, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_pool_codes(call: Call, pool: str) -> Json:
    """Put codes into a pool, which adds them to its stock; codes that it has are passed over."""
    if not _POOL.fullmatch(pool):
        raise JifenError(Code.INVALID_REQUEST, "卡密池编号应为小写字母开头的字母、数字或下划线", field="pool")
    goods = open_goods()
    added, mall = add_codes(goods, pool, call.body.codes), open_mall()
    for id, listed in mall.catalogue(call.now).items():
        if stock_of(id, listed.item).id == pool_stock(pool):
            mall.restocks.begin(id, call.now)
    left, taken = goods.shelf([(pool_stock(pool), 1)])[pool_stock(pool)]
    return {"added": added, "left": left, "taken": taken}


def _item(call: Call, item_id: str) -> Json:
    mall, terms = open_mall(), terms_at(call.now)
    kept = mall.standing(item_id)
    listed = listed_from(kept)
    place = stock_of(item_id, listed.item)
    shelf = open_goods().shelf([place])[place.id]
    lines = history_answer(mall.documents.lines(item_id), terms.zone)
    return {**staff_item_answer(listed, kept.document, shelf, terms, call.now), "history": lines}
