"""Notices as WeChat Pay makes them: sealed and signed by code of the tests' own, in the words of its documents."""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from tests.connect.stage import ACCOUNTS, PAY_KEY, PAY_SERIAL, SECRETS, Outside, Reply

PATH = "/v1/callbacks/wechat-pay"
PAYMENT: dict[str, Any] = {
    "mchid": ACCOUNTS["wechat_pay"]["mchid"],
    "appid": ACCOUNTS["wechat_pay"]["appid"],
    "out_trade_no": "SHOP20260302001",
    "transaction_id": "4200000000202603020000000001",
    "trade_type": "JSAPI",
    "trade_state": "SUCCESS",
    "trade_state_desc": "支付成功",
    "bank_type": "OTHERS",
    "attach": "",
    "success_time": "2026-03-02T11:59:30+08:00",
    "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "amount": {"total": 8800, "payer_total": 8000, "currency": "CNY", "payer_currency": "CNY"},
}
REFUND: dict[str, Any] = {
    "mchid": ACCOUNTS["wechat_pay"]["mchid"],
    "out_trade_no": "SHOP20260302001",
    "transaction_id": "4200000000202603020000000001",
    "out_refund_no": "BACK20260302001",
    "refund_id": "50200207182018070300011301001",
    "refund_status": "SUCCESS",
    "success_time": "2026-03-02T12:01:00+08:00",
    "user_received_account": "支付用户零钱",
    "amount": {"total": 8800, "refund": 4400, "payer_total": 8000, "payer_refund": 4000},
}


def notice(
    told: dict[str, Any] | bytes, event: str = "TRANSACTION.SUCCESS", *, key: str = "", id: str = "EV-1"
) -> bytes:
    """The body of a notice; its resource is sealed under the APIv3 key."""
    plain = told if isinstance(told, bytes) else json.dumps(told, ensure_ascii=False).encode()
    nonce = base64.b64encode(os.urandom(9)).decode()[:12]
    original = "refund" if event.startswith("REFUND") else "transaction"
    sealed = AESGCM((key or SECRETS["api_v3_key"]).encode()).encrypt(nonce.encode(), plain, original.encode())
    body = {
        "id": id,
        "create_time": "2026-03-02T12:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": "支付成功",
        "resource": {
            "original_type": original,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": original,
            "nonce": nonce,
        },
    }
    return json.dumps(body, ensure_ascii=False).encode()


def signed(
    body: bytes, now: datetime, *, skew: int = 0, serial: str = PAY_SERIAL, key: RSAPrivateKey = PAY_KEY
) -> dict[str, str]:
    """The headers of a notice."""
    timestamp, nonce = str(int(now.timestamp()) + skew), base64.b64encode(os.urandom(24)).decode()
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": signature,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }


def tell(
    outside: Outside, told: dict[str, Any] | bytes | None = None, event: str = "TRANSACTION.SUCCESS", **given: Any
) -> Reply:
    """A payment (or what is given) told as WeChat Pay tells it."""
    body = notice(PAYMENT if told is None else told, event)
    return outside.call("POST", PATH, headers=signed(body, outside.stage.now, **given), body=body)
