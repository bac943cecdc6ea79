"""What a member reads beside a rule: figures filled in from the account, or the kind's own words; never a brace."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.earning.behaviour_answers import matrix_answer, task_text
from chalicelib.earning.behaviour_matrix import deductions, ways_to_earn
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Count
from chalicelib.programme.activity import Standing
from chalicelib.programme.document import faults, read_programme
from chalicelib.programme.model import Rule, Terms
from chalicelib.programme.page import programme_page
from chalicelib.programme.tasks import tasks_shown
from chalicelib.programme.texts import rule_text
from tests.programme.builders import SINCE, a_document, a_rule, demo_document, terms_of

ON = date(2026, 11, 22)
DEMO_RULES = [rule["id"] for rule in demo_document()["rules"]]


def checked_in(count: int, last_on: date = ON) -> CheckInDays:
    """So many days in a row through `last_on`."""
    days = CheckInDays()
    for back in range(count - 1, -1, -1):
        days = days.with_day(last_on - timedelta(days=back))
    return days


def the_rule(amount: dict[str, Any], text: str, activity: str = "check_in", **given: Any) -> Rule:
    return terms_of(a_rule("one", activity, amount=amount, text=text, **given)).programme.rules[0]


def shown(
    amount: dict[str, Any], text: str, activity: str = "check_in", done: int = 0, days: CheckInDays | None = None
) -> str:
    counters = {f"one:l{amount.get('period', 'ever')[0]}": Count(None, done)} if done else {}
    rule = the_rule(amount, text, activity)
    return rule_text(rule, Standing(counters=counters), days or CheckInDays(), ON)


STREAK = {"kind": "streak", "points": 2, "cycle": "run", "repeats": True, "rewards": [{"day": 7, "points": 10}]}
MONTH = {"kind": "cumulative", "cycle": "month", "rewards": [{"days": 15, "points": 20}, {"days": 25, "points": 40}]}


def test_days_in_a_row_say_how_many_are_missing_to_the_next_reward() -> None:
    assert shown(STREAK, "再签{n}天得{p}分") == "再签7天得10分"
    assert shown(STREAK, "再签{n}天得{p}分", days=checked_in(3)) == "再签4天得10分"
    assert shown(STREAK, "再签{n}天得{p}分", days=checked_in(3, ON - timedelta(days=1))) == "再签4天得10分"


def test_a_table_walked_to_its_end_says_its_own_words() -> None:
    once = {**STREAK, "repeats": False}

    assert shown(once, "再签{n}天得{p}分", days=checked_in(8)) == "每天签到得2分,连续签到第7天另得10分"


def test_days_of_a_month_say_the_reward_that_this_month_can_still_reach() -> None:
    assert shown(MONTH, "本月再签{n}天得{p}分", days=checked_in(10)) == "本月再签5天得20分"
    assert shown(MONTH, "本月再签{n}天得{p}分", days=checked_in(20)) == "本月再签5天得40分"


def test_what_this_month_can_no_longer_reach_is_not_said_to_be_this_months() -> None:
    own_words = "每月累计签到15天得20分,每月累计签到25天得40分"

    assert shown(MONTH, "本月再签{n}天得{p}分") == own_words


def test_the_last_day_that_suffices_still_counts() -> None:
    nine_left = {**MONTH, "rewards": [{"days": 9, "points": 20}]}

    assert shown(nine_left, "本月再签{n}天得{p}分") == "本月再签9天得20分"
    assert shown({**MONTH, "rewards": [{"days": 10, "points": 20}]}, "本月再签{n}天") == "每月累计签到10天得20分"


def test_a_weekly_cycle_is_this_weeks() -> None:
    week = {**STREAK, "cycle": "week", "rewards": [{"day": 2, "points": 10}]}

    assert shown(week, "本周再签{n}天得{p}分").startswith("每天签到得2分,"), "22 November is a Sunday"


LADDER = {
    "kind": "ladder",
    "steps": [{"from": 1, "points": 10}, {"from": 4, "points": 15}, {"from": 6, "points": 0}],
    "period": "ever",
}


@pytest.mark.parametrize(
    ("done", "text"),
    [
        (0, "已邀0位,下一位+10"),
        (3, "已邀3位,下一位+15"),
        (5, "第1至3次每次得10分,第4至5次每次得15分,第6次起不再得分"),
    ],
)
def test_a_ladder_says_how_many_are_done_and_what_the_next_pays(done: int, text: str) -> None:
    assert shown(LADDER, "已邀{n}位,下一位+{p}", "invite", done) == text


def test_a_text_of_some_length_says_how_much_to_write_for_the_first_step() -> None:
    steps = {"kind": "by_length", "steps": [{"over": 20, "points": 5}, {"over": 50, "points": 9}]}

    assert shown(steps, "再写{n}字多得{p}分", "review") == "再写21字多得5分"


def test_a_fixed_amount_says_its_points_and_has_no_count() -> None:
    fixed = {"kind": "fixed", "points": 5}

    assert shown(fixed, "得{p}分", "review") == "得5分"
    assert shown(fixed, "已得{n}次,每次{p}分", "review") == "每次得5分"
    assert shown(fixed, "审核中,{time}前答复", "review") == "每次得5分"


def test_points_by_money_are_known_of_an_entry_alone() -> None:
    receipt = {"kind": "receipt", "days": 7, "fallback_days": 22, "pos_fallback_days": 7}
    amount = {"kind": "per_amount", "fen": 100, "points": 1, "rounding": "floor", "less": ["freight"]}
    rule = the_rule(amount, "待入账{p}分,{date}到账", "order", pending=receipt)

    assert rule_text(rule, Standing(), CheckInDays(), ON) == (
        "每消费1元得1分(不足部分不计),运费不计积分,确认收货7天后到账,一直未确认的付款22天后到账,门店消费7天后到账"
    )


def test_without_a_text_the_kinds_own_words_are_shown() -> None:
    assert shown({"kind": "fixed", "points": 5}, "", "review") == "每次得5分"


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("再签{n}天得{p}分", True),
        ("待入账{p}分,{date}到账", True),
        ("审核中,{time}前答复", True),
        ("每次得5分", True),
        ("再签{m}天", False),
        ("再签{n天", False),
        ("再签n}天", False),
        ("{{n}}", False),
        ("{n}{", False),
    ],
)
def test_a_text_with_another_brace_cannot_be_published(text: str, is_right: bool) -> None:
    found = faults(a_document(a_rule("one", "review"), a_rule("two", "review", text=text)))

    said = [("rules.1.text", "里花括号只能用于{n}、{p}、{date}、{time}")]
    assert [(one.path, one.reason) for one in found] == ([] if is_right else said)


@pytest.mark.parametrize(("text", "is_right"), [("再下{n}单得{p}分", True), ("{date}前再下{n}单", False)])
def test_a_tasks_text_knows_what_is_missing_and_its_points(text: str, is_right: bool) -> None:
    task = {**demo_document()["tasks"][0], "text": text}

    found = faults(a_document(a_rule("one"), tasks=[task]))

    said = [("tasks.0.text", "里花括号只能用于{n}、{p}")]
    assert [(one.path, one.reason) for one in found] == ([] if is_right else said)


STANDINGS = [
    (Standing(member_id="m1"), CheckInDays()),
    (Standing(member_id="m1", level="gold", joined_on=ON), checked_in(7)),
    (
        Standing(
            member_id="m1",
            level="diamond",
            joined_on=date(2026, 1, 1),
            counters={"invite:le": Count(None, 25), "first_orders:le": Count(None, 2), "register:f": Count(None, 1)},
        ),
        checked_in(31),
    ),
]


@pytest.mark.parametrize(("standing", "days"), STANDINGS)
@pytest.mark.parametrize("on", [ON, date(2026, 11, 30), date(2028, 2, 29)])
def test_no_text_of_the_demo_shown_to_a_member_holds_a_brace(standing: Standing, days: CheckInDays, on: date) -> None:
    document = demo_document()
    for part in (*document["rules"], *document["tasks"]):
        part["enabled"] = True
    terms = Terms(1, SINCE, read_programme(document))

    ways = ways_to_earn(terms, standing, on, days)
    matrix = matrix_answer(ways, deductions(terms))

    texts = [way.text for several in ways.values() for one in several for way in one.rules]
    texts += [one["text"] for one in matrix["deductions"]]
    texts += [task_text(task) for task in tasks_shown(terms, standing, on)]
    assert len(texts) == len(document["rules"]) - 3 + len(document["tasks"]), "three multiply"
    assert all(texts)
    assert "{" not in str(texts) + str(programme_page(terms, ()))
    assert "}" not in str(texts)


@pytest.mark.parametrize("rule_id", DEMO_RULES)
def test_each_rule_of_the_demo_says_something_to_a_member(rule_id: str) -> None:
    rule = next(one for one in read_programme(demo_document()).rules if one.id == rule_id)

    text = rule_text(rule, Standing(), CheckInDays(), ON)

    assert text
    assert not {"{", "}"} & set(text)
