"""Points that Duiba's games and sign-ins give: a behaviour of the programme's, worth what its rule says.

The programme lists the indicator `duiba` and a rule for it, which says class, validity, caps and budget; the event's
quantity is the points Duiba asks for, so a rule of 1 point gives just these. Without such a rule nothing is given.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.behave import behave
from chalicelib.earning.behaviour_event import Event
from chalicelib.earning.refusals import RefusalsTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Cause, Kind
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.activity import MAX_QUANTITY
from chalicelib.programme.model import TermsBook

SOURCE = INDICATOR = "duiba"


class Added(NamedTuple):
    """The balance after it, and why nothing was given, in words for the member; empty when something was."""

    available_points: int
    refused: str = ""


def add_credits(
    member_id: str,
    order_num: str,
    points: int,
    *,
    told_at: datetime,
    ledger: LedgerTable,
    refusals: RefusalsTable,
    book: TermsBook,
    now: datetime,
) -> Added:
    """Post what the rule gives for `points`, once per order number; the first answer is repeated. Raises ACTIVITY_OFF
    where the programme has no rule, KEY_REUSED when the number was another member's or of another amount.
    """
    terms = book.at(told_at)
    if terms is None or not terms.answer(INDICATOR):
        raise JifenError(Code.ACTIVITY_OFF)
    if points > MAX_QUANTITY:
        raise JifenError(Code.INVALID_REQUEST, field="credits")
    event = Event(
        source=SOURCE,
        event_id=order_num,
        indicator=INDICATOR,
        member_id=member_id,
        occurred_at=min(told_at, now),
        received_at=now,
        quantity=points,
    )
    try:
        outcome = behave(event, ledger=ledger, refusals=refusals, book=book)
    except JifenError as error:
        if error.code is not Code.KEY_REUSED:
            raise
        return _as_answered(event, ledger)
    if outcome.receipt is None:
        words = ";".join(one.text for one in outcome.refused) or Code.ACTIVITY_OFF.msg
        return Added(ledger.read(member_id).available_points, words)
    entry = next(one for one in outcome.receipt.entries if one.kind is Kind.EARN)
    return Added(entry.available_after)


def _as_answered(event: Event, ledger: LedgerTable) -> Added:
    """The first answer, where Duiba tells it again under another timestamp."""
    guard = ledger.guards([event.guard_key])[event.guard_key]
    at = datetime.fromisoformat(guard.state["at"])
    cause = Cause(Kind.EARN, guard.activity, guard.cause_id, at, at, SOURCE, SOURCE)
    entry = ledger.entry(event.member_id, cause.key)
    if entry is None or entry.facts.get("quantity", 1) != event.quantity:
        raise JifenError(Code.KEY_REUSED)
    return Added(entry.available_after)
