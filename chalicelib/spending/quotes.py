"""Quotes (报价): what was offered to a member, signed by us, so that nobody needs to keep it and nobody can alter it.

    <base64url of the facts as JSON>.<base64url of HMAC-SHA256 over that text>

A quote names its kind, its member, an id of its own and its instant. It is good for ten minutes, once: what is done
with it is named by that id and that instant. Pure.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError

GOOD_FOR = timedelta(minutes=10)
MAX_CHARS = 4096


class Quote(NamedTuple):
    """What was offered; `facts` are its kind's own, plain JSON values."""

    kind: str
    id: str
    """24 hex digits."""
    member_id: str
    issued_at: datetime
    """To the millisecond, as the token carries it."""
    facts: Mapping[str, Any]

    @property
    def until_at(self) -> datetime:
        """From then on it is no longer good."""
        return self.issued_at + GOOD_FOR


def signed(quote: Quote, secret: str) -> str:
    """The quote as the member carries it."""
    ms = (quote.issued_at - _EPOCH) // timedelta(milliseconds=1)
    text = json.dumps([quote.kind, quote.id, quote.member_id, ms, quote.facts], separators=(",", ":"), sort_keys=True)
    body = _text(text.encode())
    return f"{body}.{_text(_mac(body, secret))}"


def read(token: str, kind: str, member_id: str | None, secrets: Sequence[str]) -> Quote:
    """The quote of a token that one of `secrets` signed for this kind and member; raises QUOTE_INVALID.

    Whether it is still good is judged where it is used: what was done with it in time is answered again for ever. With
    `member_id` None so is whose it is.
    """
    body, _, mac = token.partition(".")
    if len(token) > MAX_CHARS or not any(hmac.compare_digest(_text(_mac(body, one)), mac) for one in secrets):
        raise JifenError(Code.QUOTE_INVALID, field="quote")
    try:
        found_kind, id, owner, ms, facts = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, NotBase64):
        raise JifenError(Code.QUOTE_INVALID, field="quote") from None
    if found_kind != kind or member_id not in (None, owner):
        raise JifenError(Code.QUOTE_INVALID, field="quote")
    return Quote(kind, id, owner, _EPOCH + timedelta(milliseconds=ms), facts)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _mac(body: str, secret: str) -> bytes:
    return hmac.digest(secret.encode(), body.encode("utf-8", "surrogatepass"), sha256)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
