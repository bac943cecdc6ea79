"""Catalogue and redemptions as the spending table stores them."""

from __future__ import annotations

from datetime import datetime

from chalicelib.ledger.model import stamp
from chalicelib.programme.stored import read_stored
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.documents import Kept
from chalicelib.spending.mall.item import MallItem, Price
from chalicelib.spending.mall.model import (
    RECEIVED_AFTER,
    Delivery,
    ItemState,
    Listed,
    Money,
    Redemption,
    RedemptionState,
    Report,
    Tracking,
)

CATALOGUE = "ITEMS"
UNPAID_SHARDS = 8
SHIPPED_SHARDS = 8
REFUNDS = "REFUNDS"
"""Money on its way back."""
STUCK = "STUCK"
"""Money that WeChat Pay could not give back."""
REPORTS = "REPORTS"
"""What WeChat is to be told of."""
UNREPORTED = "UNREPORTED"
"""What it did not want to hear so."""
_WORK = (RedemptionState.TO_SHIP, RedemptionState.TO_PICK_UP)
_MONEY_WORK = {Money.REFUNDING: REFUNDS, Money.STUCK: STUCK}
_REPORT_WORK = {Report.DUE: REPORTS, Report.REFUSED: UNREPORTED}


def listed_from(kept: Kept) -> Listed:
    """An item of the catalogue from its document, which was checked when it was written."""
    item: MallItem = read_stored(MallItem, kept.document)
    return Listed(kept.id, item, ItemState(kept.state), kept.version, kept.changed_by, kept.changed_at)


def redemption_row_key(redemption_id: str) -> Item:
    """Where a redemption stands."""
    return {"pk": f"R#{redemption_id}", "sk": "R"}


def redemption_item(one: Redemption) -> Item:
    """A redemption, listed under its member; as work while somebody has to do something about it; as due while it
    waits for money or to be received.
    """
    item: Item = {
        **redemption_row_key(one.id),
        "listed_of": one.member_id,
        "listed_key": f"redemption#{stamp(one.made_at)}#{one.id}",
        "item": one.item_id,
        "name": one.name,
        "good": one.good,
        "price": [one.price.id, one.price.points, one.price.cash_fen],
        "quantity": one.quantity,
        "quoted_at": stamp(one.quoted_at),
        "made_at": stamp(one.made_at),
        "state": str(one.state),
        "stock": one.stock_id,
        "version": one.version,
    }
    if work := work_of(one):
        item |= {"work_of": work, "work_key": f"{stamp(one.made_at)}#{one.id}"}
    if one.state is RedemptionState.UNPAID and one.pay_until_at:
        item |= {"due_shard": unpaid_shard(int(one.id[:8], 16)), "due_at": stamp(one.pay_until_at)}
    if one.state is RedemptionState.SHIPPED and one.shipped_at:
        due_at = stamp(one.shipped_at + RECEIVED_AFTER)
        item |= {"due_shard": shipped_shard(int(one.id[:8], 16)), "due_at": due_at}
    return item | _what_else(one)


def work_of(one: Redemption) -> str:
    """The work list that a redemption stands on, the most urgent one; empty when nobody has to do anything."""
    if one.money in _MONEY_WORK:
        return _MONEY_WORK[one.money]
    if one.state in _WORK:
        return f"FULFIL#{one.state}"
    return _REPORT_WORK.get(one.report, "") if one.state is not RedemptionState.CANCELLED else ""


def unpaid_shard(number: int) -> str:
    """The partition of the due index where unpaid redemptions of a number stand."""
    return f"unpaid#{number % UNPAID_SHARDS}"


def shipped_shard(number: int) -> str:
    """The partition of the due index where shipped redemptions of a number stand."""
    return f"shipped#{number % SHIPPED_SHARDS}"


def _what_else(one: Redemption) -> Item:
    """The attributes that many redemptions do not have."""
    found: Item = {
        "limits": [list(key) for key in one.limits],
        "codes": list(one.codes),
        "pool": one.pool,
        "promised": one.promised,
        "delivery": list(one.delivery) if one.delivery else [],
        "pay_until_at": stamp(one.pay_until_at) if one.pay_until_at else "",
        "tracking": list(one.tracking) if one.tracking else [],
        "shipped_at": stamp(one.shipped_at) if one.shipped_at else "",
        "reissued": one.reissued,
        "reissued_pieces": one.reissued_pieces,
        "shelf_pieces": one.shelf_pieces,
        "kept_pieces": one.kept_pieces,
        "pick_up_digest": one.pick_up_digest,
        "picked_up_by": one.picked_up_by,
        "changed_at": stamp(one.changed_at) if one.changed_at else "",
        "reason": one.reason,
        "revealed_at": stamp(one.revealed_at) if one.revealed_at else "",
        "money": str(one.money),
        "transaction_id": one.transaction_id,
        "payer": one.payer,
        "is_late": one.is_late,
        "report": str(one.report),
        "draw": one.draw,
        "offer": one.offer_id,
        "group": one.group_id,
    }
    return {name: value for name, value in found.items() if value}


def redemption_of(item: Item) -> Redemption:
    """The other way round."""
    price = item["price"]
    return Redemption(
        id=item["pk"].removeprefix("R#"),
        member_id=item["listed_of"],
        item_id=item["item"],
        name=item["name"],
        good=item["good"],
        price=Price(id=price[0], points=price[1], cash_fen=price[2]),
        quantity=item["quantity"],
        quoted_at=datetime.fromisoformat(item["quoted_at"]),
        made_at=datetime.fromisoformat(item["made_at"]),
        state=RedemptionState(item["state"]),
        stock_id=item["stock"],
        limits=tuple((pk, sk) for pk, sk in item.get("limits", ())),
        codes=tuple(item.get("codes", ())),
        pool=item.get("pool", ""),
        promised=item.get("promised", ""),
        delivery=Delivery(*item["delivery"]) if "delivery" in item else None,
        pay_until_at=_instant(item, "pay_until_at"),
        tracking=Tracking(*item["tracking"]) if "tracking" in item else None,
        shipped_at=_instant(item, "shipped_at"),
        reissued=item.get("reissued", 0),
        reissued_pieces=item.get("reissued_pieces", 0),
        shelf_pieces=item.get("shelf_pieces", 0),
        kept_pieces=item.get("kept_pieces", 0),
        pick_up_digest=item.get("pick_up_digest", ""),
        picked_up_by=item.get("picked_up_by", ""),
        changed_at=_instant(item, "changed_at"),
        reason=item.get("reason", ""),
        revealed_at=_instant(item, "revealed_at"),
        money=Money(item.get("money", "")),
        transaction_id=item.get("transaction_id", ""),
        payer=item.get("payer", ""),
        is_late=item.get("is_late", False),
        report=Report(item.get("report", "")),
        draw=item.get("draw", ""),
        offer_id=item.get("offer", ""),
        group_id=item.get("group", ""),
        version=item["version"],
    )


def _instant(item: Item, name: str) -> datetime | None:
    return datetime.fromisoformat(item[name]) if name in item else None
