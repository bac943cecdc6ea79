"""Duiba's signature: MD5 over all values, sorted by their names, the secret among them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote, quote_plus, urlencode

SECRET = "appSecret"  # noqa: S105  # the name it takes part under


def sign(values: Mapping[str, str], secret: str) -> str:
    """Over every value but `sign`; what a receiver does not know takes part, too."""
    together = {name: value for name, value in values.items() if name != "sign"} | {SECRET: secret}
    text = "".join(together[name] for name in sorted(together))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def query(values: Mapping[str, str], secret: str, *, plus: bool = True) -> str:
    """A signed query string; spaces as `+`, or as `%20`."""
    signed = {**values, "sign": sign(values, secret)}
    return urlencode(signed, quote_via=quote_plus if plus else quote)
