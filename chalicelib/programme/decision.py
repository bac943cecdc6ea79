"""What the programme answers to an activity: awards, refusals, and what was only counted. Pure."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.counters import Counted
from chalicelib.ledger.model import Part
from chalicelib.ledger.validity import Validity
from chalicelib.programme.activity import Activity
from chalicelib.programme.caps import BudgetUse
from chalicelib.programme.rules.pending import Pending

Parts = tuple[Part, ...]


class Award(NamedTuple):
    """Points of one rule or task, the answer to "why" line by line, and what they take from caps and budgets."""

    rule: str
    """The rule's id, or the task's."""
    points: int
    """The sum of the breakdown; 0 only for a check-in or an order whose own rule came to nothing."""
    points_class: PointsClass
    validity: Validity
    pending: Pending | None
    breakdown: Parts
    text: str
    counts: tuple[Counted, ...] = ()
    budgets: tuple[BudgetUse, ...] = ()

    def bucket(self, credited_on: date) -> str:
        """The key of the bucket for a credit (an activation, when pending) on a business date."""
        return self.validity.bucket(self.points_class, credited_on)

    def activate_on(self, activity: Activity, credited_on: date) -> date | None:
        """The first business date on which pending points can be spent; None for points credited at once."""
        return self.pending.activate_on(activity, credited_on) if self.pending else None


class Refused(NamedTuple):
    """Why a rule that answers the activity paid nothing: a stable code, and words for the member.

    Codes: `rule_paused`, `condition:<name>`, `first_only`, `budget_spent`, `validity_over`, `capped`, `ladder_over`,
    `too_short`, `by_hand`; `trial_only` only where a member asked for this very rule. A multiplier pays nothing of its
    own: it is refused only as paused or as spent, and only where it would have added points.
    """

    rule: str
    code: str
    text: str


class Decision(NamedTuple):
    """All that an activity comes to; `progress` counts also where nothing is awarded."""

    awards: tuple[Award, ...] = ()
    refused: tuple[Refused, ...] = ()
    progress: tuple[Counted, ...] = ()
    growth: int = 0
    """Growth value that the activity brings, whatever its points."""
    growth_counts: tuple[Counted, ...] = ()


NOTHING = Decision()
