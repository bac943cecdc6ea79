"""Reporting what was sent of an order paid in the mini-program (发货信息录入): until then WeChat holds its money.

A report can be corrected once, and never again; so what is reported is settled first. The same report again changes
nothing and counts as done. Source: developers.weixin.qq.com, "小程序发货信息管理服务".
"""

from __future__ import annotations

from datetime import timedelta, timezone
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat.api import WechatApi
from chalicelib.errors import JifenError
from chalicelib.runtime import log

PATH = "/wxa/sec/order/upload_shipping_info"
MOST_ITEM_CHARS = 120
MOST_PARCELS = 10
NOT_KNOWN_YET = 10060001
"""WeChat knows no such payment, as it may for some seconds after it."""
_BEIJING = timezone(timedelta(hours=8))
_BY_OUR_NUMBER, _TOGETHER, _SPLIT = 1, 1, 2


class Way(IntEnum):
    """How something reaches who paid, in WeChat's numbers."""

    EXPRESS = 1
    SAME_CITY = 2
    VIRTUAL = 3
    """Nothing is sent, as of a coupon."""
    PICK_UP = 4


class Parcel(NamedTuple):
    """One parcel: `company` is its code at WeChat, `contact` a masked phone, which one of them (SF) asks for."""

    company: str
    tracking_no: str
    contact: str = ""


class Shipping(NamedTuple):
    """What was sent of one order: all of it, in one parcel or up to MOST_PARCELS; none unless by EXPRESS."""

    mchid: str
    out_trade_no: str
    openid: str
    """Who paid."""
    item: str
    """What it was, as the payer reads it; cut at MOST_ITEM_CHARS."""
    way: Way
    parcels: tuple[Parcel, ...] = ()


class Reported(StrEnum):
    """What became of a report."""

    REPORTED = "reported"
    ALREADY = "already"
    """The same was reported before, or all of the order was."""
    REFUSED = "refused"
    """WeChat will never take it: another report stands and was corrected once, or it is not as it wants it."""
    SOON = "soon"
    """Certainly not taken: WeChat is busy, not to be reached, or does not know the payment yet."""
    LATER = "later"
    """Certainly not taken: a quota is used up, or people must put the account in order."""
    UNKNOWN = "unknown"
    """It may have been taken; report the same again."""


def report_shipping(api: WechatApi, shipping: Shipping) -> Reported:
    """Tell WeChat what was sent, as of the api's instant; ValueError when parcels and way do not go together."""
    if bool(shipping.parcels) is not (shipping.way is Way.EXPRESS) or len(shipping.parcels) > MOST_PARCELS:
        raise ValueError("parcels do not fit the way")
    try:
        api.post(PATH, _asked(api, shipping))
    except Unanswered:
        return _logged(shipping, Reported.UNKNOWN)
    except (Unreached, JifenError):  # no connection, or no token to be had
        return _logged(shipping, Reported.SOON)
    except Refused as refused:
        return _logged(shipping, _outcome(refused), refused.errcode)
    return _logged(shipping, Reported.REPORTED)


def _asked(api: WechatApi, shipping: Shipping) -> dict[str, Any]:
    item = shipping.item[:MOST_ITEM_CHARS]
    parcels: list[dict[str, Any]] = [
        {
            "express_company": parcel.company,
            "tracking_no": parcel.tracking_no,
            "item_desc": item,
            **({"contact": {"receiver_contact": parcel.contact}} if parcel.contact else {}),
        }
        for parcel in shipping.parcels
    ]
    is_split = len(parcels) > 1
    return {
        "order_key": {
            "order_number_type": _BY_OUR_NUMBER,
            "mchid": shipping.mchid,
            "out_trade_no": shipping.out_trade_no,
        },
        "logistics_type": shipping.way.value,
        "delivery_mode": _SPLIT if is_split else _TOGETHER,
        **({"is_all_delivered": True} if is_split else {}),
        "shipping_list": parcels or [{"item_desc": item}],
        "upload_time": api.now.astimezone(_BEIJING).isoformat(timespec="milliseconds"),
        "payer": {"openid": shipping.openid},
    }


def _outcome(refused: Refused) -> Reported:
    if refused.path == PATH and refused.kind is Kind.DONE:
        return Reported.ALREADY
    if refused.kind is Kind.BUSY or refused.errcode == NOT_KNOWN_YET:
        return Reported.SOON
    return Reported.REFUSED if refused.path == PATH and refused.kind is Kind.INVALID else Reported.LATER


def _logged(shipping: Shipping, outcome: Reported, errcode: int | None = None) -> Reported:
    log.outcome("shipping_report", out_trade_no=shipping.out_trade_no, outcome=outcome.value, errcode=errcode)
    return outcome
