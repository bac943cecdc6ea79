"""The programme page: what members may know, in words, and what changes next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.programme import words
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms
from chalicelib.programme.page import programme_page
from tests.programme.builders import demo_document
from tests.programme.published import NOON, small


def terms(changes: dict[str, Any] | None = None, version: int = 1, paused: frozenset[str] = frozenset()) -> Terms:
    return Terms(version, NOON + timedelta(days=version), read_programme(small(changes)), paused)


def page(changes: dict[str, Any] | None = None, *following: Terms, **given: Any) -> dict[str, list[str]]:
    return {section.title: section.lines for section in programme_page(terms(changes, **given), following)}


def test_the_page_says_what_a_point_is_worth_and_how_it_is_earned() -> None:
    assert page() == {
        "积分价值": ["100积分相当于1元"],
        "签到": ["每天签到得2分", "连续签到第7天另得10分", "发完后重新累计", "有效期至获得后第12个月的月底"],
        "消费": [
            "每消费1元得1分(不足部分不计)",
            "运费不计积分",
            "确认收货7天后到账,一直未确认的付款22天后到账",
            "门店消费7天后到账",
            "有效期至获得后第12个月的月底",
        ],
        "评价": ["每次得5分", "每天最多3次", "有效期至获得后第12个月的月底"],
        "合计上限": ["签到、评价合计每月最多600分"],
        "退款": [
            "退款时收回该订单的积分,余额不足的部分从以后获得的积分中补足",
            "退回的积分如已过期,自退回之日起30天内有效",
        ],
        "方案调整": ["对会员不利的调整提前30天公布"],
    }


@pytest.mark.parametrize("hidden", [{"rules.2.enabled": False}, {"rules.2.trial": {"members": ["m1"]}}])
def test_a_rule_that_is_off_or_on_trial_is_nowhere_on_the_page(hidden: dict[str, Any]) -> None:
    shown = page(hidden, terms({**hidden, "rules.2.amount.points": 9}, version=2))

    assert "评价" not in str(shown)
    assert "m1" not in str(shown)
    assert shown["变更预告:2026-03-04T12:00:00+08:00起执行第2版"] == ["内容不变"]


def test_budgets_and_what_staff_may_do_are_not_told() -> None:
    budget = {"id": "all", "points": 987654, "period": "month", "rules": ["review"], "shards": 2}
    inner = {"budgets": [budget], "adjustment": {"daily_points": 123456}}

    assert page() == page(inner)
    assert page({}, terms(inner, version=2))["变更预告:2026-03-04T12:00:00+08:00起执行第2版"] == ["内容不变"]


def test_a_paused_rule_says_so() -> None:
    assert page(paused=frozenset({"review"}))["评价"][0] == "本规则暂停中,恢复前不发放积分"


def test_each_coming_version_is_announced_against_the_one_before_it() -> None:
    cheaper = {"point_value.fen": 90}
    shown = page({}, terms(cheaper, version=2), terms({**cheaper, "rules.2.amount.points": 4}, version=3))

    assert shown["变更预告:2026-03-04T12:00:00+08:00起执行第2版"] == ["积分价值:100积分相当于1元 → 100积分相当于0.9元"]
    assert shown["变更预告:2026-03-05T12:00:00+08:00起执行第3版"] == ["「评价」积分:每次得5分 → 每次得4分"]


def test_a_trial_that_opens_to_all_is_announced_as_a_new_rule() -> None:
    shown = page({"rules.2.trial": {"members": ["m1"]}}, terms(version=2))

    assert "新增规则「评价」:每次得5分" in shown["变更预告:2026-03-04T12:00:00+08:00起执行第2版"]


def test_levels_and_tasks_have_sections_of_their_own() -> None:
    level = {
        **small()["rules"][1],
        "id": "gold",
        "name": "黄金会员",
        "amount": {"kind": "multiplier", "bp": 12000, "group": "level", "rounding": "floor"},
        "when": {"levels": ["gold"], "weekdays": [5]},
        "pending": None,
    }
    task = {
        "id": "buyer",
        "name": "月月购",
        "activity": "order",
        "counts": "fen",
        "goal": 50000,
        "window": {"kind": "month"},
        "points": 50,
        "points_class": "activity",
        "validity": {"kind": "days", "days": 90, "until": "day"},
    }

    hidden = [{**task, "id": "off", "enabled": False}, {**task, "id": "tried", "trial": {"members": ["m1"]}}]
    stopped = {**task, "id": "stopped", "name": "停一停"}
    cap = {"id": "both", "points": 600, "period": "month", "rules": ["review", "buyer"]}
    changes = {"rules": [*small()["rules"], level], "tasks": [task, *hidden, stopped], "caps": [cap]}

    shown = page(changes, paused=frozenset({"stopped"}))

    assert shown["等级倍率"] == ["黄金会员:积分1.2倍,限每周五"]
    assert shown["任务"] == [
        "月月购:每月消费满500元得50分,获得后90天内有效",
        "停一停:每月消费满500元得50分,获得后90天内有效(暂停中)",
    ]
    assert shown["合计上限"] == ["评价、月月购合计每月最多600分"]


def test_a_text_with_figures_to_fill_in_is_left_to_the_place_that_fills_them() -> None:
    assert "如实体验即可" in page({"rules.2.text": "如实体验即可"})["评价"]
    assert "还有{n}次" not in str(page({"rules.2.text": "还有{n}次"}))


def test_how_far_points_pay_for_an_order_is_said_with_what_they_are_worth() -> None:
    least = {"min_points": 500, "step_points": 100, "max_share_bp": 2000}
    most = {"max_points_per_order": 5000, "with_coupon": False, "covers_freight": True, "excluded_skus": ["s1"]}

    assert page({"deduction": {**least, **most}})["积分抵扣"] == [
        "500分起可抵扣,每100分一档",
        "100积分相当于1元",
        "每单最多抵扣参与抵扣的商品优惠后应付金额的20%(含运费)",
        "每单最多用5000分",
        "使用优惠券的订单不能抵扣",
        "部分商品不参与抵扣",
        "未付款的订单为您预留积分至少30分钟",
    ]
    assert "积分抵扣" not in page({})


def test_the_demo_programme_has_a_page_without_gaps() -> None:
    sections = programme_page(Terms(1, NOON, read_programme(demo_document())), ())

    assert len(sections) > 6
    assert all(line and "None" not in line for section in sections for line in section.lines)


@pytest.mark.parametrize(
    ("validity", "said"),
    [
        ({"kind": "months", "months": 0}, "当月月底到期"),
        ({"kind": "days", "days": 30, "until": "month_end"}, "获得后30天内有效,延至当月月底"),
        ({"kind": "never"}, "长期有效"),
        ({"kind": "year_end", "years": 0}, "当年年底到期"),
        ({"kind": "year_end", "years": 1}, "有效期至获得后第1年年底"),
        ({"kind": "fixed_day", "month": 6, "day": 30, "min_days": 90}, "每年6月30日到期,至少可用90天"),
        ({"kind": "on_date", "on": "2026-12-31"}, "2026-12-31到期"),
        ({"kind": "quarter", "quarters": 0}, "当季末到期"),
        ({"kind": "quarter", "quarters": 2}, "有效期至获得后第2个季度末"),
        ({"kind": "idle"}, "连续18个月没有积分变动才到期"),
    ],
)
def test_every_validity_has_words(validity: dict[str, Any], said: str) -> None:
    assert words.validity_words(validity, 18) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (
            {
                "kind": "ladder",
                "period": "month",
                "steps": [{"from": 1, "points": 10}, {"from": 2, "points": 15}, {"from": 5, "points": 0}],
            },
            ["每月第1次得10分", "每月第2至4次每次得15分", "每月第5次起不再得分"],
        ),
        (
            {"kind": "cumulative", "cycle": "week", "rewards": [{"days": 5, "points": 8}], "claim": "by_hand"},
            ["每周累计签到5天得8分,需手动领取"],
        ),
        (
            {"kind": "by_length", "steps": [{"over": 0, "points": 5}, {"over": 20, "points": 10}]},
            ["每次得5分", "超过20字得10分"],
        ),
        ({"kind": "of_tomorrow", "points": 5}, ["得5分"]),
        ({"kind": "of_tomorrow"}, []),
    ],
)
def test_every_amount_has_words(amount: dict[str, Any], said: list[str]) -> None:
    assert words.earning_words(amount) == said


@pytest.mark.parametrize("reversal", ["deficit", "waive", "pending_only", "charge_refund"])
def test_every_refund_policy_has_words(reversal: str) -> None:
    assert words.refund_words(reversal, 0)[0]


def test_every_condition_has_words_and_the_brands_own_words_stay_inside() -> None:
    when = {
        "levels": ["gold"],
        "gate": "club",
        "tags": ["羊毛党"],
        "platforms": ["tmall"],
        "skus": ["S-1"],
        "categories": ["C-1"],
        "hours": [[8, 12]],
        "first": True,
        "min_fen": 5000,
        "within_days_of_joining": 90,
        "buyers": True,
        "from_on": "2026-03-01",
        "until_on": "2026-03-31",
    }

    said = words.condition_words(when, words.level_names([("gold", "黄金", ("club",))]))

    assert len(said) == 12
    assert {"限黄金会员", "黄金会员专享"} <= set(said)
    assert said[-1] == "2026-03-01至2026-03-31"
    assert not any(word in "".join(said) for word in ("羊毛党", "S-1", "C-1", "tmall"))
