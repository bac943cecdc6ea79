"""Exchanges, what limits have counted and reconciliations in the spending table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also, stamp
from chalicelib.runtime.dynamo import (
    MAX_BATCH_GET,
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
    transact,
)
from chalicelib.runtime.settings import settings
from chalicelib.spending.exchange.items import (
    UNCHARGED,
    done_of,
    exchange_item,
    exchange_key,
    exchange_of,
    limit_ends_s,
    limit_key,
    reconciliation_item,
    reconciliation_of,
)
from chalicelib.spending.exchange.model import Exchange
from chalicelib.spending.exchange.reconcile import Reconciliation

CHECKS_SHOWN = 50
MOST_UNCHARGED = 20_000
"""Of all partners and days; so many are read within a request's time."""


class Used(NamedTuple):
    """What a row has counted of a day."""

    points: int = 0
    times: int = 0


class Room(NamedTuple):
    """The most that a row may have counted before this exchange; None: any."""

    points: int | None
    times: int | None


@dataclass(frozen=True, slots=True)
class ExchangeTable:
    """Exchanges of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def exchange(self, exchange_id: str) -> Exchange | None:
        """An exchange, strongly read."""
        key = encode_item(exchange_key(exchange_id))
        found = self.dynamo.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")
        return exchange_of(decode_item(found)) if found else None

    def exchanges(self, ids: Sequence[str]) -> list[Exchange]:
        """The exchanges among these ids, strongly read, in the order asked."""
        found: dict[str, Exchange] = {}
        for start in range(0, len(ids), MAX_BATCH_GET):
            keys = [exchange_key(id) for id in dict.fromkeys(ids[start : start + MAX_BATCH_GET])]
            read = (exchange_of(decode_item(item)) for item in batch_get(self.dynamo, self.name, keys))
            found |= {one.id: one for one in read}
        return [found[id] for id in ids if id in found]

    def listed(self, member_ids: Sequence[str], *, before: str, limit: int) -> list[tuple[str, str]]:
        """(place, id) of up to `limit` exchanges under a member's ids before a place, newest first; may lag."""
        found = [place for one in member_ids for place in self._listed(one, before, limit)]
        return sorted(found, reverse=True)[:limit]

    def _listed(self, member_id: str, before: str, limit: int) -> list[tuple[str, str]]:
        """A place found under one of a merged member's ids serves for the others as well, so it is asked for by key."""
        last = f"exchange#{before or '~'}"
        found = self.dynamo.query(
            TableName=self.name,
            IndexName="listed",
            KeyConditionExpression="listed_of = :member AND listed_key BETWEEN :first AND :last",
            ExpressionAttributeValues=encode_item({":member": member_id, ":first": "exchange#", ":last": last}),
            ScanIndexForward=False,
            Limit=limit + 1,
        )
        places = [item["listed_key"]["S"].removeprefix("exchange#") for item in found["Items"]]
        return [(place, place.partition("#")[2]) for place in places if place != before]

    def due(self, shard: str, now: datetime) -> Iterator[str]:
        """Ids of exchanges of a partition that are to be looked at, the longest waiting first; may lag."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :now",
            ExpressionAttributeValues=encode_item({":shard": shard, ":now": stamp(now)}),
        )
        return (_id(decode_item(item)) for page in found for item in page)

    def work(self, kind: str, *, after: str = "", limit: int) -> list[tuple[str, str]]:
        """(place, id) of up to `limit` exchanges of a partition of the work index, the oldest first; may lag."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="work",
            KeyConditionExpression="work_of = :kind AND work_key > :after",
            ExpressionAttributeValues=encode_item({":kind": kind, ":after": after or "0"}),
            Limit=limit,
        )
        places: list[tuple[str, str]] = []
        for page in found:
            places += [(item["work_key"], _id(item)) for item in map(decode_item, page)]
            if len(places) >= limit:
                break
        return places[:limit]

    def given_on(self, partner_id: str, on: date, *, limit: int) -> list[Exchange]:
        """A partner's exchanges of a business day by its own instant, charged or not; up to `limit`, the first may
        lag. Raises EXCHANGE_STATE where more than MOST_UNCHARGED wait for people: a part of a day is none.
        """
        uncharged = self.work(UNCHARGED, limit=MOST_UNCHARGED + 1)
        if len(uncharged) > MOST_UNCHARGED:
            raise JifenError(Code.EXCHANGE_STATE, f"未扣分的兑换超过{MOST_UNCHARGED}笔,请先逐笔处理再对账")
        places = self.work(done_of(partner_id, on), limit=limit) + uncharged
        found = self.exchanges([id for _, id in places])
        return [one for one in found if one.partner_id == partner_id and one.done_on == on][:limit]

    def used(self, keys: Sequence[Item]) -> dict[tuple[str, str], Used]:
        """What each of these rows has counted, strongly read; those that counted nothing are left out."""
        found: dict[tuple[str, str], Used] = {}
        for start in range(0, len(keys), MAX_BATCH_GET):
            for item in map(decode_item, batch_get(self.dynamo, self.name, keys[start : start + MAX_BATCH_GET])):
                found[item["pk"], item["sk"]] = Used(item["points"], item["times"])
        return found

    def new(self, one: Exchange) -> Also:
        """The write of a new exchange, for the posting that holds its points."""
        put = self._put(one) | {"ConditionExpression": "attribute_not_exists(pk)"}
        return Also({"Put": put}, JifenError(Code.KEY_REUSED))

    def changed(self, one: Exchange) -> Also:
        """The write of a changed exchange at the version before it."""
        values = encode_item({":before": one.version - 1})
        put = self._put(one) | {"ConditionExpression": "version = :before", "ExpressionAttributeValues": values}
        return Also({"Put": put}, JifenError(Code.EXCHANGE_STATE))

    def counted(self, key: Item, points: int, room: Room, on: date, refusal: JifenError) -> Also:
        """The write that counts an exchange against a day's limit, while the row has at most `room` before it."""
        values: dict[str, Any] = {":points": points, ":one": 1, ":ends": limit_ends_s(on)}
        conditions = []
        for name, most in zip(Room._fields, room, strict=True):
            if most is not None:
                conditions.append(f"(attribute_not_exists({name}) OR {name} <= :most_{name})")
                values[f":most_{name}"] = most
        update: dict[str, Any] = {
            "TableName": self.name,
            "Key": encode_item(key),
            "UpdateExpression": "ADD points :points, times :one SET expires_epoch_s = :ends",
            "ExpressionAttributeValues": encode_item(values),
        }
        if conditions:
            update["ConditionExpression"] = " AND ".join(conditions)
        return Also({"Update": update}, refusal)

    def counted_down(self, key: Item, points: int) -> Also:
        """The write that gives room under a day's limit back."""
        update: dict[str, Any] = {
            "TableName": self.name,
            "Key": encode_item(key),
            "UpdateExpression": "ADD points :less, times :once_less",
            "ConditionExpression": "points >= :points",
            "ExpressionAttributeValues": encode_item({":less": -points, ":once_less": -1, ":points": points}),
        }
        return Also({"Update": update}, JifenError(Code.EXCHANGE_STATE))

    def write(self, also: Sequence[Also]) -> None:
        """Write what no points move with, all or nothing; raises the refusal of the first write that was refused."""
        try:
            transact(self.dynamo, [one.write for one in also])
        except Cancelled as cancelled:
            for one, reason in zip(also, cancelled.reasons, strict=True):
                if reason.code == "ConditionalCheckFailed":
                    raise one.refusal from None
            raise

    def keep_check(self, partner_id: str, one: Reconciliation) -> None:
        """Add a reconciliation's line; again changes nothing."""
        item = encode_item(reconciliation_item(partner_id, one))
        try:
            conditional(
                self.dynamo,
                "put_item",
                TableName=self.name,
                Item=item,
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ConditionFailed:
            return

    def checks(self, partner_id: str) -> list[Reconciliation]:
        """A partner's reconciliations, those of the latest day first."""
        found = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": f"EXCHANGE#checks:{partner_id}"}),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=CHECKS_SHOWN,
        )
        return [reconciliation_of(decode_item(item)) for item in found["Items"]]

    def limit_used(self, partner_id: str, on: date, member_ids: Sequence[str]) -> tuple[Used, Used]:
        """What of a partner's day a member has had under all his ids, and all members together."""
        keys = [limit_key(partner_id, on, id) for id in member_ids]
        found = self.used([*keys, limit_key(partner_id, on)])
        every = found.pop((limit_key(partner_id, on)["pk"], on.isoformat()), Used())
        own = found.values()
        return Used(sum(one.points for one in own), sum(one.times for one in own)), every

    def _put(self, one: Exchange) -> dict[str, Any]:
        return {"TableName": self.name, "Item": encode_item(exchange_item(one))}


def _id(item: Item) -> str:
    pk: str = item["pk"]
    return pk.removeprefix("EXCHANGE#")


def open_exchanges() -> ExchangeTable:
    """The stage's exchanges."""
    return ExchangeTable(client(), settings().spending_table)
