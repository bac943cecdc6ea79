"""What is written so that a member owns something: together with the points it is paid with, or not at all. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also
from chalicelib.runtime.dynamo import Item, encode_item
from chalicelib.spending.goods.good import AnyGood, Badge, Virtual, coupons_of
from chalicelib.spending.goods.items import badge_item, code_item, coupon_item
from chalicelib.spending.goods.model import Given, OwnedBadge, OwnedCoupon, PoolCode


def coupon_code() -> str:
    """A new coupon's code: 16 digits by chance, which nobody guesses and a till can scan."""
    return f"{secrets.randbelow(10**16):016d}"


class Handed(NamedTuple):
    """The writes of what was given, and what the giver's own row says of it."""

    also: tuple[Also, ...]
    codes: tuple[str, ...]
    """Of coupons their codes; of virtual goods the ids of the codes in their pool."""


def hand(
    good: AnyGood,
    name: str,
    quantity: int,
    *,
    member_id: str,
    given: Given,
    new_codes: Iterator[str],
    picked: tuple[PoolCode, ...],
    table: str,
) -> Handed:
    """`quantity` pieces of `good` for a member.

    Coupons take their codes from `new_codes`; for virtual goods `picked` are as many free codes of the pool. A badge
    that the member has, and a code that somebody got meanwhile, refuse the whole: ALREADY_OWNED, BUSY.
    """
    if isinstance(good, Badge):
        badge = OwnedBadge(good.badge, member_id, name, given.source_id, given.at)
        return Handed((put_new(table, badge_item(badge), JifenError(Code.ALREADY_OWNED)),), ())
    if isinstance(good, Virtual):
        taken = [code._replace(given_to=member_id, source_id=given.source_id) for code in picked]
        return Handed(tuple(_take(table, code) for code in taken), tuple(code.id for code in taken))
    coupons = [
        OwnedCoupon(
            code=next(new_codes),
            member_id=member_id,
            name=coupon.name,
            face_fen=coupon.face_fen,
            min_order_fen=coupon.min_order_fen,
            until_on=coupon.until_on(given.on),
            source=given.source,
            source_id=given.source_id,
            issued_at=given.at,
        )
        for _ in range(quantity)
        for coupon in coupons_of(good)
    ]
    writes = [put_new(table, coupon_item(coupon), JifenError(Code.BUSY, retry_after_seconds=1)) for coupon in coupons]
    return Handed(tuple(writes), tuple(coupon.code for coupon in coupons))


def put_new(table: str, item: Item, refusal: JifenError) -> Also:
    """An item that must not stand there yet."""
    put = {"TableName": table, "Item": encode_item(item), "ConditionExpression": "attribute_not_exists(pk)"}
    return Also({"Put": put}, refusal)


def _take(table: str, code: PoolCode) -> Also:
    put = {
        "TableName": table,
        "Item": encode_item(code_item(code)),
        "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(given_to)",
    }
    return Also({"Put": put}, JifenError(Code.BUSY, retry_after_seconds=1))
