"""Published versions as DynamoDB items: `TERMS` / `V#000001`, written once, never changed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest, stamp
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.runtime.dynamo import Client, ConditionFailed, client, conditional, decode_item, encode_item
from chalicelib.runtime.settings import settings

CACHE_S = 30
"""How long a Lambda goes on with the versions it read: a new version is seen by all within this time."""


@dataclass(frozen=True, slots=True)
class ProgrammeTable:
    """The programme's versions."""

    dynamo: Client
    name: str

    def book(self) -> TermsBook:
        """Every version, strongly read."""
        versions: list[Terms] = []
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": encode_item({":pk": "TERMS"}),
            "ConsistentRead": True,
        }
        while True:
            page = self.dynamo.query(**request)
            versions += [_terms(decode_item(item)) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return TermsBook(tuple(versions))
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def document(self, version: int) -> Mapping[str, Any] | None:
        """A version's document as it was published, None when there is none of that number."""
        key = encode_item({"pk": "TERMS", "sk": f"V#{version:06d}"})
        item = self.dynamo.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")
        return json.loads(decode_item(item)["document"]) if item else None

    def put_version(
        self, version: int, document: Mapping[str, Any], effective_from: datetime, published_by: str, now: datetime
    ) -> bool:
        """Keep a version for ever. False when the very same one stands already; VERSION_TAKEN when another does."""
        item = {
            "pk": "TERMS",
            "sk": f"V#{version:06d}",
            "version": version,
            "effective_from": stamp(effective_from),
            "document": json.dumps(document, ensure_ascii=False, sort_keys=True),
            "hash": digest({"document": dict(document), "effective_from": stamp(effective_from)}),
            "published_by": published_by,
            "published_at": stamp(now),
        }
        try:
            conditional(
                self.dynamo,
                "put_item",
                TableName=self.name,
                Item=encode_item(item),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ConditionFailed as failed:
            if failed.item and failed.item["hash"] == item["hash"]:
                return False
            raise JifenError(Code.VERSION_TAKEN, field="version") from None
        return True


def _terms(item: Mapping[str, Any]) -> Terms:
    programme = read_programme(json.loads(item["document"]))
    return Terms(item["version"], datetime.fromisoformat(item["effective_from"]), programme)


def open_programme() -> ProgrammeTable:
    """The stage's programme."""
    return ProgrammeTable(client(), settings().programme_table)


_cached: dict[str, tuple[float, TermsBook]] = {}


def terms_book() -> TermsBook:
    """The stage's versions, read again when older than CACHE_S; an empty book is never cached."""
    table = open_programme()
    read_at, book = _cached.get(table.name, (0.0, TermsBook(())))
    if not book.versions or time.monotonic() - read_at > CACHE_S:
        book = table.book()
        _cached[table.name] = (time.monotonic(), book)
    return book


def forget() -> None:
    """Drop what was read (a test's clean start, a tool that turns to another stage)."""
    _cached.clear()


def terms_at(instant: datetime) -> Terms:
    """The terms in force at an instant; raises TERMS_MISSING while nothing is published."""
    terms = terms_book().at(instant)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    return terms
