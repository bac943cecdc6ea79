"""What a member can still earn: tasks with their progress, and the matrix with what his caps leave."""

from __future__ import annotations

from datetime import date
from typing import Any

from chalicelib.earning.behaviour_answers import task_answer, task_text
from chalicelib.earning.behaviour_matrix import Way, deductions, ways_to_earn
from chalicelib.ledger.counters import Count
from chalicelib.programme.activity import Standing
from chalicelib.programme.model import Terms
from chalicelib.programme.tasks import LUMP_UNIT, counter_name, tasks_shown
from tests.earning.behaviours import TASK, terms
from tests.earning.programmes import a_rule
from tests.ledger.builders import TODAY_ON

MONTH_END = date(2026, 11, 30)


def ways(programme: Terms, **standing: Any) -> dict[str, Way]:
    found = ways_to_earn(programme, Standing(member_id="m1", **standing), TODAY_ON)
    return {way.rule.id: way for several in found.values() for one in several for way in one.rules}


def shown_text(task: dict[str, Any], done: int = 0) -> str:
    counters = {counter_name("rides", MONTH_END): Count(MONTH_END, done * LUMP_UNIT)}
    (shown,) = tasks_shown(terms(tasks=[task]), Standing(counters=counters), TODAY_ON)
    return task_text(shown)


def test_the_matrix_lists_indicators_under_their_dimension() -> None:
    found = ways_to_earn(terms(), Standing(), TODAY_ON)

    assert {name: [one.indicator.id for one in several] for name, several in found.items()} == {
        "login": ["check_in", "register"],
        "activity": ["add_to_cart", "message"],
        "transaction": ["order", "review"],
    }


def test_a_rule_says_what_it_pays_where_that_is_known_beforehand() -> None:
    found = ways(terms())

    assert found["add_to_cart"].points == 5
    assert found["order"].points is None


def test_a_cap_on_times_is_told_in_points() -> None:
    found = ways(terms(), counters={"message:td": Count(TODAY_ON, 1)})

    assert (found["add_to_cart"].state, found["add_to_cart"].told) == ("open", "今日还可得5分")
    assert found["message"].told == "今日还可得1分"
    assert [left for _limit, left in found["message"].limits] == [1]


def test_a_used_up_cap_says_when_it_opens_again() -> None:
    found = ways(terms(), counters={"add_to_cart:td": Count(TODAY_ON, 1)})

    assert (found["add_to_cart"].state, found["add_to_cart"].told) == ("capped", "加购今日已达上限1次,明天起可再得")


def test_the_tightest_cap_is_told() -> None:
    shared = [{"id": "all", "points": 3, "period": "month", "rules": ["add_to_cart", "message"]}]

    assert ways(terms(caps=shared))["add_to_cart"].told == "本月还可得3分"


def test_a_counter_of_yesterday_takes_nothing_from_today() -> None:
    found = ways(terms(), counters={"add_to_cart:td": Count(date(2026, 11, 21), 1)})

    assert found["add_to_cart"].state == "open"


def test_what_is_not_for_the_member_now_says_why() -> None:
    rules = [
        a_rule("gold", "ride", when={"levels": ["gold"]}),
        a_rule("soon", "ride", when={"from_on": "2026-12-01"}),
        a_rule("past", "ride", when={"until_on": "2026-11-01"}),
    ]
    paused = Terms(1, terms().effective_from, terms(*rules).programme, frozenset({"message"}))

    found = ways(paused, counters={"register:f": Count(None, 1)})

    assert {name: found[name].state for name in ("gold", "soon", "past", "message", "register")} == {
        "gold": "not_for_you",
        "soon": "not_yet",
        "past": "over",
        "message": "paused",
        "register": "done",
    }
    assert found["register"].told == "仅限首次,您已得过"


def test_rules_that_are_off_or_on_trial_for_others_are_not_shown() -> None:
    rules = [
        a_rule("off", "ride", enabled=False),
        a_rule("mine", "ride", trial={"members": ["m1"]}),
        a_rule("theirs", "ride", trial={"members": ["m2"]}),
    ]

    found = ways(terms(*rules))

    assert "mine" in found
    assert not {"off", "theirs"} & set(found)


def test_a_ladder_that_is_over_is_done_and_says_so_in_the_words_of_its_refusal() -> None:
    steps = [{"from": 1, "points": 10}, {"from": 3, "points": 0}]
    amount = {"kind": "ladder", "steps": steps, "period": "month"}
    programme = terms(a_rule("climb", "ride", name="骑行", amount=amount))

    def shown(times: int, through_on: date) -> tuple[str, str]:
        way = ways(programme, counters={"climb:lm": Count(through_on, times)})["climb"]
        return way.state, way.told

    assert shown(1, MONTH_END) == ("open", "")
    assert shown(2, MONTH_END) == ("done", "骑行本月奖励次数已用完,下月1日起可再得")
    assert shown(2, date(2026, 10, 31)) == ("open", "")


def test_penalties_are_told_apart_from_what_earns() -> None:
    ((indicator, rule, points),) = deductions(terms())

    assert (indicator.name, rule.id, points) == ("恶意差评", "malicious_review", 30)
    assert "malicious_review" not in ways(terms())


def test_a_tasks_text_says_what_is_missing() -> None:
    assert shown_text(TASK, 1) == "本月再骑2次得50分"
    assert shown_text(TASK, 3) == "一月三骑已完成"


def test_a_task_says_what_counts_for_it() -> None:
    task = {**TASK, "activity": "review", "when": {"min_fen": 1000, "weekdays": [6, 7], "until_on": "2026-11-30"}}

    (shown,) = tasks_shown(terms(tasks=[task]), Standing(), TODAY_ON)

    assert task_answer(shown)["conditions"] == ["限每周六、日", "满10元", "至2026-11-30"]
    assert task_answer(tasks_shown(terms(), Standing(), TODAY_ON)[0])["conditions"] == []


def test_a_paused_task_says_so() -> None:
    programme = terms()
    paused = Terms(1, programme.effective_from, programme.programme, frozenset({"rides"}))

    (shown,) = tasks_shown(paused, Standing(), TODAY_ON)

    assert task_answer(shown)["is_paused"]
    assert task_answer(shown)["text"] == "一月三骑暂停中,恢复后可再得"


def test_a_task_of_money_says_it_in_yuan() -> None:
    money = {**TASK, "activity": "review", "counts": "fen", "goal": 10_050, "text": "再买{n}元得{p}分"}

    assert shown_text(money, 50) == "再买100元得50分"
