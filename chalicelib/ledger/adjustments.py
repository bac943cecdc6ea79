"""Adjustments (手工调整): points that staff add or take for a stated reason. One person proposes, another decides.

A proposal is one change of one member; a batch is up to 2,000 of them, proposed and decided as one. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import LAST_ON, PointsClass, bucket_expires_on, bucket_key
from chalicelib.ledger.commands import Command, Earn, Reverse
from chalicelib.ledger.model import Account, Cause, Kind, LedgerTerms, Policy, Posting, Refusal, business_on
from chalicelib.ledger.validity import FixedDay, validity_of

ACTIVITY = "adjustment"
PROPOSAL_LIFE = timedelta(days=30)
"""What nobody decided on by then may only be declined: so the open ones lie in the last few months."""


_FIXED = ("never", "idle")
"""Kinds of validity that name one bucket whatever the day: all that a deduction can point at."""


class State(StrEnum):
    """Where a proposal or a batch stands; decided once, never again."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"


class Review(NamedTuple):
    """Who asked, who decided, when and why."""

    proposed_by: str
    proposed_at: datetime
    proposed_on: date
    """Business date; whose daily limit it counts against."""
    state: State = State.PROPOSED
    decided_by: str = ""
    decided_at: datetime | None = None
    note: str = ""
    """Why it was declined."""

    def decided(self, state: State, by: str, at: datetime, note: str = "") -> Review:
        """The same, decided."""
        return self._replace(state=state, decided_by=by, decided_at=at, note=note)

    def has_lapsed(self, now: datetime) -> bool:
        """Whether it waited too long to be approved."""
        return now - self.proposed_at > PROPOSAL_LIFE


class Change(NamedTuple):
    """Points for one member, or off one. A credit says class and end; a deduction may name the batch to take first."""

    member_id: str
    points: int
    reason: str
    """Shown to the member."""
    points_class: PointsClass | None = None
    expires_on: date | None = None
    validity: Mapping[str, Any] | None = None
    """Instead of `expires_on`: counted from the day of the approval."""

    def bucket(self, today_on: date) -> str:
        """Where the points go or are taken first; empty when that is left to the spend order."""
        if self.points_class is None:
            return ""
        if self.validity is not None:
            return validity_of(self.validity).bucket(self.points_class, today_on)
        return bucket_key(self.expires_on, self.points_class)

    def problem(self, today_on: date) -> tuple[str, str] | None:
        """(field, reason in Chinese) of what cannot be asked on `today_on`."""
        if self.points == 0:
            return "points", "不能为0"
        problem = self._credit_problem() if self.points > 0 else self._deduction_problem()
        if problem:
            return problem
        if self.expires_on is not None and not today_on <= self.expires_on <= LAST_ON:
            return "expires_on", "应为今天或以后的日期"
        if self.validity is not None:
            validity = validity_of(self.validity)
            wrong = validity.problem() if isinstance(validity, FixedDay) else None
            if wrong or _is_over(self.bucket(today_on), today_on):
                return "validity", wrong[1] if wrong else "已经过期"
        return None

    def _credit_problem(self) -> tuple[str, str] | None:
        if self.points_class is None:
            return "points_class", "增加积分时必填"
        if (self.expires_on is None) == (self.validity is None):
            return "expires_on", "与validity须填且只填一个"
        return None

    def _deduction_problem(self) -> tuple[str, str] | None:
        if self.expires_on is not None and self.validity is not None:
            return "expires_on", "与validity只填一个"
        if self.validity is not None and self.validity["kind"] not in _FIXED:
            return "validity", "扣减积分时只能是never或idle"
        if (self.points_class is None) != (self.expires_on is None and self.validity is None):
            return "expires_on", "与积分类别须同时填或同时不填"
        return None


class Proposal(NamedTuple):
    """One change that waits for a second person, or what became of it."""

    id: str
    change: Change
    review: Review
    evidence: str = ""
    """For the reviewer and the auditor; not shown to the member."""


class Row(NamedTuple):
    """One line of an imported file."""

    line: int
    """Its place in the file; the header is line 1."""
    change: Change


class Batch(NamedTuple):
    """An imported file that waits for a second person, or is being posted."""

    id: str
    name: str
    rows: int
    chunks: int
    credit_points: int
    debit_points: int
    content_hash: str
    review: Review


def cause_of(id: str, *, approved_by: str, at: datetime, source: str) -> Cause:
    """The cause of the entry that an approval leaves; `at` is the approval's own instant, which is kept with it."""
    return Cause(Kind.ADJUST, ACTIVITY, id, at, at, source, approved_by)


def adjustment(
    account: Account, change: Change, cause: Cause, facts: Mapping[str, str], terms: LedgerTerms, now: datetime
) -> Posting:
    """The posting of one approved change.

    Raises Refusal: VALIDITY_OVER when its end has passed meanwhile, INSUFFICIENT_POINTS when the member has fewer.
    """
    bucket = change.bucket(business_on(now, terms.zone))
    if _is_over(bucket, business_on(now, terms.zone)):
        raise Refusal(Code.VALIDITY_OVER, cause)
    command: Command
    if change.points > 0:
        command = Earn(cause, change.points, bucket, "", terms.version, text=change.reason, facts=facts)
    else:
        command = Reverse(
            cause,
            -change.points,
            Policy.DEFICIT,
            terms.version,
            bucket=bucket,
            text=change.reason,
            facts=facts,
        )
    posting = apply(account, [command], terms, now)
    own = next(entry for entry in posting.entries if entry.cause is cause)
    if own.deficit_points > 0:
        # Staff never make a member owe: what a deduction cannot find is refused, whole.
        available = -change.points - own.deficit_points
        raise Refusal(Code.INSUFFICIENT_POINTS, cause, f"会员可用积分只有{available}分,不能扣减{-change.points}分")
    return posting


def _is_over(bucket: str, today_on: date) -> bool:
    last_on = bucket_expires_on(bucket) if bucket else None
    return last_on is not None and last_on < today_on
