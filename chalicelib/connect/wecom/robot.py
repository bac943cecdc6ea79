"""Messages by a group robot (群机器人): once under the caller's key, at most twenty a minute for each robot.

Source: developer.work.weixin.qq.com, document/path/91770. Whoever has a robot's key can write in its group: it is a
secret, goes into the address of the request and nowhere else.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Literal, NamedTuple

from chalicelib.connect import outside
from chalicelib.connect.accounts import part
from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.messages_table import MessagesTable, NothingLeft, State
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat.api import said_yes
from chalicelib.connect.wecom.api import HOST
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.runtime import log

PATH = "/cgi-bin/webhook/send"
A_MINUTE = 20
MOST_BYTES = {"text": 2048, "markdown": 4096}
MINUTE_S = 60
NO_SUCH_ROBOT = 93000
TextKind = Literal["text", "markdown"]


class RobotMessage(NamedTuple):
    """What a robot, by the name staff use, shall say."""

    robot: str
    kind: TextKind
    content: str


class Said(NamedTuple):
    """`sent`, or `unknown` when no answer came: then it is not sent again under the same key."""

    state: State
    replayed: bool


def say(table: MessagesTable, message: RobotMessage, *, key: str, now: datetime) -> Said:
    """Have a robot say something, at most once under a key that names the caller and the call.

    Raises JifenError: INVALID_REQUEST for a robot that is not there or a content that is too long, KEY_REUSED, BUSY
    with the seconds to wait where the minute is full, UNAVAILABLE, NOT_CONNECTED where the robot's key is wrong.
    """
    if len(message.content.encode()) > MOST_BYTES[message.kind]:
        raise JifenError(Code.INVALID_REQUEST, f"content不能超过{MOST_BYTES[message.kind]}字节", field="content")
    secret = _secret(message.robot, now)
    row, input_hash = f"robot:{key}", digest(message._asdict())
    robot = sha256(secret.encode()).hexdigest()[:16]
    try:
        standing = table.begin(row, input_hash, table.minute_use(robot, now, A_MINUTE), now)
    except NothingLeft:
        raise JifenError(Code.BUSY, retry_after_seconds=MINUTE_S - now.second) from None
    if standing is not None:
        if standing.input_hash != input_hash:
            raise JifenError(Code.KEY_REUSED)
        return _logged(message, Said(standing.state, replayed=True))
    return _asked(table, message, secret, row)


def _asked(table: MessagesTable, message: RobotMessage, secret: str, row: str) -> Said:
    body = {"msgtype": message.kind, message.kind: {"content": message.content}}
    try:
        said_yes(PATH, outside.ask(HOST, "POST", PATH, query={"key": secret}, body=body))
    except Unanswered:
        return _logged(message, Said(State.UNKNOWN, replayed=False))
    except Unreached:
        table.settle(row, State.FREE)
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=5) from None
    except Refused as refused:
        table.settle(row, State.FREE)
        raise _refusal(refused) from None
    table.settle(row, State.SENT)
    return _logged(message, Said(State.SENT, replayed=False))


def _refusal(refused: Refused) -> JifenError:
    if refused.kind in (Kind.BUSY, Kind.QUOTA):  # another sender of the brand's has used up the minute
        return JifenError(Code.BUSY, retry_after_seconds=MINUTE_S)
    if refused.errcode == NO_SUCH_ROBOT or refused.kind is Kind.ACCOUNT:
        return JifenError(Code.NOT_CONNECTED, field="robot")
    return JifenError(Code.INVALID_REQUEST, f"企业微信拒绝了这条消息(错误码{refused.errcode})", field="content")


def _secret(robot: str, now: datetime) -> str:
    robots = part("wecom", "robots", now)
    if not isinstance(robots, dict):
        raise JifenError(Code.NOT_CONNECTED, field="robot")
    secret = robots.get(robot)
    if not isinstance(secret, str) or not secret:
        raise JifenError(Code.INVALID_REQUEST, "没有这个群机器人", field="robot")
    return secret


def _logged(message: RobotMessage, said: Said) -> Said:
    log.outcome("robot_message", robot=message.robot, state=said.state.value, replayed=int(said.replayed))
    return said
