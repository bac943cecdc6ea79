"""From an activity to what the programme pays for it: awards, each with its "why", refusals with their reason, and what
was only counted. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Counted, used
from chalicelib.ledger.model import Part
from chalicelib.programme import conditions, tasks
from chalicelib.programme.activity import (
    CHECK_IN,
    ORDER,
    Activity,
    CheckedIn,
    Ordered,
    Standing,
    activity_id,
    unrefunded,
)
from chalicelib.programme.caps import BudgetUse
from chalicelib.programme.decision import NOTHING, Award, Decision, Parts, Refused
from chalicelib.programme.figures import largest_points
from chalicelib.programme.growth import growth_of
from chalicelib.programme.model import Prepared, Rule, Terms
from chalicelib.programme.pay import (
    Ask,
    answer,
    applied_multipliers,
    chosen_multipliers,
    earning_fen_of,
    is_visible,
    missed_multipliers,
    obstacle,
    refused,
    within_caps,
)
from chalicelib.programme.periods import through_on
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.rules.multiplier import Applied, multiplied, shares_left, shares_of
from chalicelib.programme.rules.per_amount import PerAmount
from chalicelib.programme.rules.streak import Streak

__all__ = ["NOTHING", "Award", "BudgetUse", "Decision", "Refused", "claim", "decide", "made_up", "redecide"]


def decide(
    terms: Terms,
    activity: Activity,
    standing: Standing,
    *,
    on: date,
    hour: int,
    spent_budgets: frozenset[str] = frozenset(),
) -> Decision:
    """What `terms` pay a member of this `standing` for `activity`.

    `on` is the business date of the decision: periods of caps, ladders and tasks are those of `on`. Conditions are
    judged by the date and hour of the deed itself (an order's payment), by `on` and `hour` where it does not know
    them. `spent_budgets` are ids of budgets known to be spent.
    """
    answers = terms.answers.get(activity_id(activity))
    if answers is None:
        return NOTHING._replace(growth=growth_of(terms, activity, (), standing, on).growth)
    judged_at = conditions.judged_at(activity, on, hour)
    ask = Ask(terms, answers, activity, standing, on, judged_at, spent_budgets, {})
    if answers.is_penalty:
        return Decision(refused=tuple(refused(one, ask, "by_hand") for one in answers.rules))
    awards: list[Award] = []
    refusals: list[Refused] = []
    progress: list[Counted] = []
    for one in answers.rules:
        if one.trial is None or is_visible(one, standing):
            _sort_in(answer(one, ask), awards, refusals, progress)
    if answers.multipliers:
        refusals += missed_multipliers(ask, {award.rule for award in awards})
    if answers.tasks:
        # A paused task neither counts nor pays; nothing of the pause is made up for later.
        open_tasks = [
            task for task in answers.tasks if task[0].id not in terms.paused and is_visible(task[1], standing)
        ]
        counts, reached = tasks.progress(open_tasks, activity, standing, on, judged_at)
        progress += counts
        for one, counter in reached:
            _sort_in(_lump(one, counter, ask), awards, refusals, progress)
    grown = growth_of(terms, activity, awards, standing, on)
    return Decision(tuple(awards), tuple(refusals), tuple(progress), grown.growth, grown.counts)


def _sort_in(
    outcome: Award | Refused | Counted | None, awards: list[Award], refusals: list[Refused], progress: list[Counted]
) -> None:
    if isinstance(outcome, Award):
        awards.append(outcome)
    elif isinstance(outcome, Refused):
        refusals.append(outcome)
    elif outcome is not None:
        progress.append(outcome)


def claim(
    terms: Terms,
    rule_id: str,
    reward_days: int,
    days: CheckInDays,
    standing: Standing,
    *,
    on: date,
    hour: int,
    spent_budgets: frozenset[str] = frozenset(),
) -> Award | Refused:
    """A cumulative reward that the member claims by hand, once in its cycle; Refused with code `claimed` after that,
    `not_reached` before its days, `rule_off` when these terms have no such reward.
    """
    one = _claimable(terms, rule_id)
    amount = one.rule.amount if one else None
    reward = None
    if isinstance(amount, Cumulative):
        reward = next((known for known in amount.rewards if known.days == reward_days), None)
    if one is None or not isinstance(amount, Cumulative) or reward is None:
        return Refused(rule_id, "rule_off", "没有可领取的奖励")
    if not is_visible(one, standing):
        return Refused(rule_id, "trial_only", "没有可领取的奖励")
    done = amount.days_in_cycle(days, on)
    if done < reward_days:
        return Refused(rule_id, "not_reached", f"再签到{reward_days - done}天可领取{reward.points}分")
    mark = Counted(f"{rule_id}:c{reward_days}", through_on(amount.cycle, on), 1)
    if used(standing.counters, mark.name, on):
        return Refused(rule_id, "claimed", f"累计签到{reward_days}天的奖励已领取")
    ask = Ask(terms, terms.answers[CHECK_IN], CheckedIn(on, days), standing, on, (on, hour), spent_budgets, {})
    parts = (Part(rule_id, reward.points, f"累计签到{reward_days}天"),)
    code = obstacle(one, ask)
    return refused(one, ask, code) if code else within_caps(one, ask, parts, 1, (mark,))


def _claimable(terms: Terms, rule_id: str) -> Prepared | None:
    """The enabled cumulative rule of that id that is claimed by hand."""
    answers = terms.answers.get(CHECK_IN)
    for one in answers.rules if answers else ():
        if one.rule.id == rule_id and isinstance(one.rule.amount, Cumulative) and one.rule.amount.claim == "by_hand":
            return one
    return None


def made_up(
    terms: Terms,
    missed_on: date,
    days: CheckInDays,
    standing: Standing,
    *,
    on: date,
    hour: int,
    spent_budgets: frozenset[str] = frozenset(),
) -> Decision:
    """What the repair of a missed day brings on `on`: the rewards that the run and the cycle newly reach.

    `days` are those before the repair. A rule that would not answer a check-in of this moment pays nothing, caps on
    points and budgets hold; a repair is no further time of a rule, and the day's own points are not paid.
    """
    answers = terms.answers.get(CHECK_IN)
    if answers is None:
        return NOTHING
    repaired = CheckedIn(on, days.with_day(missed_on))
    ask = Ask(terms, answers, repaired, standing, on, (on, hour), spent_budgets, {})
    runs = next((one.rule.id for one in answers.rules if isinstance(one.rule.amount, Streak)), None)
    awards: list[Award] = []
    refusals: list[Refused] = []
    for one in answers.rules:
        parts = _made_up_parts(one.rule, missed_on, days, on, runs)
        if parts and is_visible(one, standing):
            code = obstacle(one, ask)
            _sort_in(refused(one, ask, code) if code else within_caps(one, ask, parts, 0), awards, refusals, [])
    grown = growth_of(terms, repaired, awards, standing, on)
    return Decision(tuple(awards), tuple(refusals), (), grown.growth, grown.counts)


def _made_up_parts(rule: Rule, missed_on: date, days: CheckInDays, on: date, runs: str | None) -> Parts:
    """The lines of a rule's rewards; of tables for days in a row only the first, whose card it is, counts."""
    amount = rule.amount
    if isinstance(amount, Streak) and rule.id == runs:
        reached = amount.rewards_of_make_up(days, missed_on, on)
        return tuple(Part(rule.id, one.points, f"连续签到{one.streak_days}天") for one in reached)
    if isinstance(amount, Cumulative) and amount.claim == "auto":
        rewards = amount.rewards_of_make_up(days, missed_on, on)
        return tuple(Part(rule.id, one.points, f"累计签到{one.days}天") for one in rewards)
    return ()


def redecide(
    terms: Terms,
    ordered: Ordered,
    standing: Standing,
    paid: Mapping[str, int],
    *,
    chosen: Collection[str] | None = None,
    on: date | None = None,
    hour: int = 0,
) -> dict[str, int]:
    """What each rule that paid for an order keeps after a refund, {rule: points}, never more than it `paid`.

    `terms` and `standing` are those of the payment, `ordered` is the order after the refund, `on` and `hour` stand in
    where the order does not know its payment's. What was chosen at the payment stays chosen: `chosen` multipliers (ids
    from the breakdown; None: chosen again from the standing), steps of a ladder, what a cap let through. A bonus that
    is not by amount stands whole as long as the order still qualifies.
    """
    before = unrefunded(ordered)
    answers = terms.answers.get(ORDER)
    applied: tuple[Applied, ...] = ()
    if answers is not None and answers.multipliers:
        at = on or ordered.paid_on or date.min
        judged_at = conditions.judged_at(ordered, at, hour)
        ask = Ask(terms, answers, before, standing, at, judged_at, frozenset(), {})
        applied = applied_multipliers(ask) if chosen is None else chosen_multipliers(answers, chosen, before)
    kept: dict[str, int] = {}
    for rule_id, points in paid.items():
        rule = terms.rule(rule_id)
        if rule is not None:
            kept[rule_id] = min(points, _kept(rule, points, before, ordered, applied, terms))
    return kept


def _kept(rule: Rule, points: int, before: Ordered, after: Ordered, applied: tuple[Applied, ...], terms: Terms) -> int:
    """What is left of the `points` a rule paid, by its amount."""
    if not isinstance(rule.amount, PerAmount):
        return points if conditions.still_holds(rule.when, before, after) else 0
    if conditions.earning_money_fen(rule.when, after) < rule.when.min_fen:
        return 0
    return _kept_by_amount(rule, rule.amount, before, after, applied, terms)


def _kept_by_amount(
    rule: Rule, amount: PerAmount, before: Ordered, after: Ordered, applied: tuple[Applied, ...], terms: Terms
) -> int:
    """The base of what is left, and of each multiplier that the order still has what it adds: on each line's own share
    of the payment, and never more than beside the others it was paid with.
    """
    before_fen, after_fen = (earning_fen_of(rule, amount, one) for one in (before, after))
    paid_base, base = amount.points_of(sum(before_fen)), amount.points_of(sum(after_fen))
    if not applied or not base:
        return base
    stacking = terms.programme.stacking
    shares = shares_of(paid_base, before_fen, applied)
    won = {part.rule for part in multiplied(shares, applied, stacking)}
    chosen = [one for one in applied if one.rule in won]
    still = [one for one in chosen if _holds(terms.rule(one.rule), after)]
    left = shares_left(shares, base, before_fen, after_fen)
    beside = {part.rule: part.points for part in multiplied(left, chosen, stacking)}
    return base + sum(min(part.points, beside.get(part.rule, 0)) for part in multiplied(left, still, stacking))


def _holds(rule: Rule | None, after: Ordered) -> bool:
    """Whether the order still has a multiplier's least amount."""
    return rule is not None and (
        not rule.when.min_fen or conditions.earning_money_fen(rule.when, after) >= rule.when.min_fen
    )


def _lump(one: Prepared, counter: Counted, ask: Ask) -> Award | Refused:
    """The lump of a task that has just reached its goal; its window's `counter` says so by the points paid.

    One that is refused leaves no mark: what counts next in the window asks for it again.
    """
    code = obstacle(one, ask)
    if code is not None:
        return refused(one, ask, code)
    rule = one.rule
    part = Part(rule.id, largest_points(rule.amount) or 0, f"完成任务:{rule.name}")
    lump = within_caps(one, ask, (part,), 1)
    if isinstance(lump, Refused):
        return lump
    return lump._replace(counts=(*lump.counts, counter._replace(add=lump.points)))
