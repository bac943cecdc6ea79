"""An order as the programme judges it, and what its guard remembers, so that a refund is judged like its payment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.earning.order import Order, Paid, Refunded, fitted
from chalicelib.ledger.counters import Count, Counted
from chalicelib.ledger.model import business_on
from chalicelib.programme.activity import Ordered, OrderLine, Standing
from chalicelib.programme.award import Decision
from chalicelib.programme.model import Terms
from chalicelib.programme.regress import lowerable


def ordered_of(order: Order, paid: Paid, refunds: Iterable[Refunded], zone: str) -> Ordered:
    """The paid order less `refunds`, each on its own line where the shop said which."""
    by_line: dict[str, int] = {}
    refunded_fen = freight_fen = 0
    for refund in fitted(paid, refunds).values():
        refunded_fen += refund.refunded_fen
        freight_fen += refund.freight_fen
        for line_no, fen in refund.lines:
            by_line[line_no] = by_line.get(line_no, 0) + fen
    return Ordered(
        paid_fen=paid.paid_fen,
        freight_fen=paid.freight_fen,
        coupon_fen=paid.coupon_fen,
        points_fen=paid.points_fen,
        stored_value_fen=paid.stored_value_fen,
        refunded_fen=refunded_fen,
        refunded_freight_fen=freight_fen,
        lines=tuple(
            OrderLine(line.line_no, line.sku, line.category, line.paid_fen, by_line.get(line.line_no, 0))
            for line in paid.lines
        ),
        platform=paid.platform,
        is_pos=paid.is_pos,
        paid_on=business_on(paid.paid_at, zone),
        hour=paid.paid_at.astimezone(ZoneInfo(zone)).hour,
        received_on=business_on(order.goods_received_at, zone) if order.goods_received_at else None,
    )


def state_of(terms: Terms, standing: Standing, decision: Decision, credited_on: date) -> dict[str, Any]:
    """What the guard keeps: `terms` version, the business date `on` of the credit, the `multipliers` chosen,
    the member's `level` and the counters the awards were judged by, what the order counts for tasks and ladders
    (`progress`), its `growth` as far as it stands, and its `refunds` {number: fen}.
    """
    state: dict[str, Any] = {"terms": terms.version, "on": credited_on.isoformat(), "refunds": {}}
    if decision.growth:
        state["growth"] = decision.growth
    if standing.level:
        state["level"] = standing.level
    counted = {one.name: one for award in decision.awards for one in award.counts}
    known = {
        name: [one.through_on.isoformat() if one.through_on else "", count.used]
        for name, one in counted.items()
        if (count := standing.counters.get(name)) and count.through_on == one.through_on
    }
    if known:
        state["counters"] = known
    chosen = [part.rule for award in decision.awards for part in award.breakdown if part.rule != award.rule]
    if chosen:
        state["multipliers"] = list(dict.fromkeys(chosen))
    if progress := lowerable(decision):
        state["progress"] = [
            [one.name, one.through_on.isoformat() if one.through_on else "", one.add] for one in progress
        ]
    return state


def standing_at_payment(state: Mapping[str, Any], terms: Terms, member_id: str) -> Standing:
    """The member's standing as the order's credit was judged by it."""
    counters = {
        name: Count(date.fromisoformat(through) if through else None, used)
        for name, (through, used) in state.get("counters", {}).items()
    }
    level = state.get("level", "")
    return Standing(level=level, counters=counters, member_id=member_id, gates=terms.gates(level))


def progress_of(state: Mapping[str, Any]) -> list[Counted]:
    """What the order still counts for tasks and ladders."""
    return [
        Counted(name, date.fromisoformat(through) if through else None, add)
        for name, through, add in state.get("progress", [])
    ]
