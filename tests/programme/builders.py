"""Programmes for tests: the demo document as it ships, and terms with one rule changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.ledger.counters import Count, Counters, counted
from chalicelib.programme.decision import Decision
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms, TermsBook

ROOT = Path(__file__).parents[2]
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


def demo_document() -> dict[str, Any]:
    """A fresh copy of the demo programme's document."""
    document: dict[str, Any] = json.loads((ROOT / "local/programmes/demo.json").read_text())
    return document


def demo_terms(version: int = 1, since: datetime = SINCE, **amounts: dict[str, Any]) -> Terms:
    """The demo terms; `order={"points": 2}` changes the amount of the rule `order`."""
    document = demo_document()
    for rule in document["rules"]:
        rule["amount"] |= amounts.get(rule["id"], {})
    return Terms(version, since, read_programme(document))


def demo_book(*versions: Terms) -> TermsBook:
    """A book of these versions, or of the demo terms alone."""
    return TermsBook(versions or (demo_terms(),))


def a_rule(rule_id: str, activity: str = "order", **given: Any) -> dict[str, Any]:
    """A plain rule of a document: one point a yuan for an order, five points for anything else."""
    by_amount = {"kind": "per_amount", "fen": 100, "points": 1, "rounding": "floor", "less": ["freight"]}
    return {
        "id": rule_id,
        "name": rule_id,
        "activity": activity,
        "points_class": "behaviour",
        "amount": by_amount if activity == "order" else {"kind": "fixed", "points": 5},
        "validity": {"kind": "never"},
        **given,
    }


def a_document(*rules: dict[str, Any], **given: Any) -> dict[str, Any]:
    """A small document around these rules; the indicators `review`, `invite` and `sale` (of money) are listed."""
    return {
        "name": "试",
        "zone": "Asia/Shanghai",
        "class_order": ["activity", "behaviour", "consumption"],
        "reversal": "deficit",
        "indicators": [
            {"id": "review", "name": "评价", "dimension": "activity"},
            {"id": "invite", "name": "邀请", "dimension": "activity"},
            {"id": "sale", "name": "售卖", "dimension": "transaction"},
        ],
        "rules": list(rules),
        **given,
    }


def terms_of(*rules: dict[str, Any], paused: frozenset[str] = frozenset(), **given: Any) -> Terms:
    """Version 1 of `a_document`."""
    return Terms(1, SINCE, read_programme(a_document(*rules, **given)), paused)


def after(counters: Counters, decision: Decision) -> dict[str, Count]:
    """A member's counters once the ledger has booked a decision."""
    changes = [change for award in decision.awards for change in award.counts]
    return counted(counters, [*changes, *decision.progress])
