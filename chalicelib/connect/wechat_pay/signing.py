"""What we sign for WeChat Pay: our requests, and what a phone hands to wx.requestPayment. Pure.

    Authorization    WECHATPAY2-SHA256-RSA2048, over "METHOD\\ntarget\\ntimestamp\\nnonce\\nbody\\n"
    paySign          over "appid\\ntimestamp\\nnonce\\nprepay_id=…\\n"

Both are base64 of RSA PKCS#1 v1.5, SHA-256. Source: pay.weixin.qq.com/doc/v3/merchant, "签名生成". `cryptography` is
imported where it is used: no other route pays for it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

SCHEME = "WECHATPAY2-SHA256-RSA2048"


class Merchant(NamedTuple):
    """The brand as WeChat Pay knows it, with what it signs by."""

    mchid: str
    appid: str
    """The mini-program that pays."""
    serial: str
    """Of the merchant's own certificate, whose key `private_key` is."""
    private_key: str
    """PEM."""
    notify_url: str
    """Where payments and refunds are told to: https, without a query."""
    keys: Mapping[str, str]
    """WeChat Pay's own: PEM public keys or certificates by serial."""


def authorization(merchant: Merchant, method: str, target: str, body: bytes, *, timestamp: datetime, nonce: str) -> str:
    """The header of one request; `target` is its path with its query, as it goes over the wire."""
    seconds = str(int(timestamp.timestamp()))
    message = b"%s\n%s\n%s\n%s\n%s\n" % (method.encode(), target.encode(), seconds.encode(), nonce.encode(), body)
    parts = {
        "mchid": merchant.mchid,
        "nonce_str": nonce,
        "timestamp": seconds,
        "serial_no": merchant.serial,
        "signature": signature(merchant.private_key, message),
    }
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in parts.items())


def payment_request(merchant: Merchant, prepay_id: str, *, timestamp: datetime, nonce: str) -> dict[str, str]:
    """What a mini-program hands to wx.requestPayment, as it is."""
    seconds, package = str(int(timestamp.timestamp())), f"prepay_id={prepay_id}"
    message = f"{merchant.appid}\n{seconds}\n{nonce}\n{package}\n".encode()
    return {
        "timeStamp": seconds,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": signature(merchant.private_key, message),
    }


def signature(private_key: str, message: bytes) -> str:
    """The signature of a message under a PEM key; ValueError when that is no RSA key: ours to mend."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return base64.b64encode(_private_key(private_key).sign(message, PKCS1v15(), SHA256())).decode()


@lru_cache(maxsize=2)
def _private_key(pem: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        raise ValueError("the private key cannot be read") from None  # its own message could show of the key
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("no RSA key")  # noqa: TRY004  # a value, not an argument's type
    return key
