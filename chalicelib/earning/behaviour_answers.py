"""How the API shows behaviour: what an event came to, tasks, the matrix, and why something earned nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.earning.behave import Outcome
from chalicelib.earning.behaviour_feed import Answered
from chalicelib.earning.behaviour_matrix import DIMENSIONS, Way, Ways
from chalicelib.earning.refusals import why_text
from chalicelib.earning.why_not import Missed
from chalicelib.programme.explain import explain
from chalicelib.programme.model import Indicator, Rule, Terms
from chalicelib.programme.tasks import TaskShown
from chalicelib.programme.texts import penalty_text
from chalicelib.programme.words import yuan
from chalicelib.runtime.clock import in_zone

DIMENSION_NAMES = {"login": "登录", "activity": "互动", "transaction": "交易"}
COUNTED = {"times": "次", "days": "天", "fen": "元"}
CLASS_NAMES = {"consumption": "消费积分", "behaviour": "行为积分", "activity": "活动积分"}


def outcome_answer(outcome: Outcome, terms: Terms) -> dict[str, Any]:
    """What a behaviour came to: points and why, what is left after it and what that buys; or why not."""
    if outcome.receipt is None:
        return {"points": 0, "reason": why_text(outcome.refused), "breakdown": [], "replayed": False}
    entries = [one for one in outcome.receipt.entries if one.kind == "earn"]
    first = entries[0]
    after_points = outcome.receipt.entries[-1].available_after
    return {
        "points": first.facts.get("all_points", first.points),
        "reason": " · ".join(dict.fromkeys(one.text for one in entries)),
        "breakdown": [
            {"rule": part.rule, "points": part.points, "why": part.why} for one in entries for part in one.breakdown
        ],
        "balance_after_points": after_points,
        "buys": explain(after_points, terms),
        "replayed": outcome.receipt.replayed,
    }


def task_answer(task: TaskShown) -> dict[str, Any]:
    """A task with its text filled in."""
    return {
        "id": task.id,
        "name": task.name,
        "counts": task.counts,
        "done": task.done,
        "goal": task.goal,
        "points": task.points,
        "is_done": task.done >= task.goal,
        "text": task_text(task),
        "ends_on": task.ends_on.isoformat() if task.ends_on else None,
        "conditions": list(task.conditions),
        "is_paused": task.is_paused,
    }


def task_text(task: TaskShown) -> str:
    """The task's text with what is missing (`{n}`; yuan where fen are counted) and its points (`{p}`) filled in."""
    if task.is_paused:
        return f"{task.name}暂停中,恢复后可再得"
    missing = task.goal - task.done
    if not missing:
        return f"{task.name}已完成"
    left = yuan(missing).removesuffix("元") if task.counts == "fen" else str(missing)
    if not task.text:
        return f"还差{left}{COUNTED[task.counts]},完成得{task.points}分"
    return task.text.replace("{n}", left).replace("{p}", str(task.points))


def matrix_answer(
    ways: Mapping[str, Sequence[Ways]], deductions: Sequence[tuple[Indicator, Rule, int]]
) -> dict[str, Any]:
    """The matrix by dimension and indicator, and beside it what costs points."""
    return {
        "dimensions": [
            {
                "dimension": dimension,
                "name": DIMENSION_NAMES[dimension],
                "indicators": [
                    {
                        "id": one.indicator.id,
                        "name": one.indicator.name,
                        "rules": [way_answer(way) for way in one.rules],
                    }
                    for one in ways[dimension]
                ],
            }
            for dimension in DIMENSIONS
        ],
        "deductions": [
            {"id": indicator.id, "name": indicator.name, "points": points, "text": penalty_text(rule, points)}
            for indicator, rule, points in deductions
        ],
    }


def way_answer(way: Way) -> dict[str, Any]:
    """A rule as the API shows it."""
    rule = way.rule
    return {
        "rule": rule.id,
        "name": rule.name,
        "points_class": rule.points_class.value,
        "class_name": CLASS_NAMES[rule.points_class.value],
        "points": way.points,
        "text": way.text,
        "state": way.state,
        "left_text": way.told,
        "caps": [
            {
                "period": limit.period,
                "unit": "times" if limit.in_times else "points",
                "most": limit.most,
                "used": limit.most - left,
                "left": left,
            }
            for limit, left in way.limits
        ],
    }


def missed_answer(one: Missed, zone: str) -> dict[str, Any]:
    """Why one thing earned nothing, or not all, rule by rule."""
    return {
        "activity": one.activity,
        "source": one.source,
        "occurred_at": in_zone(one.occurred_at, zone),
        "points": one.points,
        "reason": one.reason,
        "refused": [{"rule": part.rule, "code": part.code, "why": part.text} for part in one.refused],
        "terms_version": one.terms_version,
    }


def told_answer(record: Mapping[str, Any], one: Answered) -> dict[str, Any]:
    """What the edge says to one event, named as its sender names it."""
    answer: dict[str, Any] = {"result": one.result.value}
    for name in ("source", "event_id"):
        if isinstance(record.get(name), str):
            answer[name] = record[name][:64]
    if one.error:
        answer |= {"code": one.error.code.number, "msg": one.error.msg, "field": one.error.field}
    return answer
