"""A published programme: its rules and the terms of its ledger, as one version.

Pure and never changed after publishing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from annotated_types import Len
from pydantic import Discriminator

from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.model import LedgerTerms
from chalicelib.programme.rules import Amount
from chalicelib.programme.validity import Validity

Name = Annotated[str, Len(1, 40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One activity, what it pays, for how long, and how that is said to a member."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    id: Name
    name: Name
    activity: Literal["check_in", "order"]
    points_class: PointsClass
    amount: Annotated[Amount, Discriminator("kind")]
    validity: Annotated[Validity, Discriminator("kind")]
    text: Annotated[str, Len(0, 60)] = ""
    """Shown to a member beside the rule; `{n}` and `{p}` are filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """The document a brand writes."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    name: Name
    zone: Annotated[str, Len(1, 40)]
    class_order: Annotated[tuple[PointsClass, ...], Len(3, 3)]
    reversal: Literal["deficit", "waive"]
    rules: Annotated[tuple[Rule, ...], Len(0, 100)]


@dataclass(frozen=True, slots=True)
class Terms:
    """One published version of the programme, in force from an instant until the next one is."""

    version: int
    effective_from: datetime
    programme: Programme

    @property
    def zone(self) -> str:
        return self.programme.zone

    @property
    def ledger(self) -> LedgerTerms:
        """What the ledger needs of it."""
        return LedgerTerms(self.version, self.zone, self.programme.class_order)

    def rule_for(self, activity: str) -> Rule | None:
        """The rule that answers an activity, None when the programme has none."""
        return next((rule for rule in self.programme.rules if rule.activity == activity), None)


@dataclass(frozen=True, slots=True)
class TermsBook:
    """Every published version, oldest first."""

    versions: tuple[Terms, ...]

    def at(self, instant: datetime) -> Terms | None:
        """The terms in force at an instant: the latest version that had begun; before all of them, the first one."""
        begun = [terms for terms in self.versions if terms.effective_from <= instant]
        if begun:
            return begun[-1]
        return self.versions[0] if self.versions else None

    def version(self, number: int) -> Terms:
        """One version by its number; KeyError when it was never published."""
        for terms in self.versions:
            if terms.version == number:
                return terms
        raise KeyError(number)
