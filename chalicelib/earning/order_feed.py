"""What the order feed and the CSV import accept: one record, strictly checked, in the words of errors members of
staff can act on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from chalicelib.earning.order import OrderFact, Paid, Refund
from chalicelib.errors import Code, JifenError
from chalicelib.programme.activity import MAX_ORDER_FEN
from chalicelib.runtime.bodies import Body, invalid

MAX_RECORDS = 500
FUTURE_TOLERANCE_S = 300
"""How far a shop's clock may run ahead of ours."""

Platform = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
Number = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$")]
BuyerId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Fen = Annotated[int, Field(ge=0, le=MAX_ORDER_FEN)]


class PaidRecord(Body):
    """A paid order."""

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


class RefundRecord(Body):
    """A refund of an order, whole or in part."""

    kind: Literal["refund"]
    platform: Platform
    order_no: Number
    refund_no: Number
    refunded_fen: Annotated[int, Field(ge=1, le=MAX_ORDER_FEN)]
    refunded_at: AwareDatetime


_RECORD: TypeAdapter[PaidRecord | RefundRecord] = TypeAdapter(
    Annotated[PaidRecord | RefundRecord, Field(discriminator="kind")], config={"defer_build": True}
)


class OrdersIn(Body):
    """The feed's body: up to 500 records, each answered on its own."""

    orders: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_RECORDS)]


def order_fact(record: Mapping[str, Any], now: datetime) -> OrderFact:
    """One record as a fact; raises JifenError with the offending field.

    `now` refuses what claims to be in the future.
    """
    try:
        checked = _RECORD.validate_python(_with_instants(record))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_REQUEST, record) from None
    at_field, at = (
        ("paid_at", checked.paid_at) if isinstance(checked, PaidRecord) else ("refunded_at", checked.refunded_at)
    )
    if (at - now).total_seconds() > FUTURE_TOLERANCE_S:
        raise JifenError(Code.INVALID_REQUEST, f"{at_field}在未来", field=at_field)
    if at.year < 1990:
        raise JifenError(Code.INVALID_REQUEST, f"{at_field}太早", field=at_field)
    values = checked.model_dump(exclude={"kind"})
    return Paid(**values) if isinstance(checked, PaidRecord) else Refund(**values)


def _with_instants(record: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no instants: parse ISO-8601 texts first, so that every other field can stay strictly typed."""
    parsed = dict(record)
    for name in ("paid_at", "refunded_at"):
        if isinstance(parsed.get(name), str):
            try:
                parsed[name] = datetime.fromisoformat(parsed[name])
            except ValueError:
                raise JifenError(Code.INVALID_REQUEST, f"{name}应为带时区的时间", field=name) from None
    return parsed
