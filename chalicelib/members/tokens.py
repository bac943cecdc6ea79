"""Bearer tokens, staff keys and opaque ids: made here, stored only as SHA-256.

A token is 32 random bytes, so a plain digest of it cannot be searched; passwords would need more, and there are none.
"""

from __future__ import annotations

import hashlib
import re
import secrets

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_STAFF_KEY = re.compile(r"jfs_(s[0-9a-f]{24})_[A-Za-z0-9_-]{43}")
_BEARER = re.compile(r"[Bb]earer ([\x21-\x7e]{1,512})")


def new_token() -> str:
    """A member's session token: 32 random bytes, urlsafe base64, 43 characters."""
    return secrets.token_urlsafe(32)


def new_staff_key(staff_id: str) -> str:
    """A staff key `jfs_<staff_id>_<43 characters>`: the id finds its row, the rest proves it."""
    return f"jfs_{staff_id}_{secrets.token_urlsafe(32)}"


def new_member_id() -> str:
    """An opaque member id: `m` and 24 lower hex digits."""
    return "m" + secrets.token_hex(12)


def new_staff_id() -> str:
    """An opaque staff id: `s` and 24 lower hex digits."""
    return "s" + secrets.token_hex(12)


def digest(text: str) -> str:
    """SHA-256 in hex, the only form in which a token, key or login code is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def bearer(authorization: str | None) -> str | None:
    """The credential of an `Authorization: Bearer ...` header (RFC 6750), or None if there is none."""
    found = _BEARER.fullmatch(authorization or "")
    return found[1] if found else None


def is_token(text: str) -> bool:
    """Whether a credential has a session token's form, so that anything else costs no read."""
    return _TOKEN.fullmatch(text) is not None


def staff_id_of(key: str) -> str | None:
    """The staff id a staff key names, or None if the credential has another form."""
    found = _STAFF_KEY.fullmatch(key)
    return found[1] if found else None
