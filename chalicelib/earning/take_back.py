"""A refund takes back everything its order caused, each credit by its own share at the order's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from chalicelib.earning.order import Order, Paid, Refunded
from chalicelib.earning.order_terms import ordered_of, progress_of, standing_at_payment
from chalicelib.ledger.commands import Command, Reverse
from chalicelib.ledger.counters import Counted, Counters, counted, running
from chalicelib.ledger.ends import has_ended
from chalicelib.ledger.model import Account, Cause, Credit, Guard, Kind, Policy, business_on
from chalicelib.ledger.pending import taken_back
from chalicelib.programme.award import redecide
from chalicelib.programme.buyers import returned
from chalicelib.programme.growth import growth_of_order
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.programme.regress import Regress, regress

MAX_COMMANDS = 80
"""So many entries, the account, the guard, what expired and what budgets hold of it fit one transaction's hundred."""


def take_back(
    order: Order, paid: Paid, guard: Guard, account: Account, commands: list[Command], book: TermsBook
) -> Guard:
    """Append what is to be taken back for every refund the guard does not know yet; the guard after them.

    Refunds are booked in the order in which they were received, one entry each, and one more for each further credit
    they touch, named by its rule after a `~`. Raises KeyError when `book` is older than the order's terms.
    """
    refunds = sorted(order.refunds.values(), key=lambda one: (one.received_at, one.refund_no))
    if all(refund.refund_no in guard.state["refunds"] for refund in refunds):
        return guard
    terms = book.version(guard.state["terms"])
    # What this very posting counts is not on the account yet.
    counters = account.counters
    for command in commands:
        counters = counted(counters, getattr(command, "counts", ()))
    known = [refund for refund in refunds if refund.refund_no in guard.state["refunds"]]
    for refund in refunds:
        if refund in known:
            continue
        if commands and len(commands) + _most_more(guard) > MAX_COMMANDS:
            break  # the rest is settled by the next posting
        known.append(refund)
        guard, lowered = _of_credits(order, paid, refund, known, guard, account, counters, commands, terms)
        counters = counted(counters, lowered.counts)
    return guard


def _most_more(guard: Guard) -> int:
    """How many entries a refund can come to: each credit, each task; and what is due of each credit after it."""
    return 2 * len(guard.credits) + len(guard.state.get("progress", ()))


def _of_credits(
    order: Order,
    paid: Paid,
    refund: Refunded,
    known: list[Refunded],
    guard: Guard,
    account: Account,
    counters: Counters,
    commands: list[Command],
    terms: Terms,
) -> tuple[Guard, Regress]:
    state = dict(guard.state)
    standing = standing_at_payment(state, guard.member_id)
    after = ordered_of(order, paid, known, terms.zone)
    lumps = frozenset(credit.rule for credit in guard.credits if terms.rule(credit.rule) is None)
    kept = redecide(
        terms,
        after,
        standing,
        {one.rule: one.points - one.adjusted_points for one in guard.credits if one.rule not in lumps},
        chosen=state.get("multipliers", ()),
        on=date.fromisoformat(state["on"]),
    )
    refunded_on = business_on(refund.received_at, terms.zone)
    # Whether counters are still there after their last day is chance: a lump stays either way.
    lowered = regress(terms, after, progress_of(state), running(counters, refunded_on))
    plain = _plain(order, paid, refund, guard, terms)
    credits, reversals = _reversals(guard, kept, lumps, dict(lowered.lumps), plain)
    reversals = _charged(reversals, _charged_points(refund, terms), account, refund.received_at, terms)
    before = ordered_of(order, paid, known[:-1], terms.zone)
    reversals[0] = reversals[0]._replace(counts=(*lowered.counts, *returned(before, after)))
    if growth := state.get("growth"):
        left = min(growth, growth_of_order(terms, after))
        if left < growth:
            reversals[0] = reversals[0]._replace(growth=left - growth, growth_on=date.fromisoformat(state["on"]))
            state["growth"] = left
    commands += reversals
    state["refunds"] = {**state["refunds"], refund.refund_no: refund.refunded_fen}
    if lowered.progress:
        state["progress"] = _less(state.get("progress", []), lowered.progress)
    return guard._replace(credits=credits, state=state), lowered


def _plain(order: Order, paid: Paid, refund: Refunded, guard: Guard, terms: Terms) -> Reverse:
    """The refund's own reversal, of nothing yet: what all that it takes back have in common."""
    cause = Cause(
        kind=Kind.REVERSE,
        activity=guard.activity,
        id=f"{order.key}:{refund.refund_no}",
        at=refund.received_at,
        occurred_at=refund.refunded_at,
        source=paid.platform,
        actor="order_feed",
    )
    facts: dict[str, str | int] = {
        **guard.state.get("facts", {}),
        "order_no": paid.order_no,
        "refund_no": refund.refund_no,
        "refunded_fen": refund.refunded_fen,
    }
    text = f"退款{refund.refunded_fen // 100}.{refund.refunded_fen % 100:02d}元"
    return Reverse(cause, 0, Policy(terms.programme.reversal), terms.version, text=text, facts=facts)


def _reversals(
    guard: Guard, kept: Mapping[str, int], lumps: frozenset[str], fallen: dict[str, int], plain: Reverse
) -> tuple[tuple[Credit, ...], list[Reverse]]:
    """The guard's credits less what they do not keep, and the reversals: at least one, the first under the refund's own
    name. `fallen` are the lumps that lost their ground; one that stands on no credit of this guard is another order's.
    """
    credits: list[Credit] = []
    reversals: list[Reverse] = []

    def named(rule: str) -> Cause:
        return plain.cause._replace(id=f"{plain.cause.id}~{rule}") if reversals else plain.cause

    for credit in guard.credits:
        left = credit.points - credit.reversed_points
        if credit.rule in lumps:
            points = left if left and fallen.get(credit.rule) == left else 0
            if points:
                del fallen[credit.rule]
        else:
            points = max(0, left - max(0, kept.get(credit.rule, left) + credit.adjusted_points))
        if points or not reversals:
            command, credit = taken_back(credit, points, named(credit.rule), plain.text)
            reversals.append(command._replace(facts=plain.facts))
        credits.append(credit)
    for task_id, points in fallen.items():
        reversals.append(plain._replace(cause=named(task_id), points=points, rule=task_id))
    return tuple(credits), reversals or [plain]


def _charged(
    reversals: list[Reverse], charged_points: int, account: Account, now: datetime, terms: Terms
) -> list[Reverse]:
    """The reversals with what the shop kept back in money: each at most what is not pending of it.

    One whose points have expired in their bucket takes nothing, so it needs none of that money either.
    """
    today_on = business_on(max(now, account.posted_at or now), terms.zone)
    charged: list[Reverse] = []
    for one in reversals:
        own = min(charged_points, one.points - one.pending_points)
        ended_at = account.idle_ended_at
        if has_ended(one.bucket, one.credited_on, idle_ended_at=ended_at, today_on=today_on, zone=terms.zone):
            own = 0
        charged_points -= own
        charged.append(one._replace(charged_points=own))
    return charged


def _charged_points(refund: Refunded, terms: Terms) -> int:
    """The points whose value the shop kept back from this refund's money."""
    if terms.programme.reversal != "charge_refund":
        return 0
    value = terms.programme.point_value
    return refund.charged_fen * value.points // value.fen


def _less(progress: list[list[Any]], taken: tuple[Counted, ...]) -> list[list[Any]]:
    fewer = {one.name: one.add for one in taken}
    return [
        [name, through, add + fewer.get(name, 0)] for name, through, add in progress if add + fewer.get(name, 0) > 0
    ]
