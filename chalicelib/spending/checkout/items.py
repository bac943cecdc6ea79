"""A captured deduction as a DynamoDB item, both ways.

CHECKOUT#<platform>#<order_no>   C   what points paid of the order, line by line, and what refunds gave back
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalicelib.ledger.model import stamp
from chalicelib.spending.checkout.deducted import Back, Deducted, GivenBack, Refunded, Share

Item = dict[str, Any]


def deducted_key(platform: str, order_no: str) -> Item:
    """Where an order's deduction stands."""
    return {"pk": f"CHECKOUT#{platform}#{order_no}", "sk": "C"}


def deducted_item(deducted: Deducted) -> Item:
    """The deduction as stored."""
    return {
        **deducted_key(deducted.platform, deducted.order_no),
        "member_id": deducted.member_id,
        "hold_id": deducted.hold_id,
        "points": deducted.points,
        "fen": deducted.fen,
        "terms": deducted.terms_version,
        "captured_at": stamp(deducted.captured_at),
        "shares": [list(share) for share in deducted.shares],
        "refunded": {line_no: list(one) for line_no, one in deducted.refunded.items()},
        "refunds": {
            refund_no: [back.input_hash, stamp(back.at), [list(line) for line in back.lines]]
            for refund_no, back in deducted.refunds.items()
        },
        "version": deducted.version,
    }


def deducted_of(item: Item) -> Deducted:
    """The deduction that a stored item holds."""
    _, platform, order_no = item["pk"].split("#", 2)
    return Deducted(
        platform=platform,
        order_no=order_no,
        member_id=item["member_id"],
        hold_id=item["hold_id"],
        points=item["points"],
        fen=item["fen"],
        terms_version=item["terms"],
        captured_at=datetime.fromisoformat(item["captured_at"]),
        shares=tuple(Share(*share) for share in item["shares"]),
        refunded={line_no: Refunded(*one) for line_no, one in item["refunded"].items()},
        refunds={
            refund_no: GivenBack(refund_no, hashed, datetime.fromisoformat(at), tuple(Back(*line) for line in lines))
            for refund_no, (hashed, at, lines) in item["refunds"].items()
        },
        version=item["version"],
    )
