"""Programmes for earning tests: the demo's two plainest rules, everything else added by name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms, TermsBook
from tests.programme.builders import SINCE, demo_document

PLAIN = ("check_in", "order")


def plain_document(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The demo's check-in and order, the order credited at once; further rules and top-level changes as given."""
    document = demo_document()
    kept = [rule for rule in document["rules"] if rule["id"] in PLAIN]
    for rule in kept:
        rule.pop("pending", None)
    if "indicators" in changes:
        document["stages"] = None  # the demo's stages name indicators of its own
    return {**document, "rules": [*kept, *rules], "tasks": [], "caps": [], "budgets": [], **changes}


def plain_terms(version: int = 1, since: datetime = SINCE, *rules: dict[str, Any], **changes: Any) -> Terms:
    """Terms of the plain document; `order={"points": 5}` changes the amount of the rule `order`, other names are
    parts of the document.
    """
    amounts = {name: changes.pop(name) for name in PLAIN if name in changes}
    document = plain_document(*rules, **changes)
    for rule in document["rules"]:
        rule["amount"] = {**rule["amount"], **amounts.get(rule["id"], {})}
    return Terms(version, since, read_programme(document))


def plain_book(*versions: Terms) -> TermsBook:
    """A book of these versions, or of the plain terms alone."""
    return TermsBook(versions or (plain_terms(),))


def a_rule(id: str, activity: str = "order", **given: Any) -> dict[str, Any]:
    """A rule with a fixed amount, valid for twelve months."""
    values: dict[str, Any] = {
        "id": id,
        "name": id,
        "activity": activity,
        "points_class": "activity",
        "amount": {"kind": "fixed", "points": 100},
        "validity": {"kind": "months", "months": 12},
    }
    return {**values, **given}


PENDING = {"kind": "receipt", "days": 7, "fallback_days": 22, "pos_fallback_days": 7}
