"""A plan of gifts after a payment, as staff write it, and which plan a payment meets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, NamedTuple

from chalicelib.ledger.document import Discriminator, Ge, Le, Len, Pattern, document
from chalicelib.spending.goods.good import Bundle, Coupon


@document
class GiftPlan:
    """A coupon, or a bundle of them, for each payment of at least so much within a span."""

    name: Annotated[str, Len(1, 40)]
    good: Annotated[Coupon | Bundle, Discriminator("kind")]
    min_fen: Annotated[int, Ge(1), Le(10**9)] = 1
    from_at: datetime | None = None
    until_at: datetime | None = None
    """Payments of this instant and later get none."""
    times_per_member: Annotated[int, Ge(1), Le(1000)] | None = None
    """How often a member may have this plan's gift in all."""
    message: Annotated[str, Len(1, 60)]
    """Said on the page after the payment, and by a message."""
    path: Annotated[str, Len(1, 200), Pattern(r"^[A-Za-z0-9_./?=&%-]+$")]
    """The page of the mini-program that the gift leads to."""
    taken_back: bool = True
    """Whether a refund of all that was paid takes back coupons that were not used."""
    rank: Annotated[int, Ge(0), Le(10_000)] = 100
    """Of several plans that a payment meets it gets the gift of the lowest rank."""


class Payment(NamedTuple):
    """A payment that was told by a verified notice."""

    platform: str
    number: str
    """The merchant's own number of it."""
    buyer_id: str
    paid_fen: int
    paid_at: datetime


def faults_of(plan: GiftPlan) -> Iterator[tuple[str, str]]:
    """(path, reason in Chinese) of everything that no single field shows."""
    if wrong := plan.good.problem():
        yield f"good.{wrong[0]}", wrong[1]
    for name in ("from_at", "until_at"):
        at = getattr(plan, name)
        if at is not None and at.tzinfo is None:
            yield name, "应带时区"
            return
    if plan.from_at and plan.until_at and plan.from_at >= plan.until_at:
        yield "until_at", "应晚于开始时间"


def meets(plan: GiftPlan, payment: Payment) -> bool:
    """Whether a payment is one of the plan's: by its money and its own instant, whenever it is told."""
    if payment.paid_fen < plan.min_fen or (plan.from_at and payment.paid_at < plan.from_at):
        return False
    return plan.until_at is None or payment.paid_at < plan.until_at


def plan_for(plans: Iterable[tuple[str, GiftPlan]], payment: Payment) -> tuple[str, GiftPlan] | None:
    """(id, plan) of the plan whose gift a payment gets, if any."""
    met = [one for one in plans if meets(one[1], payment)]
    return min(met, key=lambda one: (one[1].rank, one[0]), default=None)
