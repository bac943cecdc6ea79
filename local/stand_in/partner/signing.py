"""The partner's signatures: over timestamp, nonce, a line (`POST /exchanges`, or an answer's status) and the bytes."""

from __future__ import annotations

import hashlib
import hmac

from local.stand_in.clock import MINUTE, SECOND, seconds
from local.stand_in.wire import Answer, Request

TIMESTAMP, NONCE, SIGNATURE = "x-jifen-timestamp", "x-jifen-nonce", "x-jifen-signature"
WINDOW = 5 * MINUTE


def sign(secret: str, timestamp: str, nonce: str, line: str, body: bytes) -> str:
    message = b"\n".join((timestamp.encode(), nonce.encode(), line.encode(), body))
    return hmac.digest(secret.encode(), message, hashlib.sha256).hex()


def is_signed(request: Request, secret: str, now: int) -> bool:
    """Whether the question is our customer's own, and of now."""
    timestamp, nonce = (request.headers.get(name, "") for name in (TIMESTAMP, NONCE))
    expected = sign(secret, timestamp, nonce, f"{request.method} {request.path}", request.body)
    if not timestamp.isdigit() or abs(now - int(timestamp) * SECOND) > WINDOW:
        return False
    return hmac.compare_digest(expected, request.headers.get(SIGNATURE, ""))


def signed(answer: Answer, request: Request, secret: str, now: int) -> Answer:
    """The answer with its signature, under the question's nonce."""
    timestamp, nonce = str(seconds(now)), request.headers.get(NONCE, "")
    signature = sign(secret, timestamp, nonce, str(answer.status), answer.body)
    own = ((TIMESTAMP, timestamp), (NONCE, nonce), (SIGNATURE, signature))
    return answer._replace(headers=(*answer.headers, *own))


def tampered(answer: Answer, request: Request, kind: str, now: int) -> Answer:
    """The answer as a planted fault has it; unchanged for other kinds."""
    bare = answer._replace(headers=tuple(one for one in answer.headers if one[0] not in (TIMESTAMP, NONCE, SIGNATURE)))
    if kind == "unsigned":
        return bare
    if kind == "foreign_signature":
        return signed(bare, request, "another secret than both sides have", now)
    if kind == "old_timestamp":
        return answer._replace(
            headers=tuple((name, "1000000000" if name == TIMESTAMP else value) for name, value in answer.headers)
        )
    return answer
