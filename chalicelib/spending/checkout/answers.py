"""The checkout's answers: plain JSON, points and fen, times with the programme's offset."""

from __future__ import annotations

from typing import Any

from chalicelib.runtime.clock import in_zone
from chalicelib.spending.checkout.basket import FREIGHT
from chalicelib.spending.checkout.capture import Captured
from chalicelib.spending.checkout.deduct import Held, Quoted
from chalicelib.spending.checkout.deducted import Back, Share
from chalicelib.spending.checkout.quote import Quote
from chalicelib.spending.checkout.refund import Done

Answer = dict[str, Any]


def quote_answer(quoted: Quoted, text: str | None, zone: str) -> Answer:
    """What may be used and what is; `quote` is null when no points are."""
    allowed, quote = quoted.allowance, quoted.quote
    return {
        "most_points": allowed.most_points,
        "most_fen": allowed.most_fen,
        "points": allowed.points,
        "fen": allowed.fen,
        "reasons": list(allowed.reasons),
        **_split(quoted.shares),
        "quote": text,
        "expires_at": in_zone(quote.expires_at, zone) if quote else None,
        "release_at": in_zone(quote.release_at, zone) if quote else None,
    }


def held_answer(held: Held, quote: Quote, zone: str) -> Answer:
    """Points that are set aside, and until when."""
    return {
        "hold_id": quote.hold_id,
        "points": quote.points,
        "fen": quote.fen,
        "release_at": in_zone(quote.release_at, zone),
        "available_points": held.entry.available_after,
        "replayed": held.replayed,
    }


def released_answer(released: Held, quote: Quote) -> Answer:
    """Points that are the member's again."""
    return {
        "hold_id": quote.hold_id,
        "points": -released.entry.held_points,
        "available_points": released.entry.available_after,
        "replayed": released.replayed,
    }


def captured_answer(captured: Captured, zone: str) -> Answer:
    """What points paid of an order, line by line."""
    deducted = captured.deducted
    return {
        "hold_id": deducted.hold_id,
        "platform": deducted.platform,
        "order_no": deducted.order_no,
        "points": deducted.points,
        "fen": deducted.fen,
        "captured_at": in_zone(deducted.captured_at, zone),
        **_split(deducted.shares),
        "replayed": captured.replayed,
    }


def refunded_answer(done: Done, zone: str) -> Answer:
    """What a refund gave back, line by line, and what of the order's points is still spent."""
    back, refunds = done.back, done.deducted.refunds.values()
    return {
        "platform": done.deducted.platform,
        "order_no": done.deducted.order_no,
        "refund_no": back.refund_no,
        "points": back.points,
        "fen": back.fen,
        "refunded_at": in_zone(back.at, zone),
        **_split(back.lines),
        "left_points": done.deducted.points - sum(one.points for one in refunds),
        "replayed": done.replayed,
    }


def _split(parts: tuple[Share, ...] | tuple[Back, ...]) -> Answer:
    """The lines that have a share, and the freight's."""
    freight = next((part for part in parts if part.line_no == FREIGHT), None)
    lines = [part for part in parts if part.line_no != FREIGHT and (part.points or part.fen)]
    return {
        "lines": [{"line_no": part.line_no, "points": part.points, "fen": part.fen} for part in lines],
        "freight": {"points": freight.points if freight else 0, "fen": freight.fen if freight else 0},
    }
