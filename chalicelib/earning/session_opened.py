"""A log-in is a behaviour, too (登录维度): the first one is the registration, each day's first one may earn.

The members room tells every log-in to the queue of behaviours. Told twice, or late, it changes nothing: registration
and day are the events' own names. A telling that was lost is made good by the next log-in.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.earning.behave import behave
from chalicelib.earning.behaviour_event import ENGINE, LOGIN, REGISTER, Event, guard_key
from chalicelib.earning.refusals import RefusalsTable
from chalicelib.ledger.model import business_on, start_of
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import TermsBook


class SessionOpened(NamedTuple):
    """A member's log-in."""

    member_id: str
    registered_at: datetime
    opened_at: datetime


def session_of(message: str) -> SessionOpened | None:
    """The log-in a message tells of, None when it is about something else."""
    told = json.loads(message)
    if "session_of" not in told:
        return None
    registered_at, opened_at = (datetime.fromisoformat(told[name]) for name in ("registered_at", "opened_at"))
    return SessionOpened(told["session_of"], registered_at, opened_at)


def session_opened(session: SessionOpened, *, ledger: LedgerTable, refusals: RefusalsTable, book: TermsBook) -> None:
    """Book the registration, once for ever, and the day's log-in, once a business day.

    The ledger learns by the registration since when somebody is a member. An account that knows it already has heard of
    it, or was brought from another programme: there a log-in is no registration, and earns as none. Raises what
    `behave` raises.
    """
    account = ledger.read(session.member_id)
    if account.joined_on is None:
        behave(_registration(session), ledger=ledger, refusals=refusals, book=book)
    terms = book.at(session.opened_at)
    if terms is None or not terms.answer(LOGIN):
        return
    on = business_on(session.opened_at, terms.zone)
    if account.merged and ledger.guards([guard_key(ENGINE, _log_in_id(one, on)) for one in account.member_ids]):
        return  # one person's day is told once, under whichever id
    log_in = Event(
        source=ENGINE,
        event_id=_log_in_id(session.member_id, on),
        indicator=LOGIN,
        member_id=session.member_id,
        occurred_at=session.opened_at,
        received_at=session.opened_at,
        named_at=start_of(on, terms.zone),
    )
    behave(log_in, ledger=ledger, refusals=refusals, book=book)


def _log_in_id(member_id: str, on: date) -> str:
    return f"{LOGIN}.{member_id}.{on}"


def _registration(session: SessionOpened) -> Event:
    return Event(
        source=ENGINE,
        event_id=f"{REGISTER}.{session.member_id}",
        indicator=REGISTER,
        member_id=session.member_id,
        occurred_at=session.registered_at,
        received_at=session.opened_at,
        named_at=session.registered_at,
    )
