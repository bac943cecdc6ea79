"""One member's past lived again under other terms, and the budgets in which all members meet. Pure.

Counters are the member's own and begin as the window found them. A refund takes back what `redecide` says, a void all;
neither opens a cap or fills a budget again, as in the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.ledger.counters import Counted, Counters, counted, running, used
from chalicelib.ledger.growth import grown
from chalicelib.ledger.levels import after_growth, settled
from chalicelib.ledger.model import business_on
from chalicelib.programme.activity import CHECK_IN, Activity, CheckedIn, Ordered, Standing
from chalicelib.programme.award import Award, Decision, claim, decide, made_up, redecide
from chalicelib.programme.buyers import bought, returned
from chalicelib.programme.growth import growth_of_order
from chalicelib.programme.model import Terms
from chalicelib.programme.past import Aside, Claim, Deed, Event, MemberHistory, Repair, TakenBack
from chalicelib.programme.periods import through_on
from chalicelib.programme.regress import lowerable, regress
from chalicelib.programme.rules.streak import MADE_UP, Streak


class Kept:
    """An award of the replay, and what is left of it."""

    __slots__ = ("kept_points", "parts", "points", "rule")

    def __init__(self, award: Award) -> None:
        self.rule, self.points, self.parts = award.rule, award.points, award.breakdown
        self.kept_points = award.points


class Done(NamedTuple):
    """What a deed came to, as its refund must know it."""

    deed: Deed
    standing: Standing
    awards: list[Kept]
    chosen: tuple[str, ...]
    progress: list[Counted]
    growth: list[int]
    """What is left of its growth: one number, lowered in place as the progress is."""
    growth_counts: tuple[Counted, ...]


class Budgets:
    """The draft's budgets as running sums over all members. `percent` of each is there; None: they never end."""

    def __init__(self, percent: int | None) -> None:
        self.percent = percent
        self.spent: Counter[tuple[str, str]] = Counter()

    def within(self, ask: Callable[[frozenset[str]], Decision]) -> Decision:
        """The decision that the budgets still hold; what one of them lacks is asked for without it, as the ledger
        does.
        """
        empty: frozenset[str] = frozenset()
        decision = ask(empty)
        while self.percent is not None:
            drawn: Counter[tuple[str, str]] = Counter()
            limits: dict[tuple[str, str], int] = {}
            for award in decision.awards:
                for use in award.budgets:
                    drawn[use.id, use.period_key] += use.points
                    limits[use.id, use.period_key] = use.limit_points * self.percent // 100
            short = {key[0] for key, points in drawn.items() if self.spent[key] + points > limits[key]}
            if not short:
                self.spent.update(drawn)
                break
            empty |= short
            decision = ask(empty)
        return decision


class Replay:
    """One member under the draft."""

    def __init__(self, member: MemberHistory, draft: Terms, budgets: Budgets) -> None:
        self.member, self.draft, self.budgets = member, draft, budgets
        self.counters: Counters = member.counters
        self.days = member.check_ins
        self.level = member.level
        self.growth, self.tenure = member.growth, member.tenure
        self.joined_on = member.joined_on
        self.done: dict[str, Done] = {}
        self.orders: dict[str, Ordered] = {}
        """Each order as it stands after its refunds."""
        self.lost: Counter[str] = Counter()
        """Lumps of tasks that fell by a refund of another order than the one that brought them."""

    @property
    def awards(self) -> Iterator[Kept]:
        """All that was awarded."""
        return (award for done in self.done.values() for award in done.awards)

    def live(self, event: Event) -> None:
        """Let one thing happen."""
        if isinstance(event, Aside):
            self.counters = counted(self.counters, event.counts)
            if event.growth_on is not None:
                self._grow(event.growth, event.growth_on, event.at)
            self.joined_on = event.joined_on or self.joined_on
            return
        if isinstance(event, TakenBack):
            done = self.done.get(event.of)
            if done is not None:
                self._count_return(event)
                self._take_back(done, event.ordered, business_on(event.at, self.draft.zone))
                self._grow_less(done, event)
            return
        self.level = self.level if event.level is None else event.level
        standing = Standing(
            self.level,
            self.counters,
            joined_on=self.joined_on,
            member_id=self.member.member_id,
            gates=self.draft.gates(self.level),
        )
        decision = self.budgets.within(self._question(event, standing))
        changes = [change for award in decision.awards for change in award.counts]
        self.counters = counted(self.counters, [*changes, *decision.progress, *decision.growth_counts])
        self._grow(decision.growth, event.on, event.at)
        if isinstance(event.activity, Ordered):
            self.orders[event.id] = event.activity
            self.counters = counted(self.counters, bought(event.activity))
        chosen = tuple(part.rule for one in decision.awards for part in one.breakdown if part.rule != one.rule)
        awards = [Kept(award) for award in decision.awards]
        self.done[event.id] = Done(
            event, standing, awards, chosen, list(lowerable(decision)), [decision.growth], decision.growth_counts
        )

    def level_on(self, on: date) -> str:
        """The level that the draft's own thresholds have led to by the end of a business date."""
        levels = self.draft.ledger.levels
        if levels is None:
            return ""
        return levels.levels[levels.rank(settled(self.tenure, self.growth, levels, on).level)].id

    def _grow(self, amount: int, counted_on: date, at: datetime) -> None:
        levels = self.draft.ledger.levels
        if levels is None or not amount:
            return
        on = business_on(at, self.draft.zone)
        tenure = settled(self.tenure, self.growth, levels, on)
        had = self.growth
        self.growth = grown(had, amount, counted_on)
        self.tenure = after_growth(tenure, had, self.growth, amount, levels, on)

    def _grow_less(self, done: Done, event: TakenBack) -> None:
        """A refund leaves an order's growth by what is left of it, a void none."""
        left = 0 if event.ordered is None else min(done.growth[0], growth_of_order(self.draft, event.ordered))
        taken, done.growth[0] = done.growth[0] - left, left
        if event.ordered is None:
            self.counters = counted(self.counters, [one._replace(add=-one.add) for one in done.growth_counts])
        self._grow(-taken, done.deed.on, event.at)

    def _count_return(self, event: TakenBack) -> None:
        before = self.orders.get(event.of)
        if before is not None and event.ordered is not None:
            self.orders[event.of] = event.ordered
            self.counters = counted(self.counters, returned(before, event.ordered))

    def _question(self, deed: Deed, standing: Standing) -> Callable[[frozenset[str]], Decision]:
        activity, on, hour = deed.activity, deed.on, deed.hour
        if isinstance(activity, Claim):
            return self._claimed(activity, standing, on, hour)
        if isinstance(activity, Repair):
            return self._repaired(activity.on, standing, on, hour)
        if isinstance(activity, CheckedIn):
            self.days = self.days if self.days.has(activity.on) else self.days.with_day(activity.on)
            activity = CheckedIn(activity.on, self.days)
        judged: Activity = activity
        return lambda spent: decide(self.draft, judged, standing, on=on, hour=hour, spent_budgets=spent)

    def _claimed(self, asked: Claim, standing: Standing, on: date, hour: int) -> Callable[[frozenset[str]], Decision]:
        def ask(spent: frozenset[str]) -> Decision:
            outcome = claim(
                self.draft, asked.rule, asked.days, self.days, standing, on=on, hour=hour, spent_budgets=spent
            )
            return Decision((outcome,)) if isinstance(outcome, Award) else Decision(refused=(outcome,))

        return ask

    def _repaired(
        self, missed_on: date, standing: Standing, on: date, hour: int
    ) -> Callable[[frozenset[str]], Decision]:
        """The rewards a repaired run newly reaches; nothing, and no repair, where the draft does not sell it."""
        answers = self.draft.answers.get(CHECK_IN)
        amounts = [one.rule.amount for one in answers.rules] if answers else []
        streak = next((amount for amount in amounts if isinstance(amount, Streak)), None)
        made_up_before = used(self.counters, MADE_UP, on)
        if streak is None or streak.can_make_up(self.days, missed_on, on, made_up_before, self.joined_on):
            return lambda _spent: Decision()
        before, self.days = self.days, self.days.with_day(missed_on)
        progress = (Counted(MADE_UP, through_on("month", on), 1),)

        def ask(spent: frozenset[str]) -> Decision:
            decision = made_up(self.draft, missed_on, before, standing, on=on, hour=hour, spent_budgets=spent)
            return decision._replace(progress=progress)

        return ask

    def _take_back(self, done: Done, ordered: Ordered | None, on: date) -> None:
        if ordered is None:
            for award in done.awards:
                award.kept_points = 0
            return
        lumps = frozenset(award.rule for award in done.awards if self.draft.rule(award.rule) is None)
        paid = {award.rule: award.points for award in done.awards if award.rule not in lumps}
        kept = redecide(self.draft, ordered, done.standing, paid, chosen=done.chosen, on=done.deed.on)
        lowered = regress(self.draft, ordered, done.progress, running(self.counters, on))
        others = dict(lowered.lumps)
        for award in done.awards:
            if award.rule in lumps:
                if award.kept_points and others.get(award.rule) == award.kept_points:
                    award.kept_points -= others.pop(award.rule)
            else:
                award.kept_points = min(award.kept_points, kept.get(award.rule, award.kept_points))
        self.lost.update(others)
        fewer = {one.name: one.add for one in lowered.progress}
        left = [one._replace(add=one.add + fewer.get(one.name, 0)) for one in done.progress]
        done.progress[:] = [one for one in left if one.add > 0]
        self.counters = counted(self.counters, lowered.counts)
