"""Messages as Youzan and Doudian push them, signed by code of the tests' own."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote, quote_plus

from tests.connect.stage import ACCOUNTS, SECRETS, Outside, Reply

YOUZAN, DOUDIAN = "/v1/callbacks/youzan", "/v1/callbacks/doudian"
KEYS = {YOUZAN: ACCOUNTS["youzan"]["client_id"], DOUDIAN: ACCOUNTS["doudian"]["app_key"]}
SECRET = {YOUZAN: SECRETS["youzan"], DOUDIAN: SECRETS["doudian"]}
ACK = {"code": 0, "msg": "success"}

ORDER: dict[str, Any] = {
    "full_order_info": {
        "remark_info": {"buyer_message": "请 放 门口+谢谢"},
        "pay_info": {
            "outer_transactions": ["4200000168202603020000000001"],
            "post_fee": "10.00",
            "total_fee": "89.90",
            "payment": "99.90",
            "phase_payments": [],
        },
        "source_info": {"is_offline_order": False, "source": {"platform": "wx"}},
        "buyer_info": {"yz_open_id": "wKozXUzB709060524846944256", "buyer_id": 290195682},
        "order_info": {
            "tid": "E20260302115810073500004",
            "status": "TRADE_PAID",
            "pay_time": "2026-03-02 11:58:10",
            "update_time": "2026-03-02 11:58:11",
        },
        "orders": [
            {"oid": "2893222679010476072", "outer_sku_id": "LAMP-2", "num": 2, "payment": "40.00", "title": "车灯"},
            {"oid": "2893222679010476073", "outer_item_id": "LOCK", "num": 1, "payment": "49.90", "title": "车锁"},
        ],
    }
}
REFUND: dict[str, Any] = {
    "tid": "E20260302115810073500004",
    "refund_id": "202603021158283952460720",
    "refunded_fee": "40.00",
    "refund_type": "REFUND_ONLY",
    "oids": "2893222679010476072",
    "update_time": "2026-03-02 11:59:00",
    "version": 1772424000319,
}
RECEIPT: dict[str, Any] = {"tid": "E20260302115810073500004", "update_time": "2026-03-02 11:59:30"}


def envelope(kind: str, told: Any, **changes: Any) -> dict[str, Any]:
    """An older kind's message comes URL-encoded, a blank as `+`."""
    return {
        "client_id": KEYS[YOUZAN],
        "kdt_id": 41566520,
        "kdt_name": "骑行店",
        "id": "E20260302115810073500004",
        "type": kind,
        "status": "PAID",
        "msg": told if kind.startswith("youzan_") else quote_plus(json.dumps(told, ensure_ascii=False)),
        "msg_id": "59b2499c-59d7-4f94-8406-8b013318fac1",
        "version": 1772423891,
        "sendCount": 1,
        "test": False,
        "mode": 1,
        **changes,
    }


def percent_encoded(told: Any) -> str:
    """The same with blanks as %20, as some of its systems write them."""
    return quote(json.dumps(told, ensure_ascii=False))


PAID = {
    "tag": "101",
    "msg_id": "7158874::101:1772423891:4837328765348566675",
    "data": {
        "p_id": 4837328765348566675,
        "s_ids": [4837328765348566676],
        "shop_id": 77977,
        "order_status": 2,
        "order_type": 0,
        "pay_type": 1,
        "pay_time": 1772423891,
        "pay_amount": 1990,
        "biz": 2,
    },
}
DONE = {
    "tag": "103",
    "msg_id": "7158874::103:1772423990:4837328765348566675",
    "data": {"p_id": 4837328765348566675, "shop_id": 77977, "order_status": 5, "complete_time": 1772423990},
}
RETURNED = {
    "tag": "206",
    "msg_id": "7158874::206:1772423999:4837328765348566675",
    "data": {
        "p_id": 4837328765348566675,
        "s_id": 4837328765348566676,
        "aftersale_id": "6999514477070778668",
        "aftersale_status": 12,
        "aftersale_type": 1,
        "refund_amount": 990,
        "refund_post_amount": 0,
        "success_time": 1772423995,
    },
}
PROBE = {"tag": "0", "msg_id": "0", "data": "2026-03-02T12:00:00+08:00"}


def signature(path: str, body: bytes, method: str = "md5") -> str:
    message = KEYS[path].encode() + body + SECRET[path].encode()
    if method == "md5":
        return hashlib.md5(message).hexdigest()  # noqa: S324  # the platforms' own choice
    return hmac.new(SECRET[path].encode(), message, hashlib.sha256).hexdigest()


def push(outside: Outside, path: str, body: Any, *, method: str = "md5", **headers: str) -> Reply:
    """A push as the platform makes it."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    given = {"Event-Sign": signature(path, raw, method), **{name.replace("_", "-"): v for name, v in headers.items()}}
    return outside.call("POST", path, headers=given, body=raw)


def youzan(outside: Outside, kind: str, told: Any, **changes: Any) -> Reply:
    return push(outside, YOUZAN, envelope(kind, told, **changes), Event_Type=kind, Client_Id=KEYS[YOUZAN])


def doudian(outside: Outside, *messages: Any) -> Reply:
    return push(outside, DOUDIAN, list(messages), app_id=KEYS[DOUDIAN])
