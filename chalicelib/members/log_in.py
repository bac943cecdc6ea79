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

Merge = Callable[[str, str], str]
"""The port: makes two members who are one person one, and answers who survives; raises what keeps them two."""

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
    table: MembersTable,
    exchange: Exchange,
    code: str,
    *,
    token: str,
    new_member_id: str,
    merge: Merge,
    now: datetime,
) -> LoggedIn:
    """Open a session for the member a code stands for, registering them on their first log-in.

    Somebody who is known by another of the code's identities is that member here, too; where they are two members'
    these become one, and the session is the survivor's. `token` and `new_member_id` are
    fresh from `tokens` at the edge. A code opens one session, in the same transaction that burns it, and stays refused
    for a day: far longer than a real provider honours its own. Raises JifenError BUSY and what the exchange raises.
    Whoever lost the answer asks the provider for a new code.
    """
    identities = exchange(code)
    links = table.links(identities)
    standing = next((links[identity] for identity in identities if identity in links), None)
    is_new = False
    if standing is None:
        registration = register(table, identities[0], new_member_id, now)
        standing = Link(registration.member_id, registration.member_id, registration.registered_at)
        links[identities[0]] = standing
        is_new = registration.is_new
    others = _bind_the_rest(table, identities, links, standing.member_id, now)
    member_id, registered_at = _as_one(standing, others, merge)
    session = Session(tokens.digest(token), member_id, opened_at=now, expires_at=now + SESSION_LIFE)
    if not table.open_session(session, tokens.digest(code)):
        raise JifenError(Code.LOGIN_CODE_INVALID)
    return LoggedIn(token, session, is_new and member_id == standing.member_id, registered_at)


def _bind_the_rest(
    table: MembersTable, identities: Sequence[Identity], links: Mapping[Identity, Link], member_id: str, now: datetime
) -> list[Link]:
    """Bind to the member what of a code's identities nobody has; the links of those that are somebody else's."""
    others: list[Link] = []
    for identity in identities:
        known = links.get(identity)
        if known is None:
            known = table.add_identity(identity, Link(member_id, bound_by=member_id, bound_at=now))
        if known is not None and known.member_id != member_id:
            others.append(known)
    return others


def _as_one(own: Link, others: Sequence[Link], merge: Merge) -> tuple[str, datetime]:
    """Whom a person of several members is from now on, and since when a member.

    What keeps them apart keeps nobody out: it is said in the log, and the next log-in tries again.
    """
    for other in others:
        try:
            survivor_id = merge(own.member_id, other.member_id)
        except Exception as error:  # noqa: BLE001  # whatever it is, the member gets in as the one the code names first
            log.defect("person_is_two_members", error, member_id=own.member_id, other_id=other.member_id)
            continue
        log.outcome("members_merged", member_id=survivor_id, by_log_in_of=own.member_id, other_id=other.member_id)
        own = other if survivor_id == other.member_id else own._replace(member_id=survivor_id)
    return own.member_id, own.bound_at


def session_message(opened: LoggedIn) -> str:
    """What the queue of behaviours is told of a log-in: whose, since when a member, and when."""
    session = opened.session
    told = {"session_of": session.member_id, "registered_at": opened.registered_at.isoformat()}
    return json.dumps({**told, "opened_at": session.opened_at.isoformat()}, separators=(",", ":"))


def log_out(table: MembersTable, session_key: str, now: datetime) -> None:
    """Revoke a session at once; `session_key` is the verified caller's own."""
    table.revoke_session(session_key, now)
