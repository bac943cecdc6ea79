"""Who signed a notice, and what it holds. Keys and the time come in; nothing here speaks to anybody.

    Wechatpay-Timestamp, -Nonce, -Serial, -Signature    base64 of RSA PKCS#1 v1.5, SHA-256, over "ts\\nnonce\\nbody\\n"
    resource.ciphertext                                 base64 of AES-256-GCM, the last 16 bytes its tag

`cryptography` is imported where it is used: no other route pays for it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from chalicelib.errors import Code, JifenError

WINDOW_SECONDS = 300
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"
"""How the signatures begin with which WeChat Pay tries whether we look at them: they must fail."""
ALGORITHM = "AEAD_AES_256_GCM"

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[\x21-\x7e]{1,64}")
_MAX_SIGNATURE_CHARS = 1024


def verify(headers: Mapping[str, str], raw_body: bytes, now: datetime, keys: Mapping[str, str]) -> None:
    """Raise JifenError BAD_SIGNATURE or STALE_TIMESTAMP unless one of `keys` signed these very bytes just now.

    `headers` have lower-case names; `keys` are PEM public keys or certificates by serial. A serial that is not among
    them is refused: nobody is asked for it, so no stranger's call makes us call out.
    """
    timestamp, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
    signature = headers.get("wechatpay-signature", "")
    is_shaped = _TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce) and len(signature) <= _MAX_SIGNATURE_CHARS
    is_known_type = headers.get("wechatpay-signature-type", SIGNATURE_TYPE) == SIGNATURE_TYPE
    pem = keys.get(headers.get("wechatpay-serial", ""))
    if not is_shaped or not is_known_type or pem is None or signature.startswith(PROBE):
        raise JifenError(Code.BAD_SIGNATURE)
    if abs(int(now.timestamp()) - int(timestamp)) > WINDOW_SECONDS:
        raise JifenError(Code.STALE_TIMESTAMP)
    try:
        signed = base64.b64decode(signature.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise JifenError(Code.BAD_SIGNATURE) from None
    if base64.b64encode(signed).decode() != signature:  # spare bits of the last digit would be another text of it
        raise JifenError(Code.BAD_SIGNATURE)
    message = b"%s\n%s\n%s\n" % (timestamp.encode(), nonce.encode(), raw_body)
    _require_signed(pem, signed, message)


def decrypt(key: bytes, resource: Mapping[str, Any]) -> bytes:
    """The plain bytes of a notice's resource; raises JifenError BAD_SIGNATURE when they are not what `key` sealed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, ciphertext = resource.get("nonce"), resource.get("ciphertext")
    associated = resource.get("associated_data") or ""
    is_shaped = all(isinstance(one, str) for one in (nonce, ciphertext, associated))
    if resource.get("algorithm") != ALGORITHM or not is_shaped:
        raise JifenError(Code.BAD_SIGNATURE)
    try:
        sealed = base64.b64decode(str(ciphertext), validate=True)
        return AESGCM(key).decrypt(str(nonce).encode(), sealed, associated.encode())
    except (InvalidTag, ValueError):
        raise JifenError(Code.BAD_SIGNATURE) from None


def _require_signed(pem: str, signed: bytes, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        _public_key(pem).verify(signed, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise JifenError(Code.BAD_SIGNATURE) from None


@lru_cache(maxsize=8)
def _public_key(pem: str) -> Any:
    """The RSA key of a PEM public key or certificate; ValueError when it is another thing: ours to mend."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    is_certificate = "BEGIN CERTIFICATE" in pem
    key = load_pem_x509_certificate(pem.encode()).public_key() if is_certificate else load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("no RSA key")  # noqa: TRY004  # a value, not an argument's type
    return key
