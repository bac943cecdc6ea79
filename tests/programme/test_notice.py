"""What counts as worse for members, and from when it may hold."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from chalicelib.programme.amounts import worse_amount
from chalicelib.programme.difference import plain
from chalicelib.programme.document import read_programme
from chalicelib.programme.notice import earliest_start, worse_for_members
from tests.programme.published import small

ON = date(2026, 3, 2)
TASK = {
    "id": "reviewer",
    "name": "评价达人",
    "activity": "review",
    "counts": "times",
    "goal": 10,
    "window": {"kind": "month"},
    "points": 50,
    "points_class": "behaviour",
    "validity": {"kind": "months", "months": 12},
}
IDLE = {"idle_months": 12}
BOTH_WAYS = ("rules.review.amount.kind", "tasks.reviewer.window")
"""Where nobody can tell which is worse, each is."""
DEDUCTION = {
    "min_points": 500,
    "step_points": 100,
    "max_points_per_order": 5000,
    "max_share_bp": 2000,
    "covers_freight": True,
    "excluded_skus": ["s1"],
}
TRANSFER = {"min_points": 100, "max_points_per_day": 500, "times_per_day": 2}


def paths(before: dict[str, Any], after: dict[str, Any], on: date = ON) -> list[str]:
    documents = [plain(read_programme(small(changes))) for changes in (before, after)]
    return [worse.path for worse in worse_for_members(documents[0], documents[1], on=on)]


@pytest.mark.parametrize(
    ("better", "worse", "path"),
    [
        ({"point_value": {"points": 100, "fen": 100}}, {"point_value": {"points": 200, "fen": 199}}, "point_value"),
        ({"reversal": "waive"}, {"reversal": "deficit"}, "reversal"),
        ({"grace_days": 30}, {"grace_days": 29}, "grace_days"),
        ({"notice_days": 30}, {"notice_days": 7}, "notice_days"),
        ({"idle_months": 0}, {"idle_months": 24}, "idle_months"),
        ({"idle_months": 24}, {"idle_months": 12}, "idle_months"),
        ({"stacking": {"activities": "add"}}, {"stacking": {"activities": "best_one"}}, "stacking.activities"),
        ({"stacking": {"ceiling_bp": 30000}}, {"stacking": {"ceiling_bp": 20000}}, "stacking.ceiling_bp"),
        ({"caps": []}, {}, "caps.small"),
        ({}, {"caps.0.points": 500}, "caps.small.points"),
        ({"caps.0.rules": ["review"]}, {}, "caps.small.rules"),
        ({}, {"transfer": None}, None),
        ({"transfer": TRANSFER}, {"transfer": None}, "transfer"),
        ({"transfer": TRANSFER}, {"transfer": {**TRANSFER, "min_points": 200}}, "transfer.min_points"),
        ({"transfer": TRANSFER}, {"transfer": {**TRANSFER, "times_per_day": 1}}, "transfer.times_per_day"),
        ({}, {"deduction": DEDUCTION}, None),
        ({"deduction": DEDUCTION}, {"deduction": None}, "deduction"),
        *(
            ({"deduction": DEDUCTION}, {"deduction": {**DEDUCTION, name: worse}}, f"deduction.{name}")
            for name, worse in (
                ("min_points", 1000),
                ("step_points", 500),
                ("max_points_per_order", 4000),
                ("max_share_bp", 1999),
                ("with_coupon", False),
                ("covers_freight", False),
                ("excluded_skus", ["s1", "s2"]),
                ("excluded_categories", ["gift"]),
                ("hold_minutes", 10),
            )
        ),
        (
            {"deduction": {**DEDUCTION, "max_points_per_order": None}},
            {"deduction": DEDUCTION},
            "deduction.max_points_per_order",
        ),
        ({"deduction": DEDUCTION}, {"deduction": {**DEDUCTION, "step_points": 50, "min_points": 50}}, None),
        ({}, {"rules.2": None, "caps": []}, "rules.review"),
        ({}, {"rules.2.enabled": False}, "rules.review.enabled"),
        ({}, {"rules.2.trial": {"members": ["m1"]}}, "rules.review.trial"),
        ({}, {"rules.2.amount.points": 4}, "rules.review.amount.points"),
        ({}, {"rules.2.amount": {"kind": "by_length", "steps": [{"over": 9, "points": 9}]}}, "rules.review.amount.kind"),  # noqa: E501
        ({"rules.2.caps": []}, {}, "rules.review.caps.day.times"),
        ({}, {"rules.2.caps": [{"times": 2, "period": "day"}]}, "rules.review.caps.day.times"),
        ({}, {"rules.1.validity": {"kind": "months", "months": 6}}, "rules.order.validity"),
        ({}, {"rules.1.validity": {"kind": "year_end", "years": 0}}, "rules.order.validity"),
        ({**IDLE, "rules.1.validity": {"kind": "never"}}, {**IDLE, "rules.1.validity": {"kind": "idle"}}, "rules.order.validity"),  # noqa: E501
        ({"rules.1.pending": None}, {}, "rules.order.pending"),
        ({}, {"rules.1.pending.days": 15}, "rules.order.pending.days"),
        ({}, {"rules.2.when": {"levels": ["gold"]}}, "rules.review.when.levels"),
        ({"rules.2.when": {"weekdays": [5, 6, 7]}}, {"rules.2.when": {"weekdays": [6, 7]}}, "rules.review.when.weekdays"),  # noqa: E501
        ({"rules.2.when": {"hours": [[8, 20]]}}, {"rules.2.when": {"hours": [[8, 12], [13, 20]]}}, "rules.review.when.hours"),  # noqa: E501
        ({}, {"rules.2.when": {"from_on": "2026-05-01"}}, "rules.review.when.from_on"),
        ({}, {"rules.2.when": {"until_on": "2026-05-01"}}, "rules.review.when.until_on"),
        ({}, {"rules.2.when": {"first": True}}, "rules.review.when.first"),
        ({}, {"rules.2.when": {"buyers": True}}, "rules.review.when.buyers"),
        ({}, {"rules.1.when": {"min_fen": 5000}}, "rules.order.when.min_fen"),
        ({}, {"rules.2.when": {"within_days_of_joining": 9}}, "rules.review.when.within_days_of_joining"),
        ({"tasks": [TASK]}, {}, "tasks.reviewer"),
        ({"tasks": [TASK]}, {"tasks": [{**TASK, "points": 40}]}, "tasks.reviewer.points"),
        ({"tasks": [TASK]}, {"tasks": [{**TASK, "goal": 12}]}, "tasks.reviewer.goal"),
        ({"tasks": [TASK]}, {"tasks": [{**TASK, "trial": {"members": ["m1"]}}]}, "tasks.reviewer.trial"),
        ({"tasks": [TASK]}, {"tasks": [{**TASK, "refund_days": 46}]}, "tasks.reviewer.refund_days"),
        ({"tasks": [TASK]}, {"tasks": [{**TASK, "window": {"kind": "year"}}]}, "tasks.reviewer.window"),
        ({"tasks": [TASK]}, {"tasks": [{**TASK, "validity": {"kind": "quarter", "quarters": 1}}]}, "tasks.reviewer.validity"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_worse_term_is_named_and_its_reverse_is_not_worse(
    better: dict[str, Any], worse: dict[str, Any], path: str | None
) -> None:
    assert paths(better, worse) == ([path] if path else [])
    if path not in BOTH_WAYS:
        assert path not in paths(worse, better)


@pytest.mark.parametrize(
    "changes",
    [
        {"rules.0.name": "打卡", "rules.0.text": "再签"},
        {"class_order": ["consumption", "behaviour", "activity"]},
        {"rules.2.when": {"from_on": "2026-03-01"}},
        {"rules.1.validity": {"kind": "days", "days": 400}},
        {"rules.1.validity": {"kind": "fixed_day", "month": 12, "day": 31, "min_days": 396}},
        {"rules.2.amount": {"kind": "fixed", "points": 5}},
    ],
)
def test_what_takes_nothing_from_members_is_not_worse(changes: dict[str, Any]) -> None:
    assert paths({}, changes) == []


@pytest.mark.parametrize(
    "unpromised",
    [
        {"rules.2.enabled": False},
        {"rules.2.trial": {"members": ["m1"]}},
        {"rules.2.when": {"until_on": "2026-03-01"}},
    ],
)
def test_a_rule_that_nobody_was_promised_is_nobodys_loss(unpromised: dict[str, Any]) -> None:
    assert paths(unpromised, {"rules.2": None, "caps": []}) == []


SPAM = {"id": "spam", "name": "恶意差评", "dimension": "transaction", "penalty": True}
COST = {
    "id": "spam",
    "name": "恶意差评",
    "activity": "spam",
    "points_class": "behaviour",
    "amount": {"kind": "fixed", "points": 20},
    "validity": {"kind": "months", "months": 12},
}


def penalising(**cost: Any) -> dict[str, Any]:
    """The small document with a penalty that is changed so."""
    return {"indicators.1": SPAM, "rules.3": {**COST, **cost}}


@pytest.mark.parametrize(
    ("milder", "harder", "path"),
    [
        (penalising(), penalising(amount={"kind": "fixed", "points": 5000}), "rules.spam.amount.points"),
        ({"indicators.1": SPAM}, penalising(), "rules.spam"),
        (penalising(enabled=False), penalising(), "rules.spam"),
        (penalising(), penalising(validity={"kind": "months", "months": 1}), "rules.spam.validity"),
    ],
)
def test_a_penalty_that_costs_more_or_begins_is_worse_and_a_milder_one_is_not(
    milder: dict[str, Any], harder: dict[str, Any], path: str
) -> None:
    assert paths(milder, harder) == [path]
    assert paths(harder, milder) == []


def test_a_rule_that_turns_from_a_reward_into_a_penalty_is_worse_both_ways() -> None:
    turned = {"indicators.0.penalty": True, "caps": [], "rules.2.caps": []}

    assert paths({}, turned) == ["rules.review", "rules.review"]


STREAK = {"kind": "streak", "points": 2, "cycle": "run", "repeats": True, "rewards": [{"day": 7, "points": 10}]}
LADDER = {"kind": "ladder", "steps": [{"from": 1, "points": 10}, {"from": 4, "points": 15}], "period": "month"}
MONTHLY = {"kind": "cumulative", "cycle": "month", "rewards": [{"days": 15, "points": 20}], "claim": "auto"}
RATE = {"kind": "per_amount", "fen": 100, "points": 1, "rounding": "floor", "less": ["freight"]}
MAKE_UP = {"price_points": 20, "look_back_days": 7, "per_month": 3}


@pytest.mark.parametrize(
    ("before", "change", "worse"),
    [
        (STREAK, {"points": 1}, ["points"]),
        (STREAK, {"points": 3}, []),
        (STREAK, {"rewards": [{"day": 14, "points": 30}]}, ["rewards"]),
        (STREAK, {"rewards": [{"day": 7, "points": 10}, {"day": 14, "points": 30}]}, []),
        (
            STREAK,
            {"rewards": [{"day": 7, "points": 10}, {"day": 10, "points": 30}]},
            ["rewards"],
        ),  # day 14 has none now
        (STREAK, {"repeats": False}, ["repeats"]),
        (STREAK, {"cycle": "week"}, ["cycle"]),
        ({**STREAK, "make_up": MAKE_UP}, {"make_up": None}, ["make_up"]),
        ({**STREAK, "make_up": MAKE_UP}, {"make_up": {**MAKE_UP, "price_points": 30}}, ["make_up"]),
        ({**STREAK, "make_up": MAKE_UP}, {"make_up": {**MAKE_UP, "price_points": 10}}, []),
        ({**STREAK, "make_up": None}, {"make_up": MAKE_UP}, []),
        (LADDER, {"steps": [{"from": 1, "points": 10}, {"from": 5, "points": 20}]}, ["steps"]),
        (LADDER, {"steps": [{"from": 1, "points": 10}, {"from": 3, "points": 15}]}, []),
        (LADDER, {"period": "year"}, ["period"]),
        (MONTHLY, {"rewards": [{"days": 14, "points": 20}]}, []),
        (MONTHLY, {"rewards": [{"days": 16, "points": 40}]}, ["rewards"]),
        (MONTHLY, {"claim": "by_hand"}, ["claim"]),
        (RATE, {"fen": 200, "points": 2}, []),
        (RATE, {"fen": 200, "points": 1}, ["fen"]),
        (RATE, {"rounding": "ceiling"}, []),
        ({**RATE, "rounding": "half_up"}, {"rounding": "floor"}, ["rounding"]),
        (RATE, {"less": ["freight", "coupon"]}, ["less"]),
        (RATE, {"less": []}, []),
        ({"kind": "multiplier", "bp": 12000, "group": "level", "rounding": "floor"}, {"bp": 11000}, ["bp"]),
        ({"kind": "multiplier", "bp": 12000, "group": "level", "rounding": "floor"}, {"group": "activity"}, ["group"]),
        ({"kind": "by_length", "steps": [{"over": 0, "points": 5}]}, {"steps": [{"over": 9, "points": 9}]}, ["steps"]),
        ({"kind": "of_tomorrow", "points": 5}, {"points": 6}, ["points"]),
    ],
)
def test_an_amount_is_worse_where_it_pays_less_anywhere(
    before: dict[str, Any], change: dict[str, Any], worse: list[str]
) -> None:
    assert [field for field, _, _ in worse_amount(before, {**before, **change})] == worse


def test_the_earliest_start_leaves_whole_days_and_is_a_midnight_of_the_zone() -> None:
    noon = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

    assert earliest_start(noon, 30, "Asia/Shanghai") == datetime.fromisoformat("2026-04-02T00:00:00+08:00")
