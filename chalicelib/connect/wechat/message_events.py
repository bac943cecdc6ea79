"""What wakes the sender of subscribe messages: the queue of reminders and notices.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalice.app import Blueprint, SQSEvent

from chalicelib.connect.wechat import messages
from chalicelib.connect.wechat.api import open_api
from chalicelib.connect.wechat.grants_table import open_grants
from chalicelib.connect.wechat.subscribe import Outcome, SubscribeMessage, send
from chalicelib.connect.wechat.templates import Template, templates
from chalicelib.errors import Code, JifenError
from chalicelib.members.openids import openid_of
from chalicelib.programme.model import Terms
from chalicelib.programme.table import terms_at
from chalicelib.runtime import clock, log, queue
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
FIRST_HOUR, LAST_HOUR = 9, 21
"""Notices are written at midnight and sent between these hours of the programme's day, the first ones over an hour."""
SPREAD_S = 3600
PAUSE_S = 3600
"""Where a quota is used up, or the account is out of order, the same message is tried once an hour."""
REMINDER_LIFE = timedelta(hours=1)
"""A reminder that could not be sent within it may be untrue by now: the member may have checked in."""


@bp.on_sqs_message(
    queue_arn="arn:aws:sqs:us-east-1:000000000000:placeholder",
    batch_size=10,
    maximum_concurrency=10,
    name="send_messages",
)
def send_messages(event: SQSEvent) -> dict[str, Any]:
    """Reminders and notices to the members who allow them, a subscribe message each.

    A stage that does not send gives back what reaches it all the same: from a queue it was just taken off, or in the
    embedded cloud, which connects every queue.
    """
    if settings().subscribe_messages == "off":
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event.to_dict()["Records"]]}
    used = templates(clock.utc_now())  # what is wrong with them fails the function, and its alarm hears of it

    def handle(record: Mapping[str, Any]) -> None:
        _handle(record, used, clock.utc_now())

    return queue.each_message(event.to_dict(), handle, "send_messages", settings().reminders_queue_url)


def _handle(record: Mapping[str, Any], used: Mapping[str, Template], now: datetime) -> None:
    terms = terms_at(now)
    due = messages.due(record["body"], lambda level: _level_name(terms, level))
    template = used.get(due.kind)
    local = now.astimezone(ZoneInfo(terms.zone))
    if template is None:
        return
    if local.date() > due.last_on or (due.kind == messages.REMINDER and now - _queued_at(record) > REMINDER_LIFE):
        log.outcome("subscribe_message", key=due.key, outcome="over")
        return
    if due.kind not in (messages.REMINDER, messages.GIFT) and not FIRST_HOUR <= local.hour < LAST_HOUR:
        raise queue.Postponed(_seconds_to_morning(local) + random.randrange(SPREAD_S))
    openid = openid_of(due.member_id)
    if openid is None:
        log.outcome("subscribe_message", key=due.key, outcome="no_account")
        return
    api = open_api("mini_program", now)
    said = messages.values(template, due.words)
    page = due.page or template.page
    outcome = send(api, open_grants(), SubscribeMessage(due.key, openid, template.template_id, page, said))
    if outcome is Outcome.LATER:
        raise queue.Postponed(PAUSE_S)
    if outcome is Outcome.SOON:
        raise JifenError(Code.UNAVAILABLE)  # the queue's own pause


def _level_name(terms: Terms, level: str) -> str:
    levels = terms.programme.levels.levels if terms.programme.levels else ()
    return next((one.name for one in levels if one.id == level), "")


def _queued_at(record: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(record["attributes"]["SentTimestamp"]) / 1000, UTC)


def _seconds_to_morning(local: datetime) -> int:
    morning = local.replace(hour=FIRST_HOUR, minute=0, second=0, microsecond=0)
    return int((morning - local).total_seconds()) % 86_400
