"""Who a member is to Duiba, and the link that logs a member in there."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from chalicelib.connect.duiba.signature import sign
from chalicelib.errors import Code, JifenError
from chalicelib.members.buyers import bind_buyer, find_members
from chalicelib.members.model import Identity

PROVIDER = "duiba"
HOST = "activity.m.duiba.com.cn"
LINK_LIFE = timedelta(minutes=5)
_UID = re.compile(r"[0-9a-f]{32}")
_OWN_PAGE = re.compile(r"https://([a-z0-9-]+\.)+duiba\.com\.cn/[!-~]{0,1000}")


class App(NamedTuple):
    """Our account with Duiba."""

    app_key: str
    app_secret: str
    host: str = HOST


def uid_of(member_id: str, app_key: str) -> str:
    """The member's name at Duiba: the same for ever, another one for each app, and nothing that leads back. A member
    id is 96 bits of chance, so nobody finds it by trying.
    """
    return hashlib.sha256(f"{PROVIDER}:{app_key}:{member_id}".encode()).hexdigest()[:32]


def member_of(uid: str) -> str:
    """The member whose uid this is; raises JifenError MEMBER_NOT_FOUND."""
    if not _UID.fullmatch(uid):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    identity = Identity(PROVIDER, uid)
    found = find_members([identity]).get(identity)
    if found is None:
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return found


def know(member_id: str, app_key: str, now: datetime) -> str:
    """The member's uid, known from now on to be this member's; written once. Raises JifenError IDENTITY_TAKEN when
    somebody has bound it to another member.
    """
    uid = uid_of(member_id, app_key)
    identity = Identity(PROVIDER, uid)
    if find_members([identity]).get(identity) != member_id:
        bind_buyer(member_id, identity, PROVIDER, now)
    return uid


def login_link(app: App, uid: str, available_points: int, now: datetime, redirect: str = "") -> str:
    """Where the member enters the mall logged in, for five minutes; `redirect` is one of Duiba's own pages."""
    if redirect and not _OWN_PAGE.fullmatch(redirect):
        raise JifenError(Code.INVALID_REQUEST, "redirect应为兑吧的页面地址", field="redirect")
    params = {
        "uid": uid,
        "credits": str(available_points),
        "appKey": app.app_key,
        "timestamp": str(int(now.timestamp() * 1000)),
        **({"redirect": redirect} if redirect else {}),
    }
    query = urlencode({**params, "sign": sign(params, app.app_secret)})
    return f"https://{app.host}/autoLogin/autologin?{query}"
