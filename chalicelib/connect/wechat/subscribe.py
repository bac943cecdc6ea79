"""Sending a subscribe message (订阅消息): once under its key, only while the member allows it, never guessed.

The grant is used in the same transaction that begins the message. What WeChat certainly did not take gives the grant
back; what it may have taken is `unknown` for ever. Source: developers.weixin.qq.com, "发送订阅消息".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.messages_table import NothingLeft, State
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat.api import WechatApi
from chalicelib.connect.wechat.fields import FieldRefused, fitted
from chalicelib.connect.wechat.grants_table import GrantsTable
from chalicelib.errors import JifenError
from chalicelib.runtime import log

PATH = "/cgi-bin/message/subscribe/send"
NOT_ALLOWED, FIELD_INVALID = 43101, 47003
_FIELD = re.compile(r"data\.(\w{1,40})\.value")


class Outcome(StrEnum):
    """What became of sending a message."""

    SENT = "sent"
    NOT_GRANTED = "not_granted"
    """The member allows none, or none any more: nothing to be tried again."""
    REFUSED = "refused"
    """WeChat will never take it, or a field says what it may not."""
    SOON = "soon"
    """Certainly not sent: WeChat is busy or not to be reached. It may be tried again."""
    LATER = "later"
    """Certainly not sent: a quota is used up, or people must put the account in order."""
    UNKNOWN = "unknown"
    """It may have arrived; it is never sent again."""


class SubscribeMessage(NamedTuple):
    """One message to one member; `key` names it for ever, `values` are its fields' texts by name."""

    key: str
    openid: str
    template_id: str
    page: str
    values: Mapping[str, str]


_ENDED = {
    State.UNKNOWN: Outcome.UNKNOWN,
    State.SENT: Outcome.SENT,
    State.REFUSED: Outcome.REFUSED,
    State.NOT_GRANTED: Outcome.NOT_GRANTED,
}


def send(api: WechatApi, grants: GrantsTable, message: SubscribeMessage) -> Outcome:
    """Send a message at most once; the same key again answers what became of it, whatever it would say now.

    Raises JifenError BUSY when others are in the way for too long: nothing was sent then.
    """
    standing, left = grants.before(message.key, message.openid, message.template_id)
    if standing is not None and standing.state in _ENDED:
        return _logged(message, _ENDED[standing.state], replayed=1)
    try:
        data = fitted(message.values)
    except FieldRefused as refused:
        return _logged(message, Outcome.REFUSED, field=refused.field)
    if left < 1:
        return _logged(message, Outcome.NOT_GRANTED)
    try:
        use = grants.use(message.openid, message.template_id)
        standing = grants.messages.begin(message.key, "", use, api.now)
    except NothingLeft:
        return _logged(message, Outcome.NOT_GRANTED)
    if standing is not None:
        return _logged(message, _ENDED[standing.state], replayed=1)
    return _asked(api, grants, message, data)


def _asked(api: WechatApi, grants: GrantsTable, message: SubscribeMessage, data: Mapping[str, str]) -> Outcome:
    """Ask WeChat for a message that was begun, and keep what became of it."""
    asked = {
        "touser": message.openid,
        "template_id": message.template_id,
        **({"page": message.page} if message.page else {}),
        "data": {name: {"value": value} for name, value in data.items()},
    }
    try:
        api.post(PATH, asked)
    except Unanswered:
        return _logged(message, Outcome.UNKNOWN)
    except (Unreached, JifenError):  # no connection, or no token to be had
        return _not_sent(grants, message, Outcome.SOON)
    except Refused as refused:
        return _refused(api, grants, message, refused)
    grants.messages.settle(message.key, State.SENT)
    return _logged(message, Outcome.SENT)


def _refused(api: WechatApi, grants: GrantsTable, message: SubscribeMessage, refused: Refused) -> Outcome:
    if refused.path == PATH and refused.errcode == NOT_ALLOWED:
        grants.end(message.openid, message.template_id, api.now)
        grants.messages.settle(message.key, State.NOT_GRANTED)
        return _logged(message, Outcome.NOT_GRANTED, errcode=refused.errcode)
    if refused.path == PATH and refused.kind is Kind.INVALID:
        named = _FIELD.search(str(refused.answer.get("errmsg", ""))) if refused.errcode == FIELD_INVALID else None
        return _not_sent(grants, message, Outcome.REFUSED, errcode=refused.errcode, field=named[1] if named else None)
    outcome = Outcome.SOON if refused.kind is Kind.BUSY else Outcome.LATER
    return _not_sent(grants, message, outcome, errcode=refused.errcode)


def _not_sent(grants: GrantsTable, message: SubscribeMessage, outcome: Outcome, **told: str | int | None) -> Outcome:
    """The grant goes back, and only what WeChat will never take is ended."""
    state = State.REFUSED if outcome is Outcome.REFUSED else State.FREE
    grants.messages.settle(message.key, state, grants.give_back(message.openid, message.template_id))
    return _logged(message, outcome, **told)


def _logged(message: SubscribeMessage, outcome: Outcome, **told: str | int | None) -> Outcome:
    log.outcome("subscribe_message", key=message.key, outcome=outcome.value, **told)
    return outcome
