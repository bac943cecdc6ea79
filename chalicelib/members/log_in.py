"""Logging in with a one-time code, and out again.

Who a code stands for is answered by an `Exchange`; where codes come from is a setting of the stage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.members import tokens
from chalicelib.members.model import LOGIN_PROVIDER, SESSION_LIFE, Identity, Session
from chalicelib.members.register import register
from chalicelib.members.table import MembersTable

Exchange = Callable[[str], Identity]
"""The port: a code's identity; raises JifenError LOGIN_CODE_INVALID or LOGIN_CLOSED."""

_DEMO_CODE = re.compile(r"demo-([a-z0-9]{1,32})-[A-Za-z0-9]{4,32}")


class LoggedIn(NamedTuple):
    """A fresh session; `token` is known to nobody else and cannot be answered a second time."""

    token: str
    session: Session
    is_new_member: bool
    registered_at: datetime


def exchange_for(login: str) -> Exchange:
    """The exchange of a stage by its setting `login`: `demo` or `closed`."""
    return demo_exchange if login == "demo" else closed_exchange


def demo_exchange(code: str) -> Identity:
    """The demo's own codes `demo-<name>-<nonce>`: the name says who, the nonce makes each code another one."""
    found = _DEMO_CODE.fullmatch(code)
    if found is None:
        raise JifenError(Code.LOGIN_CODE_INVALID)
    return Identity(LOGIN_PROVIDER, f"demo-{found[1]}")


def closed_exchange(_code: str) -> Identity:
    """Refuses everybody."""
    raise JifenError(Code.LOGIN_CLOSED)


def log_in(
    table: MembersTable, exchange: Exchange, code: str, *, token: str, new_member_id: str, now: datetime
) -> LoggedIn:
    """Open a session for the member a code stands for, registering them on their first log-in.

    `token` and `new_member_id` are fresh from `tokens` at the edge. A code opens one session, in the same
    transaction that burns it, and stays refused for a day: far longer than a real provider honours its own. Raises
    JifenError LOGIN_CODE_INVALID, LOGIN_CLOSED or BUSY. Whoever lost the answer asks the provider for a new code.
    """
    identity = exchange(code)
    standing = table.links([identity]).get(identity)
    if standing is None:
        registration = register(table, identity, new_member_id, now)
        member_id, is_new = registration.member_id, registration.is_new
        registered_at = registration.registered_at
    else:
        # A log-in account is bound once, by its registration.
        member_id, is_new, registered_at = standing.member_id, False, standing.bound_at
    session = Session(tokens.digest(token), member_id, opened_at=now, expires_at=now + SESSION_LIFE)
    if not table.open_session(session, tokens.digest(code)):
        raise JifenError(Code.LOGIN_CODE_INVALID)
    return LoggedIn(token, session, is_new, registered_at)


def session_message(opened: LoggedIn) -> str:
    """What the queue of behaviours is told of a log-in: whose, since when a member, and when."""
    session = opened.session
    told = {"session_of": session.member_id, "registered_at": opened.registered_at.isoformat()}
    return json.dumps({**told, "opened_at": session.opened_at.isoformat()}, separators=(",", ":"))


def log_out(table: MembersTable, session_key: str, now: datetime) -> None:
    """Revoke a session at once; `session_key` is the verified caller's own."""
    table.revoke_session(session_key, now)
