"""Growth, levels and privileges as the programme page tells them, and what changes of them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from chalicelib.programme.difference import difference_in_words, lines, plain
from chalicelib.programme.document import read_programme
from chalicelib.programme.page import programme_page
from tests.programme.builders import a_document, a_rule, demo_document, demo_terms, terms_of


def changed(**parts: Any) -> dict[str, Any]:
    """The demo document with parts of `growth` and `levels` changed; `gold_…` are those of that level."""
    document = deepcopy(demo_document())
    for name, value in parts.items():
        if name.startswith("gold_"):
            document["levels"]["levels"][1][name.removeprefix("gold_")] = value
        else:
            document["growth" if name in document["growth"] else "levels"][name] = value
    return document


def told(**parts: Any) -> list[str]:
    before, after = (plain(read_programme(one)) for one in (demo_document(), changed(**parts)))
    return lines(difference_in_words(before, after))


def test_the_demo_page_tells_how_growth_comes_and_what_each_level_takes_lasts_and_is_good_for() -> None:
    shown = {section.title: section.lines for section in programme_page(demo_terms(), ())}

    assert shown["成长值"] == [
        "每消费1元得1成长值(不足部分不计)",
        "运费、优惠券、积分抵扣、储值支付不计成长值",
        "退款时收回该订单相应的成长值",
        "行为类积分的20%计为成长值,每年最多1000成长值",
        "评定等级只看最近12个自然月(含当月)的成长值",
        "成长值只用于评定等级,不能兑换,也不因使用积分而减少",
    ]
    assert shown["会员等级"] == [
        "普通:人人都有",
        "黄金:成长值满500立即升级,期满时满400可保级",
        "铂金:成长值满2000立即升级,期满时满1600可保级",
        "钻石:成长值满5000立即升级,期满时满4000可保级",
        "等级自升级起12个月有效,期满时成长值够保级线的续期12个月",
        "期满不够保级线的,等级再保留30天,其间补足即可保级,仍不足的下降一级",
        "退款会收回成长值,但当前等级保留到有效期满再评定",
        "期满前30天、7天,成长值还不够保级的会收到提醒",
        "黄金可体验7天,每人每年一次",
    ]
    assert shown["等级权益"] == [
        "黄金:消费积分×1.1",
        "铂金:购物9.8折、免运费、消费积分×1.2",
        "钻石:购物9.5折、免运费、可购买或参加专享内容、消费积分×1.5",
    ]


def test_a_programme_without_growth_and_levels_says_nothing_of_them() -> None:
    titles = [section.title for section in programme_page(terms_of(a_rule("order")), ())]

    assert not {"成长值", "会员等级", "等级权益"} & set(titles)


def test_the_page_names_levels_and_never_their_ids_or_gates() -> None:
    shown = str(programme_page(demo_terms(), ()))

    assert not any(word in shown for word in ("gold", "platinum", "diamond", "own_ip"))


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (
            {"order": {"fen": 200, "growth": 1}},
            (
                "消费成长值:每消费1元得1成长值(不足部分不计);运费、优惠券、积分抵扣、储值支付不计成长值;"
                "退款时收回该订单相应的成长值 → 每消费2元得1成长值(不足部分不计);退款时收回该订单相应的成长值"
            ),
        ),
        ({"behaviour": None}, "行为成长值:行为类积分的20%计为成长值,每年最多1000成长值 → 无"),
        (
            {"window_months": 1},
            "成长值周期:评定等级只看最近12个自然月(含当月)的成长值 → 评定等级只看当月的成长值",
        ),
        (
            {"gold_keep_growth": 0},
            "等级「黄金」:成长值满500立即升级,期满时满400可保级 → 成长值满500立即升级,期满自动保级",
        ),
        ({"gold_name": "金卡"}, "等级「金卡」名称:黄金 → 金卡"),
        (
            {"gold_privileges": {"price_bp": 9850, "gates": ["club"]}},
            "等级「黄金」权益:消费积分×1.1 → 购物9.85折、可购买或参加专享内容",
        ),
        (
            {"valid_months": 6},
            (
                "等级有效期:等级自升级起12个月有效,期满时成长值够保级线的续期12个月 → "
                "等级自升级起6个月有效,期满时成长值够保级线的续期6个月"
            ),
        ),
        (
            {"fall": "by_growth"},
            (
                "等级下降:期满不够保级线的,等级再保留30天,其间补足即可保级,仍不足的下降一级 → "
                "期满不够保级线的,等级再保留30天,其间补足即可保级,仍不足的降至成长值够得上保级线的等级"
            ),
        ),
        (
            {"grace_days": 0},
            "等级下降:期满不够保级线的,等级再保留30天,其间补足即可保级,仍不足的下降一级 → 期满不够保级线的下降一级",
        ),
        (
            {"refunds": "recheck"},
            (
                "退款与等级:退款会收回成长值,但当前等级保留到有效期满再评定 → "
                "退款会收回成长值,因此不够保级线的,等级立即降至够得上保级线的等级"
            ),
        ),
        ({"warn_days": []}, "等级到期提醒:期满前30天、7天,成长值还不够保级的会收到提醒 → 无"),
        ({"warn_days": [60, 7]}, "等级到期提醒:期满前30天、7天,成长值还不够保级的会收到提醒 → "),
        (
            {"trial": {"days": 14, "levels": ["gold"]}},
            "等级体验:黄金可体验7天,每人每年一次 → 黄金可体验14天,每人每年一次",
        ),
        ({"trial": None}, "等级体验:黄金可体验7天,每人每年一次 → 无"),
    ],
)
def test_a_change_of_growth_or_levels_is_one_line_in_words(parts: dict[str, Any], line: str) -> None:
    (found,) = [one for one in told(**parts) if not one.startswith("「")]

    assert found.startswith(line)


def test_fall_and_grace_changed_together_are_told_once() -> None:
    assert len(told(fall="by_growth", grace_days=10)) == 1


def test_a_level_that_comes_says_what_it_takes_and_an_order_of_levels_alone_says_nothing() -> None:
    levels = demo_document()["levels"]["levels"]
    black = {"id": "black", "name": "黑金", "from_growth": 9_000, "keep_growth": 8_000}

    assert told(levels=[*levels, black]) == ["等级「黑金」:无 → 成长值满9000立即升级,期满时满8000可保级"]


def test_levels_and_growth_that_begin_or_end_are_told_whole() -> None:
    without = plain(read_programme(a_document(a_rule("order"))))
    levels = [{"id": "one", "name": "普通", "from_growth": 0, "keep_growth": 0}]
    levels += [{"id": "two", "name": "黄金", "from_growth": 5, "keep_growth": 4}]
    given: dict[str, Any] = {"levels": {"levels": levels}, "growth": {"order": {"fen": 100, "growth": 1}}}
    having = plain(read_programme(a_document(a_rule("order"), **given)))

    begun, over = lines(difference_in_words(without, having)), lines(difference_in_words(having, without))

    assert [line[:7] for line in begun] == ["成长值:无 →", "会员等级:无 "]
    assert begun[1].startswith("会员等级:无 → 普通:人人都有;黄金:成长值满5立即升级,期满时满4可保级;")
    assert all(line.endswith(" → 无") for line in over)
    assert len(over) == 2
