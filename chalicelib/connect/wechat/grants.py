"""What members allow: told by the app after each question, by WeChat's events, and shown to the member.

Events: developers.weixin.qq.com, "订阅消息", "事件推送": subscribe_msg_popup_event (the member answered a question),
subscribe_msg_change_event (turned a template on or off in the settings), subscribe_msg_sent_event (what became of one).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from chalicelib.connect.wechat.grants_table import GrantsTable
from chalicelib.connect.wechat.subscribe import NOT_ALLOWED
from chalicelib.connect.wechat.taps import Teller
from chalicelib.connect.wechat.templates import Template
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.runtime import log

ACCEPT, REJECT = "accept", "reject"


def report(
    grants: GrantsTable,
    openid: str,
    results: Mapping[str, str],
    *,
    templates: Mapping[str, Template],
    key: str,
    now: datetime,
) -> bool:
    """Count what the app was answered, once under its key; whether that was before.

    An answer other than `accept` takes nothing away: messages allowed earlier still arrive. Raises JifenError
    INVALID_REQUEST for a template that this stage does not use, KEY_REUSED, BUSY.
    """
    used = {template.template_id for template in templates.values()}
    for template_id in results:
        if template_id not in used:
            raise JifenError(Code.INVALID_REQUEST, "没有这个消息模板", field=f"results.{template_id}"[:64])
    told = {template_id: True for template_id, result in results.items() if result == ACCEPT}
    return not grants.count(openid, told, Teller.APP, key=key, input_hash=digest({"results": dict(results)}), now=now)


def shown(grants: GrantsTable, openid: str, templates: Mapping[str, Template]) -> list[dict[str, Any]]:
    """What a member still allows, by kind of message; a template that serves several kinds is one count."""
    taps = grants.taps(openid, sorted({template.template_id for template in templates.values()}))
    return [
        {"kind": kind, "template_id": template.template_id, "left": taps[template.template_id].left}
        for kind, template in templates.items()
    ]


def grants_changed(grants: GrantsTable, event: Mapping[str, Any], now: datetime) -> None:
    """Take in one of WeChat's three events about subscribe messages, as its XML or JSON says it; twice is once.

    What is no such event, or lacks what it must have, is left alone.
    """
    kind, openid = str(event.get("Event", "")), str(event.get("FromUserName", ""))
    if kind not in _LISTS or not openid:
        return
    told = {}
    for line in _lines(event, _LISTS[kind]):
        template_id, is_allowed = str(line.get("TemplateId", "")), _is_allowed(kind, line)
        if kind == SENT:
            log.outcome("subscribe_message_delivered", template=template_id, errcode=str(line.get("ErrorCode", "")))
        if template_id and is_allowed is not None:
            told[template_id] = is_allowed
    if told:
        identity = {name: str(event.get(name, "")) for name in ("FromUserName", "CreateTime", "Event")}
        input_hash = digest({**identity, "told": told})
        is_new = grants.count(openid, told, Teller.WECHAT, key=input_hash, input_hash=input_hash, now=now)
        log.outcome("message_grants_changed", source=kind, templates=len(told), replayed=int(not is_new))


POPUP, CHANGE, SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
_LISTS = {POPUP: "SubscribeMsgPopupEvent", CHANGE: "SubscribeMsgChangeEvent", SENT: "SubscribeMsgSentEvent"}
"""Under which element an event has its list; in JSON it stands at the top."""


def _is_allowed(kind: str, line: Mapping[str, Any]) -> bool | None:
    """True for one message more, False for none any more, None where nothing changes.

    Turning a template on in the settings allows no message by itself, and answering no once ends no earlier yes.
    """
    status = line.get("SubscribeStatusString")
    if kind == POPUP and status == ACCEPT:
        return True
    if kind == CHANGE and status == REJECT:
        return False
    if kind == SENT and str(line.get("ErrorCode")) == str(NOT_ALLOWED):
        return False
    return None


def _lines(event: Mapping[str, Any], element: str) -> Iterator[Mapping[str, Any]]:
    """The lines of an event; one alone is no list in XML."""
    within = event.get(element)
    found = (within if isinstance(within, Mapping) else event).get("List")
    for line in found if isinstance(found, list) else [found]:
        if isinstance(line, Mapping):
            yield line
