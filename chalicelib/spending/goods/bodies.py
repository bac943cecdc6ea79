"""What shops, tills and staff may send about coupons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from chalicelib.errors import Code, JifenError
from chalicelib.runtime.bodies import Body
from chalicelib.runtime.lists import PAGE_DEFAULT, PAGE_MOST, limit_of

CouponCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{16}$")]
Platform = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
OrderNo = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
_PLACE = re.compile(r"\d{4}-\d\d-\d\d#\d{16}")


class CouponUseIn(Body):
    """A coupon that an order uses; `order_fen` is what the order comes to before it. `member_id`, where the shop knows
    who buys: then it must be his.
    """

    code: CouponCode
    platform: Platform
    order_no: OrderNo
    order_fen: Annotated[int, Field(ge=0, le=10**10)]
    member_id: Annotated[str, StringConstraints(pattern=r"^m[0-9a-f]{24}$")] | None = None


class CouponReturnIn(Body):
    """An order that was cancelled, with the coupon that it had used."""

    code: CouponCode
    platform: Platform
    order_no: OrderNo
    reason: Reason


class CouponCancelIn(Body):
    """Why a coupon can no longer be used."""

    reason: Reason


def coupons_asked(query: Mapping[str, str]) -> tuple[str, int]:
    """Behind which place (`<last day>#<code>`) a page of coupons begins, and of how many. Raises INVALID_CURSOR,
    INVALID_REQUEST.
    """
    cursor = query.get("cursor", "")
    if cursor and not _PLACE.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return cursor, limit_of(query, PAGE_MOST, PAGE_DEFAULT)
