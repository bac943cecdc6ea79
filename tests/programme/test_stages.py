"""Stages as a brand writes them: what is refused, what is worse for members, what they are told."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chalicelib.programme.difference import difference_in_words, lines, plain
from chalicelib.programme.document import faults, read_programme
from chalicelib.programme.model import Terms
from chalicelib.programme.notice import worse_for_members
from chalicelib.programme.page import programme_page
from chalicelib.programme.stored import stored_programme
from chalicelib.programme.warnings import warnings
from tests.programme.builders import SINCE, a_document, a_rule, demo_document

ON = date(2026, 3, 2)
LEVELS = {
    "levels": [
        {"id": "normal", "name": "普通", "from_growth": 0, "keep_growth": 0},
        {"id": "gold", "name": "黄金", "from_growth": 500, "keep_growth": 400},
        {"id": "diamond", "name": "钻石", "from_growth": 900, "keep_growth": 800},
    ]
}
STRANGER: dict[str, Any] = {"id": "stranger", "name": "陌生人", "emotion": ["不打扰"]}
BUYER: dict[str, Any] = {
    "id": "buyer",
    "name": "首购会员",
    "reach": {"kind": "activity", "activity": "order", "times": 2},
    "benefits": ["生日礼", "免运费"],
}
GOLD: dict[str, Any] = {"id": "best", "name": "超级会员", "reach": {"kind": "level", "level": "gold"}}


def document(*stages: dict[str, Any], membership_from: str = "buyer", **given: Any) -> dict[str, Any]:
    growth = {"order": {"fen": 100, "growth": 1}}
    parts = {"stages": list(stages or (STRANGER, BUYER, GOLD)), "membership_from": membership_from}
    return a_document(a_rule("order"), **{"growth": growth, "levels": LEVELS, "stages": parts, **given})


def asking(**reach: Any) -> dict[str, Any]:
    return {"id": "best", "name": "超级会员", "reach": reach}


@pytest.mark.parametrize(
    ("stages", "path", "reason"),
    [
        ((STRANGER, BUYER, {**GOLD, "id": "buyer"}), "stages.2.id", "与前面的重复"),
        (({**STRANGER, "reach": BUYER["reach"]}, {**BUYER, "reach": {"kind": "spent"}}), "stages.0.reach", "首个阶段"),
        ((STRANGER, {**BUYER, "reach": None}), "stages.1.reach", "缺失"),
        ((STRANGER, BUYER, asking(kind="activity", activity="no_such")), "stages.2.reach.activity", "不是签到"),
        ((STRANGER, BUYER, asking(kind="level", level="iron")), "stages.2.reach.level", "不是已有的等级"),
        ((STRANGER, BUYER, asking(kind="level", level="normal")), "stages.2.reach.level", "人人都有"),
        ((STRANGER, BUYER, asking(kind="activity", activity="order", times=2)), "stages.2.reach", "应高于"),
        ((STRANGER, {**GOLD, "id": "a"}, {**GOLD, "id": "buyer"}), "stages.2.reach", "应高于"),
        ((STRANGER, {**BUYER, "reach": {"kind": "spent"}}, asking(kind="spent")), "stages.2.reach", "应高于"),
    ],
)
def test_a_fault_is_named_by_its_place(stages: tuple[dict[str, Any], ...], path: str, reason: str) -> None:
    (fault,) = faults(document(*stages))

    assert fault.path == f"stages.{path}"
    assert reason in fault.reason


@pytest.mark.parametrize(("begins", "reason"), [("stranger", "人人都在"), ("nowhere", "不是已有的阶段")])
def test_membership_begins_at_a_stage_that_not_everybody_has(begins: str, reason: str) -> None:
    (fault,) = faults(document(membership_from=begins))

    assert (fault.path, reason in fault.reason) == ("stages.membership_from", True)


def test_a_level_asked_for_without_levels_and_a_penalty_as_a_way_are_faults() -> None:
    penalty = {"id": "bad", "name": "恶意", "dimension": "activity", "penalty": True}
    given = document(STRANGER, BUYER, GOLD, asking(kind="activity", activity="bad") | {"id": "x"}, levels=None)
    given["indicators"] = [penalty]

    assert [fault.path for fault in faults(given)] == [
        "stages.stages.2.reach.level",
        "stages.stages.3.reach.activity",
    ]


def test_ten_times_are_the_most_and_one_stage_is_no_path() -> None:
    many = document(STRANGER, BUYER, asking(kind="activity", activity="order", times=11))
    alone = document(STRANGER, membership_from="stranger")

    assert ["times" in fault.path for fault in faults(many)] == [True]
    assert [fault.path for fault in faults(alone)] == ["stages.stages"]


def test_the_demo_has_stages_that_stand_the_check_and_are_read_as_they_were_written() -> None:
    programme = read_programme(demo_document())

    assert programme.stages is not None
    assert [stage.id for stage in programme.stages.stages][-1] == "super"
    assert stored_programme(demo_document()) == programme
    assert [one for one in warnings(programme) if one.path.startswith("stages")] == []


def worse(**after: Any) -> list[str]:
    stages = after.pop("stages", (STRANGER, {**BUYER, **after.pop("buyer", {})}, GOLD))
    before, then = (plain(read_programme(one)) for one in (document(), document(*stages, **after)))
    return [one.path for one in worse_for_members(before, then, on=ON)]


@pytest.mark.parametrize(
    ("after", "paths"),
    [
        ({"buyer": {"benefits": ["生日礼"]}}, ["stages.buyer.benefits"]),
        ({"buyer": {"benefits": ["免运费", "生日礼", "试用"]}}, []),
        ({"buyer": {"reach": {"kind": "activity", "activity": "order", "times": 3}}}, ["stages.buyer.reach"]),
        ({"buyer": {"reach": {"kind": "activity", "activity": "order", "times": 1}}}, []),
        ({"buyer": {"reach": {"kind": "activity", "activity": "review", "times": 1}}}, ["stages.buyer.reach"]),
        ({"buyer": {"lost_after_days": 7, "emotion": [], "name": "买家"}}, []),
        ({"stages": (STRANGER, BUYER)}, ["stages.buyer.reach"]),
        ({"stages": (STRANGER, GOLD, BUYER)}, ["stages.buyer.reach"]),
        ({"stages": (STRANGER, BUYER, GOLD, asking(kind="spent") | {"id": "more"})}, []),
        ({"stages": (STRANGER, BUYER, asking(kind="level", level="diamond"))}, ["stages.buyer.reach"]),
        ({"stages": (STRANGER, {**BUYER, "id": "b2"}, GOLD), "membership_from": "b2"}, ["stages.buyer"]),
        ({"membership_from": "best"}, ["stages.membership_from"]),
    ],
)
def test_benefits_that_go_or_are_harder_to_reach_need_notice(after: dict[str, Any], paths: list[str]) -> None:
    assert worse(**after) == paths


def test_benefits_of_everybody_that_need_a_condition_now_are_worse() -> None:
    everybody = {**STRANGER, "benefits": ["可兑参考"]}
    asked = [{"id": "nobody", "name": "无名"}, {**everybody, "reach": {"kind": "spent"}}, BUYER, GOLD]
    before, after = (plain(read_programme(document(*stages))) for stages in ((everybody, BUYER, GOLD), asked))

    assert [one.path for one in worse_for_members(before, after, on=ON)] == ["stages.stranger.reach"]
    assert worse_for_members(after, before, on=ON) == ()


def test_to_drop_all_stages_is_to_drop_their_benefits_and_to_begin_with_stages_costs_nobody() -> None:
    with_stages, without = (plain(read_programme(one)) for one in (document(), document(stages=None)))

    assert [one.path for one in worse_for_members(with_stages, without, on=ON)] == ["stages.buyer"]
    assert worse_for_members(without, with_stages, on=ON) == ()


def shown(given: dict[str, Any], *following: dict[str, Any]) -> dict[str, list[str]]:
    terms = [Terms(number, SINCE, read_programme(one)) for number, one in enumerate((given, *following), 1)]
    return {section.title: section.lines for section in programme_page(terms[0], terms[1:])}


def test_the_page_lists_stages_with_benefits_and_keeps_the_emotional_plan_inside() -> None:
    assert shown(document())["会员阶段"] == [
        "陌生人",
        "首购会员(会员从这里开始):累计消费2次;生日礼、免运费",
        "超级会员:升到黄金等级",
    ]
    assert "会员阶段" not in shown(document(stages=None))


def test_what_changes_for_members_is_announced_in_words_and_a_new_plan_for_staff_is_not() -> None:
    spends = {**BUYER, "benefits": ["生日礼"], "reach": {"kind": "spent"}, "emotion": ["问候"]}
    (_, changes) = [lines for title, lines in shown(document(), document(STRANGER, spends, GOLD)).items()][-2:]

    assert changes == [
        "会员阶段「首购会员」条件:累计消费2次 → 首次使用积分",
        "会员阶段「首购会员」权益:生日礼、免运费 → 生日礼",
    ]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (document(stages=None), ["取消会员阶段:陌生人、首购会员、超级会员"]),
        (document(membership_from="best"), ["会员从哪一阶段开始:首购会员 → 超级会员"]),
        (document(STRANGER, BUYER), ["取消会员阶段「超级会员」"]),
        (document(STRANGER, {**BUYER, "reach": GOLD["reach"]}, asking(kind="spent")), [
            "会员阶段「首购会员」条件:累计消费2次 → 升到黄金等级",
            "会员阶段「超级会员」条件:升到黄金等级 → 首次使用积分",
        ]),
        (document(STRANGER, {**BUYER, "lost_after_days": 9}, GOLD), []),
        (document(STRANGER, GOLD, BUYER), ["会员阶段的顺序:陌生人、超级会员、首购会员"]),
    ],
)  # fmt: skip
def test_staff_read_a_difference_in_the_same_words(after: dict[str, Any], said: list[str]) -> None:
    documents = [plain(read_programme(one)) for one in (document(), after)]

    assert lines(difference_in_words(*documents)) == said


def test_a_stage_nobody_can_reach_and_one_that_asks_to_share_are_warned_of() -> None:
    given = document(STRANGER, BUYER, asking(kind="activity", activity="invite") | {"benefits": ["转发朋友圈得礼"]})
    found = {one.path: one.code for one in warnings(read_programme(given))}

    assert found["stages.stages.2.reach.activity"] == "stage_out_of_reach"
    assert found["stages.stages.2"] == "forbidden_by_wechat"
