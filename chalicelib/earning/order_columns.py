"""The columns of an order sheet: which of ours each one is, by our field names or by those shops use. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.sheets import cells
from chalicelib.sheets.rows import header_key, named_once, refused

PAID = ("buyer_id", "paid_at", "paid_fen")
PAID_OPTIONAL = (
    "freight_fen",
    "coupon_fen",
    "points_fen",
    "stored_value_fen",
    "channel",
    "store_id",
    "guide_id",
    "phone",
)
REFUND = ("refund_no", "refunded_fen", "refunded_at")
RECEIPT = ("received_at",)
LINE = ("line_no", "line_paid_fen")
LINE_OPTIONAL = ("sku", "category", "quantity")

_NAMES = {
    "kind": ("类型",),
    "platform": (),
    "order_no": ("订单号", "订单编号", "主订单编号"),
    "buyer_id": ("买家id", "买家账号"),
    "paid_at": ("付款时间", "支付时间"),
    "paid_fen": ("实付金额", "支付金额"),
    "freight_fen": ("运费",),
    "coupon_fen": ("优惠", "优惠金额"),
    "points_fen": ("积分抵扣",),
    "stored_value_fen": ("储值抵扣",),
    "channel": (),
    "store_id": ("门店编号", "门店id"),
    "guide_id": ("导购编号", "导购id"),
    "phone": ("手机号", "手机号码"),
    "received_at": ("确认收货时间",),
    "line_no": ("子订单编号",),
    "line_paid_fen": ("子订单实付金额",),
    "sku": ("商家编码",),
    "category": ("类目",),
    "quantity": ("购买数量",),
    "refund_no": ("退款单号", "退款编号"),
    "refunded_fen": ("退款金额",),
    "refunded_at": ("退款时间",),
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in (field, *names)}


class Columns(NamedTuple):
    """A header understood."""

    fields: tuple[str, ...]
    """Our field in each place, empty where the column is not ours."""
    names: Mapping[str, str]
    """Our field -> the file's own name of the column."""
    in_fen: frozenset[str]
    """The amounts whose column bears our own name and so holds fen; all others hold yuan."""
    ignored: tuple[str, ...]
    """Columns that are not ours."""

    def name(self, field: str) -> str:
        """A field as the file's reader knows it: the column's own name, else ours; empty for the whole row."""
        return self.names.get(field) or (title(field) if field else "")

    def value(self, field: str, cell: str, zone: str) -> str | int | datetime:
        """A cell in the type its field has in a record; ValueError with the reason in Chinese."""
        if field.endswith("_at"):
            return cells.instant(cell, zone)
        if field.endswith("_fen"):
            return cells.fen(cell) if field in self.in_fen else cells.fen_of_yuan(cell)
        return _READERS.get(field, cells.number_text)(cell)


_READERS: Mapping[str, Callable[[str], str | int]] = {
    "buyer_id": cells.identifier,
    "sku": cells.identifier,
    "category": cells.plain_text,
    "quantity": cells.whole,
    "store_id": cells.identifier,
    "guide_id": cells.identifier,
    "phone": cells.identifier,
}


def columns_of(header: Sequence[str]) -> Columns:
    """The header's columns; JifenError when one of ours is missing or stands twice."""
    fields = tuple(_FIELD_OF.get(_key(name), "") for name in header)
    if "line_no" not in fields:
        # What an article's columns say is of no use without the line it stands for.
        fields = tuple("" if field in (*LINE, *LINE_OPTIONAL) else field for field in fields)
    names = named_once(fields, header)
    _require(names)
    return Columns(
        fields,
        names,
        frozenset(field for field, name in names.items() if field == _key(name)),
        tuple(name.strip() for field, name in zip(fields, header, strict=True) if not field and name.strip()),
    )


def title(field: str) -> str:
    """One of our fields in both tongues."""
    return f"{_NAMES[field][0]}({field})" if _NAMES[field] else field


def _key(name: str) -> str:
    return header_key(name).removesuffix("(元)")


def _require(names: Mapping[str, str]) -> None:
    # A refund's amount alone is a common column of plain order lists, filled with zeros.
    has_refunds = "refund_no" in names or "refunded_at" in names
    has_paid = not (has_refunds or "received_at" in names) or "paid_at" in names or "paid_fen" in names
    has_lines = has_paid and "line_no" in names
    wanted = (
        "order_no",
        *(PAID if has_paid else ()),
        *(LINE if has_lines else ()),
        *(REFUND if has_refunds else ()),
    )
    missing = [title(field) for field in wanted if field not in names]
    if missing:
        raise refused("缺少必需的列:" + "、".join(missing))
