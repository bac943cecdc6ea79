"""The catalogue as staff keep it: items written, changed, switched on and off; their stock filled and cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.programme.activity import CHECK_IN, ORDER
from chalicelib.programme.model import Programme
from chalicelib.spending.checked import checked
from chalicelib.spending.documents import add, change, switch
from chalicelib.spending.goods.good import Parcel
from chalicelib.spending.goods.model import PoolCode
from chalicelib.spending.goods.shelves import Change, ShelvesTable
from chalicelib.spending.goods.table import CODES_A_WRITE, GoodsTable
from chalicelib.spending.mall.item import MallItem, StockPlace, faults_of, own_stock, pool_stock, stock_of
from chalicelib.spending.mall.items import listed_from
from chalicelib.spending.mall.model import ItemState
from chalicelib.spending.mall.table import MallTable


def read_item(document: Mapping[str, Any], programme: Programme) -> MallItem:
    """The item a JSON document describes; raises JifenError INVALID_REQUEST with the path of the first fault, a task,
    an activity or a campaign to follow that the programme does not have among them.
    """
    return checked(MallItem, document, lambda item: (*faults_of(item), *_unknown(item, programme)), name="item")


def _unknown(item: MallItem, programme: Programme) -> Iterator[tuple[str, str]]:
    """What an item asks for that nobody could ever do."""
    if item.task is not None and item.task not in {task.id for task in programme.tasks}:
        yield "task", "不是当前方案中的任务"
    activities = {CHECK_IN, ORDER, *(indicator.id for indicator in programme.indicators)}
    if item.needs is not None and item.needs.activity not in activities:
        yield "needs.activity", "不是当前方案中的行为"
    if item.phases and item.campaign not in {campaign.id for campaign in programme.campaigns}:
        yield "campaign", "不是当前方案中的活动档期"


def _require_stores(item: MallItem, table: MallTable, now: datetime) -> None:
    """Raise JifenError INVALID_REQUEST for the first store of a parcel that there is not; it may be off."""
    for place, store_id in enumerate(item.good.stores if isinstance(item.good, Parcel) else ()):
        if table.stores.known(store_id, now) is None:
            path = f"item.good.stores.{place}"
            raise JifenError(Code.INVALID_REQUEST, f"{path}没有这家门店", field=path)


def add_item(
    table: MallTable, item_id: str, document: Mapping[str, Any], programme: Programme, *, by: str, now: datetime
) -> None:
    """Write a new item, as a draft. The same again changes nothing; raises ITEM_STATE when the id is another's."""
    _require_stores(read_item(document, programme), table, now)
    add(table.documents, item_id, document, by=by, now=now)
    table.changed()


def change_item(
    table: MallTable,
    item_id: str,
    document: Mapping[str, Any],
    programme: Programme,
    *,
    goods: GoodsTable,
    seen_version: int,
    by: str,
    now: datetime,
) -> None:
    """Replace an item's document at the version that was seen. One's own change again changes nothing.

    Where its stock is counted cannot change once it was on sale or has pieces: raises ITEM_STATE; else VERSION_TAKEN,
    ITEM_NOT_FOUND.
    """
    standing = table.standing(item_id)
    item, known = read_item(document, programme), listed_from(standing)
    _require_stores(item, table, now)
    place = stock_of(item_id, known.item)
    if stock_of(item_id, item) != place:
        if known.state is not ItemState.DRAFT:
            raise JifenError(Code.ITEM_STATE, "上架过的商品不能更改库存的计数方式", field="item.shards")
        if place.id == own_stock(item_id) and goods.shelf([place])[place.id][0]:
            raise JifenError(Code.ITEM_STATE, "已有库存,请先减到0再更改库存的计数方式", field="item.shards")
    change(table.documents, standing, document, seen_version=seen_version, by=by, now=now)
    table.changed()


def switch_item(
    table: MallTable, item_id: str, state: ItemState, *, seen_version: int, reason: str, by: str, now: datetime
) -> None:
    """Put an item on sale, or take it off at once; again is no change. Raises VERSION_TAKEN, ITEM_NOT_FOUND."""
    standing = table.standing(item_id)
    switch(table.documents, standing, str(state), seen_version=seen_version, reason=reason, by=by, now=now)
    table.changed()


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
