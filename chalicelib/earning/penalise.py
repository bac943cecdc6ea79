"""The steps of a penalty, each done once: propose, approve or decline, appeal, uphold or overturn.

What moves points is one transaction: the member's account and entry, and the penalty's own state. Whoever does again
what he has done gets it as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.earning.behaviour_matrix import penalty_rule
from chalicelib.earning.penalties import PenaltiesTable
from chalicelib.earning.penalty import (
    Penalty,
    State,
    Step,
    appealed,
    decided,
    deduction,
    heard,
    policy_of,
    restitution,
)
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.model import Also, Kind, Posting, digest
from chalicelib.ledger.table import Seen
from chalicelib.ledger.validity import stored
from chalicelib.programme.figures import largest_points
from chalicelib.programme.model import Terms


class Done(NamedTuple):
    """A penalty after a step, and whether that step was done before."""

    penalty: Penalty
    replayed: bool = False


class Proposed(NamedTuple):
    """What a proposal says."""

    member_id: str
    indicator: str
    evidence: str
    reason: str


def propose(table: PenaltiesTable, asked: Proposed, *, id: str, key: str, by: str, terms: Terms, now: datetime) -> Done:
    """Store a proposal, once per proposer's key; its points are those of the terms in force.

    Raises INVALID_REQUEST when nothing is deducted for the indicator, KEY_REUSED.
    """
    rule = penalty_rule(terms, asked.indicator)
    if rule is None:
        raise JifenError(Code.INVALID_REQUEST, "indicator不是可以扣分的指标", field="indicator")
    indicator = next(one for one in terms.programme.indicators if one.id == asked.indicator)
    penalty = Penalty(
        id=id,
        member_id=asked.member_id,
        indicator=asked.indicator,
        name=indicator.name,
        rule=rule.id,
        points=largest_points(rule.amount) or 0,
        policy=policy_of(terms.programme.reversal),
        terms_version=terms.version,
        points_class=rule.points_class,
        validity=stored(rule.validity),
        evidence=asked.evidence,
        reason=asked.reason,
        proposed=Step(by, now),
    )
    known_id = table.create(penalty, key=key, input_hash=digest(asked._asdict()))
    return Done(penalty) if known_id == id else Done(table.penalty(known_id), replayed=True)


def approve(table: PenaltiesTable, penalty_id: str, step: Step, *, terms: Terms) -> Done:
    """Post it; raises NOT_ALLOWED for its proposer, PENALTY_STATE when it is decided otherwise."""

    def post(penalty: Penalty) -> Penalty:
        after = decided(penalty, State.POSTED, step)
        posted = after

        def decide(seen: Seen) -> Posting:
            nonlocal posted
            posting = apply(seen.account, [deduction(penalty, step)], terms.ledger, step.at)
            entry = next(one for one in posting.entries if one.kind is Kind.REVERSE)
            posted = after._replace(
                taken={key: -points for key, points in entry.buckets.items()},
                owed_points=entry.deficit_points,
                waived_points=int(entry.facts.get("waived_points", 0)),
            )
            return posting._replace(also=(_also(table.changed(posted)), _also(table.listed(posted))))

        table.ledger.post(penalty.member_id, decide)
        return posted

    return _once(table, penalty_id, post, lambda known: _is_done(known, known.decided, step, State.DECLINED))


def decline(table: PenaltiesTable, penalty_id: str, step: Step) -> Done:
    """Drop it; raises NOT_ALLOWED for its proposer, PENALTY_STATE when it is decided otherwise."""

    def drop(penalty: Penalty) -> Penalty:
        after = decided(penalty, State.DECLINED, step)
        table.save(after)
        return after

    return _once(
        table,
        penalty_id,
        drop,
        lambda known: known.state is State.DECLINED and _is_done(known, known.decided, step),
    )


def appeal(table: PenaltiesTable, penalty_id: str, step: Step, *, zone: str) -> Done:
    """The member's one appeal; raises PENALTY_NOT_FOUND for anybody else's, PENALTY_STATE, APPEAL_CLOSED."""

    def ask(penalty: Penalty) -> Penalty:
        is_own = penalty.member_id == step.by or table.ledger.read(step.by).is_of(penalty.member_id)
        if not is_own or penalty.state in (State.PROPOSED, State.DECLINED):
            raise JifenError(Code.PENALTY_NOT_FOUND)
        after = appealed(penalty, step, zone)
        table.save(after)
        return after

    return _once(
        table,
        penalty_id,
        ask,
        lambda known: (
            _is_done(known, known.appealed, step) and known.appealed is not None and known.appealed.note == step.note
        ),
    )


def uphold(table: PenaltiesTable, penalty_id: str, step: Step) -> Done:
    """It stands; raises NOT_ALLOWED for its proposer and its approver, PENALTY_STATE."""

    def stand(penalty: Penalty) -> Penalty:
        after = heard(penalty, State.UPHELD, step)
        table.save(after)
        return after

    return _once(
        table, penalty_id, stand, lambda known: known.state is State.UPHELD and _is_done(known, known.heard, step)
    )


def overturn(table: PenaltiesTable, penalty_id: str, step: Step, *, terms: Terms) -> Done:
    """Give back what it cost; raises NOT_ALLOWED for its proposer and its approver, PENALTY_STATE."""

    def give_back(penalty: Penalty) -> Penalty:
        after = heard(penalty, State.OVERTURNED, step)

        def decide(seen: Seen) -> Posting:
            command = restitution(penalty, step, seen.account, terms.version, terms.zone)
            posting = apply(seen.account, [command], terms.ledger, step.at)
            return posting._replace(also=(_also(table.changed(after)),))

        table.ledger.post(penalty.member_id, decide)
        return after

    return _once(
        table,
        penalty_id,
        give_back,
        lambda known: known.state is State.OVERTURNED and _is_done(known, known.heard, step),
    )


def _once(
    table: PenaltiesTable, penalty_id: str, act: Callable[[Penalty], Penalty], is_done: Callable[[Penalty], bool]
) -> Done:
    """Do a step unless this very person has done it; a lost race is looked at again once before it is refused."""
    penalty = table.penalty(penalty_id)
    if is_done(penalty):
        return Done(penalty, replayed=True)
    try:
        return Done(act(penalty))
    except JifenError as error:
        if error.code is not Code.PENALTY_STATE:
            raise
        standing = table.penalty(penalty_id)
        if not is_done(standing):
            raise
        return Done(standing, replayed=True)


def _is_done(known: Penalty, done: Step | None, step: Step, other: State | None = None) -> bool:
    """Whether a step was done by the same person, and did not lead to an `other` state."""
    return done is not None and done.by == step.by and known.state is not other


def _also(write: Mapping[str, Any]) -> Also:
    return Also(write, JifenError(Code.PENALTY_STATE))
