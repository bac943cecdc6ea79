"""What changed: by path, with ids for places in lists, and in words where a member's terms did."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.programme.difference import Change, difference, difference_in_words, lines, plain
from chalicelib.programme.document import read_programme
from tests.programme.builders import demo_document
from tests.programme.published import small


def told(changes: dict[str, Any]) -> list[str]:
    before, after = (plain(read_programme(small(one))) for one in ({}, changes))
    return lines(difference_in_words(before, after))


def test_a_document_that_states_its_defaults_is_no_different() -> None:
    stated = small({"grace_days": 30, "rules.0.enabled": True, "rules.0.trial": None, "tasks": []})

    assert plain(read_programme(stated)) == plain(read_programme(small()))


def test_objects_with_an_id_are_matched_by_it_wherever_they_stand() -> None:
    before = {"rules": [{"id": "a", "points": 1}, {"id": "b", "points": 2}]}
    after = {"rules": [{"id": "c", "points": 3}, {"id": "b", "points": 5}]}

    assert difference(before, after) == (
        Change("rules.a", "removed", {"id": "a", "points": 1}, None),
        Change("rules.b.points", "changed", 2, 5),
        Change("rules.c", "added", None, {"id": "c", "points": 3}),
    )


def test_a_new_order_is_a_change_of_its_own() -> None:
    before = {"rules": [{"id": "a"}, {"id": "b"}]}
    after = {"rules": [{"id": "b"}, {"id": "x"}, {"id": "a"}]}

    assert difference(before, after) == (
        Change("rules.x", "added", None, {"id": "x"}),
        Change("rules", "changed", ["a", "b"], ["b", "a"]),
    )


def test_lists_without_ids_are_compared_place_by_place_or_whole() -> None:
    assert [change.path for change in difference({"r": [{"day": 7}]}, {"r": [{"day": 8}]})] == ["r.0.day"]
    assert [change.path for change in difference({"r": [1]}, {"r": [1, 2]})] == ["r"]


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (None, 0), ("1", 1), ([], {})])
def test_values_of_two_types_are_never_the_same(before: Any, after: Any) -> None:
    assert difference({"x": before}, {"x": after}) == (Change("x", "changed", before, after),)


def test_a_null_that_came_or_went_is_told_from_a_null_that_changed() -> None:
    assert difference({}, {"x": None}) == (Change("x", "added", None, None),)
    assert difference({"x": None}, {}) == (Change("x", "removed", None, None),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", "b"]), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)  # others may be using the machine
@given(st.dictionaries(st.sampled_from(["a", "b"]), JSON), st.dictionaries(st.sampled_from(["a", "b"]), JSON))
def test_there_is_a_difference_exactly_where_documents_differ(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert difference(before, before) == ()
    assert bool(difference(before, after)) == (repr(before) != repr(after) and not same_but_for_order(before, after))


def same_but_for_order(before: Any, after: Any) -> bool:
    """Objects do not order their names; all else is as Python has it, with types."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(same_but_for_order(before[name], after[name]) for name in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(same_but_for_order, before, after))
    return type(before) is type(after) and before == after


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"rules.2.amount.points": 6}, "「评价」积分:每次得5分 → 每次得6分"),
        ({"rules.2.caps": []}, "「评价」上限:每天最多3次 → 无"),
        ({"rules.2.validity": {"kind": "never"}}, "「评价」有效期:有效期至获得后第12个月的月底 → 长期有效"),
        ({"rules.2.when": {"weekdays": [6, 7]}}, "「评价」条件:无 → 限每周六、日"),
        ({"rules.2.enabled": False}, "「评价」:开放 → 停用"),
        ({"rules.2.trial": {"members": ["m1"]}}, "「评价」:开放 → 试行"),
        ({"rules.2.name": "好评"}, "「好评」名称:评价 → 好评"),
        ({"rules.1.pending": None}, "即时到账"),
        ({"rules.2": None, "caps": []}, "取消规则「评价」"),
        ({"point_value.fen": 150}, "积分价值:100积分相当于1元 → 100积分相当于1.5元"),
        ({"reversal": "waive"}, "退款:退款时收回该订单的积分,余额不足的部分从以后获得的积分中补足 → "),
        ({"caps.0.points": 500}, "合计上限:签到、评价合计每月最多600分 → 签到、评价合计每月最多500分"),
        ({"idle_months": 18}, "不活跃到期:无 → 18个月"),
        ({"notice_days": 45}, "调整的提前公布期:30天 → 45天"),
        ({"stacking": {"ceiling_bp": 25000}}, "倍率最高:3倍 → 2.5倍"),
        (
            {"transfer": {"min_points": 100, "max_points_per_day": 500, "times_per_day": 2}},
            "转赠:无 → 积分可转赠,每次至少100分,每天最多500分、2次",
        ),
        (
            {"deduction": {"min_points": 500, "step_points": 100, "max_share_bp": 1250}},
            "积分抵扣:无 → 500分起可抵扣,每100分一档;每单最多抵扣优惠后应付金额的12.5%(不含运费);",
        ),
    ],
)
def test_a_change_of_figures_is_told_in_words(changes: dict[str, Any], line: str) -> None:
    assert line in "\n".join(told(changes))


def test_several_changes_of_one_part_are_one_line() -> None:
    assert told({"rules.1.amount.points": 3, "rules.1.amount.fen": 200}) == [
        "「消费」积分:每消费1元得1分(不足部分不计);运费不计积分 → 每消费2元得3分(不足部分不计);运费不计积分"
    ]


def test_a_new_rule_and_a_new_task_say_what_they_pay() -> None:
    rule = {**small()["rules"][2], "id": "review_2", "name": "追评"}
    task = {
        "id": "reviewer",
        "name": "评价达人",
        "activity": "review",
        "counts": "times",
        "goal": 10,
        "window": {"kind": "month"},
        "points": 50,
        "points_class": "behaviour",
        "validity": {"kind": "never"},
    }

    assert told({"rules": [*small()["rules"], rule], "tasks": [task]}) == [
        "新增任务「评价达人」:每月评价满10次得50分",
        "新增规则「追评」:每次得5分",
    ]


def test_a_task_that_goes_on_trial_and_a_cap_that_names_one_say_so() -> None:
    task = demo_document()["tasks"][0]
    cap = {"id": "both", "points": 600, "period": "month", "rules": ["order", "three_orders"]}
    before, after = small({"tasks": [task]}), small({"tasks": [{**task, "trial": {"members": ["m1"]}}], "caps": [cap]})

    changes = difference_in_words(plain(read_programme(before)), plain(read_programme(after)))

    assert [line for line in lines(changes) if "一月三单" in line] == [
        "合计上限:签到、评价合计每月最多600分 → 消费、一月三单合计每月最多600分",
        "「一月三单」:开放 → 试行",
    ]


def test_what_touches_no_member_has_no_words() -> None:
    assert told({"rules.2.text": "写评价", "max_shown_rules": 9, "class_order": small()["class_order"][::-1]}) == []
