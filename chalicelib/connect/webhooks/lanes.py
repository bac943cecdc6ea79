"""Lanes and deliveries in the webhooks table: who may send from a lane, and what waits in it.

Whoever adds to a lane rings it: the ring is counted and makes the lane due. Whoever sends from it holds a lease, and
lets go of a lane that nothing waits in only at the count it has seen; so nothing that was added meanwhile is
forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.connect.webhooks import items
from chalicelib.connect.webhooks.model import KEPT, Delivery, Lane, Lease
from chalicelib.ledger.model import stamp
from chalicelib.runtime.dynamo import (
    Client,
    ConditionFailed,
    batch_get,
    client,
    conditional,
    decode_item,
    encode_item,
    pages,
)
from chalicelib.runtime.settings import settings

LEASE_LIFE = timedelta(seconds=60)
"""Longer than a name is looked up and a request answered; renewed before each request."""
CLOCKS_APART = timedelta(seconds=1)


class LeaseLost(Exception):
    """Another worker has the lane by now; this one must not send from it any more."""


@dataclass(frozen=True, slots=True)
class LanesTable:
    """Lanes of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def add(self, delivery: Delivery) -> bool:
        """Keep a delivery once; False when it is there already, whatever became of it."""
        try:
            conditional(
                self.dynamo,
                "put_item",
                TableName=self.name,
                Item=encode_item(items.delivery_item(delivery)),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ConditionFailed:
            return False
        return True

    def ring(self, lane: Lane, now: datetime) -> None:
        """Say that something waits in a lane; one that waits for a later attempt goes on waiting for it."""
        expression = "SET due_shard = :shard, due_at = if_not_exists(due_at, :now)"
        values = {":shard": items.due_shard(lane), ":now": stamp(now), ":one": 1}
        if lane.run:
            expression += ", expires_epoch_s = :expires"
            values[":expires"] = int((now + KEPT).timestamp())
        self.dynamo.update_item(
            TableName=self.name,
            Key=encode_item(items.lane_key(lane)),
            UpdateExpression=f"{expression} ADD rung :one",
            ExpressionAttributeValues=encode_item(values),
        )

    def take(self, lane: Lane, token: str, now: datetime) -> Lease | None:
        """The right to send from a lane until its lease ends; None when it is not due or another has it."""
        values = {
            ":token": token,
            ":until": stamp(now + LEASE_LIFE),
            ":now": stamp(now),
            ":soon": stamp(now + CLOCKS_APART),
        }
        try:
            return self._changed(
                lane,
                "SET lease = :token, leased_until = :until",
                "due_at <= :soon AND (attribute_not_exists(leased_until) OR leased_until <= :now)",
                values,
            )
        except ConditionFailed:
            return None

    def keep(self, lease: Lease, now: datetime) -> Lease:
        """Go on holding a lane, whose deliveries up to `lease.done` are at their end; raises LeaseLost."""
        return self._leased(lease, f"SET leased_until = :until{_done(lease)}", {":until": stamp(now + LEASE_LIFE)})

    def rest(self, lease: Lease) -> bool:
        """Let go of a lane that nothing waits in; False when it was rung meanwhile. Raises LeaseLost."""
        expression = f"SET lease = :none{_done(lease)} REMOVE leased_until, due_at, due_shard"
        try:
            self._changed(
                lease.lane,
                expression,
                "lease = :token AND rung = :rung",
                {":token": lease.token, ":rung": lease.rung, ":none": "", **_done_values(lease)},
            )
        except ConditionFailed as failed:
            if failed.item is None or failed.item.get("lease") != lease.token:
                raise LeaseLost from None
            return False
        return True

    def postpone(self, lease: Lease, due_at: datetime) -> None:
        """Let go of a lane that something waits in until then; raises LeaseLost."""
        expression = f"SET lease = :none, due_at = :due{_done(lease)} REMOVE leased_until"
        self._leased(lease, expression, {":due": stamp(due_at), ":none": ""})

    def _leased(self, lease: Lease, expression: str, values: dict[str, Any]) -> Lease:
        given = {**values, ":token": lease.token, **_done_values(lease)}
        try:
            return self._changed(lease.lane, expression, "lease = :token", given)
        except ConditionFailed:
            raise LeaseLost from None

    def _changed(self, lane: Lane, expression: str, condition: str, values: dict[str, Any]) -> Lease:
        """The lane after a conditional update."""
        try:
            answer = self.dynamo.update_item(
                TableName=self.name,
                Key=encode_item(items.lane_key(lane)),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=encode_item(values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.dynamo.exceptions.ConditionalCheckFailedException as error:
            standing = error.response.get("Item")
            raise ConditionFailed(decode_item(standing) if standing else None) from None
        item = decode_item(answer["Attributes"])
        return Lease(lane, item.get("lease", ""), item["rung"], item.get("done", ""))

    def after(self, lane: Lane, place: str, limit: int) -> list[Delivery]:
        """The next deliveries of a lane behind a place, in their order, strongly read."""
        after = f"D#{place}~" if place else "D#"
        found = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :after AND :last",
            ExpressionAttributeValues=encode_item({":pk": lane.pk, ":after": after, ":last": "D#~"}),
            ConsistentRead=True,
            Limit=limit,
        )
        return [items.delivery_of(decode_item(item)) for item in found["Items"]]

    def put(self, delivery: Delivery) -> None:
        """Store what became of a delivery; only the lane's holder does."""
        self.dynamo.put_item(TableName=self.name, Item=encode_item(items.delivery_item(delivery)))

    def delivery(self, lane: Lane, place: str) -> Delivery | None:
        """One delivery as it stands."""
        found = self.dynamo.get_item(
            TableName=self.name, Key=encode_item(items.delivery_key(lane, place)), ConsistentRead=True
        ).get("Item")
        return items.delivery_of(decode_item(found)) if found else None

    def due(self, shard: int, before: datetime) -> Iterator[Lane]:
        """Lanes of a shard that were due before then, the longest due first; eventually consistent."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_at < :before",
            ExpressionAttributeValues=encode_item({":shard": str(shard), ":before": stamp(before)}),
        )
        return (items.lane_of(item["pk"]["S"]) for page in found for item in page)

    def newest(self, endpoint_id: str, before: str, limit: int) -> tuple[list[Delivery], str]:
        """Deliveries of an endpoint listed before a key, newest first, and the key to go on from, empty at the end."""
        return self._listed(endpoint_id, "0", before or "~", limit, newest_first=True)

    def between(self, endpoint_id: str, since: str, until: str, limit: int) -> tuple[list[Delivery], str]:
        """Deliveries of an endpoint listed between two keys, the oldest first, and the key to go on from."""
        return self._listed(endpoint_id, since, until, limit, newest_first=False)

    def _listed(
        self, endpoint_id: str, low: str, high: str, limit: int, *, newest_first: bool
    ) -> tuple[list[Delivery], str]:
        """Found by an index that may lag, then strongly read. Both keys are left out themselves."""
        found = self.dynamo.query(
            TableName=self.name,
            IndexName="listed",
            KeyConditionExpression="listed_of = :of AND listed_key BETWEEN :low AND :high",
            ExpressionAttributeValues=encode_item({":of": endpoint_id, ":low": f"{low}!", ":high": f"{high}"}),
            ScanIndexForward=not newest_first,
            Limit=limit + 1,
        )["Items"]
        keys = [decode_item(item) for item in found if item["listed_key"]["S"] not in (low, high)]
        shown = keys[:limit]
        standing = self._deliveries([{"pk": key["pk"], "sk": key["sk"]} for key in shown])
        return standing, shown[-1]["listed_key"] if len(found) > limit and shown else ""

    def _deliveries(self, keys: Sequence[dict[str, Any]]) -> list[Delivery]:
        found = [decode_item(item) for item in batch_get(self.dynamo, self.name, keys)] if keys else []
        known = {(item["pk"], item["sk"]): items.delivery_of(item) for item in found}
        return [known[place] for key in keys if (place := (key["pk"], key["sk"])) in known]


def _done(lease: Lease) -> str:
    return ", done = :done" if lease.done else ""


def _done_values(lease: Lease) -> dict[str, str]:
    return {":done": lease.done} if lease.done else {}


def open_lanes() -> LanesTable:
    """The stage's lanes."""
    return LanesTable(client(), settings().webhooks_table)
