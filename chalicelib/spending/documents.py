"""What staff write and members are offered (items, plans): documents with a state, versions and a trail.

Each kind stands under a partition of its own, so that one query has them all: there are hundreds, not thousands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest, stamp
from chalicelib.runtime.dynamo import (
    Cancelled,
    Client,
    Item,
    client,
    decode_item,
    encode_item,
    pages,
    transact,
)
from chalicelib.runtime.settings import settings

LINES_SHOWN = 50
LONGEST_ID = 40
DRAFT, ON, OFF = "draft", "on", "off"


class Kept(NamedTuple):
    """A document as it stands."""

    id: str
    document: Mapping[str, Any]
    state: str
    """`draft`, `on` or `off`."""
    version: int
    changed_by: str
    changed_at: datetime


class Line(NamedTuple):
    """One change of a document."""

    at: datetime
    by: str
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class DocumentsTable:
    """The documents of one kind."""

    dynamo: Client
    name: str
    kind: str
    """Their partition: `ITEMS`, `PAYGIFTS`."""

    def all(self) -> list[Kept]:
        """Every document, by id, strongly read."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": self.kind}),
            ConsistentRead=True,
        )
        return [_kept(decode_item(item)) for page in found for item in page]

    def page(self, after: str, limit: int) -> tuple[list[Kept], str | None]:
        """Up to `limit` documents by id, those behind one only, strongly read; the last one's id where more follow."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND sk > :after",
            ExpressionAttributeValues=encode_item({":pk": self.kind, ":after": after or " "}),
            ConsistentRead=True,
            Limit=limit + 1,
        )
        items = [*islice((_kept(decode_item(item)) for page in found for item in page), limit + 1)]
        return items[:limit], items[limit - 1].id if len(items) > limit else None

    def one(self, id: str) -> Kept | None:
        """One document, strongly read; none of an id that no document can have, which may be too long for a key."""
        if len(id) > LONGEST_ID:
            return None
        key = encode_item({"pk": self.kind, "sk": id})
        found = self.dynamo.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")
        return _kept(decode_item(found)) if found else None

    def save(self, kept: Kept, *, action: str, reason: str = "") -> None:
        """Store a document, new or at the version before, with its line; raises VERSION_TAKEN."""
        try:
            transact(self.dynamo, self.writes(kept, action=action, reason=reason))
        except Cancelled as cancelled:
            if cancelled.reasons[0].code != "ConditionalCheckFailed":
                raise
            raise JifenError(Code.VERSION_TAKEN) from None

    def writes(self, kept: Kept, *, action: str, reason: str = "") -> list[Mapping[str, Any]]:
        """The writes of a document and its line, the document's first, for a transaction."""
        put: dict[str, Any] = {"TableName": self.name, "Item": encode_item(self._item(kept))}
        put["ConditionExpression"] = "attribute_not_exists(pk)"
        if kept.version > 1:
            put["ConditionExpression"] = "version = :before"
            put["ExpressionAttributeValues"] = encode_item({":before": kept.version - 1})
        line = {
            "pk": f"{self.kind}#{kept.id}",
            "sk": f"{stamp(kept.changed_at)}#{kept.version:06d}",
            "action": action,
            "by": kept.changed_by,
            "reason": reason,
        }
        return [{"Put": put}, {"Put": {"TableName": self.name, "Item": encode_item(line)}}]

    def lines(self, id: str) -> list[Line]:
        """The newest lines of a document's trail, newest first."""
        found = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": f"{self.kind}#{id}"}),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=LINES_SHOWN,
        )
        return [_line(decode_item(item)) for item in found["Items"]]

    def _item(self, kept: Kept) -> Item:
        return {
            "pk": self.kind,
            "sk": kept.id,
            "document": json.dumps(kept.document, ensure_ascii=False, separators=(",", ":")),
            "state": kept.state,
            "version": kept.version,
            "changed_by": kept.changed_by,
            "changed_at": stamp(kept.changed_at),
        }


def add(table: DocumentsTable, id: str, document: Mapping[str, Any], *, by: str, now: datetime) -> Kept:
    """Write a new document, as a draft. The same again answers what stands, also once that was switched on; raises
    ITEM_STATE when the id is another's.
    """
    kept = Kept(id, document, DRAFT, 1, by, now)
    try:
        table.save(kept, action="created")
    except JifenError as taken:
        standing = table.one(id) if taken.code is Code.VERSION_TAKEN else None
        if standing is None:
            raise
        if digest(standing.document) != digest(document):
            raise JifenError(Code.ITEM_STATE, "这个编号已被使用", field="id") from None
        return standing
    return kept


def change(
    table: DocumentsTable, standing: Kept, document: Mapping[str, Any], *, seen_version: int, by: str, now: datetime
) -> Kept:
    """Replace a document at the version that was seen. One's own change again answers what stands; VERSION_TAKEN."""
    is_again = standing.version == seen_version + 1 and standing.changed_by == by
    if is_again and digest(standing.document) == digest(document):
        return standing
    kept = standing._replace(document=document, version=seen_version + 1, changed_by=by, changed_at=now)
    table.save(kept, action="changed")
    return kept


def switch(
    table: DocumentsTable, standing: Kept, state: str, *, seen_version: int, reason: str, by: str, now: datetime
) -> Kept:
    """Offer a document's matter, or stop at once; again is no change. Raises VERSION_TAKEN."""
    if standing.state == state:
        return standing
    kept = standing._replace(state=state, version=seen_version + 1, changed_by=by, changed_at=now)
    table.save(kept, action=state, reason=reason)
    return kept


def _kept(item: Item) -> Kept:
    return Kept(
        id=item["sk"],
        document=json.loads(item["document"]),
        state=item["state"],
        version=item["version"],
        changed_by=item["changed_by"],
        changed_at=datetime.fromisoformat(item["changed_at"]),
    )


def _line(item: Item) -> Line:
    return Line(datetime.fromisoformat(item["sk"].partition("#")[0]), item["by"], item["action"], item["reason"])


def open_documents(kind: str) -> DocumentsTable:
    """The stage's documents of a kind."""
    return DocumentsTable(client(), settings().spending_table, kind)
