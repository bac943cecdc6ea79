"""The auditor's judgement of what members own: coupons and badges beside what gave them, and draws and gifts beside
what they handed out. Pure, of items as they are stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chalicelib.ledger.audit import UNREADABLE, Finding, differences
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.audit import GIVEN_BACK
from chalicelib.spending.gifts.table import GiftState
from chalicelib.spending.goods.items import badge_item, badge_of, coupon_item, coupon_of
from chalicelib.spending.goods.model import CouponState, OwnedCoupon
from chalicelib.spending.mall.model import Redemption, RedemptionState

MALL, LOTTERY, PAYMENT = "mall", "lottery", "payment"
"""What coupons come from."""
_LEADS_TO: Mapping[str, frozenset[CouponState]] = {
    "used": frozenset({CouponState.USED}),
    "returned": frozenset({CouponState.ISSUED}),
    "order_cancelled": frozenset({CouponState.ISSUED, CouponState.USED}),
    "cancelled": frozenset({CouponState.CANCELLED}),
}
"""What the last line of a coupon's trail leaves it as; one that is withdrawn may stand as it could not else."""
_WITHDRAWN: Mapping[str, frozenset[CouponState]] = {
    "returned": frozenset({CouponState.CANCELLED}),
    "cancelled": frozenset({CouponState.USED}),
    "order_cancelled": frozenset({CouponState.USED}),
}


def check_coupon(item: Item, source: Item | None, line: Item | None, table: str) -> Iterator[Finding]:
    """All that is wrong with a coupon beside the row that gave it and the last line of its trail, as stored: its source
    names it, and it stands as it was left. So nothing that was used is good again.
    """
    key = f"{item['pk']} {item['sk']}"
    try:
        coupon = coupon_of(item)
        expected = coupon_item(coupon)
    except UNREADABLE as error:
        yield Finding(table, key, "coupon", "a readable coupon", repr(error))
        return
    yield from differences(item, expected, table)
    if source is None or coupon.code not in source.get("codes", ()):
        found = "none" if source is None else f"{source['pk']} of {source.get('codes', [])}"
        yield Finding(table, key, "source", f"{coupon.source} {coupon.source_id}, which names it", found)
    elif is_taken_back(source) and coupon.state is not CouponState.CANCELLED and not coupon.is_withdrawn:
        yield Finding(table, key, "state", f"cancelled or withdrawn, as {source['pk']} went back", str(coupon.state))
    if (coupon.state is CouponState.USED) != (coupon.use is not None):
        use = f"{coupon.use.order}" if coupon.use else "none"
        yield Finding(table, key, "use", "an order while it is used, else none", f"{use}, as it is {coupon.state}")
    yield from _check_trail(coupon, line, table)


def is_taken_back(source: Item) -> bool:
    """Whether the row of a payment's gift says that it went back; of redemptions their own check asks."""
    return str(source["pk"]).startswith("PAYMENT#") and source.get("state") == GiftState.TAKEN_BACK


def _check_trail(coupon: OwnedCoupon, line: Item | None, table: str) -> Iterator[Finding]:
    key = f"COUPON#{coupon.code} COUPON"
    if coupon.version == 1:
        if coupon.state is not CouponState.ISSUED:
            yield Finding(table, key, "state", "issued, as nothing has changed it", str(coupon.state))
        return
    if line is None:
        yield Finding(table, key, "version", f"the line of version {coupon.version}", "none")
        return
    action = str(line.get("action"))
    may_be = _LEADS_TO.get(action, frozenset())
    if coupon.is_withdrawn:
        may_be = _WITHDRAWN.get(action, frozenset())
    if coupon.state not in may_be:
        wanted = f"{' or '.join(sorted(may_be)) or 'no such line'}, as it was {action} last"
        yield Finding(table, key, "state", wanted, str(coupon.state))


def check_handed(row: Item, goods: Mapping[str, Item], source_id: str, table: str) -> Iterator[Finding]:
    """Whether what a draw or a gift names is there and its own: coupons, or codes of the pool it says. `goods` are the
    rows that stand there, by code or by the code's id.
    """
    for code in row.get("codes", ()):
        stands = goods.get(code)
        if stands is None or stands.get("source_id") != source_id:
            found = "none" if stands is None else f"of {stands.get('source_id', 'nobody')}"
            yield Finding(table, f"{row['pk']} {row['sk']}", "handed", f"{code}, given by it", found)


def check_code(item: Item, source: Item | None, table: str) -> Iterator[Finding]:
    """Whether the redemption or draw that somebody's code of a pool came from names it and stands, by its row."""
    code, pool = str(item["sk"]).removeprefix("C#"), str(item["pk"]).removeprefix("POOL#")
    key, wanted = f"{item['pk']} {item['sk']}", f"{item.get('source_id')}, which names it and stands"
    if source is None:
        yield Finding(table, key, "source", wanted, "none")
    elif source.get("pool") != pool or code not in source.get("codes", ()) or source.get("state") in GIVEN_BACK:
        found = f"{source['pk']} of {source.get('codes', [])}, {source.get('state', 'drawn')}"
        yield Finding(table, key, "source", wanted, found)


def check_badge(item: Item, redemption: Item | None, table: str) -> Iterator[Finding]:
    """All that is wrong with a badge beside the redemption that gave it, as stored."""
    key = f"{item['pk']} {item['sk']}"
    try:
        badge = badge_of(item)
        expected = badge_item(badge)
    except UNREADABLE as error:
        yield Finding(table, key, "badge", "a readable badge", repr(error))
        return
    yield from differences(item, expected, table)
    if redemption is None:
        yield Finding(table, key, "source", f"the redemption {badge.source_id}", "none")
        return
    if redemption.get("good") != "badge":
        yield Finding(table, key, "source", "a redemption of a badge", str(redemption.get("good")))
    if redemption.get("state") in GIVEN_BACK:
        yield Finding(table, key, "source", f"R#{badge.source_id} that stands", str(redemption["state"]))
    if redemption.get("listed_of") != badge.member_id:
        yield Finding(table, key, "member", badge.member_id, str(redemption.get("listed_of")))


def check_badge_given(one: Redemption, badges: Sequence[Item], table: str) -> Iterator[Finding]:
    """Whether a redemption of a badge that stands gave one; `badges` are its member's."""
    if one.good != "badge" or one.state is not RedemptionState.DONE:
        return
    if all(badge.get("source_id") != one.id for badge in badges):
        yield Finding(table, f"R#{one.id} R", "badge", f"a badge of {one.member_id} that it gave", "none")
