"""What members own and pools hold, as the spending table stores them."""

from __future__ import annotations

from datetime import date, datetime

from chalicelib.ledger.model import stamp
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.goods.model import CouponState, OwnedBadge, OwnedCoupon, PoolCode, Use


def coupon_key(code: str) -> Item:
    """Where a coupon stands."""
    return {"pk": f"COUPON#{code}", "sk": "COUPON"}


def coupon_item(coupon: OwnedCoupon) -> Item:
    """Listed under its member by the last day of its use."""
    item = {
        **coupon_key(coupon.code),
        "listed_of": coupon.member_id,
        "listed_key": f"coupon#{coupon.until_on}#{coupon.code}",
        "member_id": coupon.member_id,
        "name": coupon.name,
        "face_fen": coupon.face_fen,
        "min_order_fen": coupon.min_order_fen,
        "until_on": coupon.until_on.isoformat(),
        "source": coupon.source,
        "source_id": coupon.source_id,
        "issued_at": stamp(coupon.issued_at),
        "state": str(coupon.state),
        "version": coupon.version,
    }
    if coupon.use:
        item["use"] = {
            "platform": coupon.use.platform,
            "order_no": coupon.use.order_no,
            "used_at": stamp(coupon.use.used_at),
            "order_fen": coupon.use.order_fen,
        }
    if coupon.returned:
        item["returned"] = list(coupon.returned)
    if coupon.is_withdrawn:
        item["is_withdrawn"] = True
    return item


def coupon_of(item: Item) -> OwnedCoupon:
    """The other way round."""
    use = item.get("use")
    return OwnedCoupon(
        code=item["pk"].removeprefix("COUPON#"),
        member_id=item["member_id"],
        name=item["name"],
        face_fen=item["face_fen"],
        min_order_fen=item["min_order_fen"],
        until_on=date.fromisoformat(item["until_on"]),
        source=item["source"],
        source_id=item["source_id"],
        issued_at=datetime.fromisoformat(item["issued_at"]),
        state=CouponState(item["state"]),
        use=_use_of(use) if use else None,
        returned=tuple(item.get("returned", ())),
        is_withdrawn=item.get("is_withdrawn", False),
        version=item["version"],
    )


def _use_of(use: Item) -> Use:
    return Use(use["platform"], use["order_no"], datetime.fromisoformat(use["used_at"]), use.get("order_fen", 0))


def badge_item(badge: OwnedBadge) -> Item:
    """One row for each member and badge, so that nobody has it twice."""
    return {
        "pk": f"BADGE#{badge.badge}",
        "sk": badge.member_id,
        "listed_of": badge.member_id,
        "listed_key": f"badge#{badge.badge}",
        "name": badge.name,
        "source_id": badge.source_id,
        "given_at": stamp(badge.given_at),
    }


def badge_of(item: Item) -> OwnedBadge:
    """The other way round."""
    return OwnedBadge(
        badge=item["pk"].removeprefix("BADGE#"),
        member_id=item["sk"],
        name=item["name"],
        source_id=item["source_id"],
        given_at=datetime.fromisoformat(item["given_at"]),
    )


def code_item(code: PoolCode) -> Item:
    """A code of a pool; while it is free it is listed as work of the pool, at a place that its hash decides."""
    item = {"pk": f"POOL#{code.pool}", "sk": f"C#{code.id}", "code": code.code}
    if code.given_to:
        return item | {"given_to": code.given_to, "source_id": code.source_id}
    return item | {"work_of": f"POOL#{code.pool}", "work_key": code.id}


def code_of(item: Item) -> PoolCode:
    """The other way round."""
    return PoolCode(
        pool=item["pk"].removeprefix("POOL#"),
        id=item["sk"].removeprefix("C#"),
        code=item["code"],
        given_to=item.get("given_to", ""),
        source_id=item.get("source_id", ""),
    )
