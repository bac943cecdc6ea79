"""The connect table's access tokens. Its other rows: messages_table.py (what was sent), wechat/grants_table.py.

TOKEN#<source>     TOKEN     an access token: `token`, `expires_at`, `leased_until`
EVENT#<key>        EVENT     a pushed event, by Pushed.key: `leased_until` while it is handled, then `handled_at`
CHAT#<chat id>     HINT      a customer group that has changed: `hinted_at`, `change`
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.runtime.dynamo import Client, ConditionFailed, Item, client, conditional, decode_item, encode_item
from chalicelib.runtime.settings import settings

EVENT_KEPT = timedelta(days=60)
"""Longer than an event may be told again (push_routes.py), wait in its queue and lie among the dead letters (4 weeks)
after the first telling was handled."""


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

    def begin_event(self, key: str, *, until: datetime, now: datetime) -> bool:
        """Whether the caller shall handle this event, which nobody else does before `until`; False once it is handled.

        Raises JifenError BUSY while another handles it.
        """
        values = {
            ":until": until.isoformat(),
            ":now": now.isoformat(),
            ":expires": int((now + EVENT_KEPT).timestamp()),
        }
        try:
            conditional(
                self.dynamo,
                "update_item",
                TableName=self.name,
                Key=encode_item(_event_key(key)),
                UpdateExpression="SET leased_until = :until, expires_epoch_s = :expires",
                ConditionExpression="attribute_not_exists(handled_at) AND "
                "(attribute_not_exists(leased_until) OR leased_until <= :now)",
                ExpressionAttributeValues=encode_item(values),
            )
        except ConditionFailed as failed:
            if failed.item is not None and "handled_at" in failed.item:
                return False
            raise JifenError(Code.BUSY) from None
        return True

    def end_event(self, key: str, *, lease: datetime, handled_at: datetime | None) -> None:
        """The event is handled, for ever; or with None somebody else may try it at once."""
        update, values = "REMOVE leased_until", {":lease": lease.isoformat()}
        if handled_at is not None:
            update, values = f"SET handled_at = :at {update}", {**values, ":at": handled_at.isoformat()}
        with suppress(ConditionFailed):  # whoever took the lease over handles it once more
            conditional(
                self.dynamo,
                "update_item",
                TableName=self.name,
                Key=encode_item(_event_key(key)),
                UpdateExpression=update,
                ConditionExpression="leased_until = :lease",
                ExpressionAttributeValues=encode_item(values),
            )

    def hint_chat(self, chat_id: str, *, change: str, at: datetime) -> None:
        """Keep that a group changed at an instant; an older change than the one that stands says nothing new."""
        with suppress(ConditionFailed):
            conditional(
                self.dynamo,
                "put_item",
                TableName=self.name,
                Item=encode_item(
                    {"pk": f"CHAT#{chat_id}", "sk": "HINT", "hinted_at": at.isoformat(), "change": change}
                ),
                ConditionExpression="attribute_not_exists(pk) OR hinted_at < :at",
                ExpressionAttributeValues=encode_item({":at": at.isoformat()}),
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


def _event_key(key: str) -> Item:
    return {"pk": f"EVENT#{key}", "sk": "EVENT"}


def _token_key(source: str) -> Item:
    return {"pk": f"TOKEN#{source}", "sk": "TOKEN"}
