"""Grants of subscribe messages: rows of the connect table.

GRANT#<openid>      <template>    `left`, and of its taps `ahead`, `told_at`, `version`, as taps.py has them
TAP#<key>           TAP           `input`: tellings that were counted, so that none is counted twice
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.connect.messages_table import (
    ATTEMPTS,
    REMEMBERED,
    Message,
    MessagesTable,
    Write,
    message_key,
    message_of,
    open_messages,
)
from chalicelib.connect.wechat.taps import Taps, Teller
from chalicelib.errors import Code, JifenError
from chalicelib.runtime.dynamo import ConditionFailed, Item, batch_get, conditional, decode_item, encode_item

Told = Mapping[str, bool]
"""By template: True for one more message allowed, False for none any more."""


@dataclass(frozen=True, slots=True)
class GrantsTable:
    """The rows of one stage, in the table of its messages."""

    messages: MessagesTable

    def taps(self, openid: str, template_ids: Sequence[str]) -> dict[str, Taps]:
        """What a member allows, by template; strongly read, in one call."""
        found = {item["sk"]: _taps(item) for item in self._batch([_key(openid, one) for one in template_ids])}
        return {template_id: found.get(template_id, Taps()) for template_id in template_ids}

    def before(self, key: str, openid: str, template_id: str) -> tuple[Message | None, int]:
        """A message as it stands, if it was begun, and how many grants are left for it; strongly read, in one call."""
        found = {item["pk"]: item for item in self._batch([message_key(key), _key(openid, template_id)])}
        message, grant = found.get(message_key(key)["pk"]), found.get(_key(openid, template_id)["pk"])
        return message_of(message) if message else None, _taps(grant).left if grant else 0

    def count(self, openid: str, told: Told, teller: Teller, *, key: str, input_hash: str, now: datetime) -> bool:
        """Count what was told under a key, all or none; False where that key was counted before.

        Raises JifenError KEY_REUSED when the key stands for another telling, BUSY.
        """
        marker = {
            "pk": f"TAP#{key}",
            "sk": "TAP",
            "input": input_hash,
            "expires_epoch_s": int((now + REMEMBERED).timestamp()),
        }
        put = {
            "TableName": self.messages.name,
            "Item": encode_item(marker),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        for attempt in range(ATTEMPTS):
            writes = [
                self._told(openid, template_id, taps, told[template_id], teller, now)
                for template_id, taps in self.taps(openid, sorted(told)).items()
            ]
            refused = self.messages.write([{"Put": put}, *writes])
            if refused is None:
                return True
            if standing := refused.reasons[0].item:
                if standing["input"] != input_hash:
                    raise JifenError(Code.KEY_REUSED)
                return False
            self.messages.wait(attempt)
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def use(self, openid: str, template_id: str) -> Write:
        """The use of one grant, refused where there is none."""
        return {"Update": {**self._left(openid, template_id, -1), **_WHILE_LEFT, **_values({":step": -1, ":one": 1})}}

    def give_back(self, openid: str, template_id: str) -> Write:
        """One grant more: of a message that was certainly not sent."""
        return {"Update": self._left(openid, template_id, 1)}

    def end(self, openid: str, template_id: str, sent_at: datetime) -> None:
        """No grant is left of those that were told before a message was sent in vain."""
        with suppress(ConditionFailed):
            conditional(
                self.messages.dynamo,
                "update_item",
                TableName=self.messages.name,
                Key=encode_item(_key(openid, template_id)),
                UpdateExpression="SET #left = :none",
                ConditionExpression="told_at <= :sent_at",
                ExpressionAttributeNames={"#left": "left"},
                **_values({":none": 0, ":sent_at": sent_at.isoformat()}),
            )

    def _batch(self, keys: Sequence[Mapping[str, str]]) -> list[Item]:
        found = batch_get(self.messages.dynamo, self.messages.name, keys, self.messages.wait)
        return [decode_item(item) for item in found]

    def _left(self, openid: str, template_id: str, step: int) -> dict[str, Any]:
        return {
            "TableName": self.messages.name,
            "Key": encode_item(_key(openid, template_id)),
            "UpdateExpression": "ADD #left :step",
            "ExpressionAttributeNames": {"#left": "left"},
            **_values({":step": step}),
        }

    def _told(
        self, openid: str, template_id: str, taps: Taps, is_allowed: bool, teller: Teller, now: datetime
    ) -> Write:
        """One telling: `left` is moved, not set, because a message may use a grant meanwhile."""
        after = taps.told(teller, now) if is_allowed else taps.refused(now)
        values = {
            ":ahead": after.ahead,
            ":at": now.isoformat(),
            ":version": after.version,
            ":seen": taps.version,
            ":left": after.left - taps.left if is_allowed else 0,
        }
        kept = "SET ahead = :ahead, told_at = :at, version = :version"
        update = {
            "TableName": self.messages.name,
            "Key": encode_item(_key(openid, template_id)),
            "UpdateExpression": f"{kept} ADD #left :left" if is_allowed else f"{kept}, #left = :left",
            "ConditionExpression": "version = :seen" if taps.version else "attribute_not_exists(version)",
            "ExpressionAttributeNames": {"#left": "left"},
        }
        if not taps.version:
            del values[":seen"]
        return {"Update": {**update, **_values(values)}}


def open_grants() -> GrantsTable:
    """The stage's rows."""
    return GrantsTable(open_messages())


_WHILE_LEFT = {"ConditionExpression": "#left >= :one"}


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"ExpressionAttributeValues": encode_item(values)}


def _key(openid: str, template_id: str) -> dict[str, str]:
    return {"pk": f"GRANT#{openid}", "sk": template_id}


def _taps(item: Mapping[str, Any]) -> Taps:
    at = item.get("told_at")
    return Taps(item["left"], item.get("ahead", 0), datetime.fromisoformat(at) if at else None, item.get("version", 0))
