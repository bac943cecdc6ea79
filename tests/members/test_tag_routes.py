"""Members' tags over HTTP: who may give and take them, the trail, and what no log says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.runtime import log
from tests.ledger.counter import Counter, opened
from tests.members.stage import Answer

ONE, MANY = "/v1/staff/members/{member_id}/tags", "/v1/staff/tag-changes"


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    with opened(monkeypatch) as on:
        yield on


def put(counter: Counter, member_id: str, *tags: str, version: int = 0, role: str = "operator", **given: Any) -> Answer:
    body = {"version": version, "tags": list(tags), "reason": "邀请内测", **given}
    return counter.call("PUT", ONE, body, token=counter.staff(role), member_id=member_id)


def give(counter: Counter, *member_ids: str, role: str = "operator", **given: Any) -> Answer:
    body = {"tag": "vip", "action": "give", "member_ids": list(member_ids), "reason": "邀请内测", **given}
    return counter.call("POST", MANY, body, token=counter.staff(role))


def shown(counter: Counter, member_id: str) -> Any:
    return counter.call("GET", ONE, token=counter.staff("customer_service"), member_id=member_id).data


def test_staff_give_a_member_tags_and_the_trail_says_who_when_and_why(counter: Counter) -> None:
    _, mei = counter.log_in()

    before, first = shown(counter, mei), put(counter, mei, "vip", "内测").data
    counter.stage.later(minutes=5)
    again = put(counter, mei, "内测", "vip").data
    second = put(counter, mei, "内测", version=1, role="customer_service", reason="退出活动").data

    assert before == {"member_id": mei, "tags": [], "version": 0, "changes": []}
    assert first == {"member_id": mei, "tags": ["vip", "内测"], "version": 1, "replayed": False}
    assert again == {**first, "replayed": True}
    assert (second["tags"], second["version"]) == (["内测"], 2)
    told = shown(counter, mei)["changes"]
    assert [{**line, "by": line["by"][:1]} for line in told] == [
        {"at": "2026-03-02T12:05:00+08:00", "by": "s", "given": [], "taken": ["vip"], "reason": "退出活动"},
        {"at": "2026-03-02T12:00:00+08:00", "by": "s", "given": ["vip", "内测"], "taken": [], "reason": "邀请内测"},
    ]
    assert told[0]["by"] != told[1]["by"]


def test_a_stale_version_and_an_unknown_member_are_refused(counter: Counter) -> None:
    _, mei = counter.log_in()
    put(counter, mei, "vip")

    answers = [put(counter, mei, "内测"), put(counter, "m" + "9" * 24, "vip"), put(counter, "nobody", "vip")]

    assert [answer.json["code"] for answer in answers] == [40906, 40401, 40401]
    assert shown(counter, mei)["tags"] == ["vip"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"tags": [""]}, "tags.0"),
        ({"tags": ["长" * 65]}, "tags.0"),
        ({"tags": [f"t{number}" for number in range(51)]}, "tags"),
        ({"version": -1}, "version"),
        ({"reason": ""}, "reason"),
        ({"reason": "两\n行"}, "reason"),
    ],
)
def test_a_tag_is_a_word_of_a_condition_and_there_are_at_most_fifty(
    counter: Counter, given: dict[str, Any], field: str
) -> None:
    _, mei = counter.log_in()

    refused = put(counter, mei, **given)

    assert (refused.json["code"], refused.json["field"]) == (40000, field)
    assert put(counter, mei, *(f"{number}".rjust(64, "长") for number in range(50))).status == 200


def test_one_tag_is_given_to_many_and_taken_again(counter: Counter) -> None:
    (_, mei), (_, lan) = counter.log_in(), counter.log_in()
    put(counter, lan, "vip")

    given, again = give(counter, mei, lan, "m" + "9" * 24).data, give(counter, mei, lan).data
    taken = give(counter, mei, lan, action="take", role="customer_service").data

    assert (given["tag"], given["action"]) == ("vip", "give")
    assert given["outcomes"] == {"given": 1, "unchanged": 1, "unknown": 1}
    assert given["members"][0] == {"member_id": mei, "outcome": "given"}
    assert again["outcomes"] == {"unchanged": 2}
    assert taken["outcomes"] == {"taken": 2}
    assert shown(counter, mei)["tags"] == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"member_ids": []}, "member_ids"),
        ({"member_ids": ["m" + "1" * 24] * 501}, "member_ids"),
        ({"member_ids": ["nobody"]}, "member_ids.0"),
        ({"tag": ""}, "tag"),
        ({"action": "burn"}, "action"),
    ],
)
def test_a_bulk_change_that_is_no_good_changes_nothing(counter: Counter, given: dict[str, Any], field: str) -> None:
    refused = give(counter, **given)

    assert (refused.json["code"], refused.json["field"]) == (40000, field)


def test_five_hundred_at_once_fit_a_call(counter: Counter) -> None:
    ids = [f"m{number:024x}" for number in range(500)]

    assert give(counter, *ids).data["outcomes"] == {"unknown": 500}


@pytest.mark.parametrize("role", ["reviewer", "guide", "store_manager", "finance"])
def test_other_staff_see_and_change_no_tags(counter: Counter, role: str) -> None:
    _, mei = counter.log_in()
    token = counter.staff(role)

    answers = [
        counter.call("GET", ONE, token=token, member_id=mei),
        put(counter, mei, "vip", role=role),
        give(counter, mei, role=role),
    ]

    assert [answer.json["code"] for answer in answers] == [40300] * 3


def test_no_line_of_the_log_says_whose_tags_or_which(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    _, mei = counter.log_in()
    lines: list[str] = []
    monkeypatch.setattr(log._logger, "info", lines.append)

    put(counter, mei, "羊毛党")
    give(counter, mei, tag="黑名单")

    said = [json.loads(line)["event"] for line in lines]
    assert {"tags_replaced", "tag_changed"} <= set(said)
    assert not any(word in line for line in lines for word in ("羊毛党", "黑名单", "邀请内测", mei))
