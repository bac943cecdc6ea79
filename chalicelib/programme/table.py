"""The programme's table, the one file of this room that talks to DynamoDB; items.py draws the items.

what decisions read        one query, backwards: pauses, versions to come, the one in force; each document once for ever
a version, a draft         key, strong
history, drafts, pauses    a page of their partition
publishing                 one transaction: heading, document, and the draft it was made of

Everything is read by queries, because that is all that the event handlers are granted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.programme import items
from chalicelib.programme.book import Edition, Heading, Pause, PauseLine, PublishedBook
from chalicelib.programme.items import DRAFTS, PAUSES, TERMS, Draft
from chalicelib.programme.model import Terms
from chalicelib.runtime import clock
from chalicelib.runtime.dynamo import Cancelled, Client, Item, client, decode_item, encode_item, put_once, transact
from chalicelib.runtime.settings import settings

CACHE_S = 30
"""How long a Lambda goes on with the versions and pauses it read: a new one is seen by all within this time."""
HEADINGS_A_QUERY = 50
_DRAFT_HEADING: dict[str, Any] = {
    "ProjectionExpression": "sk, #version, #state, #name, author, created_at, updated_by, updated_at, "
    "published_version",
    "ExpressionAttributeNames": {"#version": "version", "#state": "state", "#name": "name"},
    "FilterExpression": "#state <> :deleted",
    "values": {":deleted": "deleted"},
}


@dataclass(frozen=True, slots=True)
class ProgrammeTable:
    """The programme of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def book(self, now: datetime | None = None, shelf: VersionShelf | None = None) -> PublishedBook:
        """The version in force at `now`, those after it and all pauses, strongly read; every version without `now`.

        `shelf` holds versions that were read before and is given the ones read now.
        """
        shelf = shelf or VersionShelf(self)
        pauses: list[Pause] = []
        needed: list[int] = []
        last: Item | None = {}
        while last is not None:
            page, last = self._page(TERMS, after=last, limit=HEADINGS_A_QUERY)
            pauses += [items.pause_of(item) for item in page if item["sk"].startswith("Z#")]
            for item in page:
                if item["sk"].startswith("V#"):
                    needed.append(item["version"])
                    if now is not None and datetime.fromisoformat(item["effective_from"]) <= now:
                        last = None
                        break
        return PublishedBook(tuple(map(shelf.version, reversed(needed))), tuple(pauses), shelf)

    def headings(self, *, before: int | None = None, limit: int = HEADINGS_A_QUERY) -> list[Heading]:
        """Versions newest first, those below the number `before`, at most `limit`."""
        below = items.heading_sk(before) if before else "V$"
        return [items.heading_of(item) for item in self._some(TERMS, below, limit)]

    def edition(self, version: int) -> Edition | None:
        """A version with its document and warnings as they were published, None when there is none of that number."""
        key = items.edition_key(version)
        item = self._one(key["pk"], key["sk"])
        if item is None:  # the first versions had their document in the heading
            item = self._one(TERMS, items.heading_sk(version))
        return items.edition_of(item) if item and "document" in item else None

    def put_version(
        self,
        version: int,
        document: Mapping[str, Any],
        effective_from: datetime,
        published_by: str,
        now: datetime,
        *,
        note: str = "",
        warnings: Sequence[dict[str, str]] = (),
        draft: Draft | None = None,
    ) -> bool:
        """Keep a version for ever, and its draft as published. False when the very same one stands already.

        Raises VERSION_TAKEN when another does, or when the draft was changed meanwhile: nothing is written then.
        """
        heading = Heading(
            version=version,
            effective_from=effective_from,
            name=document["name"],
            zone=document["zone"],
            rules=len(document["rules"]),
            published_by=published_by,
            published_at=now,
            note=note,
            draft_id=draft.id if draft else "",
        )
        heading_item = items.heading_item(heading, document)
        edition = Edition(version, effective_from, dict(document), tuple(warnings))
        writes = [self._put_new(heading_item), self._put_new(items.edition_item(edition))]
        if draft is not None:
            published = draft._replace(
                version=draft.version + 1,
                state="published",
                published_version=version,
                updated_by=published_by,
                updated_at=now,
            )
            writes.append(self._put_next(items.draft_item(published)))
        try:
            transact(self.dynamo, writes)
        except Cancelled as error:
            standing = error.reasons[0].item
            if standing is not None and standing["hash"] == heading_item["hash"]:
                return False
            if error.is_transient():
                raise
            raise JifenError(Code.VERSION_TAKEN, field="version") from None
        return True

    def pause(self, rule: str) -> Pause | None:
        """The pauses of a rule, None when it never was paused."""
        item = self._one(TERMS, f"Z#{rule}")
        return items.pause_of(item) if item else None

    def save_pause(self, pause: Pause, *, key: str = "") -> None:
        """Keep a rule's next pause or resumption with its line in the history, and the key that asked for it.

        Raises VERSION_TAKEN when another change of this rule came first, KEY_REUSED when the key was used before.
        """
        writes = [self._put_next(items.pause_item(pause)), self._put_new(items.pause_line_item(pause))]
        if key:
            writes.append(self._put_new({"pk": f"KEY#{key}", "sk": "PAUSE"}))
        try:
            transact(self.dynamo, writes)
        except Cancelled as error:
            if key and error.reasons[2].code == "ConditionalCheckFailed":
                raise JifenError(Code.KEY_REUSED) from None
            if error.is_transient():
                raise
            raise JifenError(Code.VERSION_TAKEN) from None

    def pause_lines(self, *, below: str, limit: int) -> list[PauseLine]:
        """The history of pauses, newest first, the lines before the place `below`, at most `limit`."""
        return [items.pause_line_of(item) for item in self._some(PAUSES, below, limit)]

    def create_draft(self, draft: Draft, *, key: str, input_hash: str) -> str:
        """Write a new draft unless the key was used before; answers the id of the draft that the key made.

        Raises KEY_REUSED when the key came with other content, Cancelled when two requests met at this instant.
        """
        guard = {"pk": f"KEY#{key}", "sk": "DRAFT", "draft_id": draft.id, "input_hash": input_hash}
        standing = put_once(self.dynamo, self.name, guard, [items.draft_item(draft)])
        return str(standing["draft_id"]) if standing else draft.id

    def draft(self, draft_id: str) -> Draft:
        """A draft as it stands, a deleted one too; raises DRAFT_NOT_FOUND."""
        item = self._one(DRAFTS, draft_id)
        if item is None:
            raise JifenError(Code.DRAFT_NOT_FOUND)
        return items.draft_of(item)

    def save_draft(self, draft: Draft) -> None:
        """Store the next version of a draft; raises VERSION_TAKEN when somebody was faster."""
        try:
            transact(self.dynamo, [self._put_next(items.draft_item(draft))])
        except Cancelled as error:
            if error.is_transient():
                raise
            raise JifenError(Code.VERSION_TAKEN, field="version") from None

    def drafts(self, *, below: str, limit: int) -> list[Draft]:
        """Drafts without their documents, newest first, ids before `below`, at most `limit`; no deleted ones."""
        return [items.draft_of(item) for item in self._some(DRAFTS, below, limit, **_DRAFT_HEADING)]

    def _one(self, pk: str, sk: str) -> Item | None:
        values = encode_item({":pk": pk, ":sk": sk})
        answer = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND sk = :sk",
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        return decode_item(answer["Items"][0]) if answer["Items"] else None

    def _page(
        self,
        pk: str,
        *,
        limit: int,
        after: Item | None = None,
        below: str = "~",
        values: Item | None = None,
        **shape: Any,
    ) -> tuple[list[Item], Item | None]:
        """Items of a partition backwards from `below`, and the key to go on after, None when these were the last."""
        request = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk AND sk < :below",
            "ScanIndexForward": False,
            "ConsistentRead": True,
            "Limit": limit,
            "ExpressionAttributeValues": encode_item({":pk": pk, ":below": below, **(values or {})}),
            **shape,
        }
        if after:
            request["ExclusiveStartKey"] = encode_item(after)
        answer = self.dynamo.query(**request)
        last = answer.get("LastEvaluatedKey")
        return [decode_item(item) for item in answer["Items"]], decode_item(last) if last else None

    def _some(self, pk: str, below: str, limit: int, **shape: Any) -> list[Item]:
        """The last `limit` items of a partition that lie before a sort key; a query ends early at 1 MB."""
        found: list[Item] = []
        last: Item | None = {}
        while last is not None and len(found) < limit:
            page, last = self._page(pk, limit=limit, after=last, below=below, **shape)
            found += page
        return found[:limit]

    def _put_new(self, item: Item) -> dict[str, Any]:
        return self._put(item, {"ConditionExpression": "attribute_not_exists(pk)"})

    def _put_next(self, item: Item) -> dict[str, Any]:
        """Put an item over the version just before its own, or where none is when its own is the first."""
        if item["version"] == 1:
            return self._put_new(item)
        condition = {
            "ConditionExpression": "#version = :seen",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": encode_item({":seen": item["version"] - 1}),
        }
        return self._put(item, condition)

    def _put(self, item: Item, condition: dict[str, Any]) -> dict[str, Any]:
        return {"Put": {"TableName": self.name, "Item": encode_item(item), **condition}}


@dataclass(slots=True)
class VersionShelf:
    """Versions once read, kept as long as the process lives: they never change."""

    table: ProgrammeTable
    _terms: dict[int, Terms] = field(default_factory=dict)
    _begins: dict[int, datetime] = field(default_factory=dict)

    def at(self, instant: datetime, *, below: int) -> Terms:
        """The version in force at an instant, among those with a number below the given one; else the first."""
        for number in range(below - 1, 0, -1):
            if number not in self._begins:
                headings = self.table.headings(before=number + 1)
                self._begins |= {heading.version: heading.effective_from for heading in headings}
            if number in self._begins and self._begins[number] <= instant:
                return self.version(number)
        return self.version(1)

    def version(self, number: int) -> Terms:
        """One version by its number; KeyError when it was never published."""
        if number not in self._terms:
            edition = self.table.edition(number)
            if edition is None:
                raise KeyError(number)
            self._terms[number] = items.terms_of(edition)
        return self._terms[number]


def open_programme() -> ProgrammeTable:
    """The stage's programme."""
    return ProgrammeTable(client(), settings().programme_table)


_cached: dict[str, tuple[float, PublishedBook, VersionShelf]] = {}


def terms_book() -> PublishedBook:
    """The stage's book, read again when older than CACHE_S; an empty book is never cached.

    The wall clock only says which versions are worth reading ahead; the others are read when they are asked for.
    """
    table = open_programme()
    cached = _cached.get(table.name)
    if cached is None or not cached[1].versions or time.monotonic() - cached[0] > CACHE_S:
        shelf = cached[2] if cached else VersionShelf(table)
        cached = (time.monotonic(), table.book(clock.utc_now(), shelf), shelf)
        _cached[table.name] = cached
    return cached[1]


def forget() -> None:
    """Drop what was read (a test's clean start, a tool that turns to another stage)."""
    _cached.clear()


def terms_at(instant: datetime) -> Terms:
    """The terms in force at an instant; raises TERMS_MISSING while nothing is published."""
    terms = terms_book().at(instant)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    return terms
