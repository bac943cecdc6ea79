"""Programmes for tests: the demo document as it ships, and terms with one rule changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
