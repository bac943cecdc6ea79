"""How Tencent's platforms sign and seal what they push. Pure.

    signature       SHA-1 over the sorted token, timestamp and nonce; with what is sealed among them: msg_signature
    what is sealed  AES-256-CBC over 16 random bytes, the message's length (4 bytes), the message, who it is for

Formats: developers.weixin.qq.com, "消息加解密说明"; developer.work.weixin.qq.com, document/path/90968. Nothing in them
says until when a push is good: whoever captured one can play it again, and finds that it was taken already.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from chalicelib.errors import Code, JifenError

KEY_CHARS = 43
SALT_BYTES = 16
LENGTH_BYTES = 4
BLOCK_BYTES = 16
MAX_PADDING = 32
"""They pad to 32 bytes, though the cipher's block has 16."""


def sign(*parts: str) -> str:
    """The signature of a push, lower hex: over its parts in order of their characters."""
    return hashlib.sha1(_bytes("".join(sorted(parts))), usedforsecurity=False).hexdigest()


def verify(told: str, *parts: str) -> None:
    """Raise JifenError BAD_SIGNATURE unless `told` is the signature of these parts; in constant time."""
    if not hmac.compare_digest(_bytes(told), sign(*parts).encode()):
        raise JifenError(Code.BAD_SIGNATURE)


def decrypt(sealed: str, *, aes_key: str, receive_id: str) -> bytes:
    """The message within base64 text whose signature was verified.

    Raises JifenError MALFORMED_BODY for what nobody with the key has sealed, BAD_SIGNATURE for a message to another
    account, ValueError when our own key is none.
    """
    plain = _unpadded(_opened(_key(aes_key), sealed))
    begins = SALT_BYTES + LENGTH_BYTES
    ends = begins + int.from_bytes(plain[SALT_BYTES:begins], "big")
    if ends > len(plain):
        raise JifenError(Code.MALFORMED_BODY)
    if not hmac.compare_digest(plain[ends:], receive_id.encode()):
        raise JifenError(Code.BAD_SIGNATURE)
    return plain[begins:ends]


def _key(aes_key: str) -> bytes:
    if len(aes_key) != KEY_CHARS:
        raise ValueError("an EncodingAESKey has 43 characters")
    return base64.b64decode(f"{aes_key}=", validate=True)


def _opened(key: bytes, sealed: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    try:
        encrypted = base64.b64decode(sealed, validate=True)
    except ValueError:
        raise JifenError(Code.MALFORMED_BODY) from None
    if not encrypted or len(encrypted) % BLOCK_BYTES:
        raise JifenError(Code.MALFORMED_BODY)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:BLOCK_BYTES])).decryptor()
    return decryptor.update(encrypted) + decryptor.finalize()


def _unpadded(plain: bytes) -> bytes:
    padding = plain[-1]
    if not 1 <= padding <= MAX_PADDING or plain[-padding:] != bytes([padding]) * padding:
        raise JifenError(Code.MALFORMED_BODY)
    return plain[:-padding]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a query may hold what is no text
