"""The endpoints and replays of the webhooks table; lanes.py has its lanes and deliveries. items.py draws both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.connect.webhooks import items
from chalicelib.connect.webhooks.model import Change, Endpoint, EndpointState, Replay
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import stamp
from chalicelib.runtime.dynamo import (
    Cancelled,
    Client,
    ConditionFailed,
    Item,
    client,
    conditional,
    decode_item,
    encode_item,
    pages,
    put_once,
    transact,
)
from chalicelib.runtime.settings import settings

HISTORY_SHOWN = 50


@dataclass(frozen=True, slots=True)
class EndpointsTable:
    """Endpoints of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """An endpoint as it stands, a deleted one too; raises WEBHOOK_ENDPOINT_NOT_FOUND."""
        item = self._get(items.endpoint_key(endpoint_id))
        if item is None:
            raise JifenError(Code.WEBHOOK_ENDPOINT_NOT_FOUND)
        return items.endpoint_of(item)

    def endpoints(self) -> list[Endpoint]:
        """All that are not deleted, the oldest first, strongly read."""
        found = pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": "ENDPOINTS"}),
            ConsistentRead=True,
        )
        known = [items.endpoint_of(decode_item(item)) for page in found for item in page]
        standing = [one for one in known if one.state is not EndpointState.DELETED]
        return sorted(standing, key=lambda one: (one.created_at, one.id))

    def create(self, endpoint: Endpoint, *, key: str, input_hash: str) -> str:
        """Write a new endpoint unless the key has made one; the id of what the key stands for.

        Raises KEY_REUSED when the key came with other content, Cancelled when two requests met at this instant.
        """
        guard = {"pk": f"KEY#{key}", "sk": "ENDPOINT", "endpoint_id": endpoint.id, "input_hash": input_hash}
        new = [items.endpoint_item(endpoint), items.change_item(endpoint, "created")]
        standing = put_once(self.dynamo, self.name, guard, new)
        return str(standing["endpoint_id"]) if standing else endpoint.id

    def made_by(self, key: str) -> Item | None:
        """What a client's key has made: `endpoint_id`, `input_hash`."""
        return self._get({"pk": f"KEY#{key}", "sk": "ENDPOINT"})

    def save(self, endpoint: Endpoint, *, seen_version: int, action: str) -> None:
        """Store a changed endpoint at the version that was read, with its line; raises VERSION_TAKEN."""
        put = {
            "TableName": self.name,
            "Item": encode_item(items.endpoint_item(endpoint)),
            "ConditionExpression": "#version = :seen",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": encode_item({":seen": seen_version}),
        }
        try:
            transact(self.dynamo, [{"Put": put}, {"Put": self._put_new(items.change_item(endpoint, action))}])
        except Cancelled as cancelled:
            if cancelled.reasons[0].item is None:
                raise
            raise JifenError(Code.VERSION_TAKEN) from None

    def note_failing(self, endpoint_id: str, since: datetime | None) -> None:
        """Remember the first of a run of failures; None: a success ended it."""
        request: Item = {"UpdateExpression": "REMOVE failing_since"}
        if since is not None:
            request["UpdateExpression"] = "SET failing_since = if_not_exists(failing_since, :since)"
            request["ExpressionAttributeValues"] = encode_item({":since": stamp(since)})
        conditional(
            self.dynamo,
            "update_item",
            TableName=self.name,
            Key=encode_item(items.endpoint_key(endpoint_id)),
            ConditionExpression="attribute_exists(pk)",
            **request,
        )

    def history(self, endpoint_id: str) -> list[Change]:
        """The newest lines of an endpoint's audit trail, newest first."""
        found = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": f"AUDIT#{endpoint_id}"}),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=HISTORY_SHOWN,
        )
        return [items.change_of(decode_item(item)) for item in found["Items"]]

    def add_line(self, endpoint: Endpoint, action: str, *, unique: str) -> None:
        """A line of the trail for what changes nothing of the endpoint (a test, a replay); again is the same line."""
        line = items.change_item(endpoint, action)
        self.dynamo.put_item(TableName=self.name, Item=encode_item({**line, "sk": f"{line['sk'][:24]}#{unique}"}))

    def add_replay(self, replay: Replay) -> Replay:
        """Keep a replay once; what stands when it is there already."""
        try:
            conditional(self.dynamo, "put_item", **self._put_new(items.replay_item(replay)))
        except ConditionFailed as failed:
            if failed.item is None:
                raise
            return items.replay_of(failed.item)
        return replay

    def put_replay(self, replay: Replay) -> None:
        """Keep how far a replay has come."""
        self.dynamo.put_item(TableName=self.name, Item=encode_item(items.replay_item(replay)))

    def replay(self, endpoint_id: str, replay_id: str) -> Replay | None:
        """A replay as it stands."""
        item = self._get(items.replay_key(endpoint_id, replay_id))
        return items.replay_of(item) if item else None

    def _put_new(self, item: Item) -> Item:
        return {
            "TableName": self.name,
            "Item": encode_item(item),
            "ConditionExpression": "attribute_not_exists(pk)",
        }

    def _get(self, key: Item) -> Item | None:
        found = self.dynamo.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=True).get("Item")
        return decode_item(found) if found else None


def open_endpoints() -> EndpointsTable:
    """The stage's endpoints."""
    return EndpointsTable(client(), settings().webhooks_table)
