"""The end of a publication without push, as WeChat answers it in JSON and tells it in XML, in words for staff."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.connect.push_message import fields_of
from chalicelib.publishing.model import Outcome
from chalicelib.publishing.publication import outcome_of_job

AT = datetime(2026, 3, 4, 12, 1, tzinfo=UTC)


def job(status: int | str, **given: Any) -> dict[str, Any]:
    return {"publish_id": "2247503051", "publish_status": status, **given}


def came_out(told: Any) -> tuple[str, str]:
    outcome = outcome_of_job(told, AT)
    assert outcome is not None
    return outcome.status, outcome.text


def in_xml(inner: str) -> Any:
    return fields_of(f"<xml><PublishEventInfo>{inner}</PublishEventInfo></xml>".encode())["PublishEventInfo"]


def test_what_is_under_way_has_no_outcome() -> None:
    assert outcome_of_job(job(1, fail_idx=[]), AT) is None


def test_what_was_published_has_its_links_in_the_order_of_the_slots_and_reached_nobody() -> None:
    items = [{"idx": 2, "article_url": "https://b"}, {"idx": 1, "article_url": "https://a"}]

    outcome = outcome_of_job(job(0, article_id="A", article_detail={"count": 2, "item": items}, fail_idx=[]), AT)

    assert outcome == Outcome("published", 0, 0, 0, 0, AT, "已发布,未推送给粉丝", ("https://a", "https://b"))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (job(2, fail_idx=[1, 3]), ("original_refused", "原创声明未通过:头条、三条")),
        (job(3, fail_idx=[]), ("publish_failed", "发布失败,请在公众号后台查看草稿")),
        (job(4, fail_idx=[2]), ("review_refused", "平台审核未通过:次条")),
        (job(4, fail_idx=[9]), ("review_refused", "平台审核未通过:第9篇")),
        (job(5, fail_idx=[]), ("all_deleted", "发布后文章已全部删除")),
        (job(6, fail_idx=[]), ("banned", "发布后文章被平台封禁")),
    ],
)
def test_each_way_to_fail_is_said_in_chinese_and_names_the_articles(told: Any, said: tuple[str, str]) -> None:
    assert came_out(told) == said


def test_xml_says_the_same_with_one_article_or_several() -> None:
    one = "<item><idx>1</idx><article_url>https://a</article_url></item>"
    two = one + "<item><idx>2</idx><article_url>https://b</article_url></item>"
    head = "<publish_id>2247503051</publish_id><publish_status>0</publish_status>"

    links = []
    for items in (one, two):
        outcome = outcome_of_job(in_xml(f"{head}<article_detail><count>1</count>{items}</article_detail>"), AT)
        links.append(outcome and outcome.links)

    assert links == [("https://a",), ("https://a", "https://b")]
    failed = "<publish_id>1</publish_id><publish_status>2</publish_status><fail_idx>1</fail_idx>"
    assert came_out(in_xml(failed)) == ("original_refused", "原创声明未通过:头条")
    assert came_out(in_xml(failed + "<fail_idx>2</fail_idx>")) == ("original_refused", "原创声明未通过:头条、次条")


@pytest.mark.parametrize("told", [{"publish_id": "1"}, job(7), job("soon")])
def test_a_status_that_nobody_knows_is_a_fault_and_no_outcome(told: Any) -> None:
    with pytest.raises((KeyError, ValueError)):
        outcome_of_job(told, AT)
