"""What a platform pushes, read from XML or JSON: a message of a follower, or an event.

fields    {"MsgType": "event", "Event": "subscribe", "FromUserName": "o…", "CreateTime": "1770000000", …}
          texts; in XML what stands within an element is a mapping, what repeats under one name a list
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError  # what defusedxml answers and raises

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.runtime.bodies import plain_json

MAX_DEPTH = 16
MAX_NAME_CHARS = 64


class Pushed(NamedTuple):
    """One message as its system told it."""

    system: str
    name: str
    """The event's, such as `subscribe`; of what is no event `message:` and its kind, such as `message:text`."""
    at: datetime
    """When it was made, by the platform's clock, in whole seconds."""
    fields: Mapping[str, Any]

    @property
    def sender(self) -> str:
        return str(self.fields.get("FromUserName", ""))

    @property
    def key(self) -> str:
        """The same for each telling of one message. A message of a person has an id. An event has none: it is known by
        all that it says, for one person may cause two within the second that its sender and time would tell apart.
        """
        message_id = self.fields.get("MsgId")
        if self.fields.get("MsgType") != "event" and message_id:
            return f"{self.system}#{message_id}"
        return f"{self.system}#{digest(dict(self.fields))}"


def fields_of(raw: bytes) -> Mapping[str, Any]:
    """What XML or JSON in UTF-8 says. Raises JifenError MALFORMED_BODY, also for what would grow on being read:
    declarations of types and entities, deep nesting.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise JifenError(Code.MALFORMED_BODY) from None
    told = _xml(text) if text.lstrip("\ufeff \t\r\n").startswith("<") else _json(raw)
    if not isinstance(told, dict):
        raise JifenError(Code.MALFORMED_BODY)
    return told


def pushed_of(system: str, fields: Mapping[str, Any]) -> Pushed:
    """The message of these fields; raises JifenError MALFORMED_BODY without a kind and a time."""
    kind, event, made = (str(fields.get(name, "")) for name in ("MsgType", "Event", "CreateTime"))
    name = event if kind == "event" else f"message:{kind}"
    if not kind or not name or not (made.isascii() and made.isdigit() and len(made) <= 10):
        raise JifenError(Code.MALFORMED_BODY)
    return Pushed(system, name[:MAX_NAME_CHARS], datetime.fromtimestamp(int(made), UTC), fields)


def queued(pushed: Pushed) -> str:
    """A message as the queue carries it."""
    return json.dumps({"system": pushed.system, "fields": pushed.fields}, ensure_ascii=False)


def unqueued(body: str) -> Pushed:
    """What `queued` wrote."""
    told = json.loads(body)
    return pushed_of(told["system"], told["fields"])


def _json(raw: bytes) -> Any:
    told = plain_json(raw)
    try:
        json.dumps(told, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, written as an escape: no text that could be kept or sent on
        raise JifenError(Code.MALFORMED_BODY) from None
    return told


def _xml(text: str) -> Any:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        # As text: what the document says of its own encoding has no say then.
        return _value(fromstring(text, forbid_dtd=True), MAX_DEPTH)
    except (ParseError, DefusedXmlException, ValueError):
        raise JifenError(Code.MALFORMED_BODY) from None


def _value(element: Element, depth: int) -> Any:
    if depth == 0:
        raise ValueError("too deep")
    if len(element) == 0:
        return element.text or ""
    found: dict[str, list[Any]] = {}
    for child in element:
        found.setdefault(child.tag, []).append(_value(child, depth - 1))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
