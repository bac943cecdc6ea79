"""Signatures as Standard Webhooks 1.0 has them: HMAC-SHA256 over `<id>.<seconds>.<body>`. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

SECRET_BYTES = 32
_PREFIX = "whsec_"


def secret_of(random_bytes: bytes) -> str:
    """A signing secret as its receiver keeps it."""
    return _PREFIX + base64.b64encode(random_bytes).decode()


def signed_headers(event_id: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The three headers of one attempt at `now`; a signature for each secret, so that either side of a rotation can
    verify it.
    """
    at_s = str(int(now.timestamp()))
    content = b".".join((event_id.encode(), at_s.encode(), body))
    signatures = (hmac.digest(_key(secret), content, hashlib.sha256) for secret in secrets)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": at_s,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
