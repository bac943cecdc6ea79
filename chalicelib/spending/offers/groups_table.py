"""Groups and places in the spending table: a partition for each group, so that one query has all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
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
from chalicelib.spending.offers.group import Group, Place, PlaceState, Whole
from chalicelib.spending.offers.group_items import (
    GROUP,
    PLACE,
    PROMISED,
    group_item,
    group_of,
    group_pk,
    offer_work,
    place_item,
    place_of,
)

LISTED = 50
"""Places of a member that are looked at, the newest first."""


@dataclass(frozen=True, slots=True)
class GroupsTable:
    """The groups of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def whole(self, group_id: str) -> Whole:
        """A group with all its places, strongly read; raises GROUP_NOT_FOUND.

        The group's row is read before its places: who writes at the version read here writes on all places as they are.
        """
        found = pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": group_pk(group_id)}),
            ConsistentRead=True,
        )
        items = {item["sk"]: item for item in (decode_item(item) for page in found for item in page)}
        if GROUP not in items:
            raise JifenError(Code.GROUP_NOT_FOUND)
        places = tuple(place_of(item) for sk, item in items.items() if sk.startswith(PLACE))
        return Whole(group_of(items[GROUP]), items[PROMISED]["document"], places)

    def new(self, group: Group, document: str) -> tuple[Also, Also]:
        """The writes of a new group and of the item it promises."""
        promised = {"pk": group_pk(group.id), "sk": PROMISED, "document": document}
        refusal = JifenError(Code.QUOTE_INVALID, field="quote")
        return (
            Also({"Put": self._put(group_item(group), "attribute_not_exists(pk)")}, refusal),
            Also({"Put": self._put(promised, "attribute_not_exists(pk)")}, refusal),
        )

    def changed(self, group: Group) -> Also:
        """The write of a changed group at the version before it."""
        put = self._put(group_item(group), "version = :before", {":before": group.version - 1})
        return Also({"Put": put}, JifenError(Code.BUSY, retry_after_seconds=1))

    def taken(self, group: Group, place: Place) -> Also:
        """The write of a place that is taken, by who never had one here or left it."""
        put = self._put(
            place_item(group, place),
            "attribute_not_exists(pk) OR #state = :left",
            {":left": str(PlaceState.LEFT)},
            {"#state": "state"},
        )
        return Also({"Put": put}, JifenError(Code.ALREADY_JOINED))

    def resolved(self, group: Group, place: Place) -> Also:
        """The write of what has become of a place, once: only while it is still that redemption's, and joined."""
        put = self._put(
            place_item(group, place),
            "#state = :joined AND redemption = :redemption",
            {":joined": str(PlaceState.JOINED), ":redemption": place.redemption_id},
            {"#state": "state"},
        )
        return Also({"Put": put}, JifenError(Code.GROUP_CLOSED))

    def write(self, also: Sequence[Also]) -> None:
        """Write what no points move with, all or nothing; raises the refusal of the first write that was refused, BUSY
        where others were on the same rows.
        """
        try:
            transact(self.dynamo, [one.write for one in also])
        except Cancelled as cancelled:
            for one, reason in zip(also, cancelled.reasons, strict=True):
                if reason.code == "ConditionalCheckFailed":
                    raise one.refusal from None
            if cancelled.is_transient():
                raise JifenError(Code.BUSY, retry_after_seconds=1) from None
            raise

    def due(self, shard: str, now: datetime) -> Iterator[str]:
        """Ids of groups of a partition of the due index that something is to be done for by now; may lag."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :now",
            ExpressionAttributeValues=encode_item({":shard": shard, ":now": stamp(now)}),
        )
        return (_id(item) for page in found for item in page)

    def open_of(self, offer_id: str) -> Iterator[str]:
        """Ids of an offer's open groups, the next to end first; may lag."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="work",
            KeyConditionExpression="work_of = :offer",
            ExpressionAttributeValues=encode_item({":offer": offer_work(offer_id)}),
        )
        return (_id(item) for page in found for item in page)

    def joined_by(self, member_ids: Sequence[str]) -> list[tuple[Group, Place]]:
        """A member's places under his ids that are not resolved, with their groups, the newest first, among the newest
        fifty that he took: one query for each id, which may lag, and their rows, strongly read, a hundred a call.
        """
        found: list[Item] = []
        for member_id in member_ids:
            listed = self.dynamo.query(
                TableName=self.name,
                IndexName="listed",
                KeyConditionExpression="listed_of = :member AND begins_with(listed_key, :kind)",
                ExpressionAttributeValues=encode_item({":member": member_id, ":kind": "group#"}),
                ScanIndexForward=False,
                Limit=LISTED,
            )
            found += map(decode_item, listed["Items"])
        newest = sorted(found, key=lambda one: str(one["listed_key"]), reverse=True)[:LISTED]
        keys = {(one["pk"], sk): None for one in newest for sk in (GROUP, one["sk"])}
        rows = batch_get(self.dynamo, self.name, [{"pk": pk, "sk": sk} for pk, sk in keys])
        by_key = {(item["pk"], item["sk"]): item for item in map(decode_item, rows)}
        groups = {pk: group_of(item) for (pk, sk), item in by_key.items() if sk == GROUP}
        places = [(groups[one["pk"]], place_of(by_key[one["pk"], one["sk"]])) for one in newest]
        return [(group, place) for group, place in places if place.state is PlaceState.JOINED]

    def _put(
        self, item: Any, condition: str, values: dict[str, Any] | None = None, names: dict[str, str] | None = None
    ) -> dict[str, Any]:
        put = {"TableName": self.name, "Item": encode_item(item), "ConditionExpression": condition}
        if values:
            put["ExpressionAttributeValues"] = encode_item(values)
        if names:
            put["ExpressionAttributeNames"] = names
        return put


def _id(item: Any) -> str:
    return str(decode_item(item)["pk"]).removeprefix("GROUP#")


def open_groups() -> GroupsTable:
    """The stage's groups."""
    return GroupsTable(client(), settings().spending_table)
