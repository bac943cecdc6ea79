"""Tasks for staff to send a text to their customer groups (群发任务), each asked for once under the caller's key.

WeCom makes a task of each asking, and nothing is sent before the staff member confirms it there: so an asking that was
not answered is never repeated under its key. Whoever asked looks at the staff member's phone, or asks under a new key.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.messages_table import MessagesTable, State
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wecom.api import WecomApi
from chalicelib.connect.wecom.groups import push_to_groups
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.runtime import log


class GroupTask(NamedTuple):
    """A text that a staff member shall send to groups of his."""

    sender: str
    chat_ids: tuple[str, ...]
    text: str


class Asked(NamedTuple):
    """`sent` with WeCom's id of the task, or `unknown` when no answer came."""

    state: State
    msgid: str
    left_out: tuple[str, ...]
    """Groups that WeCom did not take: not his, or gone. Said the first time only."""
    replayed: bool


def ask(table: MessagesTable, task: GroupTask, *, key: str, api: WecomApi, now: datetime) -> Asked:
    """Ask for a task, at most once under a key that names the caller and the call.

    Raises JifenError: KEY_REUSED, INVALID_REQUEST for what WeCom refuses, UNAVAILABLE or BUSY when it may be asked for
    again under the same key.
    """
    row, input_hash = f"task:{key}", digest({**task._asdict(), "chat_ids": list(task.chat_ids)})
    standing = table.begin(row, input_hash, None, now)
    if standing is not None:
        if standing.input_hash != input_hash:
            raise JifenError(Code.KEY_REUSED)
        return Asked(standing.state, standing.receipt, (), replayed=True)
    try:
        msgid, left_out = push_to_groups(api, sender=task.sender, chat_ids=task.chat_ids, text=task.text)
    except Unanswered:
        log.outcome("group_task", state=State.UNKNOWN.value)
        return Asked(State.UNKNOWN, "", (), replayed=False)
    except Unreached:
        table.settle(row, State.FREE)
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=5) from None
    except Refused as refused:
        table.settle(row, State.FREE)
        raise _refusal(refused) from None
    table.settle(row, State.SENT, receipt=msgid)
    log.outcome("group_task", state=State.SENT.value, groups=len(task.chat_ids) - len(left_out))
    return Asked(State.SENT, msgid, tuple(left_out), replayed=False)


def _refusal(refused: Refused) -> JifenError:
    if refused.kind in (Kind.BUSY, Kind.QUOTA):
        return JifenError(Code.BUSY, retry_after_seconds=60)
    if refused.kind is Kind.ACCOUNT:
        return JifenError(Code.NOT_CONNECTED)
    return JifenError(Code.INVALID_REQUEST, f"企业微信拒绝了这个任务(错误码{refused.errcode})", field="sender")
