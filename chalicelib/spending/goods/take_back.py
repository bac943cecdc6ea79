"""What is written so that a member no longer owns what a cause gave: together with what he gets back for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also
from chalicelib.runtime.dynamo import encode_item
from chalicelib.spending.goods.coupon_life import cancelled, withdrawn
from chalicelib.spending.goods.items import code_item
from chalicelib.spending.goods.model import OwnedBadge, OwnedCoupon, PoolCode
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.goods.trail import Line


def coupons_back(coupons: Sequence[OwnedCoupon], line: Line, *, goods: GoodsTable) -> Iterator[Also]:
    """Coupons that nobody has used become unusable. Raises COUPON_STATE when one was used, or is cancelled already:
    then what was paid for it does not go back twice.
    """
    for coupon in coupons:
        after = cancelled(coupon)
        if after is None:
            raise JifenError(Code.COUPON_STATE, f"优惠券{coupon.code}已作废,不能再退回")
        yield from goods.changed_coupon(after, line)


def coupons_withdrawn(coupons: Sequence[OwnedCoupon], line: Line, *, goods: GoodsTable) -> Iterator[Also]:
    """Coupons become unusable at once, those in use as soon as their order gives them back."""
    for coupon in coupons:
        if after := withdrawn(coupon):
            yield from goods.changed_coupon(after, line)


def codes_back(codes: Sequence[PoolCode], *, source_id: str, table: str) -> Iterator[Also]:
    """Codes that nobody has seen are free again; REDEMPTION_STATE when one is not this cause's any more."""
    for code in codes:
        put = {
            "TableName": table,
            "Item": encode_item(code_item(code._replace(given_to="", source_id=""))),
            "ConditionExpression": "source_id = :source",
            "ExpressionAttributeValues": encode_item({":source": source_id}),
        }
        yield Also({"Put": put}, JifenError(Code.REDEMPTION_STATE))


def badge_back(badge: OwnedBadge, *, table: str) -> Also:
    """An honour is taken off, so that it can be won again; only where this cause gave it."""
    delete = {
        "TableName": table,
        "Key": encode_item({"pk": f"BADGE#{badge.badge}", "sk": badge.member_id}),
        "ConditionExpression": "source_id = :source",
        "ExpressionAttributeValues": encode_item({":source": badge.source_id}),
    }
    return Also({"Delete": delete}, JifenError(Code.REDEMPTION_STATE))
