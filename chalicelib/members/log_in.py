"""Logging in with a one-time code, and out again.

Who a code stands for is answered by an `Exchange`; where codes come from is a setting of the stage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.connect.accounts import account, is_connected
from chalicelib.errors import Code, JifenError
from chalicelib.members import tokens
from chalicelib.members.model import LOGIN_PROVIDER, SESSION_LIFE, UNION_PROVIDER, Identity, Link, Session
from chalicelib.members.register import register
from chalicelib.members.table import MembersTable
from chalicelib.runtime import log

Exchange = Callable[[str], tuple[Identity, ...]]
"""The port: a code's identities, the one that logs in first; raises JifenError LOGIN_CODE_INVALID, LOGIN_CLOSED,
LOGIN_REFUSED, BUSY or UNAVAILABLE.
"""

_DEMO_CODE = re.compile(r"demo-([a-z0-9]{1,32})-[A-Za-z0-9]{4,32}")


class LoggedIn(NamedTuple):
    """A fresh session; `token` is known to nobody else and cannot be answered a second time."""

    token: str
    session: Session
    is_new_member: bool
    registered_at: datetime


def exchange_for(login: str, now: datetime) -> Exchange:
    """The exchange of a stage by its setting `login`: `wechat`, `demo` (the demo's own codes beside it) or `closed`."""
    if login == "closed":
        return closed_exchange

    def exchange(code: str) -> tuple[Identity, ...]:
        if login == "demo" and (code.startswith("demo-") or not is_connected("mini_program", now)):
            return demo_exchange(code)
        return wechat_exchange(code, now)

    return exchange


def wechat_exchange(code: str, now: datetime) -> tuple[Identity, ...]:
    """Who a code of `wx.login` stands for: an account of the mini-program and, where WeChat says it, a person."""
    from chalicelib.connect.wechat.mini_program import user_of

    user = user_of(account("mini_program", now), code)
    person = (Identity(UNION_PROVIDER, user.unionid),) if user.unionid else ()
    return (Identity(LOGIN_PROVIDER, user.openid), *person)


def demo_exchange(code: str) -> tuple[Identity, ...]:
    """The demo's own codes `demo-<name>-<nonce>`: the name says who, the nonce makes each code another one."""
    found = _DEMO_CODE.fullmatch(code)
    if found is None:
        raise JifenError(Code.LOGIN_CODE_INVALID)
    return (Identity(LOGIN_PROVIDER, f"demo-{found[1]}"),)


def closed_exchange(_code: str) -> tuple[Identity, ...]:
    """Refuses everybody."""
    raise JifenError(Code.LOGIN_CLOSED)


def log_in(
    table: MembersTable, exchange: Exchange, code: str, *, token: str, new_member_id: str, now: datetime
) -> LoggedIn:
    """Open a session for the member a code stands for, registering them on their first log-in.

    Somebody who is known by another of the code's identities is that member here, too. `token` and `new_member_id` are
    fresh from `tokens` at the edge. A code opens one session, in the same transaction that burns it, and stays refused
    for a day: far longer than a real provider honours its own. Raises JifenError BUSY and what the exchange raises.
    Whoever lost the answer asks the provider for a new code.
    """
    identities = exchange(code)
    links = table.links(identities)
    standing = next((links[identity] for identity in identities if identity in links), None)
    if standing is None:
        registration = register(table, identities[0], new_member_id, now)
        links[identities[0]] = Link(registration.member_id, registration.member_id, registration.registered_at)
        member_id, is_new = registration.member_id, registration.is_new
        registered_at = registration.registered_at
    else:
        member_id, is_new, registered_at = standing.member_id, False, standing.bound_at
    _bind_the_rest(table, identities, links, member_id, now)
    session = Session(tokens.digest(token), member_id, opened_at=now, expires_at=now + SESSION_LIFE)
    if not table.open_session(session, tokens.digest(code)):
        raise JifenError(Code.LOGIN_CODE_INVALID)
    return LoggedIn(token, session, is_new, registered_at)


def _bind_the_rest(
    table: MembersTable, identities: Sequence[Identity], links: Mapping[Identity, Link], member_id: str, now: datetime
) -> None:
    """Bind to the member what of a code's identities nobody has; say where one is somebody else's."""
    for identity in identities:
        known = links.get(identity)
        if known is None:
            known = table.add_identity(identity, Link(member_id, bound_by=member_id, bound_at=now))
        if known is not None and known.member_id != member_id:
            log.outcome("person_is_two_members", member_id=member_id, other_id=known.member_id)


def session_message(opened: LoggedIn) -> str:
    """What the queue of behaviours is told of a log-in: whose, since when a member, and when."""
    session = opened.session
    told = {"session_of": session.member_id, "registered_at": opened.registered_at.isoformat()}
    return json.dumps({**told, "opened_at": session.opened_at.isoformat()}, separators=(",", ":"))


def log_out(table: MembersTable, session_key: str, now: datetime) -> None:
    """Revoke a session at once; `session_key` is the verified caller's own."""
    table.revoke_session(session_key, now)
