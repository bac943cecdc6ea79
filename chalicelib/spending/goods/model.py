"""What members own of goods, and a pool's codes. Pure."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class CouponState(StrEnum):
    """What has become of a coupon; that its last day has passed is no state of its own."""

    ISSUED = "issued"
    USED = "used"
    CANCELLED = "cancelled"


class Use(NamedTuple):
    """The order that a coupon was used for."""

    platform: str
    order_no: str
    used_at: datetime
    order_fen: int = 0
    """What the order came to before the coupon."""

    @property
    def order(self) -> str:
        """The order, as a coupon remembers it."""
        return order_key(self.platform, self.order_no)


def order_key(platform: str, order_no: str) -> str:
    """How an order is named."""
    return f"{platform}#{order_no}"


class OwnedCoupon(NamedTuple):
    """One coupon of one member."""

    code: str
    """16 digits, also what a till scans."""
    member_id: str
    name: str
    face_fen: int
    min_order_fen: int
    until_on: date
    source: str
    """What it came from: `mall`, `lottery`, `payment`, `staff`."""
    source_id: str
    issued_at: datetime
    state: CouponState = CouponState.ISSUED
    use: Use | None = None
    returned: tuple[str, ...] = ()
    """Orders that were cancelled: it came back from them, and none of them can use it (again)."""
    is_withdrawn: bool = False
    """What it was given for came back while it was in use: once its order gives it back, nobody can use it any more."""
    version: int = 1

    def is_over(self, on: date) -> bool:
        """Whether it can no longer be used on a business date though nobody has used it."""
        return self.state is CouponState.ISSUED and on > self.until_on


class OwnedBadge(NamedTuple):
    """An honour of one member."""

    badge: str
    member_id: str
    name: str
    source_id: str
    given_at: datetime


class PoolCode(NamedTuple):
    """A code of a pool, free or somebody's."""

    pool: str
    id: str
    """24 hex digits of the code's SHA-256: the same code is in a pool once."""
    code: str
    given_to: str = ""
    """The member, empty while it is free."""
    source_id: str = ""


class Given(NamedTuple):
    """Where something was given from and when; what every row of it says."""

    source: str
    source_id: str
    at: datetime
    on: date
