"""A deduction as it was promised (抵扣报价), signed so that whoever carries it can change nothing of it. Pure.

    <payload in base64url>.<HMAC-SHA256 of it in hex>

The purpose is part of what is signed: nothing else that is signed with the same secret passes for such a quote.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import stamp

LIFE = timedelta(minutes=10)
"""How long a quote may be taken up."""
PURPOSE = b"checkout-quote\n"
MAX_CHARS = 1000


class Quote(NamedTuple):
    """So many points of a member pay so many fen of a basket."""

    id: str
    member_id: str
    points: int
    fen: int
    basket: str
    """The digest of what is paid for."""
    terms_version: int
    issued_at: datetime
    release_at: datetime
    """When points that were held by it go back, if nobody captured them."""
    platform: str = ""
    order_no: str = ""
    """The order it is for; both empty while it has no number yet."""

    @property
    def expires_at(self) -> datetime:
        """From then on it cannot be taken up any more."""
        return self.issued_at + LIFE

    @property
    def hold_id(self) -> str:
        """The hold that it makes, once."""
        return f"checkout.{self.id}"


def signed(quote: Quote, secret: str) -> str:
    """The quote as it travels."""
    plain = {**quote._asdict(), "issued_at": stamp(quote.issued_at), "release_at": stamp(quote.release_at)}
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True)
    payload = urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return f"{payload}.{_signature(payload, secret)}"


def read_quote(text: str, secrets: Sequence[str]) -> Quote:
    """The quote that a text carries; raises QUOTE_INVALID unless one of these secrets signed the very text.

    Whether it may still be taken up is not asked here: what was done in time is answered again later.
    """
    payload, _, signature = text.partition(".")
    given = signature.encode()
    matches = [hmac.compare_digest(_signature(payload, secret).encode(), given) for secret in secrets]
    if not any(matches):
        raise JifenError(Code.QUOTE_INVALID, field="quote")
    plain = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    instants = {name: datetime.fromisoformat(plain[name]) for name in ("issued_at", "release_at")}
    return Quote(**{**plain, **instants})


def _signature(payload: str, secret: str) -> str:
    return hmac.new(secret.encode(), PURPOSE + payload.encode(), hashlib.sha256).hexdigest()
