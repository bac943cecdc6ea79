"""A penalty (扣分) for a malicious review or complaint: three people and the member, one step after another. Pure.

proposed --another--> declined
         --another--> posted --member, once--> appealed --a third--> upheld
                                                        --a third--> overturned
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import Buckets, PointsClass, bucket_key
from chalicelib.ledger.commands import GiveBack, Reverse
from chalicelib.ledger.model import Account, Cause, Kind, Policy, business_on
from chalicelib.ledger.validity import validity_of

APPEAL_DAYS = 15


class State(StrEnum):
    """Stored and answered by value."""

    PROPOSED = "proposed"
    DECLINED = "declined"
    POSTED = "posted"
    APPEALED = "appealed"
    UPHELD = "upheld"
    OVERTURNED = "overturned"


class Step(NamedTuple):
    """Who did it, when, in what words."""

    by: str
    at: datetime
    note: str = ""


class Penalty(NamedTuple):
    """One penalty, from its proposal to the end of its appeal."""

    id: str
    member_id: str
    indicator: str
    name: str
    rule: str
    points: int
    policy: Policy
    terms_version: int
    points_class: PointsClass
    validity: Mapping[str, Any]
    """Of the rule: what the member paid for it with later points comes back valid so long."""
    evidence: str
    reason: str
    proposed: Step
    state: State = State.PROPOSED
    version: int = 1
    decided: Step | None = None
    appealed: Step | None = None
    heard: Step | None = None
    taken: Buckets = {}  # noqa: RUF012 - never changed
    """What its entry took from each bucket."""
    owed_points: int = 0
    waived_points: int = 0

    @property
    def cost_points(self) -> int:
        """What it cost the member: taken, or owed."""
        return sum(self.taken.values()) + self.owed_points


def decided(penalty: Penalty, to: State, step: Step) -> Penalty:
    """After another person's decision, POSTED or DECLINED; raises NOT_ALLOWED for the proposer, PENALTY_STATE."""
    _require(penalty, State.PROPOSED)
    _require_other(step.by, [penalty.proposed])
    return penalty._replace(state=to, decided=step, version=penalty.version + 1)


def appealed(penalty: Penalty, step: Step, zone: str) -> Penalty:
    """After the member's appeal; raises PENALTY_STATE, APPEAL_CLOSED when its last day is over."""
    _require(penalty, State.POSTED)
    if business_on(step.at, zone) > appeal_until(penalty, zone):
        raise JifenError(Code.APPEAL_CLOSED)
    return penalty._replace(state=State.APPEALED, appealed=step, version=penalty.version + 1)


def heard(penalty: Penalty, to: State, step: Step) -> Penalty:
    """After a third person's hearing, UPHELD or OVERTURNED; raises NOT_ALLOWED for the first two, PENALTY_STATE."""
    _require(penalty, State.APPEALED)
    _require_other(step.by, [penalty.proposed, penalty.decided])
    return penalty._replace(state=to, heard=step, version=penalty.version + 1)


def appeal_until(penalty: Penalty, zone: str) -> date:
    """The last business date on which the member may appeal."""
    began = penalty.decided or penalty.proposed
    return business_on(began.at, zone) + timedelta(days=APPEAL_DAYS)


def policy_of(reversal: str) -> Policy:
    """Owed where the programme lets members owe; else what the member does not have is waived."""
    return Policy.DEFICIT if reversal == Policy.DEFICIT else Policy.WAIVE


def deduction(penalty: Penalty, step: Step) -> Reverse:
    """What approving it books."""
    return Reverse(
        cause=_cause(penalty, penalty.id, step),
        points=penalty.points,
        policy=penalty.policy,
        terms_version=penalty.terms_version,
        rule=penalty.rule,
        text=f"{penalty.name}:{penalty.reason}",
        facts={"penalty": penalty.id, "proposed_by": penalty.proposed.by, "approved_by": step.by},
    )


def restitution(penalty: Penalty, step: Step, account: Account, terms_version: int, zone: str) -> GiveBack:
    """What overturning it books: what was taken, to the very buckets; what is still owed for it, forgiven.

    Owed points are forgiven by points that end today: those pay first, so the others reach their buckets. What the
    member paid back meanwhile with later points comes back by the rule's validity.
    """
    today_on = business_on(max(step.at, account.posted_at or step.at), zone)
    forgiven = min(penalty.owed_points, account.deficit_points)
    buckets = dict(penalty.taken)
    paid_back = validity_of(penalty.validity).bucket(penalty.points_class, today_on)
    for key, points in (
        (bucket_key(today_on, penalty.points_class), forgiven),
        (paid_back, penalty.owed_points - forgiven),
    ):
        if points:
            buckets[key] = buckets.get(key, 0) + points
    return GiveBack(
        cause=_cause(penalty, f"{penalty.id}:overturned", step),
        buckets=buckets,
        from_hold=False,
        terms_version=terms_version,
        text=f"申诉成立,退回:{penalty.name}",
        facts={"penalty": penalty.id, "forgiven_points": forgiven} if forgiven else {"penalty": penalty.id},
        debit=f"issuer:{penalty.indicator}",
    )


def _cause(penalty: Penalty, id: str, step: Step) -> Cause:
    """The step's instant is kept on the penalty, so the same step has the same key for ever."""
    return Cause(
        kind=Kind.REVERSE,
        activity=penalty.indicator,
        id=id,
        at=step.at,
        occurred_at=step.at,
        source="staff",
        actor=step.by,
    )


def _require(penalty: Penalty, state: State) -> None:
    if penalty.state is not state:
        raise JifenError(Code.PENALTY_STATE)


def _require_other(by: str, steps: list[Step | None]) -> None:
    if any(step is not None and step.by == by for step in steps):
        raise JifenError(Code.NOT_ALLOWED, "须由另一位员工处理")
