"""A phone number as Jifen knows it: by keyed digests alone. Pure; the key is a secret of the stage.

Eleven digits are searched in no time, so a plain digest would hide nothing. The key makes the digests of one stage mean
nothing to whoever has only its tables; it is never changed, or nobody's number would be found again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.members.model import Identity

PHONE_PROVIDER = "phone"
"""The provider of identities that are phone numbers; their external id is the digest."""
MAX_CHARS = 32
_SPACING = re.compile(r"[\s()-]+")
_PLAIN = str.maketrans({chr(0xFF01 + place): chr(0x21 + place) for place in range(94)} | {"\u3000": " "})
_MAINLAND = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")
_ABROAD = re.compile(r"\+[1-9][0-9]{7,14}")
_MASKED = re.compile(r"(?:\+?86|0086)?1[0-9*]{6}([0-9]{4})")


class Phone(NamedTuple):
    """The digests of a number; `digest` is empty where a shop masked the number (138****5678)."""

    digest: str
    tail: str
    """The last four digits in plain: to be digested with the order they are for, never to be kept."""

    def __repr__(self) -> str:
        return "Phone(…)"


def read_phone(text: str, key: str) -> Phone:
    """A number as people and shops write it; JifenError INVALID_REQUEST, field `phone`, when it is none."""
    plain = _SPACING.sub("", text.translate(_PLAIN)) if len(text) <= MAX_CHARS else ""
    if matched := _MAINLAND.fullmatch(plain):
        return Phone(_digest(key, f"+86{matched[1]}"), plain[-4:])
    if _ABROAD.fullmatch(plain):
        return Phone(_digest(key, plain), plain[-4:])
    if "*" in plain and (masked := _MASKED.fullmatch(plain)):
        return Phone("", masked[1])
    raise JifenError(Code.INVALID_REQUEST, "phone不是手机号", field="phone")


def phone_identity(digest: str) -> Identity:
    """The identity of whoever has this number."""
    return Identity(PHONE_PROVIDER, digest)


def tail_digest(key: str, order_key: str, tail: str) -> str:
    """The digest of a number's last four digits on one order: the same digits of another order look different."""
    return _digest(key, f"{order_key}\n{tail}")[:32]


def _digest(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
