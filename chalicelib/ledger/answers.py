"""Accounts, entries and adjustments as members and staff read them: plain JSON, times with the programme's offset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Code
from chalicelib.ledger.adjustment_items import POSTED
from chalicelib.ledger.adjustments import Batch, Change, Proposal, Review, Row
from chalicelib.ledger.buckets import Buckets, bucket_expires_on, class_of
from chalicelib.ledger.bulk import Progress
from chalicelib.ledger.model import Entry, Guard
from chalicelib.ledger.statement import Balance, Open, PendingCredit
from chalicelib.runtime.clock import in_zone

Answer = dict[str, Any]

_SHOWN_FACTS = ("order_no", "waived_points", "charged_points", "repaid_points", "grace_points", "activated_points")
_WORDS = {str(code.number): code.msg for code in Code}


def balance_answer(shown: Balance, still_open: Open, zone: str, *, for_staff: bool = False) -> Answer:
    """A balance, with what is next to become available and what is held."""
    return {
        "available_points": shown.available_points,
        "pending_points": shown.pending_points,
        "held_points": shown.held_points,
        "deficit_points": shown.deficit_points,
        "frozen": shown.frozen,
        "expiring": [{"expires_on": on.isoformat(), "points": points} for on, points in shown.expiring],
        "pending": [pending_answer(one, for_staff=for_staff) for one in still_open.pending],
        "holds": [_hold_answer(guard, zone) for guard in still_open.holds],
    }


def pending_answer(one: PendingCredit, *, for_staff: bool = False) -> Answer:
    """A pending credit; staff also see what names it in a change."""
    credit, guard = one.credit, one.guard
    answer: Answer = {
        "activity": guard.activity,
        "id": guard.cause_id,
        "points": credit.pending_points,
        "points_class": credit.points_class.value,
        "activate_on": credit.activate_on.isoformat() if credit.activate_on else None,
        "reason": credit.text,
    }
    return {**answer, "cause": guard.key, "rule": credit.rule} if for_staff else answer


def entry_answer(entry: Entry, zone: str) -> Answer:
    """An entry as a member sees it: what, how many, why, and the balance after it.

    `points` is what it changed in all; the four after it say of what: a hold moves points from available to held.
    """
    return {
        "id": entry.hash[:24],
        "kind": entry.kind.value,
        "activity": entry.activity,
        "source": entry.cause.source,
        "points": entry.points,
        "available_points": sum(entry.buckets.values()),
        "pending_points": entry.pending_points,
        "held_points": entry.held_points,
        "deficit_points": entry.deficit_points,
        "reason": entry.text,
        "breakdown": [{"rule": part.rule, "points": part.points, "why": part.why} for part in entry.breakdown],
        "terms_version": entry.terms_version,
        "balance_after_points": entry.available_after,
        "deficit_after_points": entry.deficit_after,
        "occurred_at": in_zone(entry.cause.occurred_at, zone),
        "posted_at": in_zone(entry.posted_at, zone),
        **{name: value for name, value in entry.facts.items() if name in _SHOWN_FACTS},
    }


def staff_entry_answer(entry: Entry, zone: str) -> Answer:
    """An entry as staff see it: also by whom, under which rule, from or into which batches, with every fact."""
    return {
        **entry_answer(entry, zone),
        "sequence": entry.sequence,
        "actor": entry.cause.actor,
        "cause_id": entry.cause.id,
        "rule": entry.rule,
        "buckets": _buckets_answer(entry.buckets),
        "pending_after_points": entry.pending_after,
        "held_after_points": entry.held_after,
        "facts": dict(entry.facts),
    }


def proposal_answer(proposal: Proposal, zone: str) -> Answer:
    """A proposal as it stands."""
    return {
        "id": proposal.id,
        **_change_answer(proposal.change),
        "evidence": proposal.evidence,
        **_review_answer(proposal.review, zone),
    }


def batch_answer(batch: Batch, zone: str) -> Answer:
    """A batch's head."""
    return {
        "id": batch.id,
        "name": batch.name,
        "rows": batch.rows,
        "credit_points": batch.credit_points,
        "debit_points": batch.debit_points,
        **_review_answer(batch.review, zone),
    }


def progress_answer(progress: Progress) -> Answer:
    """How far a batch is; failed lines with their reasons."""
    return {
        "posted": progress.posted,
        "failed": len(progress.failed),
        "waiting": progress.waiting,
        "failures": [
            {"line": line, "code": number, "msg": _WORDS.get(str(number), "")} for line, number in progress.failed
        ],
    }


def row_answer(row: Row, said: Mapping[int, str]) -> Answer:
    """A line of a batch and what became of it, null while nothing did."""
    outcome = said.get(row.line)
    is_final = outcome is None or outcome == POSTED
    return {"line": row.line, **_change_answer(row.change), "outcome": outcome if is_final else "failed"}


def _hold_answer(guard: Guard, zone: str) -> Answer:
    return {
        "activity": guard.activity,
        "id": guard.cause_id,
        "points": sum(guard.taken.values()),
        "release_at": in_zone(guard.release_at, zone) if guard.release_at else None,
    }


def _buckets_answer(buckets: Buckets) -> list[Answer]:
    found = []
    for key, points in sorted(buckets.items()):
        on = bucket_expires_on(key)
        end = on.isoformat() if on else None
        found.append({"points_class": class_of(key).value, "expires_on": end, "points": points})
    return found


def _change_answer(change: Change) -> Answer:
    return {
        "member_id": change.member_id,
        "points": change.points,
        "points_class": change.points_class.value if change.points_class else None,
        "expires_on": change.expires_on.isoformat() if change.expires_on else None,
        "validity": dict(change.validity) if change.validity is not None else None,
        "reason": change.reason,
    }


def _review_answer(review: Review, zone: str) -> Answer:
    return {
        "state": review.state.value,
        "proposed_by": review.proposed_by,
        "proposed_at": in_zone(review.proposed_at, zone),
        "decided_by": review.decided_by or None,
        "decided_at": in_zone(review.decided_at, zone) if review.decided_at else None,
        "decline_reason": review.note or None,
    }
