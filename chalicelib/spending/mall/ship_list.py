"""Parcels in bulk: the list of what waits to be sent, as a sheet, and tracking numbers back from a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import JifenError
from chalicelib.runtime.clock import in_zone
from chalicelib.sheets.rows import BadRow
from chalicelib.sheets.written import written
from chalicelib.spending.mall.fulfil import ship
from chalicelib.spending.mall.model import Delivery, Redemption
from chalicelib.spending.mall.table import MallTable
from chalicelib.spending.mall.tracking_file import MARK, TrackedRow

HEADER = ("兑换编号", "兑换时间", "商品编号", "商品", "件数", "收货人", "电话", "地址", "门店编号", "门店")


class Sent(NamedTuple):
    """What became of a file's row."""

    number: int
    redemption_id: str
    outcome: str
    """`shipped`, `replayed` (it was, under this number) or `refused`."""
    column: str = ""
    reason: str = ""


def ship_sheet(waiting: Sequence[Redemption], zone: str) -> str:
    """What waits to be sent or picked up, a row each."""
    return written(HEADER, (_cells(one, zone) for one in waiting))


def _cells(one: Redemption, zone: str) -> list[str | int]:
    to = one.delivery or Delivery("")
    where = [to.name, to.phone, to.address or to.store_address, to.store, to.store_name]
    return [f"{MARK}{one.id}", in_zone(one.made_at, zone), one.item_id, one.name, one.quantity, *where]


def ship_rows(rows: Sequence[TrackedRow | BadRow], *, by: str, mall: MallTable, now: datetime) -> Iterator[Sent]:
    """Send each row's redemption, each by itself: the same file again goes on where it broke off."""
    for row in rows:
        if isinstance(row, BadRow):
            yield Sent(row.number, "", "refused", row.column, row.reason)
            continue
        try:
            done = ship(row.redemption_id, row.tracking, by=by, mall=mall, now=now)
        except JifenError as refused:
            yield Sent(row.number, row.redemption_id, "refused", reason=refused.msg)
            continue
        yield Sent(row.number, row.redemption_id, "replayed" if done.replayed else "shipped")
