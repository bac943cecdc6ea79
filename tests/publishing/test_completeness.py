from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.publishing.completeness import in_words, missing
from chalicelib.publishing.model import Slot
from tests.publishing.plans import PLAN, a_plan

EMPTY: dict[str, Any] = {
    "title": "",
    "body": "",
    "goods": (),
    "sign_up_link": "",
    "interaction": "",
    "points_item": None,
    "goal": None,
}


def test_a_full_plan_lacks_nothing() -> None:
    assert missing(PLAN) == ()


@pytest.mark.parametrize(
    "path",
    [
        "headline.title",
        "headline.body",
        "headline.goods",
        "headline.sign_up_link",
        "headline.interaction",
        "headline.goal",
        "second.title",
        "second.body",
        "second.goal",
        "third.title",
        "third.body",
        "third.points_item",
        "third.goal",
    ],
)
def test_whatever_is_left_out_is_named(path: str) -> None:
    role, _, name = path.partition(".")
    slot = replace(getattr(PLAN, role), **{name: EMPTY[name]})

    lacks = missing(a_plan(**{role: slot}))

    assert lacks == (path,)
    assert "缺少" in in_words(lacks)


def test_blanks_fill_nothing() -> None:
    assert missing(a_plan(title="  ", second=replace(PLAN.second, body=" \n "))) == ("title", "second.body")


def test_empty_slots_are_told_by_their_first_field_and_their_number() -> None:
    lacks = missing(a_plan(headline=Slot(), second=Slot(), third=Slot()))

    assert len(lacks) == 13
    assert in_words(lacks) == "头条缺少标题,共缺13项"
    assert in_words(("third.points_item",)) == "三条缺少积分内容"
