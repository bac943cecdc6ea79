"""What the mini-program's server asks WeChat: who a log-in code stands for, which phone a button's code gives.

Sources: developers.weixin.qq.com, "小程序登录" (jscode2session), "手机号快速验证" (getuserphonenumber).
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.connect import outside
from chalicelib.connect.accounts import Account
from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.tokens import text_of
from chalicelib.connect.wechat.api import HOST, WechatApi, said_yes
from chalicelib.errors import Code, JifenError

CODE_OVER, CODE_USED, USER_BLOCKED, TOO_OFTEN = 40029, 40163, 40226, 45011


class WechatUser(NamedTuple):
    """Who logged in: `openid` within the mini-program; `unionid` over all accounts of the brand, where WeChat says it.

    The session_key of the same answer is neither kept nor passed on.
    """

    openid: str
    unionid: str


def user_of(account: Account, code: str) -> WechatUser:
    """Who a log-in code stands for; each code answers once, within five minutes.

    Raises JifenError LOGIN_CODE_INVALID for a code that is over, used or none, LOGIN_REFUSED for a user whom WeChat
    holds for risky, BUSY when the user logs in too often, UNAVAILABLE when WeChat cannot say now.
    """
    path = "/sns/jscode2session"
    query = {"appid": account.appid, "secret": account.secret, "js_code": code, "grant_type": "authorization_code"}
    try:
        answer = said_yes(path, outside.ask(HOST, "GET", path, query=query))
        unionid = answer.get("unionid")
        return WechatUser(text_of(answer, "openid"), unionid if isinstance(unionid, str) else "")
    except Refused as refused:
        raise _login_error(refused) from None
    except (Unreached, Unanswered):
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=1) from None


def phone_of(api: WechatApi, code: str) -> str:
    """The phone number with its country code, such as `+8613800000000`, that a member's tap on the button gives.

    Raises JifenError PHONE_CODE_INVALID for a code that is over, used or none, else UNAVAILABLE.
    """
    try:
        answer = api.post("/wxa/business/getuserphonenumber", {"code": code})
        info = answer.get("phone_info")
        known = info if isinstance(info, dict) else {}
        return f"+{text_of(known, 'countryCode')}{text_of(known, 'purePhoneNumber')}"
    except Refused as refused:
        if refused.errcode in (CODE_OVER, CODE_USED):
            raise JifenError(Code.PHONE_CODE_INVALID) from None
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=5) from None
    except (Unreached, Unanswered):
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=1) from None


def _login_error(refused: Refused) -> JifenError:
    if refused.errcode in (CODE_OVER, CODE_USED):
        return JifenError(Code.LOGIN_CODE_INVALID)
    if refused.errcode == USER_BLOCKED:
        return JifenError(Code.LOGIN_REFUSED)
    if refused.errcode == TOO_OFTEN:
        return JifenError(Code.BUSY, retry_after_seconds=60)
    # The account itself is out of order, or WeChat is busy: the member can do nothing about either.
    return JifenError(Code.UNAVAILABLE, retry_after_seconds=5 if refused.kind is Kind.BUSY else 60)
