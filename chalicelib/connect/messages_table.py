"""What was sent to somebody, once for ever: rows of the connect table.

MESSAGE#<key>       MESSAGE     `state` (`unknown`, `free`, `sent`, `refused`, `not_granted`), `input`, `at`
ROBOT#<robot>       <minute>    `sent`: messages of one group robot in one minute

A message is begun as `unknown`, in one transaction with what it uses up: whoever dies before the answer leaves it so.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.runtime.dynamo import Cancelled, Client, ConditionFailed, client, conditional, encode_item, transact
from chalicelib.runtime.settings import settings

ATTEMPTS = 4
REMEMBERED = timedelta(days=90)
"""How long a message is known; whatever may tell it again gives up within days."""
MINUTE_KEPT = timedelta(days=1)
Write = Mapping[str, Any]


class State(StrEnum):
    """What became of a message. Stored and answered by value, so a value is never renamed."""

    UNKNOWN = "unknown"
    """Begun; whether it arrived nobody knows. It is never sent again."""
    FREE = "free"
    """Certainly not sent; may be begun again."""
    SENT = "sent"
    REFUSED = "refused"
    """The platform will never take it."""
    NOT_GRANTED = "not_granted"
    """The member did not allow it."""


class Message(NamedTuple):
    """A message that was begun before: what became of it, and the hash of what it said."""

    state: State
    input_hash: str
    receipt: str = ""
    """What the platform calls it, where it says so."""


class NothingLeft(Exception):
    """What a message needs is used up; nothing was written."""


@dataclass(frozen=True, slots=True)
class MessagesTable:
    """The rows of one stage, over a low-level client; `pause` waits that many seconds between attempts."""

    dynamo: Client
    name: str
    pause: Callable[[float], None] = time.sleep

    def begin(self, key: str, input_hash: str, use: Write | None, now: datetime) -> Message | None:
        """Begin a message and use up what it needs, if anything, both or neither; the message as it stands when it was
        begun before.

        Raises NothingLeft, and JifenError BUSY when others are in the way for too long.
        """
        item = {
            **message_key(key),
            "state": State.UNKNOWN.value,
            "input": input_hash,
            "at": now.isoformat(),
            "expires_epoch_s": int((now + REMEMBERED).timestamp()),
        }
        put = {
            "TableName": self.name,
            "Item": encode_item(item),
            "ConditionExpression": "attribute_not_exists(pk) OR (#state = :free AND #input = :input)",
            "ExpressionAttributeNames": {"#state": "state", "#input": "input"},
            "ExpressionAttributeValues": encode_item({":free": State.FREE.value, ":input": input_hash}),
        }
        refused = self.write([{"Put": put}, use] if use else [{"Put": put}])
        if refused is None:
            return None
        standing = refused.reasons[0].item
        if standing is None:
            raise NothingLeft
        return message_of(standing)

    def settle(self, key: str, state: State, *also: Write, receipt: str = "") -> None:
        """Say what became of a message that was begun, and what the platform calls it, with what it gives back: all or
        none, and once.
        """
        update = {
            "TableName": self.name,
            "Key": encode_item(message_key(key)),
            "UpdateExpression": "SET #state = :state" + (", receipt = :receipt" if receipt else ""),
            "ConditionExpression": "#state = :unknown",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": encode_item(
                {":state": state.value, ":unknown": State.UNKNOWN.value, **({":receipt": receipt} if receipt else {})}
            ),
        }
        if also:
            self.write([{"Update": update}, *also])
            return
        with suppress(ConditionFailed):
            conditional(self.dynamo, "update_item", **update)

    def minute_use(self, robot: str, at: datetime, most: int) -> Write:
        """The use of one of the `most` messages that a robot may send in the minute of an instant."""
        values = {":one": 1, ":most": most, ":ends": int((at + MINUTE_KEPT).timestamp())}
        update = {
            "TableName": self.name,
            "Key": encode_item({"pk": f"ROBOT#{robot}", "sk": f"{at:%Y-%m-%dT%H:%M}"}),
            "UpdateExpression": "SET expires_epoch_s = :ends ADD #sent :one",
            "ConditionExpression": "attribute_not_exists(#sent) OR #sent < :most",
            "ExpressionAttributeNames": {"#sent": "sent"},
            "ExpressionAttributeValues": encode_item(values),
        }
        return {"Update": update}

    def write(self, writes: Sequence[Write]) -> Cancelled | None:
        """All or nothing; the refusal if a condition failed. Contention is tried again, then BUSY."""
        for attempt in range(ATTEMPTS):
            try:
                transact(self.dynamo, writes)
            except Cancelled as refused:
                if not refused.is_transient():
                    return refused
            else:
                return None
            self.wait(attempt)
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def wait(self, attempt: int) -> None:
        """Full jitter below 50, 100, 200, 400 ms."""
        self.pause(random.uniform(0, 0.05 * 2**attempt))


def open_messages() -> MessagesTable:
    """The stage's rows."""
    return MessagesTable(client(), settings().connect_table)


def message_key(key: str) -> dict[str, str]:
    return {"pk": f"MESSAGE#{key}", "sk": "MESSAGE"}


def message_of(item: Mapping[str, Any]) -> Message:
    return Message(State(item["state"]), item["input"], item.get("receipt", ""))
