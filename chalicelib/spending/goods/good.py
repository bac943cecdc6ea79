"""What a member can be given, as staff write it into an item or a prize. Pure.

coupon   满减: so much off an order of at least so much, until its last day
bundle   several coupons at once
virtual  a code out of a pool, revealed to one member
badge    an honour; each member has it once
parcel   a thing that is sent or picked up
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, ClassVar, Literal

from chalicelib.ledger.document import Discriminator, Ge, Le, Len, document
from chalicelib.programme.caps import Id

Name = Annotated[str, Len(1, 40)]


@document
class Coupon:
    """`face_fen` off an order of at least `min_order_fen`, through the last of `valid_days` business days."""

    IS_SENT: ClassVar = False

    kind: Literal["coupon"]
    name: Name
    face_fen: Annotated[int, Ge(1), Le(10**7)]
    min_order_fen: Annotated[int, Ge(0), Le(10**8)] = 0
    valid_days: Annotated[int, Ge(1), Le(730)]
    """The day it is given is the first."""

    def problem(self) -> tuple[str, str] | None:
        """(path, reason in Chinese) of what no single field shows: it must never be worth more than the order."""
        return ("face_fen", "大于使用门槛") if self.min_order_fen and self.face_fen > self.min_order_fen else None

    def until_on(self, given_on: date) -> date:
        """The last business date on which it can be used."""
        return given_on + timedelta(days=self.valid_days - 1)


@document
class Bundle:
    """Coupons that come together."""

    IS_SENT: ClassVar = False

    kind: Literal["bundle"]
    coupons: Annotated[tuple[Coupon, ...], Len(1, 10)]

    def problem(self) -> tuple[str, str] | None:
        """What one of its coupons gets wrong."""
        for place, coupon in enumerate(self.coupons):
            if wrong := coupon.problem():
                return f"coupons.{place}.{wrong[0]}", wrong[1]
        return None


@document
class Virtual:
    """One code of a pool."""

    IS_SENT: ClassVar = False

    kind: Literal["virtual"]
    pool: Id

    def problem(self) -> tuple[str, str] | None:
        """Nothing."""
        return None


@document
class Badge:
    """An honour (奖牌): `badge` names it, for ever."""

    IS_SENT: ClassVar = False

    kind: Literal["badge"]
    badge: Id

    def problem(self) -> tuple[str, str] | None:
        """Nothing."""
        return None


Way = Literal["ship", "pick_up"]


@document
class Parcel:
    """A thing; `ways` are those in which a member may get it."""

    IS_SENT: ClassVar = True

    kind: Literal["parcel"]
    ways: Annotated[tuple[Way, ...], Len(1, 2)] = ("ship",)

    def problem(self) -> tuple[str, str] | None:
        """No way stands twice."""
        return ("ways", "有重复项") if len(set(self.ways)) < len(self.ways) else None


AnyGood = Coupon | Bundle | Virtual | Badge | Parcel
Good = Annotated[AnyGood, Discriminator("kind")]


def coupons_of(good: AnyGood) -> tuple[Coupon, ...]:
    """The coupons that come with one piece of it."""
    if isinstance(good, Coupon):
        return (good,)
    return good.coupons if isinstance(good, Bundle) else ()
