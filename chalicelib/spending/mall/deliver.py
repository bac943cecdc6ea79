"""Where a parcel goes, as its redemption keeps it: a store that is picked up at is one of the list."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.good import Parcel
from chalicelib.spending.mall.model import Delivery
from chalicelib.spending.mall.stores_table import StoresTable

_FIELD = "delivery.store"


def delivered(good: object, delivery: Delivery | None, *, stores: StoresTable, now: datetime) -> Delivery | None:
    """A delivery of a good; that of a pick-up with its store's name and address as they are now.

    Raises DELIVERY_MISSING for a store that is unknown or off, or that does not hand the good out. Asked only where the
    redemption is new: one that was made stands, whatever became of its store.
    """
    if delivery is None or delivery.way != "pick_up":
        return delivery
    known = stores.known(delivery.store, now)
    if known is None or not known.is_on:
        is_any_on = any(one.is_on for one in stores.held(now).values())
        told = "没有这家门店,或门店已停用,请重新选择" if is_any_on else "还没有可以自提的门店"
        raise JifenError(Code.DELIVERY_MISSING, told, field=_FIELD)
    if isinstance(good, Parcel) and good.stores and known.id not in good.stores:
        raise JifenError(Code.DELIVERY_MISSING, "这件商品不能在这家门店自提,请重新选择", field=_FIELD)
    return delivery._replace(store_name=known.store.name, store_address=known.store.address)
