"""What a member did beside buying and checking in (评价、邀请、登录 ...) becomes points, once per event.

The event's id is its sender's own, so a guard in the ledger owns it: who it was given to, by what input, and what it
caused. An event that earned nothing and counted nothing leaves no guard, only its reasons beside the journal; told
again, it is judged again.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.behaviour_event import Event, behaved
from chalicelib.earning.refusals import NotPaid, RefusalsTable
from chalicelib.earning.reward import reward, standing_of
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.counters import Counted, Counters
from chalicelib.ledger.model import Cause, Guard, Kind, Part, Posting, Receipt, Refusal, business_on, stamp
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.award import NOTHING, Decision, Refused, decide
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.programme.tasks import done_and_lump, task_of
from chalicelib.programme.words import yuan


class Outcome(NamedTuple):
    """What an event came to. Without a receipt nothing was posted, and `refused` says why (empty: no rule answers)."""

    receipt: Receipt | None
    refused: tuple[Refused, ...] = ()


def behave(event: Event, *, ledger: LedgerTable, refusals: RefusalsTable, book: TermsBook) -> Outcome:
    """Post what an event earns and counts, once; a repeat returns the first receipt with `replayed`.

    Terms are those in force when it occurred. Periods of caps, tasks and validity are those of the posting's own
    business date, so that an older event told after a newer one opens no cap again. Raises TERMS_MISSING, BUSY, or
    KEY_REUSED when the event belongs to another member or was told with other content.
    """
    terms, posting_terms = _terms_at(book, event.occurred_at), _terms_at(book, event.received_at)
    decided = NOTHING

    def credit(seen: Seen) -> Posting:
        nonlocal decided
        decided = NOTHING
        if seen.guard is not None:
            # Whoever told this very event is answered with its first entry; another member has none under that key.
            raise Refusal(Code.KEY_REUSED, _cause(event, datetime.fromisoformat(seen.guard.state["at"])))
        account = seen.account
        posted_at = max(event.received_at, account.posted_at or event.received_at)
        on = business_on(posted_at, terms.zone)
        standing = standing_of(account)
        activity = behaved(event, terms.zone)
        decided = decide(terms, activity, standing, on=on, hour=activity.hour, spent_budgets=seen.spent_budgets)
        cause = _cause(event, event.received_at)
        rewarded = reward(decided, activity, cause, terms=terms, credited_on=on)
        commands = list(rewarded.commands) or _progress_alone(decided, cause, terms, account.counters)
        if event.is_registration:
            joined = commands[0] if commands else Earn(cause, 0, "", "", terms.version, text="成为会员")
            commands[:1] = [joined._replace(joined_on=business_on(event.occurred_at, terms.zone))]
        if not commands:
            return Posting(account, account, ())
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
        commands[0] = commands[0]._replace(facts=facts)
        posting = apply(account, commands, posting_terms.ledger, event.received_at)
        guard = Guard(
            key=event.guard_key,
            member_id=event.member_id,
            activity=event.indicator,
            cause_id=cause.id,
            credits=rewarded.credits,
            state={"at": stamp(event.received_at), "input": event.input_hash},
        )
        return posting._replace(guard=guard, budgets=rewarded.budgets)

    receipt = ledger.post(event.member_id, credit, guard_key=event.guard_key)
    if receipt.entries:
        return Outcome(receipt, decided.refused)
    keep_refusal(event, decided.refused, refusals=refusals, terms=terms)
    return Outcome(None, decided.refused)


def keep_refusal(event: Event, refused: tuple[Refused, ...], *, refusals: RefusalsTable, terms: Terms) -> None:
    """Keep why an event earned nothing, under the event's own instant: told again, it replaces its line."""
    line = NotPaid(
        member_id=event.member_id,
        at=event.named_at or event.occurred_at,
        activity=event.indicator,
        id=f"{event.source}:{event.event_id}",
        source=event.source,
        terms_version=terms.version,
        refused=refused,
    )
    refusals.put(line, event.received_at)


def _cause(event: Event, at: datetime) -> Cause:
    return Cause(
        kind=Kind.EARN,
        activity=event.indicator,
        id=f"{event.source}:{event.event_id}",
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
    refused = tuple(Part(one.rule, 0, one.text) for one in decision.refused)
    return [
        Earn(
            cause=cause,
            points=0,
            bucket="",
            rule="",
            terms_version=terms.version,
            breakdown=refused,
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
