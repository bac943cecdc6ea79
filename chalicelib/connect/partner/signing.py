"""Signatures between us and a partner: the feed's own, over one line more. Pure.

    x-jifen-timestamp: <epoch seconds>
    x-jifen-nonce:     <32 hex digits>; the answer bears its question's
    x-jifen-signature: hex HMAC-SHA256(secret, timestamp + "\\n" + nonce + "\\n" + line + "\\n" + raw body)

The line of a request is its method and path (`POST /jifen/exchanges`), of an answer its status (`200`). So neither can
pass for the other, a question for no other question, and an answer for no other's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from chalicelib.members.signature import (
    NONCE_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    read_headers,
    require_fresh,
    sign,
    verify,
)

_PLAIN = re.compile(r"[0-9A-Za-z ./_~-]+")


def signed_headers(secret: str, line: str, nonce: str, raw_body: bytes, at: datetime) -> dict[str, str]:
    """The three headers of a request or an answer made at `at`."""
    timestamp = str(int(at.timestamp()))
    signature = sign(secret, timestamp, nonce, _signed(line, raw_body))
    return {TIMESTAMP_HEADER: timestamp, NONCE_HEADER: nonce, SIGNATURE_HEADER: signature}


def verify_answer(
    secret: str, status: int, nonce: str, headers: Mapping[str, str], raw_body: bytes, now: datetime
) -> bool:
    """Whether these are the partner's own words to the question of this nonce. Raises JifenError BAD_SIGNATURE or
    STALE_TIMESTAMP for headers that are missing, forged or old.
    """
    signed = read_headers(headers)
    require_fresh(signed, now)
    verify(signed, _signed(str(status), raw_body), [secret])
    return signed.nonce == nonce


def _signed(line: str, raw_body: bytes) -> bytes:
    if not _PLAIN.fullmatch(line):
        raise ValueError("a line of plain characters is signed")
    return line.encode() + b"\n" + raw_body
