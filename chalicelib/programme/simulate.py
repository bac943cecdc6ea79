"""Draft terms over a past window: what they would have paid, beside what was really paid. Pure.

"Before" is what the journal really credited for the activities of the window, less what their refunds took back in it.
"After" replays the same activities through `decide` under the draft, each member with counters of its own that begin as
the journal left them; refunds and voids of the window are taken off again. Members meet only in budgets: where the
draft has some, activities go by their instant over all members (equal instants by member id), each budget is a running
sum of its period, empty as the window begins, and an award that would exceed it is refused. Pauses are not replayed:
the draft is taken as written. Growth and levels are replayed beside: they begin as the journal left them, and points
are judged by the levels that members really had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from chalicelib.ledger.growth import in_window
from chalicelib.programme.model import PointValue, Rule, Terms
from chalicelib.programme.past import MemberHistory, Window, shares
from chalicelib.programme.replay import Budgets, Replay
from chalicelib.programme.warnings import Forecast

MONTH_DAYS = 30


class Figures(NamedTuple):
    """One side of the comparison; `times` counts awards above 0, `members` those who got one."""

    times: int
    points: int
    fen: int
    members: int


class Line(NamedTuple):
    """A rule or task before and after; `unmet_points` is what spent budgets refused under the draft."""

    rule: str
    name: str
    before: Figures
    after: Figures
    unmet_points: int


class LevelLine(NamedTuple):
    """How many of the members who did anything in the window hold a level at its end, really and under the draft."""

    level: str
    name: str
    before: int
    after: int


class Simulated(NamedTuple):
    """The whole comparison. Counts of a sample are multiplied up, halves rounded up; money is rounded down, so that
    the lines may miss the total by a few fen.
    """

    lines: tuple[Line, ...]
    before: Figures
    after: Figures
    members: int
    """Who did anything in the window."""
    days: int
    month_points_before: int
    """Points for a member of these in 30 days, rounded down."""
    month_points_after: int
    demand_points: Mapping[str, int]
    """By rule, what the draft would draw from budgets if none were ever spent; refunds do not lower it."""
    not_simulated: Mapping[str, int]
    never: tuple[str, ...]
    """Rules whose dates do not meet the window: it says nothing of them."""
    sample_percent: int
    levels: tuple[LevelLine, ...] = ()
    """The draft's levels, lowest first, then what only the journal knows; empty where the draft has none."""


class Versions(Protocol):
    """Where the terms of past credits are found."""

    def version(self, number: int) -> Terms:
        """One version by its number."""


def simulate(
    members: Iterable[MemberHistory], book: Versions, draft: Terms, window: Window, *, sample_percent: int = 100
) -> Simulated:
    """Compare what was paid in `window` with what `draft` would have paid.

    Members are taken one by one and forgotten as long as the draft has no budgets; with budgets all are held. Of a
    sample each budget holds its part.
    """
    sums, budgets, endless = _Sums(), Budgets(sample_percent), Budgets(None)
    held: list[tuple[MemberHistory, Replay]] = []
    for member in members:
        free = Replay(member, draft, endless)
        for event in member.events:
            free.live(event)
        sums.want(free)
        if not draft.programme.budgets:
            sums.add(member, free, window)
        else:
            held.append((member, Replay(member, draft, budgets)))
    _together(held)
    for member, replay in held:
        sums.add(member, replay, window)
    return _compared(sums, book, draft, window, sample_percent)


def _together(held: Sequence[tuple[MemberHistory, Replay]]) -> None:
    """Let everything happen in the order of time over all members."""
    turns = sorted(
        (event.at, member.member_id, number, place)
        for place, (member, _) in enumerate(held)
        for number, event in enumerate(member.events)
    )
    for _at, _member_id, number, place in turns:
        member, replay = held[place]
        replay.live(member.events[number])


def forecast(simulated: Simulated) -> Forecast:
    """What 30 days would ask of each rule, for the warning of budgets: also what a spent budget refused."""
    days = simulated.days
    points = {rule: points * MONTH_DAYS // days for rule, points in simulated.demand_points.items()}
    return Forecast(MONTH_DAYS, points, frozenset(simulated.never))


class _Sums:
    """Everything that is added up, member by member."""

    def __init__(self) -> None:
        self.before: dict[str, Counter[int]] = {}
        """Per rule the points by version."""
        self.after: Counter[str] = Counter()
        self.times_before: Counter[str] = Counter()
        self.times_after: Counter[str] = Counter()
        self.members_before: Counter[str] = Counter()
        """Per rule; under the empty name those who got anything."""
        self.members_after: Counter[str] = Counter()
        self.demand: Counter[str] = Counter()
        self.unmet: Counter[str] = Counter()
        """What was wanted of a rule, less what it gave."""
        self.not_simulated: Counter[str] = Counter()
        self.levels_before: Counter[str] = Counter()
        self.levels_after: Counter[str] = Counter()
        self.active = 0

    def want(self, free: Replay) -> None:
        """What a member would get if no budget ever ended."""
        for award in free.awards:
            self.demand[award.rule] += award.points
            for part in award.parts:
                if part.rule != award.rule:
                    self.demand[part.rule] += part.points
            self.unmet.update(shares(award.parts))

    def add(self, member: MemberHistory, replay: Replay, window: Window) -> None:
        self.active += bool(member.events or member.paid)
        self._hold(member, replay, window)
        self.not_simulated.update(member.not_simulated)
        reached_before: set[str] = set()
        for paid in member.paid:
            self.before.setdefault(paid.rule, Counter())[paid.terms_version] += paid.points
            self.times_before[paid.rule] += paid.times
            if paid.times:
                reached_before |= {paid.rule, ""}
        reached_after: set[str] = set()
        for award in replay.awards:
            gross = shares(award.parts)
            self.unmet.subtract(gross)
            for rule in gross:
                self.times_after[rule] += 1
                reached_after |= {rule, ""}
            for rule, points in shares(award.parts, award.kept_points).items():
                self.after[rule] += points
        self.after.subtract(replay.lost)
        self.members_before.update(reached_before)
        self.members_after.update(reached_after)

    def _hold(self, member: MemberHistory, replay: Replay, window: Window) -> None:
        """The member's level on both sides; growth of before the window is as it was booked then, and said to be."""
        levels = replay.draft.ledger.levels
        if levels is None or member.level_after is None:
            return
        self.levels_before[member.level_after or levels.levels[0].id] += 1
        self.levels_after[replay.level_on(window.to_on)] += 1
        self.not_simulated["growth_before_window"] += bool(in_window(member.growth, window.to_on, levels.window_months))


def _compared(sums: _Sums, book: Versions, draft: Terms, window: Window, sample_percent: int) -> Simulated:
    def up(figure: int) -> int:
        return (figure * 100 + sample_percent // 2) // sample_percent

    def before_of(by_version: Mapping[int, int], times: int, members: int) -> Figures:
        points = {version: up(figure) for version, figure in by_version.items()}
        fen = sum(_worth_fen(figure, book.version(version).programme.point_value) for version, figure in points.items())
        return Figures(up(times), sum(points.values()), fen, up(members))

    def after_of(points: int, times: int, members: int) -> Figures:
        value = draft.programme.point_value
        return Figures(up(times), up(points), _worth_fen(up(points), value), up(members))

    lines = tuple(
        Line(
            rule=rule,
            name=name,
            before=before_of(sums.before.get(rule, {}), sums.times_before[rule], sums.members_before[rule]),
            after=after_of(sums.after[rule], sums.times_after[rule], sums.members_after[rule]),
            unmet_points=up(max(0, sums.unmet[rule])),
        )
        for rule, name in _named(sums, book, draft)
    )
    all_versions: Counter[int] = Counter()
    for by_version in sums.before.values():
        all_versions.update(by_version)
    before = before_of(all_versions, sums.times_before.total(), sums.members_before[""])
    after = after_of(sums.after.total(), sums.times_after.total(), sums.members_after[""])
    members = up(sums.active)
    member_days = max(1, members * window.days)
    return Simulated(
        lines=lines,
        before=before,
        after=after,
        members=members,
        days=window.days,
        month_points_before=before.points * MONTH_DAYS // member_days,
        month_points_after=after.points * MONTH_DAYS // member_days,
        demand_points={rule: up(points) for rule, points in sums.demand.items() if points},
        not_simulated=dict(+sums.not_simulated),
        never=tuple(rule.id for rule in draft.programme.rules if rule.enabled and not _meets(rule, window)),
        sample_percent=sample_percent,
        levels=tuple(
            LevelLine(level, name, up(sums.levels_before[level]), up(sums.levels_after[level]))
            for level, name in _levels_named(sums, draft)
        ),
    )


def _levels_named(sums: _Sums, draft: Terms) -> Iterator[tuple[str, str]]:
    known = draft.level_names.names
    yield from known.items()
    yield from ((level, level) for level in sorted(sums.levels_before.keys() - known.keys()))


def _named(sums: _Sums, book: Versions, draft: Terms) -> Iterator[tuple[str, str]]:
    """The draft's rules and tasks in its order, then what only the past had, by the name of its last version."""
    programme = draft.programme
    known = {rule.id: rule.name for rule in programme.rules} | {task.id: task.name for task in programme.tasks}
    yield from known.items()
    for rule_id in sorted(sums.before.keys() - known.keys()):
        past = book.version(max(sums.before[rule_id])).programme
        names = {rule.id: rule.name for rule in past.rules} | {task.id: task.name for task in past.tasks}
        yield rule_id, names.get(rule_id, rule_id)


def _meets(rule: Rule, window: Window) -> bool:
    when = rule.when
    return not (when.from_on and when.from_on > window.to_on) and not (when.until_on and when.until_on < window.from_on)


def _worth_fen(points: int, value: PointValue) -> int:
    return points * value.fen // value.points
