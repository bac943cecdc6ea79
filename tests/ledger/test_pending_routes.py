"""Pending points over HTTP: what the member waits for, and what staff may do about one credit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.model import Cause, Credit, Guard, Kind, Policy, Posting
from chalicelib.ledger.table import Seen, open_ledger
from chalicelib.programme.table import terms_at
from tests.ledger.counter import Counter, opened
from tests.members.stage import Answer
from tests.programme.builders import demo_document

CHANGES = "/v1/staff/members/{member_id}/pending-changes"


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    with opened(monkeypatch) as stage:
        yield stage


def pend(counter: Counter, member_id: str, points: int = 30, order_no: str = "1", day: int = 17) -> str:
    """An order whose points wait for a day of March; answers what names its cause."""
    now, key = counter.stage.now, f"O#tmall#{order_no}"
    cause = Cause(Kind.EARN, "order", f"tmall#{order_no}", now, now, "tmall", "order_feed")
    credit = Credit(
        "order",
        PointsClass.CONSUMPTION,
        points,
        Policy.DEFICIT,
        1,
        pending_points=points,
        validity={"kind": "months", "months": 12},
        activate_on=date(2026, 3, day),
        text="收货后到账",
    )

    def decide(seen: Seen) -> Posting:
        posting = apply(seen.account, [Earn(cause, points, "", "order", 1)], terms_at(now).ledger, now)
        return posting._replace(guard=Guard(key, member_id, "order", cause.id, credits=(credit,)))

    open_ledger().post(member_id, decide, guard_key=key)
    return key


def change(
    counter: Counter, member_id: str, kind: str, *, key: str = "k1", role: str = "operator", **given: Any
) -> Answer:
    body = {"cause": "O#tmall#1", "rule": "order", "change": kind, "reason": "客诉处理", **given}
    return counter.call("POST", CHANGES, body, token=counter.staff(role), key=key, member_id=member_id)


def points(counter: Counter, token: str) -> tuple[int, int]:
    data = counter.call("GET", "/v1/me/balance", token=token).data
    return data["available_points"], data["pending_points"]


def test_a_member_sees_what_is_pending_until_when_and_why(counter: Counter) -> None:
    token, member_id = counter.log_in()
    pend(counter, member_id)
    pend(counter, member_id, 7, "2", day=9)

    page = counter.call("GET", "/v1/me/pending", token=token, query={"limit": "1"}).data
    rest = counter.call("GET", "/v1/me/pending", token=token, query={"cursor": page["next_cursor"]}).data

    assert page["list"] == [
        {
            "activity": "order",
            "id": "tmall#2",
            "points": 7,
            "points_class": "consumption",
            "activate_on": "2026-03-09",
            "reason": "收货后到账",
        }
    ]
    assert [one["id"] for one in rest["list"]] == ["tmall#1"]
    assert counter.call("GET", "/v1/me/balance", token=token).data["pending"] == [*page["list"], *rest["list"]]


def test_staff_activate_one_credit_and_a_repeat_is_its_first_answer(counter: Counter) -> None:
    token, member_id = counter.log_in()
    pend(counter, member_id)
    path = "/v1/staff/members/{member_id}/balance"
    (named,) = counter.call("GET", path, token=counter.staff("finance"), member_id=member_id).data["pending"]

    first = change(counter, member_id, "activate", cause=named["cause"], rule=named["rule"]).data
    counter.stage.later(minutes=5)
    again = change(counter, member_id, "activate", cause=named["cause"], rule=named["rule"]).data
    later = change(counter, member_id, "activate", key="k2")

    assert (first["entry"]["kind"], first["entry"]["reason"], first["replayed"]) == ("activate", "客诉处理", False)
    assert (again["replayed"], again["entry"]) == (True, first["entry"])
    assert (later.status, later.json["code"]) == (409, 40953)
    assert points(counter, token) == (30, 0)


def test_a_credit_is_lowered_then_cancelled(counter: Counter) -> None:
    token, member_id = counter.log_in()
    pend(counter, member_id)

    lowered = change(counter, member_id, "adjust", points=10).data
    between = points(counter, token)
    change(counter, member_id, "cancel", key="k2")
    repeat = change(counter, member_id, "adjust", points=10).data

    assert (lowered["entry"]["pending_points"], between) == (-20, (0, 10))
    assert repeat["replayed"]
    assert points(counter, token) == (0, 0)


def test_one_person_never_raises_a_pending_credit(counter: Counter) -> None:
    token, member_id = counter.log_in()
    pend(counter, member_id)

    refused = change(counter, member_id, "adjust", points=31)

    assert (refused.status, refused.json["code"]) == (422, 42265)
    assert points(counter, token) == (0, 30)


def limited(monkeypatch: pytest.MonkeyPatch, daily_points: int) -> Any:
    """A stage on which one person may adjust so many points a day."""
    return opened(monkeypatch, adjustment={**demo_document()["adjustment"], "daily_points": daily_points})


@pytest.mark.parametrize(
    ("kind", "given"), [("activate", {}), ("cancel", {}), ("adjust", {"points": 0}), ("adjust", {"points": 1})]
)
def test_what_one_person_changes_of_pending_points_counts_against_his_day(
    monkeypatch: pytest.MonkeyPatch, kind: str, given: dict[str, Any]
) -> None:
    with limited(monkeypatch, 50) as counter:
        token, member_id = counter.log_in()
        for order_no in "12":
            pend(counter, member_id, 30, order_no)

        first = change(counter, member_id, kind, **given)
        again = change(counter, member_id, kind, **given)
        refused = change(counter, member_id, kind, key="k2", cause="O#tmall#2", **given)
        before = points(counter, token)
        by_another = change(counter, member_id, kind, key="k2", role="finance", cause="O#tmall#2", **given)
        counter.stage.later(hours=24)

        assert (first.status, again.data["replayed"]) == (200, True)
        assert (refused.status, refused.json["code"]) == (409, 40961)
        assert refused.json["msg"] == "超过每人每日50分的积分调整上限,更改待入账积分也计入其中"
        assert before[1] - given.get("points", 0) == 30
        assert by_another.status == 200
        pend(counter, member_id, 30, "3")
        assert change(counter, member_id, "cancel", key="k3", cause="O#tmall#3").status == 200


def test_a_credit_larger_than_a_day_is_lowered_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    with limited(monkeypatch, 50) as counter:
        token, member_id = counter.log_in()
        pend(counter, member_id, 80)

        refusals = [change(counter, member_id, kind, key=kind).json["code"] for kind in ("activate", "cancel")]
        lowered = change(counter, member_id, "adjust", points=30, key="k2")
        rest = change(counter, member_id, "cancel", role="finance", key="k3")

        assert (refusals, lowered.status, rest.status) == ([40961, 40961], 200, 200)
        assert points(counter, token) == (0, 0)


def test_proposals_of_adjustments_and_changes_of_pending_points_share_one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    with limited(monkeypatch, 50) as counter:
        token, member_id = counter.log_in()
        pend(counter, member_id, 30)
        change(counter, member_id, "cancel")
        asked = {
            "member_id": member_id,
            "points": 30,
            "points_class": "activity",
            "reason": "补偿",
            "evidence": "工单 1",
        }
        body = {**asked, "expires_on": "2026-12-31"}
        proposed = counter.call("POST", "/v1/staff/adjustments", body, token=counter.staff("operator"), key="a1").data

        path = "/v1/staff/adjustments/{adjustment_id}/approve"
        refused = counter.call("POST", path, token=counter.staff("reviewer"), adjustment_id=proposed["id"])

        assert refused.json["code"] == 40961
        assert points(counter, token) == (0, 0)


def test_another_members_credit_is_not_changed_under_this_ones_name(counter: Counter) -> None:
    (token, member_id), (_, other_id) = counter.log_in(), counter.log_in()
    pend(counter, member_id)

    refusals = [change(counter, other_id, kind, key=kind) for kind in ("activate", "cancel")]
    refusals.append(change(counter, other_id, "adjust", points=1))
    refusals.append(change(counter, member_id, "cancel", cause="H#1", key="k2"))
    refusals.append(change(counter, member_id, "cancel", rule="bonus", key="k3"))

    assert [(one.status, one.json["code"]) for one in refusals] == [(409, 40953)] * 5
    assert points(counter, token) == (0, 30)


def test_the_same_key_with_another_change_is_refused(counter: Counter) -> None:
    _, member_id = counter.log_in()
    pend(counter, member_id)
    change(counter, member_id, "adjust", points=20)

    other = change(counter, member_id, "adjust", points=10)

    assert (other.status, other.json["code"]) == (409, 40900)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "adjust"}, "points"),
        ({"kind": "cancel", "points": 1}, "points"),
        ({"kind": "adjust", "points": -1}, "points"),
        ({"kind": "raise"}, "change"),
        ({"kind": "cancel", "cause": ""}, "cause"),
        ({"kind": "cancel", "cause": "O#订单"}, "cause"),
        ({"kind": "cancel", "reason": ""}, "reason"),
    ],
)
def test_a_bad_change_names_its_field(counter: Counter, given: dict[str, Any], field: str) -> None:
    _, member_id = counter.log_in()

    answer = change(counter, member_id, **given)

    assert (answer.status, answer.json["field"]) == (400, field)


def test_only_operators_and_finance_change_pending_points(counter: Counter) -> None:
    _, member_id = counter.log_in()
    pend(counter, member_id)

    assert change(counter, member_id, "cancel", role="customer_service").status == 403
    assert change(counter, member_id, "cancel", role="finance").status == 200
