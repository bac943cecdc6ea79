"""Who waits for which sold-out item, and which items have pieces again, in the spending table.

RESTOCK#<item>   <member>   asked_at; work_of, work_key: who asked first is told first
RESTOCKED        <item>     at: staff added pieces, and not everybody who waits has been told
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from chalicelib.ledger.model import stamp
from chalicelib.runtime.dynamo import (
    Client,
    ConditionFailed,
    Item,
    batch_get,
    conditional,
    decode_item,
    encode_item,
    pages,
)

PAGE = 100
RESTOCKED = "RESTOCKED"


class Asking(NamedTuple):
    """A member waits for an item."""

    item_id: str
    member_id: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class RestocksTable:
    """The askings of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def ask(self, asking: Asking) -> bool:
        """Keep an asking, one for each member and item; whether there was none."""
        item = {
            **_key(asking.item_id, asking.member_id),
            "asked_at": stamp(asking.asked_at),
            "work_of": _partition(asking.item_id),
            "work_key": f"{stamp(asking.asked_at)}#{asking.member_id}",
        }
        new = "attribute_not_exists(pk)"
        try:
            conditional(self.dynamo, "put_item", TableName=self.name, Item=encode_item(item), ConditionExpression=new)
        except ConditionFailed:
            return False
        return True

    def awaited(self, item_ids: Sequence[str], member_ids: Sequence[str]) -> set[str]:
        """Which of these items a member waits for under any of his ids, strongly read; no call where there are none."""
        found = batch_get(self.dynamo, self.name, [_key(one, id) for one in item_ids for id in member_ids])
        return {_asking(item).item_id for item in map(decode_item, found)}

    def of(self, item_id: str, member_ids: Sequence[str]) -> list[Asking]:
        """What a member asked of an item under his ids, strongly read, the first first."""
        found = batch_get(self.dynamo, self.name, [_key(item_id, id) for id in member_ids])
        return sorted((_asking(decode_item(row)) for row in found), key=lambda one: (one.asked_at, one.member_id))

    def withdraw(self, item_id: str, member_id: str) -> None:
        """He no longer waits."""
        self.dynamo.delete_item(TableName=self.name, Key=encode_item(_key(item_id, member_id)))

    def begin(self, item_id: str, at: datetime) -> None:
        """Pieces were added: who waits is to be told by the sweep."""
        item = {"pk": RESTOCKED, "sk": item_id, "at": stamp(at)}
        self.dynamo.put_item(TableName=self.name, Item=encode_item(item))

    def begun(self) -> dict[str, datetime]:
        """The items of which somebody may still be to be told, and since when."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": RESTOCKED}),
            ConsistentRead=True,
        )
        rows = [decode_item(item) for page in found for item in page]
        return {row["sk"]: datetime.fromisoformat(row["at"]) for row in rows}

    def end(self, item_id: str, at: datetime) -> None:
        """Nobody is to be told any more, unless pieces were added again since `at`."""
        with suppress(ConditionFailed):
            conditional(
                self.dynamo,
                "delete_item",
                TableName=self.name,
                Key=encode_item({"pk": RESTOCKED, "sk": item_id}),
                ConditionExpression="#at = :at",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues=encode_item({":at": stamp(at)}),
            )

    def waiting(self, item_id: str) -> Iterator[list[Asking]]:
        """Who waits for an item, who asked first first, by pages; each is asked for as it is needed.

        The index may lag: whom it still lists is looked at himself, and a page may be empty.
        """
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="work",
            KeyConditionExpression="work_of = :item",
            ExpressionAttributeValues=encode_item({":item": _partition(item_id)}),
            Limit=PAGE,
        )
        for page in found:
            keys = [decode_item(item) for item in page]
            rows = batch_get(self.dynamo, self.name, [{"pk": key["pk"], "sk": key["sk"]} for key in keys])
            yield sorted((_asking(decode_item(row)) for row in rows), key=lambda one: (one.asked_at, one.member_id))

    def told(self, asking: Asking) -> None:
        """He was told, and waits no longer; who asked anew meanwhile does."""
        with suppress(ConditionFailed):
            conditional(
                self.dynamo,
                "delete_item",
                TableName=self.name,
                Key=encode_item(_key(asking.item_id, asking.member_id)),
                ConditionExpression="asked_at = :asked_at",
                ExpressionAttributeValues=encode_item({":asked_at": stamp(asking.asked_at)}),
            )


def _partition(item_id: str) -> str:
    return f"RESTOCK#{item_id}"


def _key(item_id: str, member_id: str) -> Item:
    return {"pk": _partition(item_id), "sk": member_id}


def _asking(item: Item) -> Asking:
    item_id = item["pk"].removeprefix(_partition(""))
    return Asking(item_id, item["sk"], datetime.fromisoformat(item["asked_at"]))
