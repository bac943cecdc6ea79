"""The catalogue and the redemptions in the spending table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also, stamp
from chalicelib.runtime.dynamo import (
    Cancelled,
    Client,
    Item,
    batch_get,
    client,
    decode_item,
    encode_item,
    pages,
    transact,
)
from chalicelib.runtime.settings import settings
from chalicelib.spending.documents import DocumentsTable, Kept
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.goods.trail import line_item as trail_item
from chalicelib.spending.mall.item import stock_of
from chalicelib.spending.mall.items import (
    CATALOGUE,
    listed_from,
    redemption_item,
    redemption_of,
    redemption_row_key,
)
from chalicelib.spending.mall.model import ItemState, Listed, Redemption
from chalicelib.spending.mall.restocks_table import RestocksTable
from chalicelib.spending.mall.stores_table import StoresTable
from chalicelib.spending.mall.stores_table import forget as forget_stores

HELD_FOR = timedelta(seconds=5)
"""How long a process goes on with the catalogue as it read it."""


@dataclass(frozen=True, slots=True)
class MallTable:
    """Items and redemptions of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def catalogue(self, now: datetime) -> dict[str, Listed]:
        """Every item by its id, as read within the last five seconds."""
        held = _held.get(self.name)
        if held and held[0] <= now < held[0] + HELD_FOR:
            return held[1]
        catalogue = {kept.id: listed_from(kept) for kept in self.documents.all()}
        _held[self.name] = (now, catalogue)
        return catalogue

    def listed(self, item_id: str, now: datetime) -> Listed:
        """One item of the catalogue, read anew where it was not on sale as held; raises ITEM_NOT_FOUND."""
        found = self.catalogue(now).get(item_id)
        if found is None or found.state is not ItemState.ON:
            return listed_from(self.standing(item_id))
        return found

    @property
    def documents(self) -> DocumentsTable:
        """The items as staff write them."""
        return DocumentsTable(self.dynamo, self.name, CATALOGUE)

    @property
    def restocks(self) -> RestocksTable:
        """Who waits for sold-out items."""
        return RestocksTable(self.dynamo, self.name)

    @property
    def stores(self) -> StoresTable:
        """Where parcels are picked up."""
        return StoresTable(self.dynamo, self.name)

    def standing(self, item_id: str) -> Kept:
        """An item's document, strongly read; raises ITEM_NOT_FOUND."""
        found = self.documents.one(item_id)
        if found is None:
            raise JifenError(Code.ITEM_NOT_FOUND)
        return found

    def changed(self) -> None:
        """The catalogue was changed here: this process reads it anew."""
        _held.pop(self.name, None)

    def redemption(self, redemption_id: str) -> Redemption | None:
        """A redemption, strongly read."""
        item = self._get(redemption_row_key(redemption_id))
        return redemption_of(item) if item else None

    def redemptions(self, ids: Sequence[str]) -> list[Redemption]:
        """The redemptions among these ids, strongly read, in the order asked."""
        found = batch_get(self.dynamo, self.name, [redemption_row_key(id) for id in ids])
        by_id = {one.id: one for one in (redemption_of(decode_item(item)) for item in found)}
        return [by_id[id] for id in ids if id in by_id]

    def listed_redemptions(self, member_ids: Sequence[str], *, before: str, limit: int) -> list[tuple[str, str]]:
        """(place, id) of up to `limit` redemptions under a member's ids before a place, newest first; may lag."""
        found = [place for one in member_ids for place in self._listed(one, before, limit)]
        return sorted(found, reverse=True)[:limit]

    def _listed(self, member_id: str, before: str, limit: int) -> list[tuple[str, str]]:
        request: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": "listed",
            "KeyConditionExpression": "listed_of = :member AND begins_with(listed_key, :kind)",
            "ExpressionAttributeValues": encode_item({":member": member_id, ":kind": "redemption#"}),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if before:
            place = {"listed_of": member_id, "listed_key": f"redemption#{before}"}
            request["ExclusiveStartKey"] = encode_item({**place, **redemption_row_key(before.partition("#")[2])})
        return [_place(item["listed_key"]["S"]) for item in self.dynamo.query(**request)["Items"]]

    def work(self, kind: str, *, after: str, limit: int) -> list[tuple[str, str]]:
        """(place, id) of up to `limit` redemptions on a work list (`work_of` in items.py), the oldest first, after a
        place; may lag.
        """
        found = self.dynamo.query(
            TableName=self.name,
            IndexName="work",
            KeyConditionExpression="work_of = :kind AND work_key > :after",
            ExpressionAttributeValues=encode_item({":kind": kind, ":after": after or "0"}),
            Limit=limit,
        )
        keys = [decode_item(item)["work_key"] for item in found["Items"]]
        return [(key, key.partition("#")[2]) for key in keys]

    def unpaid_until(self, shard: str, now: datetime) -> Iterator[str]:
        """Ids of unpaid redemptions of a partition whose time to pay has passed; may lag."""
        return self._due(shard, now)

    def shipped_until(self, shard: str, now: datetime) -> Iterator[str]:
        """Ids of shipped redemptions of a partition that count as received by now; may lag."""
        return self._due(shard, now)

    def _due(self, shard: str, now: datetime) -> Iterator[str]:
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :now",
            ExpressionAttributeValues=encode_item({":shard": shard, ":now": stamp(now)}),
        )
        return (decode_item(item)["pk"].removeprefix("R#") for page in found for item in page)

    def used(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """How many pieces each of these rows counts, strongly read in one call."""
        if not keys:
            return {}
        found = batch_get(self.dynamo, self.name, [{"pk": pk, "sk": sk} for pk, sk in keys])
        return {(item["pk"], item["sk"]): item["pieces"] for item in map(decode_item, found)}

    def new_redemption(self, one: Redemption) -> Also:
        """The write of a new redemption, for the posting that pays for it."""
        put = {
            "TableName": self.name,
            "Item": encode_item(redemption_item(one)),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return Also({"Put": put}, JifenError(Code.QUOTE_INVALID, field="quote"))

    def changed_redemption(self, one: Redemption) -> Also:
        """The write of a changed redemption at the version before it."""
        put = {
            "TableName": self.name,
            "Item": encode_item(redemption_item(one)),
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": encode_item({":before": one.version - 1}),
        }
        return Also({"Put": put}, JifenError(Code.REDEMPTION_STATE))

    def told(self, one: Redemption, line: Line) -> Also:
        """The line of a change that made a redemption what it is."""
        item = trail_item(redemption_row_key(one.id)["pk"], one.version, line)
        return Also({"Put": {"TableName": self.name, "Item": encode_item(item)}}, JifenError(Code.REDEMPTION_STATE))

    def revised(self, one: Redemption, line: Line) -> tuple[Also, Also]:
        """The writes of a changed redemption, at the version before it, and of its line."""
        return self.changed_redemption(one), self.told(one, line)

    def move(self, one: Redemption, line: Line, also: Sequence[Also] = ()) -> bool:
        """Store a changed redemption with its line and what else goes with it; whether nobody was first.

        Raises the refusal of what else.
        """
        writes = [*self.revised(one, line), *also]
        try:
            transact(self.dynamo, [each.write for each in writes])
        except Cancelled as cancelled:
            failed = [reason.code == "ConditionalCheckFailed" for reason in cancelled.reasons]
            if failed[0] or cancelled.is_transient():
                return False
            if True in failed:
                raise writes[failed.index(True)].refusal from None
            raise
        return True

    def shards_of(self, item_id: str, now: datetime) -> int:
        """Of how many shards an item's stock is."""
        return stock_of(item_id, self.listed(item_id, now).item).shards

    def counted(self, key: tuple[str, str], pieces: int, room: int, refusal: JifenError) -> Also:
        """The write that counts pieces against a member's limit, while the row has at most `room` before them."""
        update: dict[str, Any] = {
            "TableName": self.name,
            "Key": encode_item({"pk": key[0], "sk": key[1]}),
            "UpdateExpression": "ADD pieces :pieces",
            "ConditionExpression": "attribute_not_exists(pieces) OR pieces <= :room",
            "ExpressionAttributeValues": encode_item({":pieces": pieces, ":room": room}),
        }
        return Also({"Update": update}, refusal)

    def counted_down(self, key: tuple[str, str], pieces: int) -> Also:
        """The write that gives room under a limit back."""
        update: dict[str, Any] = {
            "TableName": self.name,
            "Key": encode_item({"pk": key[0], "sk": key[1]}),
            "UpdateExpression": "ADD pieces :less",
            "ConditionExpression": "pieces >= :pieces",
            "ExpressionAttributeValues": encode_item({":less": -pieces, ":pieces": pieces}),
        }
        return Also({"Update": update}, JifenError(Code.REDEMPTION_STATE))

    def _get(self, key: Item) -> Item | None:
        found = self.dynamo.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=True).get("Item")
        return decode_item(found) if found else None


def _place(listed_key: str) -> tuple[str, str]:
    place = listed_key.removeprefix("redemption#")
    return place, place.partition("#")[2]


_held: dict[str, tuple[datetime, dict[str, Listed]]] = {}


def forget() -> None:
    """Drop the catalogue and the stores that are held (a test's clean start)."""
    _held.clear()
    forget_stores()


def open_mall() -> MallTable:
    """The stage's mall."""
    return MallTable(client(), settings().spending_table)
