"""Behaviour over HTTP: from a signed feed through the queue to points, and what a member may report and see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.earning import behaviour_routes, events
from chalicelib.earning.behaviour_feed import EventRecord
from chalicelib.earning.record_orders import Received, record_orders
from chalicelib.earning.table import open_orders
from chalicelib.errors import JifenError
from chalicelib.programme.document import read_programme
from chalicelib.runtime import dynamo
from tests.earning.behaviour_stage import Http, open_http
from tests.earning.behaviours import INDICATORS, document
from tests.earning.conftest import paid, refund
from tests.earning.programmes import a_rule
from tests.earning.stream import stream_records
from tests.ledger.builders import NOW


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Http]:
    with open_http(monkeypatch) as opened:
        yield opened


def an_event(member_id: str, **given: Any) -> dict[str, Any]:
    values = {
        "event_id": "e1",
        "source": "tmall",
        "indicator": "review",
        "member": {"member_id": member_id},
        "occurred_at": "2026-03-02T11:00:00+08:00",
    }
    return {**values, **given}


def balance(http: Http, token: str) -> int:
    return int(http.call("GET", "/v1/me/balance", token=token).data["available_points"])


def test_a_told_event_becomes_points_through_the_queue(http: Http) -> None:
    token, member_id = http.log_in()

    answers = http.feed(an_event(member_id, text="很好" * 11))
    waiting = http.messages()
    http.settle(waiting)

    assert answers == [{"result": "accepted", "source": "tmall", "event_id": "e1"}]
    assert balance(http, token) == 10
    message = json.loads(waiting[0]["body"])
    assert message["length"] == 22
    assert message["received_at"] == "2026-03-02T04:00:00.000Z"


def test_a_text_is_measured_and_kept_nowhere(http: Http, capsys: pytest.CaptureFixture[str]) -> None:
    _token, member_id = http.log_in()
    text = "只有我知道的秘密评价内容写在这里二十个字以上才行"

    http.feed(an_event(member_id, text=text))
    waiting = http.messages()
    http.settle(waiting)

    assert text not in json.dumps(waiting, ensure_ascii=False)
    assert not any("秘密" in str(row) for row in http.stage.rows())
    assert "秘密" not in capsys.readouterr().out


@pytest.mark.parametrize("indicator", ["sale_618", "a", "z9_", "w" * 40])
def test_whatever_indicator_a_programme_may_publish_can_be_told_and_reported(
    monkeypatch: pytest.MonkeyPatch, indicator: str
) -> None:
    listed = {"id": indicator, "name": "大促", "dimension": "activity"}
    rule = a_rule("any", indicator, amount={"kind": "fixed", "points": 7})
    monkeypatch.setattr(behaviour_routes, "SELF_REPORTED", {indicator})
    with open_http(monkeypatch, rules=[rule], indicators=[*INDICATORS, listed]) as http:
        token, member_id = http.log_in()
        (told,) = http.feed(an_event(member_id, indicator=indicator))
        http.settle()
        reported = http.call("POST", "/v1/me/behaviours", {"indicator": indicator, "subject": "s" * 32}, token=token)

        assert told["result"] == "accepted"
        assert reported.data["points"] == 7
        assert balance(http, token) == 14


@given(st.text("az09_A-", min_size=0, max_size=3) | st.from_regex(r"\A[a-z0-9_]{38,42}\Z"))
def test_the_feed_takes_the_ids_that_documents_take_and_no_others(indicator: str) -> None:
    listed = {"id": indicator, "name": "大促", "dimension": "activity"}
    event = {"event_id": "e1", "source": "tmall", "indicator": indicator, "member": {}, "occurred_at": NOW}

    def takes(read: Callable[[Any], object], value: object) -> bool:
        try:
            read(value)
        except (ValidationError, JifenError):
            return False
        return True

    may_publish = takes(read_programme, document(indicators=[*INDICATORS, listed]))

    assert takes(EventRecord.model_validate, event) == may_publish


def test_the_same_call_again_is_a_duplicate_once_posted_and_harmless_before(http: Http) -> None:
    token, member_id = http.log_in()
    event = an_event(member_id)

    first, second = http.feed(event), http.feed(event)
    http.settle()
    third = http.feed(event)
    http.settle()

    assert [answer[0]["result"] for answer in (first, second, third)] == ["accepted", "accepted", "duplicate"]
    assert balance(http, token) == 5


def test_twins_in_one_call_are_answered_each(http: Http) -> None:
    _token, member_id = http.log_in()
    event = an_event(member_id)

    answers = http.feed(event, event, {**event, "length": 50})

    assert [answer["result"] for answer in answers] == ["accepted", "duplicate", "refused"]
    assert (answers[2]["code"], answers[2]["field"]) == (40900, "event_id")
    assert len(http.messages()) == 1


def test_anothers_event_is_refused_at_the_edge_and_dropped_by_the_worker(http: Http) -> None:
    _token, mine = http.log_in("mei")
    token, other = http.log_in("ann")
    http.feed(an_event(mine))
    http.feed(an_event(other))  # before either is posted
    first, second = http.messages()

    assert http.settle([first, second]) == []

    assert http.feed(an_event(other))[0]["code"] == 40900
    assert balance(http, token) == 0
    (why,) = http.call("GET", "/v1/me/refused-awards", token=token).data["list"]
    assert why["refused"][0]["code"] == "key_reused"


def test_a_buyer_is_found_by_his_platform_account(http: Http) -> None:
    token, _member_id = http.log_in("mei")
    known, unknown = ({"platform": "wechat", "buyer_id": f"demo-{name}"} for name in ("mei", "nobody"))

    answers = http.feed(
        an_event("", member=known),
        an_event("", event_id="e2", member=unknown),
        an_event("", event_id="e3", member={"member_id": "m" + "0" * 24}),
    )
    http.settle()

    assert [answer["result"] for answer in answers] == ["accepted", "refused", "refused"]
    assert {(answer["code"], answer["field"]) for answer in answers[1:]} == {(40401, "member")}
    assert balance(http, token) == 5


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"event_id": "a/b"}, "event_id"),
        ({"event_id": "x" * 65}, "event_id"),
        ({"event_id": ""}, "event_id"),
        ({"indicator": "Review"}, "indicator"),
        ({"indicator": "unknown"}, "indicator"),
        ({"indicator": "check_in"}, "indicator"),
        ({"indicator": "malicious_review"}, "indicator"),
        ({"source": "mini_program"}, "source"),
        ({"source": "Tmall"}, "source"),
        ({"occurred_at": "2026-03-02T12:05:01+08:00"}, "occurred_at"),
        ({"occurred_at": "2025-12-02T11:59:59+08:00"}, "occurred_at"),
        ({"occurred_at": "2026-03-02T11:00:00"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+08:00"}, "occurred_at"),
        ({"occurred_at": "9999-12-31T23:59:59-08:00"}, "occurred_at"),
        ({"occurred_at": "soon"}, "occurred_at"),
        ({"occurred_at": 1}, "occurred_at"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 1001}, "quantity"),
        ({"quantity": True}, "quantity"),
        ({"fen": -1}, "fen"),
        ({"length": -1}, "length"),
        ({"length": 1, "text": "a"}, "length"),
        ({"text": "x" * 20_001}, "text"),
        ({"member": {}}, "member"),
        ({"member": {"member_id": "m1"}}, "member.member_id"),
        ({"member": {"platform": "tmall"}}, "member"),
        ({"member": {"member_id": "m" + "0" * 24, "platform": "tmall"}}, "member"),
        ({"member": {"member_id": "m" + "0" * 24, "platform": "tmall", "buyer_id": "b"}}, "member"),
        ({"member": "m1"}, "member"),
        ({"order": "1"}, "order"),
        ({"order": {"platform": "tmall"}}, "order.order_no"),
        ({"order": {"platform": "tmall", "order_no": "1#2"}}, "order.order_no"),
        ({"order": {"platform": "Tmall", "order_no": "1"}}, "order.platform"),
        ({"points": 5}, "points"),
    ],
)
def test_a_bad_event_is_refused_by_its_field_and_keeps_nobody_from_his_own(
    http: Http, wrong: dict[str, Any], field: str
) -> None:
    _token, member_id = http.log_in()

    bad, good = http.feed({**an_event(member_id), **wrong}, an_event(member_id, event_id="good"))

    assert (bad["result"], bad["field"]) == ("refused", field)
    assert bad["code"] == 40000
    assert good["result"] == "accepted"


def test_the_edges_of_time_are_accepted(http: Http) -> None:
    _token, member_id = http.log_in()

    answers = http.feed(
        an_event(member_id, occurred_at="2026-03-02T12:05:00+08:00"),
        an_event(member_id, event_id="e2", occurred_at="2025-12-02T12:00:00+08:00"),
    )

    assert [answer["result"] for answer in answers] == ["accepted", "accepted"]


def test_more_than_a_hundred_events_are_refused_whole(http: Http) -> None:
    _token, member_id = http.log_in()
    events = [an_event(member_id, event_id=f"e{number}") for number in range(101)]

    with pytest.raises(AssertionError, match="40000"):
        http.feed(*events)
    assert http.messages() == []
    assert len(http.feed(*events[:100])) == 100
    assert len(http.messages()) == 100


def test_a_bad_signature_queues_nothing(http: Http) -> None:
    _token, member_id = http.log_in()

    answer = http.call("POST", "/v1/ingest/events", {"events": [an_event(member_id)]})

    assert answer.status == 401
    assert http.messages() == []


def test_one_bad_message_does_not_stop_its_batch(http: Http) -> None:
    token, member_id = http.log_in()
    http.feed(an_event(member_id))
    bad = {"messageId": "bad", "body": "{}"}

    failed = http.settle([bad, *http.messages()])

    assert failed == ["bad"]
    assert balance(http, token) == 5


def test_a_message_delivered_twice_and_a_day_late_posts_once_by_the_edges_clock(http: Http) -> None:
    token, member_id = http.log_in()
    http.feed(an_event(member_id))
    waiting = http.messages()
    http.stage.later(days=1)

    http.settle(waiting * 2)

    (entry,) = http.call("GET", "/v1/me/entries", token=token).data["list"]
    assert entry["posted_at"] == "2026-03-02T12:00:00+08:00"
    assert balance(http, token) == 5


def test_a_queue_that_is_down_is_said_so_and_the_retry_passes(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    token, member_id = http.log_in()
    queue = dynamo.service("sqs")
    with monkeypatch.context() as down:
        down.setattr(queue, "send_message_batch", lambda **_given: {"Failed": [{"Id": "0"}]})
        with pytest.raises(AssertionError, match="50300"):
            http.feed(an_event(member_id))

    http.feed(an_event(member_id))
    http.settle()

    assert balance(http, token) == 5


def report(http: Http, token: str, indicator: str = "add_to_cart", **given: Any) -> Any:
    return http.call("POST", "/v1/me/behaviours", {"indicator": indicator, **given}, token=token)


def test_a_member_reports_a_filled_cart_once_a_day(http: Http) -> None:
    token, _member_id = http.log_in()

    first = report(http, token).data
    http.stage.later(hours=5)
    again = report(http, token).data
    http.stage.later(days=1)
    next_day = report(http, token).data

    assert first["points"] == 5
    assert first["reason"] == "加购"
    assert first["breakdown"][0] == {"rule": "add_to_cart", "points": 5, "why": "加购"}
    assert first["balance_after_points"] == 5
    assert first["buys"]["worth_fen"] == 5
    assert not first["replayed"]
    assert again == {**first, "replayed": True}
    assert (next_day["points"], next_day["replayed"]) == (5, False)
    assert balance(http, token) == 10


def test_two_members_report_the_same_thing_each_for_himself(http: Http) -> None:
    tokens = [http.log_in(name)[0] for name in ("mei", "ann")]

    assert [report(http, token).data["points"] for token in tokens] == [5, 5]


def test_a_report_beyond_the_cap_earns_nothing_and_says_why(http: Http) -> None:
    token, _member_id = http.log_in()
    report(http, token)

    other = report(http, token, subject="second-phone").data

    assert (other["points"], other["reason"]) == (0, "加购今日已达上限1次,明天起可再得")
    (why,) = http.call("GET", "/v1/me/refused-awards", token=token).data["list"]
    assert (why["activity"], why["reason"]) == ("add_to_cart", other["reason"])
    assert why["refused"][0]["code"] == "capped"


def test_a_refused_report_told_all_day_leaves_one_line(http: Http) -> None:
    token, _member_id = http.log_in()
    report(http, token)

    for _ in range(5):
        http.stage.later(minutes=1)
        report(http, token, subject="second-phone")

    assert len(http.call("GET", "/v1/me/refused-awards", token=token).data["list"]) == 1


@pytest.mark.parametrize(
    "indicator", ["review", "register", "browse", "malicious_review", "check_in", "login", "unknown"]
)
def test_nothing_else_can_be_reported(http: Http, indicator: str) -> None:
    token, _member_id = http.log_in()
    before = http.stage.rows()

    answer = report(http, token, indicator)

    assert (answer.status, answer.json["code"]) == (409, 40907)
    assert http.stage.rows() == before


@pytest.mark.parametrize(
    "body", [{}, {"indicator": "A"}, {"indicator": "browse", "subject": "a#b"}, {"member_id": "m"}]
)
def test_a_report_of_another_shape_is_refused(http: Http, body: dict[str, Any]) -> None:
    token, _member_id = http.log_in()

    assert http.call("POST", "/v1/me/behaviours", body, token=token).status == 400


def test_tasks_show_their_progress(http: Http) -> None:
    token, member_id = http.log_in()
    http.feed(an_event(member_id, indicator="ride"))
    http.settle()

    (task,) = http.call("GET", "/v1/me/tasks", token=token).data["list"]

    assert task == {
        "id": "rides",
        "name": "一月三骑",
        "counts": "times",
        "done": 1,
        "goal": 3,
        "points": 50,
        "is_done": False,
        "text": "本月再骑2次得50分",
        "ends_on": "2026-03-31",
        "conditions": [],
        "is_paused": False,
    }


def test_the_matrix_shows_what_is_left_today(http: Http) -> None:
    token, _member_id = http.log_in()
    report(http, token)

    data = http.call("GET", "/v1/me/ways-to-earn", token=token).data

    cart = next(one for one in data["dimensions"][1]["indicators"] if one["id"] == "add_to_cart")
    assert cart["rules"] == [
        {
            "rule": "add_to_cart",
            "name": "加购",
            "points_class": "behaviour",
            "class_name": "行为积分",
            "points": 5,
            "text": "每次得5分",
            "state": "capped",
            "left_text": "加购今日已达上限1次,明天起可再得",
            "caps": [{"period": "day", "unit": "times", "most": 1, "used": 1, "left": 0}],
        }
    ]
    assert [one["dimension"] for one in data["dimensions"]] == ["login", "activity", "transaction"]
    assert data["deductions"] == [{"id": "malicious_review", "name": "恶意差评", "points": 30, "text": "经核实扣30分"}]


def test_the_matrix_fills_in_the_days_to_the_next_reward(http: Http) -> None:
    token, _member_id = http.log_in()
    http.call("POST", "/v1/me/check-ins", token=token)

    data = http.call("GET", "/v1/me/ways-to-earn", token=token).data

    check_in = next(one for one in data["dimensions"][0]["indicators"] if one["id"] == "check_in")
    assert [rule["text"] for rule in check_in["rules"]] == ["再签6天得10分"]


def test_staff_see_why_a_member_got_nothing(http: Http) -> None:
    token, member_id = http.log_in()
    report(http, token)
    report(http, token, subject="b")
    path = "/v1/staff/members/{member_id}/refused-awards"
    key = http.staff("customer_service")

    seen = http.call("GET", path, token=key, path_parameters={"member_id": member_id}).data
    mine = http.call("GET", "/v1/me/refused-awards", token=token).data
    strange = http.call("GET", path, token=key, path_parameters={"member_id": "x"})

    assert seen == mine
    assert strange.json["code"] == 40401


def test_refused_awards_come_in_pages(http: Http) -> None:
    token, _member_id = http.log_in()
    report(http, token)
    for number in range(3):
        http.stage.later(days=1)
        report(http, token, subject="first")
        report(http, token, subject=f"s{number}")

    first = http.call("GET", "/v1/me/refused-awards", token=token, query={"limit": ["2"]}).data
    cursor = {"limit": ["2"], "cursor": [first["next_cursor"]]}
    second = http.call("GET", "/v1/me/refused-awards", token=token, query=cursor).data

    assert (len(first["list"]), first["has_more"]) == (2, True)
    assert (len(second["list"]), second["has_more"], second["next_cursor"]) == (1, False, None)
    assert http.call("GET", "/v1/me/refused-awards", token=token, query={"limit": ["0"]}).status == 400


def test_a_full_refund_takes_back_what_its_order_caused_through_the_streams_and_the_queue(http: Http) -> None:
    token, inviter = http.log_in("ann")
    named = {"member": {"member_id": inviter}, "order": {"platform": "tmall", "order_no": "1"}}
    at = http.stage.now
    orders = open_orders()
    assert http.feed(an_event(inviter, **named)) == [{"result": "accepted", "source": "tmall", "event_id": "e1"}]
    http.settle()
    assert balance(http, token) == 5

    received = [Received(fact, at) for fact in (paid(paid_at=at), refund(refunded_at=at))]
    record_orders(received, orders=orders, find_members=lambda _buyers: {}, zone="Asia/Shanghai")
    events.settle_orders({"Records": stream_records(orders.dynamo, orders.name)}, None)
    http.settle()
    http.feed(an_event(inviter, event_id="late", **named))
    http.settle()

    assert balance(http, token) == 0
    why = http.call("GET", "/v1/me/refused-awards", token=token).data["list"][-1]
    assert (why["reason"], why["refused"][0]["code"]) == ("所属订单已全额退款", "order_refunded")
    assert http.settle(http.messages()) == []


def test_a_void_takes_back_and_is_repeated(http: Http) -> None:
    token, member_id = http.log_in()
    http.feed(an_event(member_id, length=30))
    http.settle()
    body = {"source": "tmall", "event_id": "e1", "reason": "评价已删除"}

    first = http.call("POST", "/v1/staff/behaviour-voids", body, token=http.staff("reviewer")).data
    again = http.call("POST", "/v1/staff/behaviour-voids", body, token=http.staff("customer_service")).data
    unknown = http.call("POST", "/v1/staff/behaviour-voids", {**body, "event_id": "e9"}, token=http.staff("admin"))

    assert (first["member_id"], first["voided_points"], first["replayed"]) == (member_id, 10, False)
    assert again == {**first, "replayed": True}
    assert (unknown.status, unknown.json["code"]) == (404, 40470)
    assert balance(http, token) == 0
