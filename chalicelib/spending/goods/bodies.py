"""What shops, tills and staff may send about coupons."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from chalicelib.runtime.bodies import Body

CouponCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{16}$")]
Platform = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
OrderNo = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


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
