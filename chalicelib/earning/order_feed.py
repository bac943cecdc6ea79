"""What the order feed and the CSV import accept: one record, strictly checked, in the words of errors members of
staff can act on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from chalicelib.earning.order import (
    MAX_LINES,
    GoodsReceived,
    Line,
    OrderFact,
    Paid,
    Refund,
    RefundedLine,
    order_key,
)
from chalicelib.errors import Code, JifenError
from chalicelib.members.phone import MAX_CHARS, PHONE_PROVIDER, read_phone, tail_digest
from chalicelib.programme.activity import MAX_ORDER_FEN
from chalicelib.runtime.bodies import Body, invalid

MAX_RECORDS = 500
FUTURE_TOLERANCE_S = 300
"""How far a shop's clock may run ahead of ours."""

Platform = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
Number = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$")]
BuyerId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
LineNo = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,31}$")]
Label = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Fen = Annotated[int, Field(ge=0, le=MAX_ORDER_FEN)]
SomeFen = Annotated[int, Field(ge=1, le=MAX_ORDER_FEN)]
Quantity = Annotated[int, Field(ge=1, le=100_000)]


class LineRecord(Body):
    """One line of a paid order (a platform's sub-order): what was paid for it, all pieces together."""

    line_no: LineNo
    sku: Label = ""
    category: Label = ""
    paid_fen: Fen
    quantity: Quantity = 1


class PaidRecord(Body):
    """A paid order. With lines, their `paid_fen` and `freight_fen` add up to the order's `paid_fen`."""

    kind: Literal["paid"]
    platform: Platform
    order_no: Number
    buyer_id: BuyerId
    paid_at: AwareDatetime
    paid_fen: Fen
    freight_fen: Fen = 0
    coupon_fen: Fen = 0
    points_fen: Fen = 0
    stored_value_fen: Fen = 0
    channel: Literal["online", "pos"] = "online"
    store_id: Label = ""
    guide_id: Label = ""
    phone: Annotated[str, Field(max_length=MAX_CHARS)] = ""
    lines: list[LineRecord] = Field(default_factory=list, max_length=MAX_LINES)


class RefundedLineRecord(Body):
    """The part of a refund that is for one line of its order."""

    line_no: LineNo
    refunded_fen: SomeFen


class RefundRecord(Body):
    """A refund of an order, whole or in part. What lines and freight leave of it is for the order at large."""

    kind: Literal["refund"]
    platform: Platform
    order_no: Number
    refund_no: Number
    refunded_fen: SomeFen
    refunded_at: AwareDatetime
    freight_fen: Fen = 0
    charged_fen: Fen = 0
    lines: list[RefundedLineRecord] = Field(default_factory=list, max_length=MAX_LINES)


class ReceiptRecord(Body):
    """The buyer's receipt of the goods, once per order."""

    kind: Literal["receipt"]
    platform: Platform
    order_no: Number
    received_at: AwareDatetime


Record = PaidRecord | RefundRecord | ReceiptRecord
_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")], config={"defer_build": True})
_AT = {"paid": "paid_at", "refund": "refunded_at", "receipt": "received_at"}
"""Each kind's instant."""


class OrdersIn(Body):
    """The feed's body: up to 500 records, each answered on its own."""

    orders: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_RECORDS)]


def order_fact(record: Mapping[str, Any], now: datetime, *, phone_key: Callable[[], str] | None = None) -> OrderFact:
    """One record as a fact; raises JifenError with the offending field's path.

    `now` refuses what claims to be in the future. `phone_key` is asked for only where a record has a phone, which is
    kept as digests by it; without it such a record is refused.
    """
    try:
        checked = _RECORD.validate_python(_with_instants(record))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_REQUEST, record) from None
    _require_past(checked, now)
    if checked.platform == PHONE_PROVIDER:
        raise _bad("platform", "不是订单的平台")
    if isinstance(checked, ReceiptRecord):
        return GoodsReceived(checked.platform, checked.order_no, checked.received_at)
    _require_each_once([line.line_no for line in checked.lines])
    if isinstance(checked, PaidRecord):
        _require_sum_of_lines(checked)
        paid = Paid(
            **checked.model_dump(exclude={"kind", "channel", "lines", "phone"}),
            lines=tuple(Line(**dict(line)) for line in checked.lines),
            is_pos=checked.channel == "pos",
        )
        return _with_digests(paid, checked.phone, phone_key) if checked.phone else paid
    _require_parts_within(checked)
    return Refund(
        **checked.model_dump(exclude={"kind", "lines"}),
        lines=tuple(RefundedLine(**dict(line)) for line in checked.lines),
    )


def _with_digests(paid: Paid, phone_no: str, phone_key: Callable[[], str] | None) -> Paid:
    """The order with what is kept of its phone: whose it is, and its last digits on this order."""
    if phone_key is None:
        raise _bad("phone", "在这里不能处理")
    key = phone_key()
    phone = read_phone(phone_no, key)
    tail = tail_digest(key, order_key(paid.platform, paid.order_no), phone.tail)
    return paid._replace(phone=phone.digest, phone_tail=tail)


def _require_past(checked: Record, now: datetime) -> None:
    field = _AT[checked.kind]
    at: datetime = getattr(checked, field)
    if (at - now).total_seconds() > FUTURE_TOLERANCE_S:
        raise _bad(field, "在未来")
    if at.year < 1990:
        raise _bad(field, "太早")


def _require_each_once(line_nos: Sequence[str]) -> None:
    for place, line_no in enumerate(line_nos):
        if line_no in line_nos[:place]:
            raise _bad(f"lines.{place}.line_no", "与前面的明细重复")


def _require_sum_of_lines(paid: PaidRecord) -> None:
    if paid.lines and sum(line.paid_fen for line in paid.lines) + paid.freight_fen != paid.paid_fen:
        raise _bad("lines", "的paid_fen之和加上freight_fen应等于paid_fen")


def _require_parts_within(refund: RefundRecord) -> None:
    if sum(line.refunded_fen for line in refund.lines) + refund.freight_fen > refund.refunded_fen:
        field = "lines" if refund.lines else "freight_fen"
        raise _bad(field, "的refunded_fen之和加上freight_fen超过refunded_fen" if refund.lines else "超过refunded_fen")
    if refund.charged_fen > refund.refunded_fen:
        raise _bad("charged_fen", "超过refunded_fen")


def _bad(field: str, reason: str) -> JifenError:
    return JifenError(Code.INVALID_REQUEST, field + reason, field=field)


def _with_instants(record: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no instants: parse ISO-8601 texts first, so that every other field can stay strictly typed."""
    parsed = dict(record)
    for name in _AT.values():
        if isinstance(parsed.get(name), str):
            try:
                parsed[name] = datetime.fromisoformat(parsed[name])
            except ValueError:
                raise _bad(name, "应为带时区的时间") from None
    return parsed
