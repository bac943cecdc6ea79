"""A published programme: its rules and the terms of its ledger, as one version.

Pure and never changed after publishing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.document import Discriminator, Ge, Le, Len, document
from chalicelib.ledger.model import LedgerTerms
from chalicelib.ledger.notices import NoticeTerms
from chalicelib.ledger.validity import OnDate, Validity
from chalicelib.programme.campaigns import Campaign
from chalicelib.programme.caps import Budget, Cap, Id, Limit, SharedCap, limits_of
from chalicelib.programme.claims import Claimable
from chalicelib.programme.conditions import EVERYTHING, Check, Trial, When, checks_of
from chalicelib.programme.deduction import Deduction
from chalicelib.programme.levels import Growth, Levels, ledger_levels
from chalicelib.programme.privileges import gates_of
from chalicelib.programme.rules import Amount
from chalicelib.programme.rules.fixed import Fixed
from chalicelib.programme.rules.multiplier import BEST_ONE, Multiplier, Stacking
from chalicelib.programme.rules.pending import Pending
from chalicelib.programme.stages import Stages
from chalicelib.programme.tasks import Task
from chalicelib.programme.words import LevelNames, level_names

Name = Annotated[str, Len(1, 40)]


@document
class Rule:
    """One activity, what it pays, for how long, and how that is said to a member."""

    id: Id
    name: Name
    activity: Id
    """`check_in`, `order`, or the id of an indicator."""
    enabled: bool = True
    points_class: PointsClass
    when: When = EVERYTHING
    amount: Annotated[Amount, Discriminator("kind")]
    caps: Annotated[tuple[Cap, ...], Len(0, 8)] = ()
    validity: Annotated[Validity, Discriminator("kind")]
    pending: Annotated[Pending, Discriminator("kind")] | None = None
    trial: Trial | None = None
    text: Annotated[str, Len(0, 60)] = ""
    """Shown to a member beside the rule; `{n}` and `{p}` are filled in as texts.py says, or the kind's own words stand
    in its place.
    """


@document
class PointValue:
    """`points` are worth `fen`."""

    points: Annotated[int, Ge(1), Le(1_000_000)] = 100
    fen: Annotated[int, Ge(1), Le(1_000_000)] = 100

    def fen_of(self, points: int) -> int:
        """What some points, not below 0, are worth, rounded down."""
        return points * self.fen // self.points


@document
class Transfer:
    """What members may pass on to each other."""

    min_points: Annotated[int, Ge(1), Le(10**9)]
    max_points_per_day: Annotated[int, Ge(1), Le(10**9)]
    times_per_day: Annotated[int, Ge(1), Le(1000)]


@document
class Ware:
    """Something that points buy, as it is named to members: what a balance is compared with until there is a mall."""

    name: Name
    points: Annotated[int, Ge(1), Le(10**9)]


@document
class Adjustment:
    """Most points one member of the staff may propose a day."""

    daily_points: Annotated[int, Ge(0), Le(10**9)] = 100_000


@document
class Indicator:
    """A kind of behaviour (行为指标); what a `penalty` one takes off is decided by people, never by the engine."""

    id: Id
    name: Name
    dimension: Literal["login", "activity", "transaction"]
    penalty: bool = False


@document
class Notices:
    """When members are told that points will end: so many days before, from so many points a day on."""

    days_before: Annotated[tuple[Annotated[int, Ge(1), Le(366)], ...], Len(1, 6)] = (30, 7, 1)
    min_points: Annotated[int, Ge(1), Le(10**9)] = 1


@document
class Programme:
    """The document a brand writes."""

    name: Name
    zone: Annotated[str, Len(1, 40)]
    class_order: Annotated[tuple[PointsClass, ...], Len(3, 3)]
    reversal: Literal["deficit", "waive", "pending_only", "charge_refund"]
    grace_days: Annotated[int, Ge(0), Le(366)] = 30
    idle_months: Annotated[int, Ge(0), Le(120)] = 0
    point_value: PointValue = PointValue()
    notice_days: Annotated[int, Ge(0), Le(366)] = 30
    """How long ahead worse terms are announced."""
    max_shown_rules: Annotated[int, Ge(1), Le(100)] = 12
    """How many rules a member can follow; publishing warns of more."""
    stacking: Stacking = BEST_ONE
    caps: Annotated[tuple[SharedCap, ...], Len(0, 20)] = ()
    budgets: Annotated[tuple[Budget, ...], Len(0, 50)] = ()
    transfer: Transfer | None = None
    deduction: Deduction | None = None
    """How far points pay for orders at the brand's own checkout; without it they do not."""
    claims: Annotated[tuple[Claimable, ...], Len(0, 20)] = ()
    """Platforms whose orders members may claim by number; of no other platform can they."""
    showcase: Annotated[tuple[Ware, ...], Len(0, 50)] = ()
    adjustment: Adjustment = Adjustment()
    campaigns: Annotated[tuple[Campaign, ...], Len(0, 50)] = ()
    """What is on when: items of the mall can follow it."""
    indicators: Annotated[tuple[Indicator, ...], Len(0, 100)] = ()
    tasks: Annotated[tuple[Task, ...], Len(0, 50)] = ()
    growth: Growth | None = None
    levels: Levels | None = None
    stages: Stages | None = None
    notices: Notices | None = None
    rules: Annotated[tuple[Rule, ...], Len(0, 100)]

    @property
    def earners(self) -> tuple[Rule | Task, ...]:
        """What pays: the rules and the tasks, one family of ids."""
        return (*self.rules, *self.tasks)


class Prepared(NamedTuple):
    """An enabled rule (or a task's lump) with all that a decision looks up, looked up once."""

    rule: Rule
    checks: tuple[Check, ...]
    """Those its conditions need; none when it states nothing beside `first`."""
    first: str
    """The counter of its first award, empty when any award is as good."""
    trial: frozenset[str] | None
    ends_on: date | None
    """The stated last day of its points, after which they could not be spent."""
    limits: tuple[Limit, ...]
    """All its limits; then those on points and those on times."""
    points_limits: tuple[Limit, ...]
    times_limits: tuple[Limit, ...]
    budgets: tuple[Budget, ...]
    levels: tuple[str, ...]
    """The levels it is for, empty when it is for all: asked first where most rules are for another level."""
    words: dict[str, str]
    """Refusals put in words once, by code."""


class Answers(NamedTuple):
    """What answers one activity."""

    rules: tuple[Prepared, ...]
    multipliers: tuple[Prepared, ...]
    """Those of levels before those of activities."""
    tasks: tuple[tuple[Task, Prepared], ...]
    """Each with its lump, which is paid as a fixed rule of the task's id would be."""
    is_penalty: bool


@dataclass(frozen=True)
class Terms:
    """One published version of the programme, in force from an instant until the next one is."""

    version: int
    effective_from: datetime
    programme: Programme
    paused: frozenset[str] = frozenset()
    """Rules and tasks paused at the instant these terms were asked for."""

    @property
    def zone(self) -> str:
        return self.programme.zone

    @cached_property
    def ledger(self) -> LedgerTerms:
        """What the ledger needs of it."""
        programme = self.programme
        levels, notices = programme.levels, programme.notices
        months = programme.growth.window_months if programme.growth else 12
        return LedgerTerms(
            self.version,
            programme.zone,
            programme.class_order,
            programme.idle_months,
            programme.grace_days,
            ledger_levels(levels, months) if levels else None,
            NoticeTerms(notices.days_before, notices.min_points) if notices else None,
        )

    def claimable(self, platform: str) -> Claimable | None:
        """How orders of a platform are claimed; None when they cannot be."""
        return next((one for one in self.programme.claims if one.platform == platform), None)

    def campaign(self, campaign_id: str) -> Campaign | None:
        """One of the programme's campaigns; None when it has no such one."""
        return next((one for one in self.programme.campaigns if one.id == campaign_id), None)

    def answer(self, activity: str) -> bool:
        """Whether an activity can earn or count at all: some enabled rule or task looks at it."""
        answers = self.answers.get(activity)
        return answers is not None and bool(answers.rules or answers.tasks)

    def rule(self, rule_id: str) -> Rule | None:
        """A rule by its id, enabled or not; None when these terms have no such rule."""
        return self._by_id.get(rule_id)

    @cached_property
    def answers(self) -> Mapping[str, Answers]:
        """What answers each activity, prepared once."""
        programme = self.programme
        penalties = {indicator.id for indicator in programme.indicators if indicator.penalty}
        activities = {rule.activity for rule in programme.rules} | {task.activity for task in programme.tasks}
        return {activity: _answers(programme, activity, activity in penalties) for activity in activities}

    def gates(self, level: str) -> frozenset[str]:
        """What a member of a level may enter."""
        return self._gates.get(level) or self._gates.get("", frozenset())

    @cached_property
    def level_names(self) -> LevelNames:
        """What members call the levels."""
        levels = self.programme.levels
        shown = levels.levels if levels else ()
        return level_names((level.id, level.name, level.privileges.gates) for level in shown)

    @cached_property
    def _gates(self) -> Mapping[str, frozenset[str]]:
        return gates_of(self.programme.levels)

    @cached_property
    def _by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.programme.rules}


def _answers(programme: Programme, activity: str, is_penalty: bool) -> Answers:
    rules = [_prepared(programme, rule) for rule in programme.rules if rule.enabled and rule.activity == activity]
    multipliers = [one for one in rules if isinstance(one.rule.amount, Multiplier)]
    return Answers(
        rules=tuple(one for one in rules if one not in multipliers),
        multipliers=tuple(sorted(multipliers, key=_activities_last)),
        tasks=tuple(
            (task, _prepared(programme, _lump_of(task)))
            for task in programme.tasks
            if task.enabled and task.activity == activity
        ),
        is_penalty=is_penalty,
    )


def _lump_of(task: Task) -> Rule:
    return Rule(
        id=task.id,
        name=task.name,
        activity=task.activity,
        points_class=task.points_class,
        when=task.when,
        amount=Fixed(kind="fixed", points=task.points),
        validity=task.validity,
        trial=task.trial,
    )


def _activities_last(one: Prepared) -> bool:
    return isinstance(one.rule.amount, Multiplier) and one.rule.amount.group == "activity"


def _prepared(programme: Programme, rule: Rule) -> Prepared:
    limits = limits_of(rule.id, rule.caps, programme.caps)
    return Prepared(
        rule=rule,
        checks=checks_of(rule.when),
        first=f"{rule.id}:f" if rule.when.first else "",
        trial=frozenset(rule.trial.members) if rule.trial else None,
        ends_on=rule.validity.on if isinstance(rule.validity, OnDate) else None,
        limits=limits,
        points_limits=tuple(limit for limit in limits if not limit.in_times),
        times_limits=tuple(limit for limit in limits if limit.in_times),
        budgets=tuple(budget for budget in programme.budgets if rule.id in budget.rules),
        levels=rule.when.levels,
        words={},
    )


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
