"""The catalogue as staff keep it: items written, changed, switched on and off; their stock filled and cut."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.runtime.bodies import invalid
from chalicelib.spending.goods.model import PoolCode
from chalicelib.spending.goods.shelves import Change, ShelvesTable
from chalicelib.spending.goods.table import CODES_A_WRITE, GoodsTable
from chalicelib.spending.mall.item import MallItem, StockPlace, faults_of, pool_stock, stock_of
from chalicelib.spending.mall.model import ItemState, Listed
from chalicelib.spending.mall.table import MallTable


@cache
def _adapter() -> TypeAdapter[MallItem]:
    return TypeAdapter(MallItem)


def read_item(document: Mapping[str, Any]) -> MallItem:
    """The item a JSON document describes; raises JifenError INVALID_REQUEST with the path of the first fault."""
    try:
        item = _adapter().validate_json(json.dumps(document))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_REQUEST, document) from None
    for path, reason in faults_of(item):
        raise JifenError(Code.INVALID_REQUEST, f"item.{path}{reason}", field=f"item.{path}")
    return item


def add_item(table: MallTable, item_id: str, document: Mapping[str, Any], *, by: str, now: datetime) -> Listed:
    """Write a new item, as a draft. The same again answers what stands; raises ITEM_STATE when the id is another's."""
    listed = Listed(item_id, read_item(document), ItemState.DRAFT, 1, by, now)
    try:
        table.save(listed, document, action="created")
    except JifenError as taken:
        if taken.code is not Code.VERSION_TAKEN:
            raise
        standing, text = table.document(item_id)
        if standing.version != 1 or digest(json.loads(text)) != digest(document):
            raise JifenError(Code.ITEM_STATE, "这个商品编号已被使用", field="id") from None
        return standing
    return listed


def change_item(
    table: MallTable, item_id: str, document: Mapping[str, Any], *, seen_version: int, by: str, now: datetime
) -> Listed:
    """Replace an item's document at the version that was seen. One's own change again answers what stands.

    Where its stock is counted cannot change once it was on sale: raises ITEM_STATE; else VERSION_TAKEN, ITEM_NOT_FOUND.
    """
    standing, text = table.document(item_id)
    item = read_item(document)
    if (
        standing.version == seen_version + 1
        and standing.changed_by == by
        and digest(json.loads(text)) == digest(document)
    ):
        return standing
    if standing.state is not ItemState.DRAFT and stock_of(item_id, item) != stock_of(item_id, standing.item):
        raise JifenError(Code.ITEM_STATE, "上架过的商品不能更改库存的计数方式", field="item.shards")
    listed = Listed(item_id, item, standing.state, seen_version + 1, by, now)
    table.save(listed, document, action="changed")
    return listed


def switch_item(
    table: MallTable, item_id: str, state: ItemState, *, seen_version: int, reason: str, by: str, now: datetime
) -> Listed:
    """Put an item on sale, or take it off at once; again is no change. Raises VERSION_TAKEN, ITEM_NOT_FOUND."""
    standing, text = table.document(item_id)
    if standing.state is state:
        return standing
    listed = standing._replace(state=state, version=seen_version + 1, changed_by=by, changed_at=now)
    table.save(listed, json.loads(text), action=str(state), reason=reason)
    return listed


def change_stock(
    shelves: ShelvesTable, place: StockPlace, pieces: int, *, key: str, by: str, reason: str, now: datetime
) -> Change:
    """Add pieces to a stock, or take unsold ones off it, once for each key.

    Raises ITEM_STATE when fewer are left than shall go: what is sold or reserved cannot be taken back.
    """
    if not pieces:
        raise JifenError(Code.INVALID_REQUEST, "数量不能为0", field="pieces")
    return shelves.change(Change(place.id, place.shards, pieces, by, reason, now), key=key)


def add_codes(goods: GoodsTable, pool: str, codes: Sequence[str]) -> int:
    """Put codes into a pool, fifty in a transaction; how many were new. Again adds what a broken-off call left."""
    wanted = {_id_of(code): PoolCode(pool, _id_of(code), code) for code in codes}
    places = [*wanted]
    return sum(
        goods.add_codes([wanted[id] for id in places[start : start + CODES_A_WRITE]], pool_stock(pool))
        for start in range(0, len(places), CODES_A_WRITE)
    )


def _id_of(code: str) -> str:
    return sha256(code.encode()).hexdigest()[:24]
