"""From a decision of the programme to commands of the ledger: one credit an award, each with its own bucket or date."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from chalicelib.ledger.buckets import IDLE
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.counters import Counted
from chalicelib.ledger.model import (
    Budget,
    Cause,
    Credit,
    Entry,
    Part,
    Policy,
    Posting,
    Receipt,
)
from chalicelib.ledger.validity import stored
from chalicelib.programme.activity import Activity
from chalicelib.programme.award import Award, Decision
from chalicelib.programme.model import Terms


class Reward(NamedTuple):
    """What one activity earns: commands, the credits to remember on its guard, and what it draws from budgets."""

    commands: tuple[Earn, ...]
    credits: tuple[Credit, ...]
    budgets: tuple[Budget, ...]


def reward(decision: Decision, activity: Activity, cause: Cause, *, terms: Terms, credited_on: date) -> Reward:
    """The first award is the cause's own entry, each further one an entry named by its rule after a `~`:
    no event's id and no order's number holds that sign, so nothing told from outside is ever called like one of these.

    What was refused beside an award, and the progress of tasks, ride on the first entry. Without any award there is
    nothing to post.
    """
    commands: list[Earn] = []
    credits: list[Credit] = []
    drawn: dict[tuple[str, str], Budget] = {}
    refused = refused_parts(decision)
    for award in decision.awards:
        own = cause if not commands else cause._replace(id=f"{cause.id}~{award.rule}")
        activate_on = award.activate_on(activity, credited_on)
        counts: tuple[Counted, ...] = award.counts
        bucket = "" if activate_on else award.bucket(credited_on)
        commands.append(
            Earn(
                cause=own,
                points=award.points,
                bucket=bucket,
                rule=award.rule,
                terms_version=terms.version,
                breakdown=award.breakdown if commands else award.breakdown + refused,
                text=_text(award, activate_on),
                counts=counts if commands else counts + decision.progress + decision.growth_counts,
                growth=0 if commands else decision.growth,
                growth_on=None if commands or not decision.growth else credited_on,
            )
        )
        credits.append(_credit(award, terms, bucket, activate_on, credited_on))
        for use in award.budgets:
            key = (use.id, use.period_key)
            before = drawn[key].points if key in drawn else 0
            drawn[key] = Budget(use.id, use.period_key, use.limit_points, use.shards, before + use.points)
    return Reward(tuple(commands), tuple(credits), tuple(drawn.values()))


def refused_parts(decision: Decision) -> tuple[Part, ...]:
    """What was refused, as lines of 0 points with their reasons."""
    return tuple(Part(one.rule, 0, one.text) for one in decision.refused)


def with_balance(posting: Posting, cause: Cause) -> Posting:
    """The posting whose entry of `cause` also says what all of it left, where other entries follow: a repeat is
    answered from that entry alone.
    """
    last = posting.entries[-1]
    if last.key == cause.key:
        return posting
    told = {"all_after_points": last.available_after}
    entries = (one._replace(facts={**one.facts, **told}) if one.key == cause.key else one for one in posting.entries)
    return posting._replace(entries=tuple(entries))


def after_points(receipt: Receipt, first: Entry) -> int:
    """What an operation left to spend, told by the entry that stands for it; the same when it is asked again."""
    return int(first.facts.get("all_after_points", receipt.entries[-1].available_after))


def _credit(award: Award, terms: Terms, bucket: str, activate_on: date | None, credited_on: date) -> Credit:
    return Credit(
        rule=award.rule,
        points_class=award.points_class,
        points=award.points,
        policy=Policy(terms.programme.reversal),
        terms_version=terms.version,
        pending_points=award.points if activate_on else 0,
        bucket=bucket,
        validity=stored(award.validity) if activate_on else {},
        activate_on=activate_on,
        text=award.text,
        credited_on=credited_on if bucket[:3] == IDLE else None,
    )


def _text(award: Award, activate_on: date | None) -> str:
    if activate_on is None:
        return award.text
    waits = f"{award.text} · 待入账{award.points}分,{activate_on.isoformat()}到账"
    ends_on = award.validity.expires_on(activate_on)
    if ends_on is None or ends_on >= activate_on:
        return waits
    return f"{waits},但{ends_on.isoformat()}到期,请及早确认收货"
