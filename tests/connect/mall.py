"""Calls as Duiba makes them, signed by code of the tests' own."""

from __future__ import annotations

import hashlib
from typing import Any

from chalicelib.connect.duiba.link import know
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.model import Cause, Kind
from chalicelib.programme.table import terms_at
from tests.connect.stage import ACCOUNTS, SECRETS, Outside, Reply

APP_KEY = ACCOUNTS["duiba"]["app_key"]
DEDUCT, NOTIFY, ADD = (f"/v1/callbacks/duiba/{name}" for name in ("deduct", "notify", "add-credits"))


def signed(params: dict[str, str]) -> dict[str, str]:
    """The parameters with their signature."""
    values = {**params, "appSecret": SECRETS["duiba"]}
    text = "".join(value for _, value in sorted(values.items()))
    return {**params, "sign": hashlib.md5(text.encode()).hexdigest()}  # noqa: S324  # Duiba's own choice


def milliseconds(outside: Outside, skew_s: int = 0) -> str:
    return str(int(outside.stage.now.timestamp() + skew_s) * 1000)


def deduct(outside: Outside, uid: str, points: int | str = 500, order: str = "order-1", **given: str) -> Reply:
    """A redemption is asked for."""
    params = {
        "uid": uid,
        "credits": str(points),
        "appKey": APP_KEY,
        "timestamp": milliseconds(outside),
        "description": "支付宝账号:a@b.c 转账充值:5元",
        "orderNum": order,
        "type": "alipay",
        "facePrice": "500",
        "actualPrice": "500",
        "ip": "192.168.1.100",
        "waitAudit": "true",
        "params": "a@b.c:兑吧",
    }
    return outside.call("GET", DEDUCT, query=signed({**params, **given}))


def notify(outside: Outside, uid: str, success: bool | str, order: str = "order-1", **given: str) -> Reply:
    """A result is told; a failure after a timeout carries no bizId."""
    params = {
        "appKey": APP_KEY,
        "timestamp": milliseconds(outside),
        "uid": uid,
        "success": success if isinstance(success, str) else str(success).lower(),
        "errorMessage": "" if success is True else "充值失败",
        "orderNum": order,
        **({"bizId": f"duiba.{order}"} if success is True else {}),
    }
    return outside.call("GET", NOTIFY, query=signed({**params, **given}))


def add(outside: Outside, uid: str, points: int | str = 20, order: str = "game-1", **given: str) -> Reply:
    """A game's points are added."""
    params = {
        "uid": uid,
        "credits": str(points),
        "appKey": APP_KEY,
        "timestamp": milliseconds(outside),
        "orderNum": order,
        "type": "game",
    }
    return outside.call("GET", ADD, query=signed({**params, **given}))


def funded(outside: Outside, points: int = 1000, name: str = "mei") -> tuple[str, str]:
    """(member id, uid) of a member with points who has been to the mall."""
    _, member_id = outside.log_in(name)
    give(outside, member_id, points)
    return member_id, know(member_id, APP_KEY, outside.stage.now)


def give(outside: Outside, member_id: str, points: int, id: str = "gift") -> None:
    now = outside.stage.now
    cause = Cause(Kind.EARN, "gift", id, now, now, "test", "test")
    earn = Earn(cause, points, bucket_key(None, PointsClass.ACTIVITY), "", 1)
    terms: Any = terms_at(now).ledger
    outside.ledger.post(member_id, lambda seen: apply(seen.account, [earn], terms, now))
