"""From an activity and its rule to an award: how many points, of which class, until when, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import Activity
from chalicelib.programme.model import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """The decision: points, and the answer to "why" line by line."""

    points: int
    points_class: PointsClass
    expires_on: date | None
    rule: str
    breakdown: tuple[Part, ...]
    text: str


def award(rule: Rule, activity: Activity, credited_on: date) -> Award:
    """What `rule` pays for `activity`, valid from the business date `credited_on`."""
    # Publishing refuses a rule whose kind does not answer its activity, so the types fit here.
    parts = rule.amount.parts(activity, rule.id)  # type: ignore[arg-type]
    return Award(
        points=sum(part.points for part in parts),
        points_class=rule.points_class,
        expires_on=rule.validity.expires_on(credited_on),
        rule=rule.id,
        breakdown=parts,
        text=" · ".join(part.why for part in parts),
    )
