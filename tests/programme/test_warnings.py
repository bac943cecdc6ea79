"""What a brand hears before it publishes terms that are valid and still probably not meant."""

from datetime import date
from typing import Any

import pytest

from chalicelib.programme.document import read_programme
from chalicelib.programme.warnings import Forecast, Warning, warnings
from tests.programme.builders import a_document, a_rule, demo_document

TODAY_ON = date(2026, 11, 20)


def warned(*rules: dict[str, Any], forecast: Forecast | None = None, **given: Any) -> list[tuple[str, str]]:
    found = warnings(read_programme(a_document(*rules, **given)), forecast, today_on=TODAY_ON)
    assert all(one.text for one in found)
    return [(one.path, one.code) for one in found]


def fixed(points: int) -> dict[str, Any]:
    return {"kind": "fixed", "points": points}


TASK = {
    "id": "t",
    "name": "任务",
    "activity": "review",
    "counts": "times",
    "goal": 3,
    "window": {"kind": "month"},
    "points": 50,
    "points_class": "activity",
    "validity": {"kind": "never"},
}


def a_check_in(**given: Any) -> dict[str, Any]:
    streak = {"kind": "streak", "points": 5, "cycle": "run", "repeats": True, "rewards": [{"day": 7, "points": 50}]}
    return a_rule("check_in", "check_in", amount=streak, **given)


EARLY = {"kind": "streak", "points": 2, "cycle": "run", "repeats": False, "rewards": [{"day": 2, "points": 500}]}
FALLING = {"kind": "ladder", "period": "month", "steps": [{"from": 1, "points": 9}, {"from": 2, "points": 3}]}
INVITE = "rules.1.amount", "invite_too_low"


@pytest.mark.parametrize(
    ("check_in", "points", "day"),
    [
        (fixed(5), 5, "第1天签到5分"),
        (EARLY, 252, "前2天签到的日均252分"),
        ({"kind": "cumulative", "cycle": "week", "rewards": [{"days": 1, "points": 50}]}, 50, "第1天签到50分"),
        ({"kind": "cumulative", "cycle": "month", "rewards": [{"days": 7, "points": 35}]}, 5, "前7天签到的日均5分"),
        (FALLING, 9, "第1天签到9分"),
    ],
)
def test_an_invite_worth_no_more_than_a_days_check_in_is_named_with_the_days(
    check_in: dict[str, Any], points: int, day: str
) -> None:
    def found(invite: int) -> list[Warning]:
        rules = a_rule("check_in", "check_in", amount=check_in), a_rule("invite", "invite", amount=fixed(invite))
        return list(warnings(read_programme(a_document(*rules)), today_on=TODAY_ON))

    assert [(one.path, one.code) for one in found(points)] == [INVITE]
    assert day in found(points)[0].text
    assert found(points + 1) == []


def test_what_several_rules_pay_for_a_check_in_counts_together_and_what_no_newcomer_gets_not_at_all() -> None:
    def of(**given: Any) -> list[tuple[str, str]]:
        more = a_rule("more", "check_in", amount=fixed(3), **given)
        return warned(
            a_rule("check_in", "check_in", amount=fixed(5)), a_rule("invite", "invite", amount=fixed(8)), more
        )

    assert of() == [INVITE]
    assert INVITE not in of(caps=[{"points": 2, "period": "day"}])
    assert of(when={"first": True}) == []
    assert of(when={"levels": ["gold"]}) == []


def test_an_invite_worth_no_more_than_a_message_is_named() -> None:
    indicators = [
        {"id": "invite", "name": "邀请", "dimension": "activity"},
        {"id": "message", "name": "发言", "dimension": "activity"},
    ]
    message, invite = a_rule("message", "message", amount=fixed(6)), a_rule("invite", "invite", amount=fixed(6))

    assert warned(message, invite, indicators=indicators) == [INVITE]
    assert warned(message, invite | {"amount": fixed(7)}, indicators=indicators) == []


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"when": {"until_on": "2026-11-19"}}, "rules.0.when.until_on", "dates_over"),
        ({"validity": {"kind": "on_date", "on": "2026-11-19"}}, "rules.0.validity.on", "validity_over"),
        (
            {"when": {"from_on": "2027-01-01"}, "validity": {"kind": "on_date", "on": "2026-12-31"}},
            "rules.0.validity.on",
            "validity_over",
        ),
        (
            {"when": {"from_on": "2026-11-21", "until_on": "2026-11-22", "weekdays": [1, 5]}},
            "rules.0.when.weekdays",
            "never",
        ),
        ({"when": {"tags": ["vip"]}}, "rules.0.when.tags", "nobody_tagged"),
        (
            {"amount": {"kind": "ladder", "steps": [{"from": 1, "points": 0}], "period": "ever"}},
            "rules.0.amount",
            "never",
        ),
        ({"caps": [{"points": 4, "period": "day"}]}, "rules.0.caps.0.points", "cap_too_small"),
        ({"trial": {"members": []}}, "rules.0.trial.members", "nobody_on_trial"),
        ({"caps": [{"times": 1, "period": "day"}, {"points": 51, "period": "day"}]}, "rules.0.caps.1", "cap_too_high"),
    ],
)
def test_a_rule_that_can_never_pay_or_a_cap_that_never_holds_is_named(
    given: dict[str, Any], path: str, code: str
) -> None:
    assert warned(a_rule("review", "review", **given)) == [(path, code)]
    assert warned(a_rule("review", "review", enabled=False, **given)) == []


def test_a_ladder_of_check_ins_whose_first_points_no_period_reaches_is_named() -> None:
    def ladder(first: int) -> dict[str, Any]:
        return a_rule(
            "l", "check_in", amount={"kind": "ladder", "steps": [{"from": first, "points": 5}], "period": "week"}
        )

    assert warned(ladder(8)) == [("rules.0.amount", "never")]
    assert warned(ladder(7)) == []


def test_a_task_for_tags_that_nobody_has_is_named() -> None:
    task = {**TASK, "when": {"tags": ["vip"]}}

    assert warned(tasks=[task]) == [("tasks.0.when.tags", "nobody_tagged")]


RECEIPT = {"kind": "receipt", "days": 7, "fallback_days": 22, "pos_fallback_days": 7}


@pytest.mark.parametrize(
    ("pending", "until_on", "code", "words"),
    [
        (RECEIPT, None, "validity_before_activation", "2026-11-27之后付款而未确认收货的,到账时已过期;2026-12-12之后的"),
        (RECEIPT, "2026-11-28", "validity_before_activation", "2026-11-27之后付款"),
        (RECEIPT, "2026-11-27", None, ""),
        ({"kind": "days", "days": 9}, None, "validity_before_activation", "到期:2026-12-10之后的等不到到账"),
        ({"kind": "days", "days": 30}, None, "validity_over", "不会发放"),
        ({"kind": "days", "days": 9}, "2026-12-10", None, ""),
    ],
)
def test_points_that_end_before_they_can_be_spent_are_named_with_the_last_day_that_counts(
    pending: dict[str, Any], until_on: str | None, code: str | None, words: str
) -> None:
    ends = {"kind": "on_date", "on": "2026-12-19"}
    rule = a_rule("order", validity=ends, pending=pending, when={"until_on": until_on} if until_on else {})

    found = warnings(read_programme(a_document(rule)), today_on=TODAY_ON)

    assert [one.code for one in found] == ([code] if code else [])
    assert all(words in one.text for one in found)


def test_a_shared_cap_or_a_budget_below_one_award_is_named() -> None:
    shared = {"id": "x", "points": 4, "period": "day", "rules": ["review"]}

    assert warned(a_rule("review", "review"), caps=[shared]) == [("caps.0.points", "cap_too_small")]
    one_shard = {**shared, "shards": 1}
    assert warned(a_rule("review", "review"), budgets=[one_shard]) == [("budgets.0.points", "budget_too_small")]


def test_a_budget_in_shards_that_one_large_order_may_find_too_small_is_named() -> None:
    def of(shards: int, **given: Any) -> list[tuple[str, str]]:
        budget = {"id": "b", "points": 100, "period": "month", "rules": ["order"], "shards": shards}
        return warned(a_rule("order", **given), budgets=[budget])

    assert of(4) == [("budgets.0.shards", "share_too_small")]
    assert of(1) == []
    assert of(4, caps=[{"points": 25, "period": "day"}]) == []
    assert of(4, caps=[{"points": 26, "period": "day"}]) == [("budgets.0.shards", "share_too_small")]
    assert of(4, enabled=False) == []


def test_a_shared_cap_that_nothing_comes_near_is_named() -> None:
    shared = {"id": "x", "points": 10**6, "period": "month", "rules": ["check_in"]}

    assert warned(a_check_in(), caps=[shared]) == [("caps.0.points", "cap_too_high")]
    assert warned(a_check_in(), caps=[shared | {"points": 600}]) == []


def test_a_multiplier_that_another_always_beats_is_named() -> None:
    def times(rule_id: str, bp: int, **given: Any) -> dict[str, Any]:
        return a_rule(rule_id, amount={"kind": "multiplier", "bp": bp, "group": "activity"}, **given)

    assert warned(a_rule("order"), times("two", 20_000), times("three", 30_000)) == [("rules.1", "shadowed")]
    assert warned(a_rule("order"), times("two", 20_000), times("three", 30_000, when={"weekdays": [6]})) == []


@pytest.mark.parametrize(
    ("indicator", "name", "is_forbidden"),
    [
        ("share", "传播", True),
        ("moments_share", "传播", True),
        ("x1", "转发到朋友圈", True),
        ("follow", "公众号", True),
        ("download_app", "应用", True),
        ("likelihood", "可能", False),
        ("follow_up", "回访", False),
        ("wecom_contact", "加企微", False),
    ],
)
def test_a_reward_that_wechat_forbids_is_named(indicator: str, name: str, is_forbidden: bool) -> None:
    indicators = [{"id": indicator, "name": name, "dimension": "activity"}]

    found = warned(a_rule("r", indicator), indicators=indicators)

    assert found == ([("rules.0.activity", "forbidden_by_wechat")] if is_forbidden else [])


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"name": "分享有礼"}, "name"),
        ({"id": "share_more"}, "id"),
        ({"text": "转发得{p}分"}, "text"),
        ({"text": "集赞满10个"}, "text"),
        ({"text": "小红书笔记转到朋友圈"}, "text"),
        ({"text": "小红书上分享骑行,如实即可"}, None),
        ({"name": "小红书点赞"}, None),
        ({"text": "无需转发朋友圈"}, None),
        ({"name": "骑行分享会"}, None),
        ({"text": "感谢关注,下载发票后可评价"}, None),
    ],
)
def test_what_a_rule_or_a_task_is_called_and_says_is_read_too(given: dict[str, str], place: str | None) -> None:
    rule = {**a_rule("r", "review"), **given}

    assert warned(rule) == ([(f"rules.0.{place}", "forbidden_by_wechat")] if place else [])
    assert warned(tasks=[TASK | given]) == ([(f"tasks.0.{place}", "forbidden_by_wechat")] if place else [])


def test_more_rules_than_a_member_can_follow_are_named() -> None:
    rules = [a_rule(f"r{place}", "review") for place in range(4)]

    assert warned(*rules, max_shown_rules=3) == [("rules", "too_many_rules")]
    assert warned(*rules[:3], rules[3] | {"trial": {"members": ["m"]}}, max_shown_rules=3) == []


def test_a_forecast_above_a_budget_is_named_by_the_budgets_own_period() -> None:
    budget = {"id": "b", "points": 700, "period": "week", "rules": ["review"]}
    rule = a_rule("review", "review")

    assert warned(rule, budgets=[budget], forecast=Forecast(30, {"review": 3000})) == []
    assert warned(rule, budgets=[budget], forecast=Forecast(30, {"review": 3005})) == [
        ("budgets.0.points", "over_budget")
    ]


def test_a_budget_for_ever_is_held_against_the_days_its_rules_run() -> None:
    budget = {"id": "b", "points": 1000, "period": "ever", "rules": ["review"]}
    month = Forecast(30, {"review": 300})

    def of(forecast: Forecast, **when: str) -> list[tuple[str, str]]:
        return warned(a_rule("review", "review", when=when), budgets=[budget], forecast=forecast)

    over, unknown = ("budgets.0.points", "over_budget"), ("budgets.0.period", "not_comparable")
    assert of(month, from_on="2026-12-01", until_on="2027-03-10") == []  # 100 days of 10 points
    assert of(month, from_on="2026-12-01", until_on="2027-03-11") == [over]
    assert of(month, until_on="2027-02-27") == []  # from today on
    assert of(month, until_on="2027-02-28") == [over]
    assert of(month) == of(month, from_on="2026-12-01") == [unknown]


def test_a_rule_that_runs_for_a_part_of_the_budgets_period_is_expected_to_pay_in_that_part() -> None:
    budget = {"id": "b", "points": 50, "period": "month", "rules": ["review"]}
    rule = a_rule("review", "review", when={"from_on": "2026-12-01", "until_on": "2026-12-05"})

    assert warned(rule, budgets=[budget], forecast=Forecast(30, {"review": 300})) == []
    assert warned(rule, budgets=[budget], forecast=Forecast(30, {"review": 330})) == [
        ("budgets.0.points", "over_budget")
    ]


def test_a_forecast_of_days_on_which_a_rule_could_not_pay_says_nothing_of_its_budget() -> None:
    budget = {"id": "b", "points": 50, "period": "month", "rules": ["review"]}
    forecast = Forecast(30, {}, frozenset({"review"}))

    assert warned(a_rule("review", "review"), budgets=[budget], forecast=forecast) == [
        ("budgets.0.rules", "not_comparable")
    ]
    assert warned(a_rule("review", "review", enabled=False), budgets=[budget], forecast=forecast) == []


def test_accounts_that_outgrow_their_unit_are_named_with_their_size() -> None:
    def many(**given: Any) -> list[Warning]:
        cap = {"times": 1, "period": "month"}
        rules = [a_rule(f"a_rule_with_a_long_name_{n}", "review", caps=[cap], **given) for n in range(19)]
        return list(warnings(read_programme(a_document(*rules, max_shown_rules=20))))

    (found,) = many()
    assert (found.path, found.code) == ("rules", "account_too_large")
    assert "1059字节" in found.text
    assert many(enabled=False) == []


def test_points_that_end_on_every_day_of_a_long_time_outgrow_an_account() -> None:
    daily = a_rule("review", "review", validity={"kind": "days", "days": 90, "until": "day"})
    assert warned(daily) == [("rules", "account_too_large")]
    assert warned(daily | {"caps": [{"times": 4, "period": "month"}]}) == []
    assert warned(daily | {"validity": {"kind": "days", "days": 90}}) == []


def test_the_demo_with_everything_switched_on_has_too_many_rules_and_too_large_accounts() -> None:
    document = demo_document()
    penalties = {one["id"] for one in document["indicators"] if one.get("penalty")}
    for rule in document["rules"]:
        rule["enabled"] = rule["activity"] not in penalties

    assert {one.code for one in warnings(read_programme(document))} == {"too_many_rules", "account_too_large"}


def test_a_deduction_that_hardly_any_order_could_use_is_named() -> None:
    usual = {"min_points": 500, "step_points": 100, "max_share_bp": 2000}

    assert warned(deduction={**usual, "max_share_bp": 1}) == []
    assert warned(deduction={**usual, "min_points": 10_000, "max_share_bp": 1}) == [
        ("deduction.min_points", "deduction_out_of_reach")
    ]
