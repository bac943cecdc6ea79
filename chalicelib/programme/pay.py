"""What one rule comes to: an award within its caps, a refusal in words, or a mere count. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from chalicelib.ledger.counters import Counted, used
from chalicelib.ledger.model import Part
from chalicelib.programme import caps, conditions
from chalicelib.programme.activity import Activity, Behaved, Ordered, Standing
from chalicelib.programme.caps import Budget, BudgetUse
from chalicelib.programme.decision import Award, Parts, Refused
from chalicelib.programme.model import Answers, Prepared, Rule, Terms
from chalicelib.programme.periods import THIS, period_key, through_on
from chalicelib.programme.rules.by_length import ByLength
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.rules.multiplier import Applied, Multiplier, multiplied, shares_of
from chalicelib.programme.rules.per_amount import PerAmount


class Ask(NamedTuple):
    """One question to the rules; `counted` is what this decision has counted so far."""

    terms: Terms
    answers: Answers
    activity: Activity
    standing: Standing
    on: date
    judged_at: tuple[date, int]
    """The business date and hour by which conditions are judged."""
    spent_budgets: frozenset[str]
    counted: dict[str, int]


def is_visible(one: Prepared, standing: Standing) -> bool:
    """Whether the member sees the rule: one on trial is seen by its list alone."""
    return one.trial is None or standing.member_id in one.trial


def obstacle(one: Prepared, ask: Ask) -> str | None:
    """The code of why the rule does not answer at all, None when it does."""
    if ask.terms.paused and one.rule.id in ask.terms.paused:
        return "rule_paused"
    if one.checks:
        name = conditions.unmet(one.checks, one.rule.when, ask.activity, ask.standing, *ask.judged_at)
        if name is not None:
            return f"condition:{name}"
    if one.first and (used(ask.standing.counters, one.first, ask.on) or one.first in ask.counted):
        return "first_only"
    if one.budgets and any(budget.id in ask.spent_budgets for budget in one.budgets):
        return "budget_spent"
    if one.ends_on is not None and _spendable_from(one, ask) > one.ends_on:
        return "validity_over"
    return None


def _spendable_from(one: Prepared, ask: Ask) -> date:
    """The earliest day that the points may be spent: an order whose goods come in time is not refused beforehand."""
    pending = one.rule.pending
    return pending.earliest_on(ask.activity, ask.on) if pending else ask.on


def refused(one: Prepared, ask: Ask, code: str) -> Refused:
    """The refusal for an obstacle, in words for the member."""
    if code == "budget_spent":
        spent = next(budget for budget in one.budgets if budget.id in ask.spent_budgets)
        return Refused(one.rule.id, code, caps.budget_in_words(spent, one.rule.name))
    words = one.words.get(code)
    if words is None:
        plain = _WORDS.get(code) or conditions.in_words(one.rule.when, code.removeprefix("condition:"))
        words = one.words[code] = one.rule.name + plain
    return Refused(one.rule.id, code, words)


_WORDS = {
    "rule_paused": "暂停中,恢复后可再得",
    "first_only": "仅限首次,您已得过",
    "validity_over": "的积分有效期已过",
    "by_hand": "须经人工复核,不会自动执行",
}


def answer(one: Prepared, ask: Ask) -> Award | Refused | Counted | None:
    """What a rule comes to: why it does not answer, or what it pays within its caps."""
    code = obstacle(one, ask)
    if code is not None:
        return refused(one, ask, code)
    activity, times = ask.activity, 1
    if isinstance(activity, Behaved):
        times = activity.quantity
    for limit in one.times_limits:
        times = min(times, caps.left(limit, ask.standing.counters, ask.counted, ask.on))
        if not times:
            return Refused(one.rule.id, "capped", caps.in_words(limit, one.rule.name))
    if isinstance(activity, Behaved) and activity.quantity != times:
        activity = activity._replace(quantity=times)
    return _paid(one, ask, activity, times)


def _paid(one: Prepared, ask: Ask, activity: Activity, times: int) -> Award | Refused | Counted | None:
    """What a rule pays by its kind. Publishing refuses a kind that does not answer its activity: the types fit here."""
    rule, amount = one.rule, one.rule.amount
    if isinstance(amount, Ladder):
        return _climbed(one, amount, ask, times)
    if isinstance(amount, PerAmount):
        applied = applied_multipliers(ask) if ask.answers.multipliers else ()
        return within_caps(one, ask, by_amount(rule, amount, activity, applied, ask.terms), times)
    parts: Parts = amount.parts(activity, rule.id, rule.name)  # type: ignore[union-attr,arg-type]
    if not parts:
        return _too_short(rule, activity)
    if isinstance(amount, Cumulative) and amount.claim == "by_hand":
        return Refused(rule.id, "by_hand", f"{parts[0].why},可领取{parts[0].points}分")
    return within_caps(one, ask, parts, times)


def _too_short(rule: Rule, activity: Activity) -> Refused | None:
    """What a text still lacks; None for other kinds, which are silent on days without their reward."""
    if not isinstance(rule.amount, ByLength) or not isinstance(activity, Behaved):
        return None
    missing, points = rule.amount.missing(activity.length) or (0, 0)
    return Refused(rule.id, "too_short", f"{rule.name}再写{missing}字可得{points}分")


def by_amount(rule: Rule, amount: PerAmount, activity: Any, applied: tuple[Applied, ...], terms: Terms) -> Parts:
    """The base of a rule by amount and what the multipliers add to it."""
    earned_fen = earning_fen_of(rule, amount, activity)
    base = amount.parts_of(earned_fen, rule.id)
    if not applied:
        return base
    return base + multiplied(shares_of(base[0].points, earned_fen, applied), applied, terms.programme.stacking)


def earning_fen_of(rule: Rule, amount: PerAmount, activity: Any) -> Sequence[int]:
    """The fen of each line that earn by a rule's amount and under its conditions."""
    earned_fen: Sequence[int] = amount.earned_fen(activity)
    if not isinstance(activity, Ordered):
        return earned_fen
    return conditions.only(conditions.earning_lines(rule.when, activity), earned_fen)


def _climbed(one: Prepared, ladder: Ladder, ask: Ask, times: int) -> Award | Refused | Counted | None:
    """The ladder's steps for the next `times`; what pays nothing yet is only counted, what never will is refused."""
    rule = one.rule
    name = ladder.counter(rule.id)
    done = used(ask.standing.counters, name, ask.on)
    if ladder.is_over(done + 1):
        return Refused(rule.id, "ladder_over", ladder.over_in_words(rule.name))
    mark = Counted(name, through_on(ladder.period, ask.on), times)
    parts = ladder.ladder_parts(done, times, rule.id, rule.name)
    return within_caps(one, ask, parts, times, (mark,)) if parts else mark


def within_caps(one: Prepared, ask: Ask, parts: Parts, times: int, marks: tuple[Counted, ...] = ()) -> Award | Refused:
    """The award of `parts` as far as the caps on points let it through; no points count nowhere."""
    rule = one.rule
    points = parts[0].points if len(parts) == 1 else sum(part.points for part in parts)
    if not points:
        return _award(rule, 0, parts)
    for limit in one.points_limits:
        room = caps.left(limit, ask.standing.counters, ask.counted, ask.on)
        if not room:
            return Refused(rule.id, "capped", caps.in_words(limit, rule.name))
        if points > room:
            parts = (*parts, Part(rule.id, room - points, f"超出{THIS[limit.period]}{limit.most}分上限不计"))
            points = room
    return _counting(one, ask, parts, points, times, marks)


def _counting(one: Prepared, ask: Ask, parts: Parts, points: int, times: int, marks: tuple[Counted, ...]) -> Award:
    """The award with what it counts and takes from budgets; `ask` remembers it for the rules after this one."""
    rule = one.rule
    if not (one.limits or one.first or one.budgets or ask.answers.multipliers):
        return _award(rule, points, parts, marks)
    counts = [caps.use(limit, points, times, ask.on) for limit in one.limits]
    if one.first:
        counts.append(Counted(one.first, None, 1))
    budgets = [_taken(budget, points, ask.on) for budget in one.budgets]
    if len(parts) > 1 and ask.answers.multipliers:
        _of_multipliers(parts, points, ask, counts, budgets)
    for count in counts:
        ask.counted[count.name] = ask.counted.get(count.name, 0) + count.add
    return _award(rule, points, parts, (*counts, *marks), tuple(budgets))


def _of_multipliers(parts: Parts, points: int, ask: Ask, counts: list[Counted], budgets: list[BudgetUse]) -> None:
    """What the multipliers among the lines count and take from budgets of their own.

    Of the `points` that caps let through the rule's own line comes first: a cap cuts what multiplied it, the last most.
    """
    left = max(0, points - parts[0].points)
    for part in parts[1:]:
        for one in ask.answers.multipliers:
            if one.rule.id == part.rule and left:
                own = min(part.points, left)
                left -= own
                if one.first and one.first not in ask.counted:
                    counts.append(Counted(one.first, None, 1))
                budgets += [_taken(budget, own, ask.on) for budget in one.budgets]


def _taken(budget: Budget, points: int, on: date) -> BudgetUse:
    return BudgetUse(budget.id, period_key(budget.period, on), budget.points, budget.shards, points)


def _award(
    rule: Rule, points: int, parts: Parts, counts: tuple[Counted, ...] = (), budgets: tuple[BudgetUse, ...] = ()
) -> Award:
    text = parts[0].why if len(parts) == 1 else " · ".join([part.why for part in parts])
    return Award(rule.id, points, rule.points_class, rule.validity, rule.pending, parts, text, counts, budgets)


def applied_multipliers(ask: Ask) -> tuple[Applied, ...]:
    """The multipliers whose conditions hold; what else does not apply pays nothing of its own and is no refusal."""
    level, applied = ask.standing.level, []
    for one in ask.answers.multipliers:
        if one.levels and level not in one.levels:
            continue
        if is_visible(one, ask.standing) and obstacle(one, ask) is None:
            applied.append(_as_applied(one.rule, ask.activity))
    return tuple(applied)


def missed_multipliers(ask: Ask, paid: Collection[str]) -> list[Refused]:
    """Those that are paused, or whose budget is spent, and would have added points to a rule that `paid`."""
    if not (ask.terms.paused or ask.spent_budgets):
        return []
    codes = {
        one.rule.id: code
        for one in ask.answers.multipliers
        if is_visible(one, ask.standing) and (code := obstacle(one, ask)) in _ANOTHER_TIME
    }
    if not codes:
        return []
    running = replace(ask.terms, paused=frozenset())
    applied = applied_multipliers(ask._replace(terms=running, spent_budgets=frozenset(), counted={}))
    won = {
        part.rule
        for one in ask.answers.rules
        if isinstance(one.rule.amount, PerAmount) and one.rule.id in paid
        for part in by_amount(one.rule, one.rule.amount, ask.activity, applied, ask.terms)
    }
    return [
        refused(one, ask, codes[one.rule.id]) for one in ask.answers.multipliers if one.rule.id in codes.keys() & won
    ]


_ANOTHER_TIME = frozenset({"rule_paused", "budget_spent"})


def chosen_multipliers(answers: Answers, chosen: Collection[str], ordered: Ordered) -> tuple[Applied, ...]:
    return tuple(_as_applied(one.rule, ordered) for one in answers.multipliers if one.rule.id in chosen)


def _as_applied(rule: Rule, activity: Activity) -> Applied:
    amount = rule.amount
    if not isinstance(amount, Multiplier):
        raise TypeError(f"{amount.kind} multiplies nothing")
    earning = conditions.earning_lines(rule.when, activity) if isinstance(activity, Ordered) else None
    return Applied(rule.id, rule.name, amount.bp, amount.rounding, amount.group == "level", earning)
