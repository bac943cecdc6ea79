"""The order feed's signature. Pure: headers, bytes, secrets and the time come in.

    x-jifen-timestamp: <epoch seconds>
    x-jifen-nonce:     <16 to 64 of A-Z a-z 0-9 . _ ~ ->
    x-jifen-signature: hex HMAC-SHA256(secret, timestamp + "\\n" + nonce + "\\n" + raw body)

The bytes are signed as they travel, before anybody parses them; neither separator can occur in timestamp or nonce.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError

TIMESTAMP_HEADER = "x-jifen-timestamp"
NONCE_HEADER = "x-jifen-nonce"
SIGNATURE_HEADER = "x-jifen-signature"
WINDOW_SECONDS = 300

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[A-Za-z0-9._~-]{16,64}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")


class Signed(NamedTuple):
    """What a sender claims; nothing in it is believed before `verify` returned."""

    timestamp: str
    nonce: str
    signature: str


def read_headers(headers: Mapping[str, str]) -> Signed:
    """The three headers (names in lower case); raises JifenError BAD_SIGNATURE if one is missing or misshapen."""
    timestamp = headers.get(TIMESTAMP_HEADER, "")
    nonce = headers.get(NONCE_HEADER, "")
    signature = headers.get(SIGNATURE_HEADER, "").lower()
    if not (_TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce) and _SIGNATURE.fullmatch(signature)):
        raise JifenError(Code.BAD_SIGNATURE)
    return Signed(timestamp, nonce, signature)


def require_fresh(signed: Signed, now: datetime) -> None:
    """Raise JifenError STALE_TIMESTAMP unless sender's and own clock are at most 300 seconds apart, either way.

    Apart from `verify`, so that a stale request never costs a look at the secrets.
    """
    if abs(int(now.timestamp()) - int(signed.timestamp)) > WINDOW_SECONDS:
        raise JifenError(Code.STALE_TIMESTAMP)


def verify(signed: Signed, raw_body: bytes, secrets: Sequence[str]) -> None:
    """Raise JifenError BAD_SIGNATURE unless a secret in force made this signature; compares in constant time."""
    matches = [
        hmac.compare_digest(sign(secret, signed.timestamp, signed.nonce, raw_body), signed.signature)
        for secret in secrets
    ]
    if not any(matches):
        raise JifenError(Code.BAD_SIGNATURE)


def sign(secret: str, timestamp: str, nonce: str, raw_body: bytes) -> str:
    """The signature a sender puts in its header, lower hex."""
    message = b"\n".join((timestamp.encode(), nonce.encode(), raw_body))
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
