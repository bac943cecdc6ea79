"""A behaviour that should not have counted (a removed review, a faked task, one of an order that was refunded): its
points go back, once, by their policy.

Counters and the progress of tasks stay: a cap that was used up by a fake is not opened again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType

from chalicelib.earning.behaviour_event import guard_key
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Reverse
from chalicelib.ledger.model import Cause, Credit, Guard, Kind, Policy, Posting, Receipt, Refusal, stamp
from chalicelib.ledger.pending import taken_back
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.growth import growth_taken_back
from chalicelib.programme.model import Terms

_NO_FACTS: Mapping[str, str | int] = MappingProxyType({})


def void_behaviour(
    source: str,
    event_id: str,
    *,
    reason: str,
    actor: str,
    ledger: LedgerTable,
    terms: Terms,
    now: datetime,
    told_by: str = "staff",
    facts: Mapping[str, str | int] = _NO_FACTS,
) -> tuple[str, Receipt]:
    """Take back all that an event's guard says it paid; the member it was paid to, and the receipt.

    `told_by` is the source of the void itself, `facts` what its entry keeps beside the reason. A repeat, by whomever
    and for whatever reason, returns the first receipt with `replayed`. Raises BEHAVIOUR_NOT_FOUND when the event posted
    nothing.
    """
    key = guard_key(source, event_id)
    known = ledger.guards([key]).get(key)
    if known is None:
        raise JifenError(Code.BEHAVIOUR_NOT_FOUND)

    def take_back(seen: Seen) -> Posting:
        guard = seen.guard or known
        voided_at = guard.state.get("voided_at")
        cause = Cause(
            kind=Kind.REVERSE,
            activity=guard.activity,
            id=guard.cause_id,
            at=datetime.fromisoformat(voided_at) if voided_at else now,
            occurred_at=now,
            source=told_by,
            actor=actor,
        )
        if voided_at:
            raise Refusal(Code.KEY_REUSED, cause)
        commands, credits = _reversals(guard, cause, reason, facts, terms)
        posting = apply(seen.account, commands, terms.ledger, now)
        state = {**guard.state, "voided_at": stamp(now), "voided_by": actor}
        return posting._replace(guard=guard._replace(credits=credits, state=state, version=guard.version + 1))

    return known.member_id, ledger.post(known.member_id, take_back, guard_key=key)


def _reversals(
    guard: Guard, cause: Cause, reason: str, facts: Mapping[str, str | int], terms: Terms
) -> tuple[list[Reverse], tuple[Credit, ...]]:
    """One entry a credit, the first under the event's own name; one of 0 points where it had only counted."""
    text = f"撤销:{reason}"
    commands: list[Reverse] = []
    credits: list[Credit] = []
    for credit in guard.credits:
        own = cause if not commands else cause._replace(id=f"{cause.id}:{credit.rule}")
        command, left = taken_back(credit, credit.points - credit.reversed_points, own, text)
        commands.append(command)
        credits.append(left)
    if not commands:
        commands.append(Reverse(cause, 0, Policy.WAIVE, terms.version, text=text))
    if "growth_on" in guard.state:
        counted_on, growth = date.fromisoformat(guard.state["growth_on"]), guard.state["growth"]
        points = sum(one.points for one in guard.credits if one.points_class is PointsClass.BEHAVIOUR)
        counts = growth_taken_back(points, growth, counted_on)
        commands[0] = commands[0]._replace(growth=-growth, growth_on=counted_on if growth else None, counts=counts)
    # The receipt says all that was taken back, also when it is the first entry alone that answers a repeat.
    voided_points = sum(command.points for command in commands)
    commands[0] = commands[0]._replace(facts={"voided_points": voided_points, **facts})
    return commands, tuple(credits)
