"""What a member did beside buying and checking in (评价、邀请、登录 ...) becomes points, once per event.

The event's id is its sender's own, so a guard in the ledger owns it: who it was given to, by what input, and what it
caused. An event that earned nothing and counted nothing leaves no guard, only its reasons beside the journal. Told
again it is judged again, but what was used up on its day stays refused: a later day opens nothing for it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from chalicelib.earning.behaviour_event import Event, as_told_before, behaved
from chalicelib.earning.caused import lines_of
from chalicelib.earning.refusals import NotPaid, RefusalsTable
from chalicelib.earning.reward import Reward, refused_parts, reward
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.counters import Counted, Counters
from chalicelib.ledger.model import Account, Cause, Guard, Kind, Posting, Receipt, Refusal, business_on, stamp
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.award import NOTHING, Decision, Refused, decide
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.programme.standing import standing_of
from chalicelib.programme.tasks import done_and_lump, task_of
from chalicelib.programme.words import yuan


class Outcome(NamedTuple):
    """What an event came to. Without a receipt nothing was posted, and `refused` says why (empty: no rule answers)."""

    receipt: Receipt | None
    refused: tuple[Refused, ...] = ()


def behave(event: Event, *, ledger: LedgerTable, refusals: RefusalsTable, book: TermsBook) -> Outcome:
    """Post what an event earns and counts, once; a repeat returns the first receipt with `replayed`.

    Terms are those in force when it occurred. Periods of caps, tasks and validity are those of the posting's own
    business date, so that an older event told after a newer one opens no cap again. Raises TERMS_MISSING, BUSY,
    KEY_REUSED when the event belongs to another member or was told with other content, or ORDER_REFUNDED when the order
    it names was refunded in full before it was posted.
    """
    terms, posting_terms = _terms_at(book, event.occurred_at), _terms_at(book, event.received_at)
    decided = NOTHING
    stands = _final_refusal(event, refusals) if _is_over(event, event.received_at, terms) else None

    def credit(seen: Seen) -> Posting:
        nonlocal decided
        decided = NOTHING
        account = seen.account
        _require_new(event, seen.guard, account)
        posted_at = max(event.received_at, account.posted_at or event.received_at)
        if stands is None and _is_over(event, posted_at, terms):
            raise _DayIsOver
        if stands:
            decided = Decision(refused=stands)
            return Posting(account, account, ())
        on = business_on(posted_at, terms.zone)
        activity = behaved(event, terms.zone)
        standing = standing_of(account, posting_terms, on)
        decided = decide(terms, activity, standing, on=on, hour=activity.hour, spent_budgets=seen.spent)
        rewarded = reward(decided, activity, _cause(event, event.received_at), terms=terms, credited_on=on)
        commands = _commands(event, decided, rewarded, terms, account.counters)
        if not commands:
            return Posting(account, account, ())
        posting = apply(account, commands, posting_terms.ledger, event.received_at)
        guard = _guard(event, rewarded, decided, on)
        return posting._replace(guard=guard, budgets=rewarded.budgets, also=lines_of(event, ledger))

    try:
        receipt = ledger.post(event.member_id, credit, guard_key=event.guard_key)
    except _DayIsOver:
        stands = _final_refusal(event, refusals)
        receipt = ledger.post(event.member_id, credit, guard_key=event.guard_key)
    if receipt.entries:
        return Outcome(receipt, decided.refused)
    if not stands:
        keep_refusal(event, decided.refused, refusals=refusals, terms=terms)
    return Outcome(None, decided.refused)


def keep_refusal(event: Event, refused: tuple[Refused, ...], *, refusals: RefusalsTable, terms: Terms) -> None:
    """Keep why an event earned nothing, under the event's own instant: told again, it replaces its line."""
    line = NotPaid(
        member_id=event.member_id,
        at=_line_at(event),
        activity=event.indicator,
        id=_id(event),
        source=event.source,
        terms_version=terms.version,
        refused=refused,
    )
    refusals.put(line, event.received_at)


def _require_new(event: Event, guard: Guard | None, account: Account) -> None:
    if guard is not None:
        # Whoever told this very event is answered with its first entry; another member has none under that key.
        told = as_told_before(event, guard.state["input"], account.member_ids)
        raise Refusal(Code.KEY_REUSED, _cause(told, datetime.fromisoformat(guard.state["at"])))


def _commands(event: Event, decided: Decision, rewarded: Reward, terms: Terms, counters: Counters) -> list[Earn]:
    """What an event books, its facts on the first entry; nothing when it earned and counted nothing."""
    cause = _cause(event, event.received_at)
    commands = list(rewarded.commands) or _progress_alone(decided, cause, terms, counters)
    if event.is_registration:
        joined = commands[0] if commands else Earn(cause, 0, "", "", terms.version, refused_parts(decided), "成为会员")
        commands[:1] = [joined._replace(joined_on=business_on(event.occurred_at, terms.zone))]
    if not commands:
        return []
    facts: dict[str, str | int] = {
        name: value
        for name, value, plain in (
            ("quantity", event.quantity, 1),
            ("fen", event.fen, 0),
            ("length", event.length, 0),
        )
        if value != plain
    }
    if len(commands) > 1:
        facts["all_points"] = sum(command.points for command in commands)
    return [commands[0]._replace(facts=facts), *commands[1:]]


def _guard(event: Event, rewarded: Reward, decided: Decision, on: date) -> Guard:
    grown = {"growth": decided.growth, "growth_on": on.isoformat()} if decided.growth_counts else {}
    return Guard(
        key=event.guard_key,
        member_id=event.member_id,
        activity=event.indicator,
        cause_id=_id(event),
        credits=rewarded.credits,
        state={"at": stamp(event.received_at), "input": event.input_hash, **grown},
    )


def _is_over(event: Event, at: datetime, terms: Terms) -> bool:
    """Whether the event's own day is over at an instant. A registration is always posted: none was ever refused."""
    return not event.is_registration and business_on(event.occurred_at, terms.zone) < business_on(at, terms.zone)


class _DayIsOver(Exception):
    """The account has gone beyond the event's own day: whether the event was refused on it must be known first."""


_FINAL = frozenset(
    {
        *("capped", "budget_spent", "first_only", "ladder_over"),
        *("condition:levels", "condition:gate", "condition:tags"),
    }
)
"""Refusals by what was used up, or by what the member was, when the event was judged. All others follow from the event
itself and are found again, or wait for what is not known yet.
"""


def _final_refusal(event: Event, refusals: RefusalsTable) -> tuple[Refused, ...]:
    """The reasons an event was refused for, when they stand for ever; empty when they do not, or it is new."""
    known = refusals.line(event.member_id, _line_at(event), event.indicator, _id(event))
    return known if any(one.code in _FINAL for one in known) else ()


def _line_at(event: Event) -> datetime:
    return event.named_at or event.occurred_at


def _id(event: Event) -> str:
    return f"{event.source}:{event.event_id}"


def _cause(event: Event, at: datetime) -> Cause:
    return Cause(
        kind=Kind.EARN,
        activity=event.indicator,
        id=_id(event),
        at=at,
        occurred_at=event.occurred_at,
        source=event.source,
        actor=event.source,
        input_hash=event.input_hash,
    )


def _progress_alone(decision: Decision, cause: Cause, terms: Terms, counters: Counters) -> list[Earn]:
    """An entry of 0 points where an event only counts: what was counted must be on the account, and in its history."""
    if not decision.progress:
        return []
    told = [_progress_text(one, terms, counters) for one in decision.progress]
    return [
        Earn(
            cause=cause,
            points=0,
            bucket="",
            rule="",
            terms_version=terms.version,
            breakdown=refused_parts(decision),
            text=" · ".join(told),
            counts=decision.progress,
        )
    ]


def _progress_text(one: Counted, terms: Terms, counters: Counters) -> str:
    for task in terms.programme.tasks:
        if task.id == task_of(one.name):
            known = counters.get(one.name)
            done, _lump = done_and_lump(one.add + (known.used if known else 0))
            if task.counts == "fen":
                return f"{task.name}已完成{yuan(done)},共{yuan(task.goal)}"
            return f"{task.name}已完成{done}/{task.goal}"
    rule = terms.rule(one.name.partition(":")[0])
    return f"{rule.name if rule else one.name}已计{one.add}次"


def _terms_at(book: TermsBook, instant: datetime) -> Terms:
    terms = book.at(instant)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    return terms
