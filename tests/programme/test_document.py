import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.programme.document import faults, read_programme
from chalicelib.programme.warnings import warnings
from tests.programme.builders import ROOT, a_document, a_rule, demo_document


def changed(path: str, value: Any) -> dict[str, Any]:
    document: Any = demo_document()
    place: Any = document
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        place = place[step]
    place[last] = value
    return document  # type: ignore[no-any-return]


def test_the_demo_document_is_valid() -> None:
    programme = read_programme(demo_document())

    assert [rule.id for rule in programme.rules[:3]] == ["check_in", "order", "check_in_month"]
    assert warnings(programme) == ()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("rules.0.amount.points", -1, "rules.0.amount.points"),
        ("rules.0.amount.points", 2.5, "rules.0.amount.points"),
        ("rules.0.amount.points", "2", "rules.0.amount.points"),
        ("rules.0.amount.points", True, "rules.0.amount.points"),
        ("rules.0.amount.surprise", 1, "rules.0.amount.surprise"),
        ("rules.0.amount.kind", "dice", "rules.0.amount.kind"),
        ("rules.1.validity.months", 999, "rules.1.validity.months"),
        ("rules.1.amount.less", ["freight", "freight"], "rules.1.amount.less"),
        ("rules.0.amount.rewards", [{"day": 400, "points": 1}], "rules.0.amount.rewards.0.day"),
        ("rules.1.id", "check_in", "rules.1.id"),
        ("rules.0.activity", "order", "rules.0.amount.kind"),
        ("zone", "Asia/Nowhere", "zone"),
        ("class_order", ["activity", "activity", "behaviour"], "class_order"),
        ("reversal", "forget", "reversal"),
        ("surprise", 1, "surprise"),
        ("rules.1.id", "a:b", "rules.1.id"),
        ("rules.1.id", "three_orders", "tasks.0.id"),
        ("caps.0.id", "check_in", "caps.0.id"),
        ("caps.1.id", "check_ins", "caps.1.id"),
        ("caps.0.rules", ["check_in", "nobody"], "caps.0.rules.1"),
        ("caps.0.rules", ["check_in", "check_in"], "caps.0.rules.1"),
        ("caps.0.rules", ["check_in", "level_gold"], "caps.0.rules.1"),
        ("budgets.0.rules", ["nobody"], "budgets.0.rules.0"),
        ("budgets.0.shards", 0, "budgets.0.shards"),
        ("budgets.0.period", "decade", "budgets.0.period"),
        ("indicators.0.id", "order", "indicators.0.id"),
        ("indicators.0.id", "login", "indicators.17.id"),
        ("rules.0.activity", "dancing", "rules.0.activity"),
        ("rules.0.activity", "review", "rules.0.amount.kind"),
        ("rules.1.activity", "ride", "rules.1.amount.kind"),
        ("rules.1.activity", "invite_order", "rules.1.pending.kind"),
        ("rules.3.activity", "review", "rules.3.activity"),
        ("rules.3.caps", [{"times": 1, "period": "day"}], "rules.3.caps"),
        ("rules.3.pending", {"kind": "days", "days": 1}, "rules.3.pending"),
        ("rules.3.amount.bp", 9_999, "rules.3.amount.bp"),
        ("stacking.ceiling_bp", 14_000, "rules.5.amount.bp"),
        ("stacking.activities", "shuffle", "stacking.activities"),
        ("rules.6.amount.steps", [{"from": 2, "points": 1}, {"from": 2, "points": 2}], "rules.6.amount.steps.1.from"),
        ("rules.6.amount.steps", [{"from": 0, "points": 1}], "rules.6.amount.steps.0.from"),
        ("rules.6.amount.steps", [{"from_time": 1, "points": 1}], "rules.6.amount.steps.0.from"),
        ("rules.2.amount.rewards", [{"days": 32, "points": 1}], "rules.2.amount.rewards.0.days"),
        ("rules.0.amount.make_up.per_month", 0, "rules.0.amount.make_up.per_month"),
        ("rules.0.caps", [{"period": "day"}], "rules.0.caps.0"),
        ("rules.0.caps", [{"points": 1, "times": 1, "period": "day"}], "rules.0.caps.0"),
        ("rules.0.caps", [{"times": 1, "period": "day"}, {"times": 2, "period": "day"}], "rules.0.caps.1"),
        ("rules.0.when", {"hours": [[12, 12]]}, "rules.0.when.hours.0"),
        ("rules.0.when", {"hours": [[0, 25]]}, "rules.0.when.hours.0.1"),
        ("rules.0.when", {"weekdays": [8]}, "rules.0.when.weekdays.0"),
        ("rules.0.when", {"weekdays": [1, 1]}, "rules.0.when.weekdays"),
        ("rules.0.when", {"from_on": "2026-02-30"}, "rules.0.when.from_on"),
        ("rules.0.when", {"from_on": "2026-02-02", "until_on": "2026-02-01"}, "rules.0.when.until_on"),
        ("rules.0.when", {"skus": ["a"]}, "rules.0.when.skus"),
        ("rules.0.when", {"min_fen": 1}, "rules.0.when.min_fen"),
        ("rules.0.when", {"platforms": ["jd"]}, "rules.0.when.platforms"),
        ("rules.0.trial", {"members": ["m"] * 2}, "rules.0.trial.members"),
        ("rules.0.trial", {"members": [str(n) for n in range(1001)]}, "rules.0.trial.members"),
        ("rules.0.validity", {"kind": "fixed_day", "month": 4, "day": 31}, "rules.0.validity.day"),
        ("rules.0.validity", {"kind": "idle"}, "idle_months"),
        ("rules.0.validity", {"kind": "quarter", "quarters": 9}, "rules.0.validity.quarters"),
        ("tasks.0.activity", "dancing", "tasks.0.activity"),
        ("tasks.0.activity", "malicious_review", "tasks.0.activity"),
        ("tasks.1.counts", "fen", "tasks.1.counts"),
        ("tasks.1.goal", 32, "tasks.1.goal"),
        ("tasks.0.when", {"first": True}, "tasks.0.when.first"),
        (
            "tasks.0.window",
            {"kind": "dates", "from_on": "2026-02-02", "until_on": "2026-02-01"},
            "tasks.0.window.until_on",
        ),
        ("tasks.0.trial", {"members": ["m"] * 2}, "tasks.0.trial.members"),
        ("tasks.0.window", {"kind": "ever"}, "tasks.0.window.kind"),
        (
            "tasks.0.window",
            {"kind": "dates", "from_on": "2026-02-02", "until_on": "2097-06-26"},
            "tasks.0.window.until_on",
        ),
        ("rules.27.when", {"until_on": "2030-01-01"}, "rules.27.when"),
        ("rules.27.caps", [{"times": 1, "period": "day"}], "rules.27.caps"),
        ("rules.27.pending", {"kind": "days", "days": 1}, "rules.27.pending"),
        ("rules.27.trial", {"members": ["m1"]}, "rules.27.trial"),
        ("rules.27.amount", {"kind": "by_length", "steps": [{"over": 0, "points": 1}]}, "rules.27.amount.kind"),
        ("caps.0.rules", ["check_in", "malicious_review"], "caps.0.rules.1"),
        ("budgets.0.rules", ["invite", "malicious_review"], "budgets.0.rules.1"),
        ("transfer", {"min_points": 2, "max_points_per_day": 1, "times_per_day": 1}, "transfer.min_points"),
        ("point_value", {"points": 0, "fen": 1}, "point_value.points"),
        ("point_value", {"points": 1000, "fen": 1}, "deduction.step_points"),
        ("deduction", {"min_points": 550, "step_points": 100, "max_share_bp": 2000}, "deduction.min_points"),
        ("deduction", {"min_points": 500, "step_points": 100, "max_share_bp": 10001}, "deduction.max_share_bp"),
        ("deduction.max_points_per_order", 400, "deduction.max_points_per_order"),
        ("deduction.excluded_skus", ["s1", "s1"], "deduction.excluded_skus"),
        ("deduction.excluded_categories", ["c1", "c1"], "deduction.excluded_categories"),
        ("deduction.hold_minutes", 4, "deduction.hold_minutes"),
    ],
)
def test_every_fault_is_refused_and_named_by_its_path(path: str, value: Any, field: str) -> None:
    with pytest.raises(JifenError) as refused:
        read_programme(changed(path, value))

    assert refused.value.code is Code.INVALID_TERMS
    assert refused.value.field == field


def test_all_faults_of_a_document_are_listed_at_once() -> None:
    types = faults({"zone": 1, "rules": [{"id": "a", "amount": {"kind": "dice"}}]})
    document = changed("rules.0.activity", "dancing") | {"zone": "Asia/Nowhere"}

    assert {"name", "zone", "rules.0.amount.kind", "rules.0.validity"} <= {fault.path for fault in types}
    assert [fault.path for fault in faults(document)] == ["zone", "rules.0.activity"]
    assert faults(demo_document()) == ()
    assert all(fault.reason and not fault.reason.startswith(fault.path) for fault in types)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("rules.0.amount.bogus", 1, "是未知字段"),
        ("reversal", "x", "只能是deficit、waive、pending_only或charge_refund"),
        ("rules.0.points_class", "x", "只能是consumption、behaviour或activity"),
        ("rules.0.when", {"from_on": "2026-02-30"}, "不是日期,应写作2026-11-22这样"),
        ("rules.0.when", {"from_on": 5}, "不是日期,应写作2026-11-22这样"),
        ("tasks.0.window", {"kind": "decade"}, "不是已知的类型,只能是week、month、quarter、year或dates"),
        ("rules.0.enabled", "yes", "应为true或false"),
        ("rules.0.id", "A b", "的格式不对"),
        ("rules", "x", "应为列表"),
        ("point_value", [], "应为对象"),
        ("rules.0.amount", 5, "应为对象"),
        ("rules.0.amount.points", -1, "太小,至少为0"),
        ("rules.0.amount.points", 10**9, "太大,至多为1000000"),
    ],
)
def test_a_fault_says_what_would_be_right(path: str, value: Any, reason: str) -> None:
    (fault,) = faults(changed(path, value))

    assert fault.reason == reason
    with pytest.raises(JifenError) as refused:
        read_programme(changed(path, value))
    assert refused.value.msg == fault.path + reason


def test_a_penalty_has_one_rule_that_says_what_it_costs() -> None:
    document = demo_document()
    cost = {**document["rules"][27], "enabled": True}
    twice = {**document, "rules": [*document["rules"], {**cost, "id": "again"}, {**cost, "id": "and_again"}]}

    assert [fault.path for fault in faults(twice)] == [f"rules.{len(document['rules']) + 1}.activity"]


def test_a_document_of_the_first_days_still_reads() -> None:
    programme = read_programme(json.loads((ROOT / "local/programmes/cdnow.json").read_text()))

    assert (programme.grace_days, programme.notice_days, programme.stacking.activities) == (30, 30, "best_one")
    assert programme.rules[0].enabled


def test_a_rate_that_its_multipliers_carry_beyond_the_ledger_is_refused() -> None:
    rule = a_rule("order")
    rule["amount"] |= {"fen": 1, "less": []}
    double = a_rule("double", amount={"kind": "multiplier", "bp": 20_000, "group": "activity"})

    assert faults(a_document(rule)) == ()
    assert [fault.path for fault in faults(a_document(rule, double))] == ["rules.0.amount.points"]


def test_every_document_that_ships_is_valid() -> None:
    for path in sorted((ROOT / "local/programmes").glob("*.json")):
        assert read_programme(json.loads(path.read_text())).rules


def test_a_programme_is_never_changed_and_two_of_the_same_words_are_equal() -> None:
    one, same = read_programme(demo_document()), read_programme(demo_document())
    other = read_programme(changed("rules.0.amount.points", 3))

    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert repr(one.point_value) == "PointValue(points=100, fen=100)"
    for change in (lambda: setattr(one, "name", "x"), lambda: setattr(one, "new", 1), lambda: delattr(one, "name")):
        with pytest.raises(FrozenInstanceError):
            change()


def test_a_check_ins_points_never_wait() -> None:
    rule = a_rule("check_in", "check_in", pending={"kind": "days", "days": 1})

    assert [fault.path for fault in faults(a_document(rule))] == ["rules.0.pending"]
    rule["pending"] = {"kind": "receipt", "days": 7, "fallback_days": 22, "pos_fallback_days": 7}
    assert [fault.path for fault in faults(a_document(rule))] == ["rules.0.pending"]


@pytest.mark.parametrize(
    ("points", "shards", "paths"),
    [(1000, 4, ["budgets.0.shards"]), (1200, 4, []), (1000, 3, []), (100, 1, [])],
)
def test_each_share_of_a_budget_holds_the_largest_award(points: int, shards: int, paths: list[str]) -> None:
    rules = [a_rule("small", "review"), a_rule("large", "review", amount={"kind": "fixed", "points": 300})]
    budget = {"id": "b", "points": points, "period": "month", "rules": ["small", "large"], "shards": shards}

    found = faults(a_document(*rules, budgets=[budget]))

    assert [fault.path for fault in found] == paths
    assert all(fault.reason.endswith("每份名额装不下一次奖励,请减少shards") for fault in found)


def test_budgets_and_shared_caps_list_tasks_too_and_a_share_holds_their_lump() -> None:
    task = demo_document()["tasks"][0]
    cap = {"id": "all", "points": 1000, "period": "month", "rules": ["order", task["id"]]}

    def found(points: int) -> list[str]:
        budget = {"id": "b", "points": points, "period": "month", "rules": [task["id"]], "shards": 4}
        return [fault.path for fault in faults(a_document(a_rule("order"), tasks=[task], caps=[cap], budgets=[budget]))]

    assert found(400) == []
    assert found(396) == ["budgets.0.shards"]


def test_a_cap_on_points_bounds_the_award_a_share_must_hold() -> None:
    rule = a_rule("large", "review", amount={"kind": "fixed", "points": 300}, caps=[{"points": 250, "period": "day"}])
    budget = {"id": "b", "points": 1000, "period": "month", "rules": ["large"], "shards": 4}

    assert faults(a_document(rule, budgets=[budget])) == ()


def test_at_most_twenty_enabled_rules_and_tasks_answer_one_activity() -> None:
    rules = [a_rule(f"r{place}", "review") for place in range(20)]
    task = {
        "id": "t",
        "name": "t",
        "activity": "review",
        "counts": "times",
        "goal": 2,
        "window": {"kind": "month"},
        "points": 5,
        "points_class": "activity",
        "validity": {"kind": "never"},
    }
    off, other = a_rule("off", "review", enabled=False), a_rule("other", "invite")
    double = a_rule("double", "sale", amount={"kind": "multiplier", "bp": 20_000, "group": "activity"})
    by_amount = {"kind": "per_amount", "fen": 100, "points": 1, "rounding": "floor", "less": []}
    sales = [a_rule(f"s{place}", "sale", amount=by_amount) for place in range(20)]

    assert faults(a_document(*rules, off, other, double, *sales)) == ()
    assert [fault.path for fault in faults(a_document(*rules, off, a_rule("one_more", "review")))] == [
        "rules.21.activity"
    ]
    assert [fault.path for fault in faults(a_document(*rules, tasks=[task]))] == ["tasks.0.activity"]
