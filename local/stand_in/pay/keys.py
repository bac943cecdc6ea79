"""The key pair WeChat Pay signs with, in the mode of a public key with an id of its own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_ID = "PUB_KEY_ID_0116000000000120261126000000000001"


class PlatformKey(NamedTuple):
    """`key_id` is the serial that notifications and answers name."""

    key_id: str
    private: rsa.RSAPrivateKey

    @property
    def public_pem(self) -> str:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@cache
def of_this_process() -> PlatformKey:
    """A key made once in a process."""
    return PlatformKey(KEY_ID, rsa.generate_private_key(65537, 2048))


@cache
def stranger() -> PlatformKey:
    """Somebody else's key, for signatures that must not be believed."""
    return PlatformKey("PUB_KEY_ID_0116000000000120200101000000000009", rsa.generate_private_key(65537, 2048))


def kept_in(path: Path) -> PlatformKey:
    """The key in a file, made at the first time: who was told its public half need not be told again."""
    if path.exists():
        read = serialization.load_pem_private_key(path.read_bytes(), None)
        if isinstance(read, rsa.RSAPrivateKey):
            return PlatformKey(KEY_ID, read)
    made = of_this_process()
    private = serialization.PrivateFormat.PKCS8
    pem = made.private.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return made
