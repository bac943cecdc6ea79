"""Signatures of shops' pushes: over the raw body, between the app's key and its secret. Pure.

    md5            hex MD5(key + body + secret)
    hmac-sha256    hex HMAC-SHA256(secret, key + body + secret)

Nothing in them says when a push was made: whoever captured one can play it again, and finds that it is kept already.
"""

from __future__ import annotations

import hashlib
import hmac

from chalicelib.errors import Code, JifenError

METHODS = ("md5", "hmac-sha256")


def sign(method: str, key: str, secret: str, raw_body: bytes) -> str:
    """The signature of a push, lower hex; ValueError for a method that is none of METHODS."""
    message = key.encode() + raw_body + secret.encode()
    if method == "md5":
        return hashlib.md5(message, usedforsecurity=False).hexdigest()
    if method == "hmac-sha256":
        return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    raise ValueError("no such way to sign")


def verify(told: str, method: str, key: str, secret: str, raw_body: bytes) -> None:
    """Raise JifenError BAD_SIGNATURE unless `told` is the signature of these very bytes; in constant time."""
    expected = sign(method, key, secret, raw_body)
    if not hmac.compare_digest(told.lower().encode("utf-8", "surrogatepass"), expected.encode()):
        raise JifenError(Code.BAD_SIGNATURE)
