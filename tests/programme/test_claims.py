"""Orders that can be claimed by number: what a document may say of it, and what members are told."""

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

TMALL: dict[str, Any] = {
    "platform": "tmall",
    "max_age_days": 90,
    "second_factor": "either",
    "wait_days": 15,
    "per_day": 10,
}


def with_claims(*claims: dict[str, Any]) -> dict[str, Any]:
    return a_document(a_rule("order"), claims=list(claims))


def of(*claims: dict[str, Any]) -> Any:
    return plain(read_programme(with_claims(*claims)))


@pytest.mark.parametrize(
    ("claims", "path"),
    [
        ([TMALL, TMALL], "claims.1.platform"),
        ([{**TMALL, "platform": "phone"}], "claims.0.platform"),
        ([{**TMALL, "platform": "天猫"}], "claims.0.platform"),
        ([{**TMALL, "platform": ""}], "claims.0.platform"),
        ([{**TMALL, "max_age_days": 0}], "claims.0.max_age_days"),
        ([{**TMALL, "max_age_days": 3661}], "claims.0.max_age_days"),
        ([{**TMALL, "max_age_days": 1.5}], "claims.0.max_age_days"),
        ([{**TMALL, "wait_days": 0}], "claims.0.wait_days"),
        ([{**TMALL, "per_day": 101}], "claims.0.per_day"),
        ([{**TMALL, "second_factor": "birthday"}], "claims.0.second_factor"),
        ([{**TMALL, "ratio": 2}], "claims.0.ratio"),
        ([{"wait_days": 3}], "claims.0.platform"),
        ([{**TMALL, "platform": f"p{n}"} for n in range(21)], "claims"),
    ],
)
def test_a_fault_names_its_place_in_chinese(claims: list[dict[str, Any]], path: str) -> None:
    (found, *_) = faults(with_claims(*claims))

    assert found.path == path
    assert any("\u4e00" <= sign <= "\u9fff" for sign in found.reason)


def test_the_demo_programme_claims_orders_of_every_platform() -> None:
    programme = read_programme(demo_document())

    assert {one.platform for one in programme.claims} == {"taobao", "tmall", "douyin", "jd", "youzan", "wechat", "pos"}
    assert stored_programme(demo_document()) == programme


def test_terms_answer_a_platform_they_name_and_no_other() -> None:
    terms = Terms(1, SINCE, read_programme(with_claims(TMALL)))

    found = terms.claimable("tmall")
    assert found
    assert (found.wait_days, terms.claimable("jd")) == (15, None)


def test_members_read_which_orders_they_may_claim_and_how() -> None:
    terms = Terms(1, SINCE, read_programme(with_claims(TMALL, {"platform": "outlet"})))

    (section,) = [one for one in programme_page(terms, ()) if one.title == "订单认领"]

    assert section.lines == [
        "天猫订单:付款后90天内可凭订单号认领积分,须填写实付金额或手机号后四位,订单未到时等待15天,每天最多10次",
        "outlet订单:付款后90天内可凭订单号认领积分,订单未到时等待15天,每天最多10次",
    ]


def test_a_programme_without_claims_says_nothing_of_them() -> None:
    titles = {one.title for one in programme_page(Terms(1, SINCE, read_programme(with_claims())), ())}

    assert "订单认领" not in titles


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ([TMALL], [], "claims.tmall"),
        ([TMALL], [{**TMALL, "max_age_days": 89}], "claims.tmall.max_age_days"),
        ([TMALL], [{**TMALL, "wait_days": 14}], "claims.tmall.wait_days"),
        ([TMALL], [{**TMALL, "per_day": 9}], "claims.tmall.per_day"),
        ([TMALL], [{**TMALL, "second_factor": "amount"}], "claims.tmall.second_factor"),
        (
            [{**TMALL, "second_factor": "amount"}],
            [{**TMALL, "second_factor": "phone_tail"}],
            "claims.tmall.second_factor",
        ),
        ([{**TMALL, "second_factor": "none"}], [TMALL], "claims.tmall.second_factor"),
        ([TMALL], [{**TMALL, "second_factor": "none"}], None),
        ([TMALL], [{**TMALL, "max_age_days": 91, "wait_days": 16, "per_day": 11}], None),
        ([], [TMALL], None),
        ([TMALL, {**TMALL, "platform": "jd"}], [{**TMALL, "platform": "jd"}, TMALL], None),
    ],
)
def test_what_is_worse_for_members_needs_notice(
    before: list[dict[str, Any]], after: list[dict[str, Any]], path: str | None
) -> None:
    found = worse_for_members(of(*before), of(*after), on=date(2026, 3, 2))

    assert [one.path for one in found] == ([path] if path else [])


def test_a_change_is_told_in_words() -> None:
    told = lines(difference_in_words(of(TMALL), of({**TMALL, "wait_days": 20})))

    assert len(told) == 1
    assert told[0].startswith("订单认领:天猫订单")
    assert "等待20天" in told[0]


def test_a_platform_whose_orders_earn_nothing_is_warned_of() -> None:
    document = a_document(a_rule("order", when={"platforms": ["jd"]}), claims=[TMALL, {**TMALL, "platform": "jd"}])

    found = [one for one in warnings(read_programme(document)) if one.code == "claim_unpaid"]

    assert [(one.path, "天猫" in one.text) for one in found] == [("claims.0.platform", True)]
