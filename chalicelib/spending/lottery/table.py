"""Campaigns and draws in the spending table; items.py draws the items.

what draws and pages need    key and query, strong; read again after half a minute
a change of a campaign       one transaction at the version that was read
a draw                       key, strong; written by the ledger's own posting
draws, winners               a page of a shard; of an index that may lag
a parcel claimed, lapsed     one transaction with the row of its redemption, which is the guard
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also, stamp
from chalicelib.runtime.dynamo import (
    Cancelled,
    Client,
    ConditionFailed,
    Item,
    batch_get,
    client,
    conditional,
    decode_item,
    encode_item,
    pages,
    put_once,
    transact,
)
from chalicelib.runtime.settings import settings
from chalicelib.spending.lottery import items
from chalicelib.spending.lottery.campaign import stock_id
from chalicelib.spending.lottery.model import READ_AGAIN, Book, Drawn, Head, State, Step, Version
from chalicelib.spending.lottery.stocks import Filling

Write = dict[str, Any]
_ABSENT = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class LotteryTable:
    """The lotteries of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def create(self, head: Head, document: Mapping[str, Any], step: Step, *, key: str, input_hash: str) -> str:
        """Keep a new campaign unless the key made one before; the id of the one that the key made.

        Raises KEY_REUSED when the key came with other content, Cancelled when two requests met at this instant.
        """
        guard = {"pk": f"CAMPAIGN#KEY#{key}", "sk": "K", "campaign_id": head.id, "input_hash": input_hash}
        new = [items.head_item(head), items.draft_item(head.id, document), items.step_item(head.id, step)]
        standing = put_once(self.dynamo, self.name, guard, new)
        return str(standing["campaign_id"]) if standing else head.id

    def head(self, campaign_id: str) -> Head:
        """A campaign's head, strongly read; raises LOTTERY_NOT_FOUND."""
        item = self._get(items.head_key(campaign_id))
        if item is None:
            raise JifenError(Code.LOTTERY_NOT_FOUND)
        return items.head_of(item)

    def heads(self) -> list[Head]:
        """Every campaign's head, the newest first."""
        return [items.head_of(item) for item in self._query(items.ALL, newest_first=True)]

    def draft(self, campaign_id: str) -> dict[str, Any]:
        """The document that staff are writing, or wrote last."""
        item = self._get({"pk": f"CAMPAIGN#{campaign_id}", "sk": "DRAFT"})
        return dict(json.loads(item["document"])) if item else {}

    def versions(self, campaign_id: str) -> tuple[Version, ...]:
        """What was published, oldest first."""
        return tuple(map(items.version_of, self._query(f"CAMPAIGN#{campaign_id}", "V#")))

    def steps(self, campaign_id: str) -> list[Step]:
        """Who did what, oldest first."""
        return [items.step_of(item) for item in self._query(f"CAMPAIGN#{campaign_id}", "A#")]

    def save(
        self,
        head: Head,
        step: Step,
        *,
        document: Mapping[str, Any] | None = None,
        version: Version | None = None,
        fill: Sequence[Filling] = (),
    ) -> None:
        """Keep a campaign's next state with its line, and what came with it; VERSION_TAKEN when somebody was faster."""
        writes: list[Write] = [
            {
                "Put": {
                    "TableName": self.name,
                    "Item": encode_item(items.head_item(head)),
                    "ConditionExpression": "#version = :before",
                    "ExpressionAttributeNames": {"#version": "version"},
                    "ExpressionAttributeValues": encode_item({":before": head.version - 1}),
                }
            },
            self._put_new(items.step_item(head.id, step)),
        ]
        if document is not None:
            item = items.draft_item(head.id, document)
            writes.append({"Put": {"TableName": self.name, "Item": encode_item(item)}})
        if version is not None:
            writes.append(self._put_new(items.version_item(head.id, version)))
        writes += [self._filled(one) for one in fill]
        try:
            transact(self.dynamo, writes)
        except Cancelled as cancelled:
            if cancelled.is_transient():
                raise
            raise JifenError(Code.VERSION_TAKEN, field="version") from None

    def book(self, campaign_id: str, now: datetime) -> Book:
        """A published campaign as it stood within the last half minute; raises LOTTERY_NOT_FOUND."""
        known = _BOOKS.get((self.name, campaign_id))
        if known and known[0] <= now < known[0] + READ_AGAIN:
            return known[1]
        head = self.head(campaign_id)
        if head.state is State.DRAFT:
            raise JifenError(Code.LOTTERY_NOT_FOUND)
        book = Book(head, self.versions(campaign_id))
        _BOOKS[self.name, campaign_id] = now, book
        return book

    def drawn(self, campaign_id: str, draw_id: str) -> Drawn | None:
        """A draw, strongly read."""
        item = self._get(items.draw_key(campaign_id, draw_id))
        return items.drawn_of(item) if item else None

    def put_drawn(self, drawn: Drawn) -> Also:
        """The write of a draw, for its posting: nothing stands under its id yet."""
        return Also(self._put_new(items.drawn_item(drawn)), JifenError(Code.KEY_REUSED))

    def draws(self, campaign_id: str, shard: str, *, after_id: str = "", limit: int = 0) -> Iterator[Drawn]:
        """The draws of one shard, by id, after one of them; page by page as far as they are asked for."""
        request: Write = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk AND sk > :after",
            "ExpressionAttributeValues": encode_item({":pk": f"DRAW#{campaign_id}#{shard}", ":after": after_id or "!"}),
            "ConsistentRead": True,
            **({"Limit": limit} if limit else {}),
        }
        return (items.drawn_of(decode_item(item)) for page in pages(self.dynamo, **request) for item in page)

    def winners(self, campaign_id: str, limit: int) -> list[Drawn]:
        """The newest winners that everybody may see; the index may lag."""
        found = self.dynamo.query(
            TableName=self.name,
            IndexName="work",
            KeyConditionExpression="work_of = :winners",
            ExpressionAttributeValues=encode_item({":winners": items.winners_of(campaign_id)}),
            ScanIndexForward=False,
            Limit=limit,
        )["Items"]
        return self._drawn(found)

    def prizes(self, member_id: str, *, before: str, limit: int) -> list[Drawn]:
        """Up to `limit` draws by which a member owns something, before a place in their list, newest first; may lag."""
        found = self.dynamo.query(
            TableName=self.name,
            IndexName="listed",
            KeyConditionExpression="listed_of = :member AND listed_key BETWEEN :first AND :last",
            ExpressionAttributeValues=encode_item(
                {":member": member_id, ":first": "draw#", ":last": f"draw#{before}" if before else "draw#~"}
            ),
            ScanIndexForward=False,
            Limit=limit + 1,
        )["Items"]
        return [one for one in self._drawn(found) if not before or place_of(one) < before][:limit]

    def _drawn(self, keys: Sequence[Mapping[str, Any]]) -> list[Drawn]:
        """The draws of typed keys, strongly read, newest first."""
        wanted = [{"pk": one["pk"]["S"], "sk": one["sk"]["S"]} for one in keys]
        found = [items.drawn_of(decode_item(item)) for item in batch_get(self.dynamo, self.name, wanted)]
        return sorted(found, key=place_of, reverse=True)

    def unclaimed_until(self, shard: str, now: datetime) -> Iterator[tuple[str, str]]:
        """(campaign, draw) of a partition whose parcels were to be claimed by now; may lag."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :now",
            ExpressionAttributeValues=encode_item({":shard": shard, ":now": stamp(now)}),
        )
        return ((item["pk"]["S"].split("#")[1], item["sk"]["S"]) for page in found for item in page)

    def settle(self, drawn: Drawn, redemption: Also, *also: Also) -> bool:
        """A won parcel becomes a redemption, and is due no more; False when it had become one, or somebody met it.

        Raises the refusal of what else is written.
        """
        update = {
            "TableName": self.name,
            "Key": encode_item(items.draw_key(drawn.campaign_id, drawn.id)),
            "UpdateExpression": "REMOVE due_shard, due_at",
            "ConditionExpression": "attribute_exists(pk)",
        }
        try:
            transact(self.dynamo, [redemption.write, {"Update": update}, *(one.write for one in also)])
        except Cancelled as cancelled:
            failed = [reason.code == "ConditionalCheckFailed" for reason in cancelled.reasons]
            if failed[0] or cancelled.is_transient():
                return False
            if True in failed[2:]:
                raise also[failed.index(True) - 2].refusal from None
            raise
        return True

    def put_off(self, drawn: Drawn, until_at: datetime) -> None:
        """An unclaimed parcel is due later, by a version that gives more time; one that was claimed stays so."""
        with suppress(ConditionFailed):
            conditional(
                self.dynamo,
                "update_item",
                TableName=self.name,
                Key=encode_item(items.draw_key(drawn.campaign_id, drawn.id)),
                UpdateExpression="SET due_at = :until_at",
                ConditionExpression="attribute_exists(due_at)",
                ExpressionAttributeValues=encode_item({":until_at": stamp(until_at)}),
            )

    def taken_of(self, campaign_id: str, version: Version) -> dict[str, int]:
        """How many pieces were taken of each limited prize, in all slices."""
        places = range(max(len(version.campaign.slices), 1))
        stocks = {
            stock_id(campaign_id, prize_id, place): (prize_id, shards)
            for prize_id, shards in version.shards.items()
            for place in places
        }
        found = dict.fromkeys(version.shards, 0)
        for id, pieces in self.taken([(id, shards) for id, (_, shards) in stocks.items()]).items():
            found[stocks[id][0]] += pieces
        return found

    def taken(self, stocks: Sequence[tuple[str, int]]) -> dict[str, int]:
        """How many pieces were taken of each stock, given as (id, shards)."""
        keys = [{"pk": id, "sk": f"S#{shard}"} for id, shards in stocks for shard in range(shards)]
        sums = {id: 0 for id, _ in stocks}
        for item in map(decode_item, batch_get(self.dynamo, self.name, keys)):
            sums[item["pk"]] += item["taken"]
        return sums

    def _filled(self, one: Filling) -> Write:
        return {
            "Update": {
                "TableName": self.name,
                "Key": encode_item({"pk": one.stock_id, "sk": f"S#{one.shard}"}),
                "UpdateExpression": "ADD #left :pieces, taken :none",
                "ExpressionAttributeNames": {"#left": "left"},
                "ExpressionAttributeValues": encode_item({":pieces": one.pieces, ":none": 0}),
            }
        }

    def _put_new(self, item: Item) -> Write:
        return {"Put": {"TableName": self.name, "Item": encode_item(item), "ConditionExpression": _ABSENT}}

    def _get(self, key: Item) -> Item | None:
        found = self.dynamo.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=True).get("Item")
        return decode_item(found) if found else None

    def _query(self, pk: str, begins: str = "", *, newest_first: bool = False) -> Iterator[Item]:
        condition, values = "pk = :pk", {":pk": pk}
        if begins:
            condition, values = f"{condition} AND begins_with(sk, :begins)", {**values, ":begins": begins}
        found = pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=encode_item(values),
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
        )
        return (decode_item(item) for page in found for item in page)


def place_of(drawn: Drawn) -> str:
    """Where a draw stands in a list by time."""
    return f"{stamp(drawn.at)}#{drawn.id}"


_BOOKS: dict[tuple[str, str], tuple[datetime, Book]] = {}


def forget() -> None:
    """What was read of campaigns is read again: after a change of one, and for a test's clean start."""
    _BOOKS.clear()


def open_lotteries() -> LotteryTable:
    """The stage's lotteries."""
    return LotteryTable(client(), settings().spending_table)
