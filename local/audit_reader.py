"""What the auditor of the spending table reads beside a row: strongly by key, and what the index lists of a member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.ledger.items import Item
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime.dynamo import batch_get, decode_item, encode_item, pages

Key = tuple[str, str]


def place(key: Mapping[str, Any]) -> Key:
    """Where something stands, as a key or as it is stored."""
    return key["pk"], key["sk"]


@dataclass(frozen=True)
class Reader:
    """One stage's spending table beside its ledger, at the instant the audit began."""

    ledger: LedgerTable
    table: str
    now: datetime
    zone: str

    def rows(self, keys: Iterable[Mapping[str, Any]]) -> dict[Key, Item]:
        """The rows of the spending table among these keys."""
        return self._items(self.table, keys)

    def guards(self, keys: Iterable[str]) -> dict[str, Item]:
        """The ledger's guards among these keys."""
        found = self._items(self.ledger.ledger, ({"pk": key, "sk": "G"} for key in keys))
        return {pk: item for (pk, _), item in found.items()}

    def entries(self, keys: Iterable[Mapping[str, Any]]) -> dict[Key, Item]:
        """The journal's entries among these keys."""
        return self._items(self.ledger.journal, keys)

    def partition(self, pk: str) -> list[Item]:
        """All rows of a partition of the spending table."""
        found = pages(
            self.ledger.dynamo,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": pk}),
            ConsistentRead=True,
        )
        return [decode_item(item) for page in found for item in page]

    def listed(self, member_id: str, kind: str) -> list[Item]:
        """The rows that are listed under a member by keys that begin so. The index may lag, the rows do not."""
        found = pages(
            self.ledger.dynamo,
            TableName=self.table,
            IndexName="listed",
            KeyConditionExpression="listed_of = :member AND begins_with(listed_key, :kind)",
            ExpressionAttributeValues=encode_item({":member": member_id, ":kind": kind}),
        )
        keys = [{"pk": item["pk"], "sk": item["sk"]} for page in found for item in map(decode_item, page)]
        return list(self.rows(keys).values())

    def owner_ids(self, member_id: str, held_by: str) -> Sequence[str]:
        """Ids under which what is a member's may stand: all of his, where a hold is not under the one he has."""
        return (member_id,) if held_by == member_id else self.ledger.read(member_id).member_ids

    def _items(self, table: str, keys: Iterable[Mapping[str, Any]]) -> dict[Key, Item]:
        wanted = list({place(key): key for key in keys}.values())
        found = map(decode_item, batch_get(self.ledger.dynamo, table, wanted))
        return {place(item): item for item in found}
