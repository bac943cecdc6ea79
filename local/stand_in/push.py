"""Message push in safe mode, as WeChat and WeCom send it: XML, sealed with AES and signed. Our own writing of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from local.stand_in.clock import SECOND, seconds
from local.stand_in.courier import Errand, Outgoing, Reply
from local.stand_in.ids import Ids

BLOCK = 32
ATTEMPTS_APART = 5 * SECOND
"""Each attempt waits five seconds for its answer; there are three."""
TIMEOUT_S = 5.0


class Keys(NamedTuple):
    """Of one callback; `receive_id` is the appid or corpid inside what is sealed."""

    url: str
    token: str
    aes_key: str
    receive_id: str


class Sealed(NamedTuple):
    signature: str
    encrypted: str


def seal(keys: Keys, message: str, *, timestamp: str, nonce: str, salt: bytes) -> Sealed:
    """Encrypt a message under 16 bytes of salt and sign it."""
    key = base64.b64decode(keys.aes_key + "=")
    raw = message.encode()
    plain = salt + len(raw).to_bytes(4, "big") + raw + keys.receive_id.encode()
    padding = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    encrypted = base64.b64encode(sealed).decode()
    return Sealed(sign(keys.token, timestamp, nonce, encrypted), encrypted)


def sign(*parts: str) -> str:
    """SHA-1 over the sorted parts, as their protocol has it."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def xml(fields: Mapping[str, Any]) -> str:
    """Text as CDATA, numbers plain, mappings nested, lists repeated under one name."""
    return f"<xml>{_inner(fields)}</xml>"


def errand(
    keys: Keys, ids: Ids, name: str, message: Mapping[str, Any], outer: Mapping[str, Any], *, wecom: bool = False
) -> Errand:
    """The delivery of a message: three attempts, each sealed anew. `outer` stands unsealed beside it."""
    text = xml(message)

    def write(now: int, _number: int) -> Outgoing:
        timestamp, nonce = str(seconds(now)), str(ids.number("nonce", 1_372_623_149))
        sealed = seal(keys, text, timestamp=timestamp, nonce=nonce, salt=ids.text(16).encode())
        query = {"msg_signature": sealed.signature, "timestamp": timestamp, "nonce": nonce}
        if not wecom:
            query |= {"signature": sign(keys.token, timestamp, nonce), "encrypt_type": "aes"}
        body = xml({**outer, "Encrypt": sealed.encrypted})
        return Outgoing("POST", f"{keys.url}?{urlencode(query)}", {"Content-Type": "text/xml"}, body.encode())

    accepted = _reached if wecom else acknowledged
    return Errand(name, write, accepted, (ATTEMPTS_APART, ATTEMPTS_APART), TIMEOUT_S)


def acknowledged(reply: Reply) -> bool:
    """Whether WeChat is content: empty or `success`."""
    return reply.status == 200 and reply.body.strip() in (b"", b"success")


def _reached(reply: Reply) -> bool:
    return reply.status == 200


def url_check(keys: Keys, ids: Ids, *, sealed: bool, timeout_s: float) -> tuple[Errand, str]:
    """The check of a callback's address, and what it must answer: the echo, decrypted where it was sealed (WeCom)."""
    echo = str(ids.number("echo", 5_927_782_489_442_352_469))

    def write(now: int, _number: int) -> Outgoing:
        timestamp, nonce = str(seconds(now)), str(ids.number("nonce", 1_372_623_149))
        if sealed:
            under = seal(keys, echo, timestamp=timestamp, nonce=nonce, salt=ids.text(16).encode())
            query = {"msg_signature": under.signature, "echostr": under.encrypted}
        else:
            query = {"signature": sign(keys.token, timestamp, nonce), "echostr": echo}
        asked = urlencode({**query, "timestamp": timestamp, "nonce": nonce})
        return Outgoing("GET", f"{keys.url}?{asked}", {})

    return Errand("url_check", write, lambda reply: reply == Reply(200, echo.encode()), (), timeout_s), echo


def _inner(fields: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_value(one)}</{name}>"
        for name, value in fields.items()
        for one in (value if isinstance(value, list) else [value])
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _inner(value)
    return str(value) if isinstance(value, int) else f"<![CDATA[{value}]]>"
