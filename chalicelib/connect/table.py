"""The connect table's access tokens. Its other rows: messages_table.py (what was sent), wechat/grants_table.py.

TOKEN#<source>     TOKEN     an access token: `token`, `expires_at`, `leased_until`
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.runtime.dynamo import Client, ConditionFailed, Item, client, conditional, decode_item, encode_item
from chalicelib.runtime.settings import settings


class Token(NamedTuple):
    """An access token and when it ends."""

    value: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ConnectTable:
    """The table of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def token(self, source: str) -> Token | None:
        """The token that stands, over or not; strongly read."""
        item = self._get(_token_key(source))
        if item is None or "token" not in item:
            return None
        return Token(item["token"], datetime.fromisoformat(item["expires_at"]))

    def lease_token(self, source: str, *, seen: Token | None, until: datetime, now: datetime) -> bool:
        """Whether this caller may fetch the next token until `until`: nobody else may, and none came since `seen`."""
        values: Item = {":until": until.isoformat(), ":now": now.isoformat()}
        unchanged = "attribute_not_exists(#token)"
        if seen is not None:
            unchanged, values = "#token = :seen", {**values, ":seen": seen.value}
        try:
            conditional(
                self.dynamo,
                "update_item",
                TableName=self.name,
                Key=encode_item(_token_key(source)),
                UpdateExpression="SET leased_until = :until",
                ConditionExpression=f"{unchanged} AND (attribute_not_exists(leased_until) OR leased_until <= :now)",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues=encode_item(values),
            )
        except ConditionFailed:
            return False
        return True

    def put_token(self, source: str, token: Token, *, lease: datetime) -> None:
        """Keep a token that was fetched under a lease, which ends with it; not when another has the lease by now."""
        item = {**_token_key(source), "token": token.value, "expires_at": token.expires_at.isoformat()}
        self._under_lease("put_item", lease, Item=encode_item(item))

    def release_token(self, source: str, *, lease: datetime) -> None:
        """Give a lease back without a token."""
        self._under_lease(
            "update_item", lease, Key=encode_item(_token_key(source)), UpdateExpression="REMOVE leased_until"
        )

    def _under_lease(self, verb: str, lease: datetime, **request: Any) -> None:
        with suppress(ConditionFailed):
            conditional(
                self.dynamo,
                verb,
                TableName=self.name,
                ConditionExpression="leased_until = :lease",
                ExpressionAttributeValues=encode_item({":lease": lease.isoformat()}),
                **request,
            )

    def _get(self, key: Item) -> Item | None:
        found = self.dynamo.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=True).get("Item")
        return decode_item(found) if found else None


def open_connect() -> ConnectTable:
    """The stage's table of what outside systems are told and have told."""
    return ConnectTable(client(), settings().connect_table)


def _token_key(source: str) -> Item:
    return {"pk": f"TOKEN#{source}", "sk": "TOKEN"}
