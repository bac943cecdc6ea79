"""The programme over HTTP: the life of a draft, a pause, and the page that anybody reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import Code
from chalicelib.programme import table as programme_table
from tests.members.stage import ADMIN_KEY, NOON, Answer, Stage, invoke, open_stage
from tests.programme.builders import demo_document
from tests.programme.published import small

STAFF = "/v1/staff/programme"
DRAFTS = f"{STAFF}/drafts"
DRAFT = f"{DRAFTS}/{{draft_id}}"
AT_ONCE = "2026-03-02T12:00:00+08:00"
IN_A_MONTH = "2026-04-02T00:00:00+08:00"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        yield opened


def ask(
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str = "",
    token: str = ADMIN_KEY,
    query: dict[str, list[str]] | None = None,
    **named: str,
) -> Answer:
    from app import app

    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Idempotency-Key": key} if key else {}
    raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
    return invoke(app, method, path, headers=headers, body=raw, query=query, path_parameters=named)


def publish(version: int = 1, changes: dict[str, Any] | None = None, effective_from: str = AT_ONCE) -> Answer:
    body = {"version": version, "effective_from": effective_from, "document": small(changes), "note": "例行调整"}
    return ask("POST", f"{STAFF}/versions", body)


def draft(changes: dict[str, Any] | None = None, key: str = "k1") -> Any:
    return ask("POST", DRAFTS, {"name": "四月", "document": small(changes)}, key=key).data


def pause(verb: str = "pause", rule: str = "review", **given: Any) -> Answer:
    return ask("POST", f"{STAFF}/rules/{{rule_id}}/{verb}", {"reason": "刷分"}, rule_id=rule, **given)


def page(**query: str) -> Any:
    return ask("GET", "/v1/programme", token="", query={name: [value] for name, value in query.items()} or None).data


def refusal(answer: Answer) -> tuple[int, str | None]:
    assert answer.status == answer.json["code"] // 100
    return answer.json["code"], answer.json.get("field")


def operator() -> str:
    return str(ask("POST", "/v1/staff/keys", {"name": "o", "roles": ["operator"]}).data["key"])


def test_a_draft_is_written_checked_compared_and_published(stage: Stage) -> None:
    publish()
    written = draft({"rules.2.amount.points": 4})
    draft_id = written["id"]

    checked = ask("POST", f"{DRAFT}/validate", draft_id=draft_id).data
    compared = ask("GET", f"{DRAFT}/difference", draft_id=draft_id).data
    done = ask("POST", f"{DRAFT}/publish", {"version": 1, "effective_from": IN_A_MONTH}, draft_id=draft_id).data
    again = ask("POST", f"{DRAFT}/publish", {"version": 1, "effective_from": IN_A_MONTH}, draft_id=draft_id).data

    assert (written["version"], written["state"], written["replayed"]) == (1, "draft", False)
    assert checked["publishable"]
    assert checked["worse"] == [{"path": "rules.review.amount.points", "before": 5, "after": 4}]
    assert checked["earliest_effective_from"] == IN_A_MONTH
    assert compared["lines"] == ["「评价」积分:每次得5分 → 每次得4分"]
    assert [change["path"] for change in compared["changes"]] == ["rules.review.amount.points"]
    assert (done["version"], done["replayed"]) == (2, False)
    assert (again["version"], again["replayed"]) == (2, True)
    assert ask("GET", DRAFT, draft_id=draft_id).data["published_version"] == 2


def test_worse_terms_without_notice_are_refused_by_path(stage: Stage) -> None:
    publish()

    answer = publish(2, {"rules.2.amount.points": 4})

    assert refusal(answer) == (Code.NOTICE_TOO_SHORT.number, "rules.review.amount.points")
    assert IN_A_MONTH in answer.json["msg"]


def test_a_draft_is_replaced_listed_and_deleted(stage: Stage) -> None:
    draft_id = draft()["id"]
    body = {"name": "五月", "document": {"unfinished": True}, "version": 1}

    changed = ask("PUT", DRAFT, body, draft_id=draft_id).data
    again = ask("PUT", DRAFT, body, draft_id=draft_id).data
    checked = ask("POST", f"{DRAFT}/validate", draft_id=draft_id).data
    listed = ask("GET", DRAFTS).data
    gone = [ask("DELETE", DRAFT, draft_id=draft_id).data["replayed"] for _ in range(2)]

    assert (changed["version"], changed["replayed"], again["replayed"]) == (2, False, True)
    assert not checked["publishable"]
    assert {"name", "rules", "unfinished"} <= {fault["path"] for fault in checked["faults"]}
    assert all(fault["reason"] for fault in checked["faults"])
    assert [(one["name"], "document" in one) for one in listed["list"]] == [("五月", False)]
    assert gone == [False, True]
    assert refusal(ask("GET", DRAFT, draft_id=draft_id)) == (Code.DRAFT_NOT_FOUND.number, None)


def test_a_draft_needs_a_key_and_the_same_key_makes_one(stage: Stage) -> None:
    first = draft()
    stage.later(seconds=5)
    again = draft()

    assert refusal(ask("POST", DRAFTS, {"name": "四月", "document": {}})) == (40000, "Idempotency-Key")
    assert (again["id"], again["replayed"]) == (first["id"], True)
    assert refusal(ask("POST", DRAFTS, {"name": "别的", "document": {}}, key="k1")) == (Code.KEY_REUSED.number, None)


def test_drafts_and_versions_come_in_pages(stage: Stage) -> None:
    for place in range(3):
        draft(key=f"k{place}")
        stage.later(seconds=1)
        publish(place + 1, {"name": f"第{place}版"})

    for path, name in ((DRAFTS, "id"), (f"{STAFF}/versions", "version")):
        first = ask("GET", path, query={"limit": ["2"]}).data
        rest = ask("GET", path, query={"limit": ["2"], "cursor": [first["next_cursor"]]}).data

        found = [one[name] for one in (*first["list"], *rest["list"])]
        assert found == sorted(found, reverse=True)
        assert (len(found), first["has_more"], rest["has_more"], rest["next_cursor"]) == (3, True, False, None)
        assert refusal(ask("GET", path, query={"cursor": ["../x"]})) == (Code.INVALID_CURSOR.number, "cursor")
        assert refusal(ask("GET", path, query={"limit": ["0"]})) == (40000, "limit")


def test_the_history_says_who_when_and_why(stage: Stage) -> None:
    publish()

    (line,) = ask("GET", f"{STAFF}/versions").data["list"]
    whole = ask("GET", f"{STAFF}/versions/{{version}}", version="1").data

    assert (line["published_by"], line["note"], line["published_at"]) == ("bootstrap-admin", "例行调整", AT_ONCE)
    assert whole["document"] == small()
    assert whole["warnings"] == publish().data["warnings"]
    assert refusal(ask("GET", f"{STAFF}/versions/{{version}}", version="9")) == (Code.VERSION_NOT_FOUND.number, None)


def test_two_versions_are_compared_either_way(stage: Stage) -> None:
    publish()
    publish(2, {"rules.2.amount.points": 6})
    path = f"{STAFF}/versions/{{version}}/difference"

    forth = ask("GET", path, version="1").data
    back = ask("GET", path, version="2", query={"to": ["1"]}).data

    assert (forth["from"], forth["to"], forth["lines"]) == (1, 2, ["「评价」积分:每次得5分 → 每次得6分"])
    assert back["lines"] == ["「评价」积分:每次得6分 → 每次得5分"]
    assert refusal(ask("GET", path, version="1", query={"to": ["x"]})) == (Code.VERSION_NOT_FOUND.number, None)


def test_a_pause_is_one_call_and_seen_by_everybody_within_the_cache_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    other = programme_table.terms_book()  # what another function still holds
    stage.later(minutes=1)

    done = pause(key="click").data

    assert (done["rule"], done["paused"], done["by"], done["replayed"]) == ("review", True, "bootstrap-admin", False)
    standing = other.at(stage.now)
    assert standing is not None
    assert standing.paused == frozenset()
    assert programme_table.terms_at(stage.now).paused == {"review"}
    assert programme_table.terms_at(NOON).paused == frozenset()
    assert "暂停中" in str(page())
    assert pause().data["replayed"]
    assert not pause("resume").data["paused"]


def test_another_function_reads_a_pause_when_its_cache_is_old(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = [1000.0]
    monkeypatch.setattr(programme_table.time, "monotonic", lambda: ticks[0])
    publish()
    programme_table.terms_book()
    held = dict(programme_table._cached)
    pause()
    programme_table._cached.update(held)

    before = programme_table.terms_at(stage.now).paused
    ticks[0] += programme_table.CACHE_S + 1

    assert before == frozenset()
    assert programme_table.terms_at(stage.now).paused == {"review"}


def test_the_list_of_pauses_says_what_is_paused_now_and_what_was(stage: Stage) -> None:
    publish()
    for verb in ("pause", "resume", "pause"):
        stage.later(minutes=1)
        pause(verb)

    first = ask("GET", f"{STAFF}/pauses", query={"limit": ["2"]}).data
    rest = ask("GET", f"{STAFF}/pauses", query={"cursor": [first["next_cursor"]]}).data

    assert [one["rule"] for one in first["paused"]] == ["review"]
    assert [one["action"] for one in (*first["list"], *rest["list"])] == ["pause", "resume", "pause"]
    assert refusal(ask("GET", f"{STAFF}/pauses", query={"cursor": [""]})) == (Code.INVALID_CURSOR.number, "cursor")


def test_a_rule_that_is_not_there_cannot_be_paused(stage: Stage) -> None:
    publish()

    assert refusal(pause(rule="%E8%AF%84%E4%BB%B7")) == (Code.RULE_NOT_FOUND.number, None)
    assert refusal(pause(rule="nowhere")) == (Code.RULE_NOT_FOUND.number, None)


def test_who_may_not_publish_may_pause(stage: Stage) -> None:
    publish()
    token = operator()

    assert pause(token=token).data["paused"]
    body = {"version": 2, "effective_from": AT_ONCE, "document": small()}
    assert ask("POST", f"{STAFF}/versions", body, token=token).status == 403


def test_trials_name_the_rules_and_their_members(stage: Stage) -> None:
    publish(changes={"rules.2.trial": {"members": ["m1", "m2"]}})

    (trial,) = ask("GET", f"{STAFF}/trials").data["list"]

    assert (trial["rule"], trial["members"], trial["paused"]) == ("review", ["m1", "m2"], False)


def test_a_task_on_trial_is_named_among_them(stage: Stage) -> None:
    publish(changes={"tasks": [{**demo_document()["tasks"][0], "trial": {"members": ["m1"]}}]})

    (trial,) = ask("GET", f"{STAFF}/trials").data["list"]

    assert (trial["rule"], trial["name"], trial["activity"], trial["members"]) == (
        "three_orders",
        "一月三单",
        "order",
        ["m1"],
    )


def test_anybody_reads_the_page_and_what_changes_next(stage: Stage) -> None:
    publish()
    publish(2, {"rules.2.amount.points": 4}, IN_A_MONTH)

    shown = page()

    assert (shown["name"], shown["version"], shown["effective_from"]) == ("小方案", 1, AT_ONCE)
    assert (shown["next_version"], shown["next_effective_from"]) == (2, IN_A_MONTH)
    assert shown["sections"][-1]["lines"] == ["「评价」积分:每次得5分 → 每次得4分"]


def test_a_version_of_the_page_can_be_asked_for(stage: Stage) -> None:
    publish()
    publish(2, {"name": "第二版"})
    stage.later(days=1)

    old, new = page(version="1"), page(version="2")

    assert (old["version"], old["next_version"]) == (1, None)
    assert (new["version"], new["name"]) == (2, "第二版")
    for version in ("3", "x", "0", "-1", "9999999"):
        answer = ask("GET", "/v1/programme", token="", query={"version": [version]})
        assert refusal(answer) == (Code.VERSION_NOT_FOUND.number, None)


def test_a_version_that_was_replaced_before_it_began_is_not_announced(stage: Stage) -> None:
    publish()
    publish(2, {"rules.2.amount.points": 4}, IN_A_MONTH)
    publish(3, {"rules.2.amount.points": 5, "name": "收回"}, IN_A_MONTH)

    shown = page()

    assert shown["next_version"] == 3
    assert "每次得4分" not in str(shown)


def test_without_a_programme_there_is_no_page(stage: Stage) -> None:
    answer = ask("GET", "/v1/programme", token="")

    assert refusal(answer) == (Code.TERMS_MISSING.number, None)
    assert ask("GET", f"{DRAFT}/difference", draft_id=draft()["id"]).data["from"] is None


@pytest.mark.parametrize("draft_id", ["x", "0" * 20, "../versions"])
def test_an_unknown_draft_is_not_found(stage: Stage, draft_id: str) -> None:
    assert refusal(ask("GET", DRAFT, draft_id=draft_id)) == (Code.DRAFT_NOT_FOUND.number, None)
    assert refusal(ask("DELETE", DRAFT, draft_id=draft_id)) == (Code.DRAFT_NOT_FOUND.number, None)


def test_a_document_of_a_hundred_kilobytes_is_drafted_and_published(stage: Stage) -> None:
    members = [f"m{number:062d}" for number in range(1000)]
    trials = {"rules.0.trial": {"members": members}, "rules.2.trial": {"members": members}}

    written = draft(trials)
    body = {"version": 1, "effective_from": (NOON + timedelta(days=1)).isoformat()}
    done = ask("POST", f"{DRAFT}/publish", body, draft_id=written["id"])

    assert done.data["version"] == 1


def test_a_draft_that_no_item_could_hold_is_refused_with_its_field(stage: Stage) -> None:
    answer = ask("POST", DRAFTS, {"name": "太大", "document": {"x": "x" * 400_000}}, key="k9")

    assert refusal(answer) == (Code.BODY_TOO_LARGE.number, "document")
    assert [row for row in stage.rows() if row["pk"].startswith(("DRAFTS", "KEY#"))] == []
