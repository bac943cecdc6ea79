"""Adjustments, imports and freezing over HTTP: who may, what is asked for, what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.ledger.adjustments import PROPOSAL_LIFE
from tests.ledger.counter import Counter, opened

ADJUSTMENTS, BATCHES = "/v1/staff/adjustments", "/v1/staff/adjustment-batches"
ONE, ONE_BATCH = ADJUSTMENTS + "/{adjustment_id}", BATCHES + "/{batch_id}"
HEADER = "member_id,points,class,expires_on,reason\n"


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    with opened(monkeypatch, adjustment={"daily_points": 1000}) as stage:
        yield stage


def a_body(member_id: str, points: int = 100, **given: Any) -> dict[str, Any]:
    body = {"member_id": member_id, "points": points, "reason": "物流延误补偿", "evidence": "工单 42"}
    if points > 0:
        body |= {"points_class": "activity", "expires_on": "2027-03-31"}
    return {**body, **given}


def proposed(counter: Counter, body: dict[str, Any], *, role: str = "customer_service", key: str = "k1") -> Any:
    return counter.call("POST", ADJUSTMENTS, body, token=counter.staff(role), key=key).data


def approve(counter: Counter, id: str, *, role: str = "reviewer") -> Any:
    return counter.call("POST", ONE + "/approve", token=counter.staff(role), adjustment_id=id)


def test_an_adjustment_from_its_proposal_to_the_members_statement(counter: Counter) -> None:
    token, member_id = counter.log_in()
    made = proposed(counter, a_body(member_id))
    listed = counter.call("GET", ADJUSTMENTS, token=counter.staff("reviewer"), query={"state": "proposed"}).data

    done = approve(counter, made["id"]).data
    again = approve(counter, made["id"]).data
    (entry,) = counter.call("GET", "/v1/me/entries", token=token).data["list"]

    assert [one["id"] for one in listed["list"]] == [made["id"]]
    assert (made["state"], made["replayed"], made["evidence"]) == ("proposed", False, "工单 42")
    assert (done["state"], done["balance_after_points"], done["replayed"], again["replayed"]) == (
        "approved",
        100,
        False,
        True,
    )
    assert done["decided_at"] == "2026-03-02T12:00:00+08:00"
    assert (entry["kind"], entry["points"], entry["reason"]) == ("adjust", 100, "物流延误补偿")
    assert (
        counter.call("GET", ONE, token=counter.staff("finance"), adjustment_id=made["id"]).data["state"] == "approved"
    )


def test_the_same_person_is_refused_an_admin_too(counter: Counter) -> None:
    _, member_id = counter.log_in()
    for role in ("finance", "admin"):
        made = proposed(counter, a_body(member_id), role=role, key=role)
        refused = approve(counter, made["id"], role=role)

        assert (refused.status, refused.json["msg"]) == (403, "自己提交的积分调整需由他人审批")


def test_a_key_is_asked_for_honoured_and_held_to_its_body(counter: Counter) -> None:
    _, member_id = counter.log_in()
    token = counter.staff("operator")
    without = counter.call("POST", ADJUSTMENTS, a_body(member_id), token=token)
    first = proposed(counter, a_body(member_id), role="operator")
    again = proposed(counter, a_body(member_id), role="operator")
    other = counter.call("POST", ADJUSTMENTS, a_body(member_id, 99), token=token, key="k1")

    assert (without.status, without.json["field"]) == (400, "Idempotency-Key")
    assert (again["id"], again["replayed"]) == (first["id"], True)
    assert (other.status, other.json["code"]) == (409, 40900)


def test_an_unknown_member_is_neither_adjusted_nor_frozen_nor_shown(counter: Counter) -> None:
    nobody, token = "m" + "f" * 24, counter.staff("finance")
    before = counter.stage.rows()
    path = "/v1/staff/members/{member_id}"

    answers = [
        counter.call("POST", ADJUSTMENTS, a_body(nobody), token=token, key="k"),
        counter.call("POST", path + "/freeze", {"reason": "r"}, token=token, key="k", member_id=nobody),
        counter.call("GET", path + "/balance", token=token, member_id=nobody),
        counter.call("GET", path + "/entries", token=token, member_id="nobody"),
    ]

    assert [(answer.status, answer.json["code"]) for answer in answers] == [(404, 40401)] * 4
    assert counter.stage.rows() == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"points": 0}, "points"),
        ({"points": 10**9 + 1}, "points"),
        ({"points": 1.0}, "points"),
        ({"member_id": "=m1"}, "member_id"),
        ({"reason": ""}, "reason"),
        ({"reason": "长" * 81}, "reason"),
        ({"reason": "两\n行"}, "reason"),
        ({"points_class": "vip"}, "points_class"),
        ({"expires_on": "2026-03-01"}, "expires_on"),
        ({"expires_on": 20270331}, "expires_on"),
        ({"validity": {"kind": "months", "months": 12}}, "expires_on"),
        ({"expires_on": None, "validity": {"kind": "weeks"}}, "validity"),
        ({"approved_by": "me"}, "approved_by"),
    ],
)
def test_a_bad_body_names_its_field_and_writes_nothing(counter: Counter, changes: dict[str, Any], field: str) -> None:
    _, member_id = counter.log_in()
    token = counter.staff("operator")
    before = counter.stage.rows()

    answer = counter.call("POST", ADJUSTMENTS, a_body(member_id) | changes, token=token, key="k")

    assert (answer.status, answer.json["field"].partition(".")[0]) == (400, field)
    assert counter.stage.rows() == before


def test_a_validity_counts_from_the_approval(counter: Counter) -> None:
    token, member_id = counter.log_in()
    made = proposed(counter, a_body(member_id, expires_on=None, validity={"kind": "days", "days": 10, "until": "day"}))
    counter.stage.later(days=3)
    approve(counter, made["id"])

    (expiring,) = counter.call("GET", "/v1/me/balance", token=token).data["expiring"]
    assert expiring == {"expires_on": "2026-03-15", "points": 100}


def test_who_may_only_propose_may_withdraw_his_own_and_no_others(counter: Counter) -> None:
    _, member_id = counter.log_in()
    ids = [proposed(counter, a_body(member_id, n), key=f"k{n}")["id"] for n in (1, 2)]
    decline, body = ONE + "/decline", {"reason": "填错了"}

    other = counter.call("POST", decline, body, token=counter.staff("operator"), adjustment_id=ids[0])
    own = counter.call("POST", decline, body, token=counter.staff("customer_service"), adjustment_id=ids[0])
    reviewed = counter.call("POST", decline, body, token=counter.staff("reviewer"), adjustment_id=ids[1])
    late = approve(counter, ids[0])

    assert other.status == 403
    assert [answer.data["state"] for answer in (own, reviewed)] == ["declined"] * 2
    assert own.data["decline_reason"] == "填错了"
    assert (late.status, late.json["code"]) == (409, 40960)


def test_the_days_limit_is_said_and_nothing_is_posted(counter: Counter) -> None:
    token, member_id = counter.log_in()
    ids = [proposed(counter, a_body(member_id, points), key=f"k{points}")["id"] for points in (700, 301)]
    approve(counter, ids[0])

    refused = approve(counter, ids[1])
    at_once = counter.call("POST", ADJUSTMENTS, a_body(member_id, 1001), token=counter.staff("operator"), key="much")

    assert (refused.status, refused.json["code"]) == (409, 40961)
    assert (at_once.status, at_once.json["msg"]) == (409, "超过每人每日1000分的积分调整上限")
    assert counter.call("GET", "/v1/me/balance", token=token).data["available_points"] == 700


def test_a_deduction_beyond_the_balance_says_what_there_is(counter: Counter) -> None:
    _, member_id = counter.log_in()
    counter.give(member_id, 30)
    made = proposed(counter, a_body(member_id, -31))

    refused = approve(counter, made["id"])

    assert (refused.status, refused.json["msg"]) == (409, "会员可用积分只有30分,不能扣减31分")


def test_lists_are_paged_and_refuse_what_is_none_of_theirs(counter: Counter) -> None:
    _, member_id = counter.log_in()
    ids = []
    for number in range(5):
        counter.stage.later(minutes=1)
        ids.append(proposed(counter, a_body(member_id, number + 1), key=f"k{number}")["id"])
    token = counter.staff("reviewer")

    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = counter.call("GET", ADJUSTMENTS, token=token, query={"limit": "2", **cursor}).data
        seen += [one["id"] for one in page["list"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    bad = [
        counter.call("GET", ADJUSTMENTS, token=token, query=query).json["field"]
        for query in (
            {"cursor": "x"},
            {"month": "2026-13"},
            {"state": "open"},
            {"limit": "51"},
            {"cursor": "b" + "0" * 23},
        )
    ]
    unknown = [counter.call("GET", ONE, token=token, adjustment_id=id) for id in ("x", "a" + "0" * 23, "b" + "0" * 23)]

    assert seen == ids[::-1]
    assert bad == ["cursor", "month", "state", "limit", "cursor"]
    assert [(answer.status, answer.json["code"]) for answer in unknown] == [(404, 40460)] * 3


def test_a_proposal_that_waited_too_long_leaves_the_list_and_is_not_approved(counter: Counter) -> None:
    _, member_id = counter.log_in()
    made = proposed(counter, a_body(member_id))
    counter.stage.later(days=PROPOSAL_LIFE.days + 40)

    listed = counter.call("GET", ADJUSTMENTS, token=counter.staff("reviewer")).data["list"]
    of_its_month = counter.call("GET", ADJUSTMENTS, token=counter.staff("reviewer"), query={"month": "2026-03"}).data
    refused = approve(counter, made["id"])

    assert (listed, [one["id"] for one in of_its_month["list"]]) == ([], [made["id"]])
    assert (refused.status, refused.json["code"]) == (409, 40962)


def a_file(*lines: str) -> dict[str, str]:
    return {"name": "双十一补发", "csv": HEADER + "".join(f"{line}\n" for line in lines)}


def test_a_file_from_its_import_to_its_progress(counter: Counter) -> None:
    (_, mei), (token, lan) = counter.log_in(), counter.log_in()
    body = a_file(f"{mei},-5,,,多发收回", f"{lan},20,activity,2027-03-31,补发")
    made = counter.call("POST", BATCHES, body, token=counter.staff("operator"), key="k").data
    rows = counter.call("GET", ONE_BATCH + "/rows", token=counter.staff("reviewer"), batch_id=made["id"]).data
    counter.call("POST", ONE_BATCH + "/approve", token=counter.staff("reviewer"), batch_id=made["id"])
    waiting = counter.call("GET", ONE_BATCH, token=counter.staff("reviewer"), batch_id=made["id"]).data

    answers = counter.work()

    done = counter.call("GET", ONE_BATCH, token=counter.staff("reviewer"), batch_id=made["id"]).data
    after = counter.call("GET", ONE_BATCH + "/rows", token=counter.staff("reviewer"), batch_id=made["id"]).data["list"]
    assert (made["rows"], made["credit_points"], made["debit_points"]) == (2, 20, 5)
    assert [(row["line"], row["points"], row["outcome"]) for row in rows["list"]] == [(2, -5, None), (3, 20, None)]
    assert (waiting["state"], waiting["waiting"]) == ("approved", 2)
    assert answers == [{"batchItemFailures": []}]
    assert (done["posted"], done["failed"], done["waiting"]) == (1, 1, 0)
    assert done["failures"] == [{"line": 2, "code": 40901, "msg": "积分不足"}]
    assert [row["outcome"] for row in after] == ["failed", "posted"]
    assert counter.call("GET", "/v1/me/balance", token=token).data["available_points"] == 20


def test_a_wrong_file_is_refused_whole_and_a_check_names_every_line(counter: Counter) -> None:
    _, mei = counter.log_in()
    body = a_file(f"{mei},20,activity,2027-03-31,补发", "=1+1,20,activity,2027-03-31,补发", f"m{'f' * 24},-1,,,收回")
    token = counter.staff("operator")
    before = counter.stage.rows()

    refused = counter.call("POST", BATCHES, body, token=token, key="k")
    checked = counter.call("POST", "/v1/staff/adjustment-checks", {"csv": body["csv"]}, token=token).data

    assert (refused.status, refused.json["code"], refused.json["field"]) == (422, 42260, "csv.3.member_id")
    assert [(error["line"], error["field"]) for error in checked["errors"]] == [(3, "member_id"), (4, "member_id")]
    assert counter.stage.rows() == before


def test_a_batch_is_declined_withdrawn_and_listed_like_a_proposal(counter: Counter) -> None:
    _, mei = counter.log_in()
    operator, reviewer = counter.staff("operator"), counter.staff("reviewer")
    made = counter.call("POST", BATCHES, a_file(f"{mei},1,activity,2027-03-31,补发"), token=operator, key="k").data
    own = counter.call("POST", ONE_BATCH + "/approve", token=operator, batch_id=made["id"])
    listed = counter.call("GET", BATCHES, token=reviewer, query={"state": "proposed"}).data

    declined = counter.call(
        "POST", ONE_BATCH + "/decline", {"reason": "重复"}, token=reviewer, batch_id=made["id"]
    ).data
    late = counter.call("POST", ONE_BATCH + "/approve", token=reviewer, batch_id=made["id"])

    assert own.status == 403
    assert [one["id"] for one in listed["list"]] == [made["id"]]
    assert (declined["state"], declined["replayed"]) == ("declined", False)
    assert (late.status, late.json["code"]) == (409, 40960)
    assert counter.work() == []


def test_a_message_of_the_queue_that_could_not_be_done_comes_again(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, mei = counter.log_in()
    made = counter.call(
        "POST", BATCHES, a_file(f"{mei},1,activity,2027-03-31,补发"), token=counter.staff("operator"), key="k"
    ).data
    counter.call("POST", ONE_BATCH + "/approve", token=counter.staff("reviewer"), batch_id=made["id"])

    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.ledger.bulk.adjustment", lambda *_: 1 / 0)
        (first,) = counter.work()
    progress = counter.call("GET", ONE_BATCH, token=counter.staff("reviewer"), batch_id=made["id"]).data

    assert len(first["batchItemFailures"]) == 1
    assert (progress["posted"], progress["failed"], progress["waiting"]) == (0, 0, 1)


def test_a_member_is_frozen_sees_it_and_is_released(counter: Counter) -> None:
    token, member_id = counter.log_in()
    clerk, path = counter.staff("customer_service"), "/v1/staff/members/{member_id}"
    body = {"reason": "疑似盗号"}
    first = counter.call("POST", path + "/freeze", body, token=clerk, key="k", member_id=member_id).data
    again = counter.call("POST", path + "/freeze", body, token=clerk, key="k", member_id=member_id).data
    other = counter.call("POST", path + "/freeze", body, token=clerk, key="k2", member_id=member_id)
    during = counter.call("GET", "/v1/me/balance", token=token).data["frozen"]
    counter.stage.later(minutes=1)
    counter.call("POST", path + "/unfreeze", {"reason": "本人"}, token=clerk, key="k3", member_id=member_id)
    page = counter.call("GET", path + "/entries", token=counter.staff("reviewer"), member_id=member_id).data

    assert (first["frozen"], first["replayed"], again["replayed"], again["entry"]) == (
        True,
        False,
        True,
        first["entry"],
    )
    assert (other.status, other.json["msg"]) == (409, "账户已经冻结")
    assert (during, counter.call("GET", "/v1/me/balance", token=token).data["frozen"]) == (True, False)
    assert [(entry["activity"], entry["reason"]) for entry in page["list"]] == [
        ("unfreeze", "本人"),
        ("freeze", "疑似盗号"),
    ]
    assert page["list"][0]["actor"].startswith("s")


def test_staff_see_batches_persons_and_facts_that_the_member_does_not(counter: Counter) -> None:
    token, member_id = counter.log_in()
    made = proposed(counter, a_body(member_id))
    approve(counter, made["id"])
    path = "/v1/staff/members/{member_id}/entries"

    (staffs,) = counter.call("GET", path, token=counter.staff("operator"), member_id=member_id).data["list"]
    (members,) = counter.call("GET", "/v1/me/entries", token=token).data["list"]

    assert staffs["buckets"] == [{"points_class": "activity", "expires_on": "2027-03-31", "points": 100}]
    assert staffs["facts"]["proposed_by"] == made["proposed_by"]
    assert {name: staffs[name] for name in members} == members
    assert {"actor", "facts", "buckets"}.isdisjoint(members)


def test_the_last_moment_of_a_proposal_is_still_its_life(counter: Counter) -> None:
    _, member_id = counter.log_in()
    made = proposed(counter, a_body(member_id))
    counter.stage.now += PROPOSAL_LIFE - timedelta(seconds=1)

    assert approve(counter, made["id"]).data["state"] == "approved"
