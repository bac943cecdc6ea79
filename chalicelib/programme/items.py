"""Versions, pauses and drafts as plain items, and back. What is missing in an item is a defect and raises KeyError.

pk             sk                 holds
TERMS          V#000001           the heading of a version; written once, never changed
TERMS          Z#<rule>           the pauses of a rule: their intervals, and who made the last change
TERMS#000001   DOCUMENT           a version's document and the warnings of its publishing; written once
PAUSES         <instant>#<rule>   one pause or resumption: who, when, why; written once
DRAFTS         <id>               a draft; after its deletion only who did that
KEY#<sha256>   DRAFT, PAUSE       what an Idempotency-Key has done

One query of TERMS, backwards, has the pauses first, then the versions to come, then the one in force.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest, stamp
from chalicelib.programme.book import Edition, Heading, Interval, Pause, PauseLine
from chalicelib.programme.model import Terms
from chalicelib.programme.stored import stored_programme

Item = dict[str, Any]

TERMS = "TERMS"
PAUSES = "PAUSES"
DRAFTS = "DRAFTS"
MAX_DOCUMENT_BYTES = 360 * 1024
"""As stored: DynamoDB takes 400 KB an item, and the warnings stand beside it."""
KEPT_INTERVALS = 500
"""A rule's older pauses leave the decisions; who made them and why stays in the history."""


class Draft(NamedTuple):
    """A programme in the making; `document` is anything until it is published."""

    id: str
    version: int
    state: str
    """`draft`, `published` or `deleted`."""
    name: str
    document: dict[str, Any] | None
    """None where only the heading was read."""
    author: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    published_version: int | None = None


def document_text(document: Mapping[str, Any]) -> str:
    """A document as it is stored; raises BODY_TOO_LARGE when no item could hold it."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if len(text.encode()) > MAX_DOCUMENT_BYTES:
        raise JifenError(Code.BODY_TOO_LARGE, f"积分方案不能超过{MAX_DOCUMENT_BYTES // 1024}KB", field="document")
    return text


def heading_sk(version: int) -> str:
    return f"V#{version:06d}"


def edition_key(version: int) -> Item:
    return {"pk": f"{TERMS}#{version:06d}", "sk": "DOCUMENT"}


def heading_item(heading: Heading, document: Mapping[str, Any]) -> Item:
    """The heading; its hash tells a repeat from another version."""
    return {
        "pk": TERMS,
        "sk": heading_sk(heading.version),
        "version": heading.version,
        "effective_from": stamp(heading.effective_from),
        "name": heading.name,
        "zone": heading.zone,
        "rules": heading.rules,
        "hash": digest({"document": dict(document), "effective_from": stamp(heading.effective_from)}),
        "published_by": heading.published_by,
        "published_at": stamp(heading.published_at),
        "note": heading.note,
        "draft_id": heading.draft_id,
    }


def heading_of(item: Item) -> Heading:
    """A heading; the first versions had their document in the same item."""
    known = json.loads(item["document"]) if "document" in item else item
    rules = known["rules"]
    return Heading(
        version=item["version"],
        effective_from=datetime.fromisoformat(item["effective_from"]),
        name=known["name"],
        zone=known["zone"],
        rules=rules if isinstance(rules, int) else len(rules),
        published_by=item["published_by"],
        published_at=datetime.fromisoformat(item["published_at"]),
        note=item.get("note", ""),
        draft_id=item.get("draft_id", ""),
    )


def edition_item(edition: Edition) -> Item:
    return {
        **edition_key(edition.version),
        "version": edition.version,
        "effective_from": stamp(edition.effective_from),
        "document": document_text(edition.document),
        "warnings": list(edition.warnings),
    }


def edition_of(item: Item) -> Edition:
    return Edition(
        version=item["version"],
        effective_from=datetime.fromisoformat(item["effective_from"]),
        document=json.loads(item["document"]),
        warnings=tuple(item.get("warnings", ())),
    )


def terms_of(edition: Edition) -> Terms:
    """The terms that a stored version makes."""
    return Terms(edition.version, edition.effective_from, stored_programme(edition.document))


def pause_item(pause: Pause) -> Item:
    intervals = [
        [stamp(one.from_at), stamp(one.until_at) if one.until_at else ""] for one in pause.intervals[-KEPT_INTERVALS:]
    ]
    kept = {"rule": pause.rule, "version": pause.version, "by": pause.by, "reason": pause.reason}
    return {"pk": TERMS, "sk": f"Z#{pause.rule}", **kept, "at": stamp(pause.at), "intervals": intervals}


def pause_of(item: Item) -> Pause:
    return Pause(
        rule=item["rule"],
        version=item["version"],
        intervals=tuple(
            Interval(datetime.fromisoformat(from_at), datetime.fromisoformat(until_at) if until_at else None)
            for from_at, until_at in item["intervals"]
        ),
        by=item["by"],
        reason=item["reason"],
        at=datetime.fromisoformat(item["at"]),
    )


def pause_line_item(pause: Pause) -> Item:
    """The history's line of the last change."""
    action = "pause" if pause.is_paused else "resume"
    line = PauseLine(pause.rule, pause.version, action, pause.by, pause.reason, pause.at)
    return {"pk": PAUSES, "sk": pause_line_sk(line), **line._asdict(), "at": stamp(line.at)}


def pause_line_sk(line: PauseLine) -> str:
    """By time; the version keeps two changes of a rule in one millisecond apart."""
    return f"{stamp(line.at)}#{line.version:06d}#{line.rule}"


def pause_line_of(item: Item) -> PauseLine:
    known = {name: item[name] for name in PauseLine._fields}
    return PauseLine(**{**known, "at": datetime.fromisoformat(item["at"])})


def draft_item(draft: Draft) -> Item:
    item: Item = {
        "pk": DRAFTS,
        "sk": draft.id,
        "version": draft.version,
        "state": draft.state,
        "name": draft.name,
        "author": draft.author,
        "created_at": stamp(draft.created_at),
        "updated_by": draft.updated_by,
        "updated_at": stamp(draft.updated_at),
    }
    if draft.document is not None:
        item["document"] = document_text(draft.document)
    if draft.published_version is not None:
        item["published_version"] = draft.published_version
    return item


def draft_of(item: Item) -> Draft:
    return Draft(
        id=item["sk"],
        version=item["version"],
        state=item["state"],
        name=item["name"],
        document=json.loads(item["document"]) if "document" in item else None,
        author=item["author"],
        created_at=datetime.fromisoformat(item["created_at"]),
        updated_by=item["updated_by"],
        updated_at=datetime.fromisoformat(item["updated_at"]),
        published_version=item.get("published_version"),
    )
