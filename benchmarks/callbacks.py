"""The calls of outside systems that wait for our ack: each told once, signed and sealed by the tests' own code.

The limits are the senders' own, as their documents have them; a call that is answered later comes again, or counts as
lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from tests.connect import mall, pay, pushes, shops, stage

ACCOUNTS = {**stage.ACCOUNTS, **pushes.ACCOUNTS}
"""What the stage's secret must hold for all of these."""
BEIJING = ZoneInfo("Asia/Shanghai")


class Sent(NamedTuple):
    """A call as it travels."""

    method: str
    target: str
    """Path and query."""
    headers: Mapping[str, str]
    body: bytes | None = None


class Callback(NamedTuple):
    """One kind of call."""

    name: str
    limit: str
    """What its sender waits, in words; `-` where it names none."""
    tell: Callable[[str, datetime, str], Sent]
    """The call of this number, no two alike, at an instant; of the mall's member with this uid."""
    says: str
    """What stands in the body of an ack."""


def _pay_notice(number: str, now: datetime, _uid: str) -> Sent:
    told = {
        **pay.PAYMENT,
        "out_trade_no": f"bench-{number}",
        "transaction_id": f"42{number}",
        "success_time": now.astimezone(BEIJING).isoformat(timespec="seconds"),
    }
    body = pay.notice(told, id=f"EV-{number}")
    return Sent("POST", pay.PATH, {**_JSON, **pay.signed(body, now)}, body)


def _youzan(number: str, now: datetime, _uid: str) -> Sent:
    told = json.loads(json.dumps(shops.ORDER))
    paid_at = f"{now.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
    told["full_order_info"]["order_info"] |= {"tid": f"E{number}", "pay_time": paid_at, "update_time": paid_at}
    message = shops.envelope("trade_TradePaid", told, id=f"E{number}", msg_id=f"bench-{number}")
    return _shop(shops.YOUZAN, message)


def _doudian(number: str, now: datetime, _uid: str) -> Sent:
    paid: dict[str, Any] = shops.PAID
    data = {**paid["data"], "p_id": int(number), "s_ids": [int(number)], "pay_time": int(now.timestamp())}
    return _shop(shops.DOUDIAN, [{**paid, "msg_id": f"bench-{number}", "data": data}])


def _shop(path: str, message: Any) -> Sent:
    body = json.dumps(message, ensure_ascii=False).encode()
    return Sent("POST", path, {**_JSON, "Event-Sign": shops.signature(path, body)}, body)


def _deduct(number: str, now: datetime, uid: str) -> Sent:
    return _duiba(mall.DEDUCT, number, now, uid, credits="1", type="coupon", description="优惠券")


def _result(number: str, now: datetime, uid: str) -> Sent:
    return _duiba(mall.NOTIFY, number, now, uid, success="true", bizId=f"duiba.{number}", errorMessage="")


def _duiba(path: str, number: str, now: datetime, uid: str, **given: str) -> Sent:
    params = {"uid": uid, "appKey": mall.APP_KEY, "timestamp": str(int(now.timestamp()) * 1000), "orderNum": number}
    return Sent("GET", f"{path}?{urlencode(mall.signed({**params, **given}))}", {})


def _pushed(system: str, message: Mapping[str, Any]) -> Callable[[str, datetime, str], Sent]:
    def tell(number: str, now: datetime, _uid: str) -> Sent:
        changes = {"CreateTime": int(now.timestamp())}
        sealed = pushes.seal(system, {**message, **changes, _OWN[system]: number})
        target = f"{pushes.PATHS[system]}?{urlencode(sealed.query)}"
        return Sent("POST", target, {"Content-Type": sealed.content_type}, sealed.body)

    return tell


_JSON = {"Content-Type": "application/json"}
_OWN = {"official_account": "MsgID", "mini_program": "FromUserName", "wecom": "ChatId"}
"""The field by which two of the pushes below differ."""
_ALLOWED = {
    **pushes.SUBSCRIBED,
    "Event": "subscribe_msg_popup_event",
    "SubscribeMsgPopupEvent": {
        "List": {"TemplateId": "T-1", "SubscribeStatusString": "accept", "PopupScene": "0"},
    },
}

CALLBACKS = (
    Callback("WeChat Pay: a payment's notice", "5 s", _pay_notice, '"SUCCESS"'),
    Callback("Youzan: a paid order", "5 s", _youzan, '"success"'),
    Callback("Doudian: a paid order", "5 s", _doudian, '"success"'),
    Callback("Duiba: points asked for", "3 s advised, 30 s published", _deduct, '"ok"'),
    Callback("Duiba: the result of it", "-", _result, "ok"),
    Callback("Official Account: a sending's end", "5 s", _pushed("official_account", pushes.FINISHED), "success"),
    Callback("mini-program: messages allowed", "5 s", _pushed("mini_program", _ALLOWED), "success"),
    Callback("WeCom: a group changed", "5 s", _pushed("wecom", pushes.CHAT_CHANGED), "success"),
)
"""In this order, for a result is told of what was asked for under the same number."""

REFUSED_AT_THE_EDGE = Sent("GET", pushes.PATHS["official_account"], {})
"""What the stack itself takes: through API and function to a view that finds no signature, writes its line of log and
answers 401. What Chalice refuses by itself would do less but logs nothing, and the embedded cloud waits up to 50 ms for
the first line of a silent function.
"""
