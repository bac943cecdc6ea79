"""Ids as the vendors' own look, the same again for the same seed and order of calls."""

from __future__ import annotations

import hashlib
import random
import string

_LETTERS = string.ascii_letters + string.digits


class Ids:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._numbers: dict[str, int] = {}

    def text(self, length: int, prefix: str = "") -> str:
        """`length` letters and digits behind the prefix."""
        return prefix + "".join(self._random.choices(_LETTERS, k=length))

    def data(self, length: int) -> bytes:
        return self._random.randbytes(length)

    def number(self, kind: str, first: int) -> int:
        """The next of a series of its own that begins with `first`."""
        self._numbers[kind] = self._numbers.get(kind, first - 1) + 1
        return self._numbers[kind]

    def rid(self, now_s: int) -> str:
        """A request's id as WeChat appends it to errmsg."""
        return f"{now_s:08x}-{self._random.getrandbits(32):08x}-{self._random.getrandbits(32):08x}"


def person_in(space: str, person: str, prefix: str = "o") -> str:
    """The id of a person in an app or an open platform account: 28 letters, always the same."""
    digest = hashlib.sha256(f"{space}:{person}".encode()).digest()
    return prefix + "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[: 28 - len(prefix)])
