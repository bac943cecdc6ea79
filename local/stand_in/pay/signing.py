"""Signatures of WeChat Pay v3: ours on what leaves, the merchant's on what comes; and the sealed resource."""

from __future__ import annotations

import base64
import json
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from local.stand_in.accounts import Merchant
from local.stand_in.clock import MINUTE, seconds
from local.stand_in.ids import Ids
from local.stand_in.pay.keys import PlatformKey, stranger
from local.stand_in.wire import Answer, Json, Request

SCHEME = "WECHATPAY2-SHA256-RSA2048"
WINDOW_S = 5 * MINUTE // 1000
TAMPERS = ("unsigned", "foreign_signature", "unknown_serial", "old_timestamp")
"""Faults of answers: what is wrong with their signature."""


class Declined(Exception):  # an outcome of WeChat Pay, not an error of ours
    """A refusal in WeChat Pay's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status, self.code, self.message = status, code, message


class Stamp(NamedTuple):
    timestamp: str
    nonce: str


def headers(key: PlatformKey, stamp: Stamp, body: bytes) -> dict[str, str]:
    """What a signed answer or notification carries."""
    return {
        "Wechatpay-Timestamp": stamp.timestamp,
        "Wechatpay-Nonce": stamp.nonce,
        "Wechatpay-Signature": sign(key.private, stamp, body),
        "Wechatpay-Signature-Type": SCHEME,
        "Wechatpay-Serial": key.key_id,
    }


def signed(key: PlatformKey, ids: Ids, now: int, answer: Answer) -> Answer:
    """An answer under its signature. One that says 401 has none: whoever asked is not known."""
    own: dict[str, str] = {"Request-ID": ids.rid(seconds(now)).upper()}
    if answer.status != 401:
        own |= headers(key, Stamp(str(seconds(now)), ids.text(32)), answer.body)
    return answer._replace(headers=answer.headers + tuple(own.items()))


def tampered(answer: Answer, fault: str) -> Answer:
    """A signed answer with one of TAMPERS; any other fault leaves it as it is."""
    carried = dict(answer.headers)
    if fault not in TAMPERS or "Wechatpay-Signature" not in carried:
        return answer
    stamp = Stamp(carried["Wechatpay-Timestamp"], carried["Wechatpay-Nonce"])
    if fault == "unsigned":
        carried = {name: value for name, value in carried.items() if not name.startswith("Wechatpay-")}
    elif fault == "old_timestamp":
        carried["Wechatpay-Timestamp"] = str(int(stamp.timestamp) - 2 * WINDOW_S)
    else:
        other = headers(stranger(), stamp, answer.body)
        named = "Wechatpay-Serial" if fault == "unknown_serial" else ""
        carried |= {name: value for name, value in other.items() if name in ("Wechatpay-Signature", named)}
    return answer._replace(headers=tuple(carried.items()))


def sign(private: rsa.RSAPrivateKey, stamp: Stamp, body: bytes) -> str:
    message = f"{stamp.timestamp}\n{stamp.nonce}\n".encode() + body + b"\n"
    return base64.b64encode(private.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def verified(public_pem: str, message: bytes, signature: str) -> bool:
    """Whether a base64 signature is that of the key's owner."""
    key = serialization.load_pem_public_key(public_pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(base64.b64decode(signature), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def merchant_of(request: Request, merchants: dict[str, Merchant], now: int) -> Merchant:
    """Who signed a request; raises Declined 401."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    parts = dict(re.findall(r'(\w+)="([^"]*)"', given))
    merchant = merchants.get(parts.get("mchid", ""))
    if scheme != SCHEME or merchant is None or parts.get("serial_no") != merchant.serial:
        raise Declined(401, "SIGN_ERROR", "商户号或商户证书序列号有误")
    timestamp = parts.get("timestamp", "")
    if not timestamp.isdigit() or abs(seconds(now) - int(timestamp)) > WINDOW_S:
        raise Declined(401, "SIGN_ERROR", "请求的时间戳已过期")
    target = request.path + (f"?{request.raw_query}" if request.raw_query else "")
    head = f"{request.method}\n{target}\n{timestamp}\n{parts.get('nonce_str', '')}\n".encode()
    if not verified(merchant.public_key, head + request.body + b"\n", parts.get("signature", "")):
        raise Declined(401, "SIGN_ERROR", "签名验证失败")
    return merchant


def sealed(apiv3_key: str, nonce: str, original_type: str, plain: Json) -> Json:
    """A resource as notifications carry it; its type is also the associated data."""
    raw = json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()
    hidden = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), raw, original_type.encode())
    return {
        "original_type": original_type,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(hidden).decode(),
        "associated_data": original_type,
        "nonce": nonce,
    }
