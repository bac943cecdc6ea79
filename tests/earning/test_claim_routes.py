"""Claims by order number as the deployed app answers them, from the feed's order to the member's points."""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.earning import events
from chalicelib.ledger.table import open_ledger
from chalicelib.members.signature import sign
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from tests.earning.behaviour_stage import Http
from tests.earning.claims import CLAIMS
from tests.earning.programmes import plain_document
from tests.earning.stream import stream_records
from tests.members.stage import FEED_SECRET, NOON, Answer, open_stage
from tests.programme.builders import SINCE

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 120_000)
PATH = "/v1/me/order-claims"
STAFF_PATH = "/v1/staff/order-claims"
PHONE = "13800138765"
ORDER = {
    "kind": "paid",
    "platform": "tmall",
    "order_no": "2026030201",
    "buyer_id": "tb-42",
    "paid_at": "2026-03-02T11:00:00+08:00",
    "paid_fen": 8880,
}
CLAIM = {"platform": "tmall", "order_no": "2026030201"}


class Desk(Http):
    """The deployed app with its stream and its night."""

    def deliver(self, *orders: dict[str, Any]) -> list[dict[str, Any]]:
        body = {"orders": list(orders)}
        raw = json.dumps(body, ensure_ascii=False).encode()
        timestamp, nonce = str(int(self.stage.now.timestamp())), secrets.token_hex(16)
        headers = {
            "X-Jifen-Timestamp": timestamp,
            "X-Jifen-Nonce": nonce,
            "X-Jifen-Signature": sign(FEED_SECRET, timestamp, nonce, raw),
        }
        answered: list[dict[str, Any]] = self.call("POST", "/v1/ingest/orders", body, headers=headers).data["list"]
        return answered

    def claim(self, token: str, **body: Any) -> Answer:
        return self.call("POST", PATH, {**CLAIM, **body}, token=token)

    def claims(self, token: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", PATH, token=token).data["list"]
        return found

    def stream(self) -> None:
        """The stream until it is quiet: what was written to an order is heard, and what follows from it too."""
        for _ in range(2):
            events.settle_orders({"Records": stream_records(self.stage.cloud, settings().orders_table)}, CONTEXT)

    def night(self) -> None:
        at = self.stage.now.isoformat().replace("+00:00", "Z")
        rule = {"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "1"}
        events.reconcile_orders({**rule, "time": at, "region": "r", "resources": [], "detail": {}}, CONTEXT)

    def points(self, token: str) -> int:
        return int(self.call("GET", "/v1/me/balance", token=token).data["available_points"])


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    with open_stage(monkeypatch) as stage:
        monkeypatch.setattr(events, "utc_now", lambda: stage.now)
        publish(
            programme_table.open_programme(),
            version=1,
            document=plain_document(claims=CLAIMS),
            effective_from=SINCE,
            published_by="s1",
            now=SINCE,
        )
        yield Desk(stage, settings().behaviours_queue_url)


def test_a_member_claims_an_order_and_reads_that_it_is_his(desk: Desk) -> None:
    token, _ = desk.log_in()
    desk.deliver(ORDER)

    answered = desk.claim(token, order_no=" 2026030201 ").data
    desk.stream()

    assert answered == {
        "platform": "tmall",
        "platform_name": "天猫",
        "order_no": "2026030201",
        "state": "waiting",
        "state_text": "已提交,核对后到账",
        "claimed_at": "2026-03-02T12:00:00+08:00",
        "waits_until_on": "2026-03-05",
    }
    assert [one["state_text"] for one in desk.claims(token)] == ["已认领,积分按规则到账"]
    assert desk.points(token) == 88


def test_a_claim_before_the_order_and_the_order_after_it_end_the_same(desk: Desk) -> None:
    token, _ = desk.log_in()
    desk.claim(token)
    desk.stream()

    desk.stage.later(days=2)
    desk.deliver(ORDER)
    desk.stream()

    assert (desk.claims(token)[0]["state"], desk.points(token)) == ("owned", 88)


def seen_by(desk: Desk, token: str, **body: Any) -> tuple[Any, ...]:
    """Everything a claimant can see of one claim: status, code, words, shape, and how much work it was."""
    asked: Counter[str] = Counter()
    hooks = dynamo.client().meta.events
    hooks.register("before-call.dynamodb", lambda model, **_: asked.update([model.name]), unique_id="seen")
    answer = desk.claim(token, **body)
    hooks.unregister("before-call.dynamodb", unique_id="seen")
    shown = {**answer.json, "request_id": "", "data": {**answer.json["data"], "order_no": ""}}
    return answer.status, shown, {name: answer.headers[name] for name in sorted(answer.headers)}, dict(asked)


def test_unknown_foreign_wrong_old_and_right_are_answered_alike_by_the_same_work(desk: Desk) -> None:
    owner, _ = desk.log_in("owner")
    desk.deliver(
        {**ORDER, "order_no": "foreign"},
        {**ORDER, "order_no": "wrong", "paid_fen": 5},
        {**ORDER, "order_no": "old", "paid_at": "2026-01-02T11:00:00+08:00"},
        {**ORDER, "order_no": "right"},
    )
    desk.claim(owner, order_no="foreign")
    desk.stream()
    token, _ = desk.log_in("other")

    seen = {
        name: seen_by(desk, token, order_no=name, paid_fen=8880)
        for name in ("foreign", "wrong", "old", "right", "unknown")
    }

    assert len({json.dumps(one, sort_keys=True) for one in seen.values()}) == 1
    assert seen["unknown"][3] == {"GetItem": 1, "BatchGetItem": 1, "TransactWriteItems": 1}
    desk.stream()
    states = {one["order_no"]: one["state"] for one in desk.claims(token)}
    assert states == {
        "foreign": "waiting",
        "wrong": "waiting",
        "old": "waiting",
        "right": "owned",
        "unknown": "waiting",
    }
    assert desk.points(owner) == 88


def test_what_never_matches_lapses_with_the_same_words_for_all(desk: Desk) -> None:
    token, _ = desk.log_in()
    desk.deliver({**ORDER, "order_no": "wrong", "paid_fen": 5})
    for order_no in ("wrong", "unknown"):
        desk.claim(token, order_no=order_no, paid_fen=8880)
    desk.stream()

    desk.stage.later(days=4)
    desk.night()

    assert {one["state_text"] for one in desk.claims(token)} == {"未查到符合的订单,请核对后重新提交"}
    notices = desk.call("GET", "/v1/me/notices", token=token).data["list"]
    assert {(one["kind"], one["text"].replace("wrong", "").replace("unknown", "")) for one in notices} == {
        ("claim_lapsed", "未查到您认领的天猫订单,请核对订单号后重新提交")
    }
    assert len(notices) == 2


def test_another_member_sees_none_of_it(desk: Desk) -> None:
    token, _ = desk.log_in("one")
    other, _ = desk.log_in("two")
    desk.claim(token)

    assert desk.claims(other) == []


def test_claims_are_paged(desk: Desk) -> None:
    token, member_id = desk.log_in()
    for number in range(55):
        item = {
            "pk": f"OC#{member_id}",
            "sk": f"tmall#{number:03d}",
            "state": "owned",
            "input_hash": "",
            "is_placed": True,
        }
        dates = {"claimed_at": "2026-03-01T00:00:00.000Z", "claimed_on": "2026-03-01", "waits_until_on": "2026-03-04"}
        desk.stage.cloud.put_item(TableName=settings().ledger_table, Item=dynamo.encode_item(item | dates))
    desk.claim(token, order_no="zzz")

    first = desk.call("GET", PATH, token=token).data
    second = desk.call("GET", PATH, token=token, query={"cursor": [first["next_cursor"]]}).data

    numbers = [one["order_no"] for page in (first, second) for one in page["list"]]
    assert (len(first["list"]), len(second["list"]), second["has_more"]) == (50, 6, False)
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 56


@pytest.mark.parametrize("cursor", ["x", "fjIwMjYtMDMtMDI=", "eA==", "w6k=", "QUJD" * 100])
def test_a_strange_cursor_is_refused(desk: Desk, cursor: str) -> None:
    token, _ = desk.log_in()

    assert desk.call("GET", PATH, token=token, query={"cursor": [cursor]}).json["code"] == 40002


BAD: list[tuple[dict[str, Any], str]] = [
    ({"paid_fen": -1}, "paid_fen"),
    ({"paid_fen": 1.5}, "paid_fen"),
    ({"paid_fen": 10**18}, "paid_fen"),
    ({"paid_fen": "88.80"}, "paid_fen"),
    ({"paid_fen": True}, "paid_fen"),
    ({"platform": "youzan"}, "platform"),
    ({"platform": "天猫"}, "platform"),
    ({"platform": "phone"}, "platform"),
    ({"platform": ""}, "platform"),
    ({"platform": None}, "platform"),
    ({"order_no": ""}, "order_no"),
    ({"order_no": "1" * 1000}, "order_no"),
    ({"order_no": "1" * 65}, "order_no"),
    ({"order_no": "12\u000034"}, "body"),
    ({"order_no": "12\u000134"}, "order_no"),
    ({"order_no": "12\n34"}, "order_no"),
    ({"order_no": "12#34"}, "order_no"),
    ({"order_no": "1.23E+18"}, "order_no"),
    ({"order_no": 1234567890123456789}, "order_no"),
    ({"phone_tail": "123"}, "phone_tail"),
    ({"phone_tail": "12345"}, "phone_tail"),
    ({"phone_tail": "١٢٣٤"}, "phone_tail"),
    ({"member_id": "m" + "0" * 24}, "member_id"),
    ({"platform": "jd"}, "paid_fen"),
    ({"platform": "pos", "paid_fen": 1}, "phone_tail"),
]


def test_bad_input_is_refused_by_its_field_and_writes_nothing(desk: Desk) -> None:
    token, _ = desk.log_in()
    before = desk.stage.rows()

    answers = [desk.claim(token, **body).json for body, _ in BAD]
    refusals = [(one["code"], one.get("field", "body")) for one in answers]

    expected = [
        (40001, "body") if field == "body" else (40942 if body.get("platform") in ("youzan", "phone") else 40000, field)
        for body, field in BAD
    ]
    assert refusals == expected
    assert desk.stage.rows() == before


def test_a_body_that_is_no_utf_8_is_refused(desk: Desk) -> None:
    from app import app
    from tests.members.stage import invoke

    token, _ = desk.log_in()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    before = desk.stage.rows()

    answers = [
        invoke(app, "POST", PATH, headers=headers, body=b'{"platform": "tmall", "order_no": "' + number + b'"}')
        for number in (b"\xff\xfe", b"\\ud800")
    ]

    assert [one.status for one in answers] == [400, 400]
    assert desk.stage.rows() == before


def test_too_many_claims_of_a_day_are_refused_with_the_time_to_wait(desk: Desk) -> None:
    token, _ = desk.log_in()
    for number in range(5):
        assert desk.claim(token, order_no=str(number)).status == 200

    refused = desk.claim(token, order_no="5")

    assert (refused.status, refused.json["code"]) == (429, 42900)
    assert refused.headers["Retry-After"] == str(12 * 3600 + 1)
    desk.stage.later(hours=12, seconds=1)
    assert desk.claim(token, order_no="5").status == 200


def test_staff_see_whose_an_order_is_and_who_claims_it(desk: Desk) -> None:
    token, member_id = desk.log_in("one")
    other, other_id = desk.log_in("two")
    desk.deliver(ORDER)
    desk.claim(token, paid_fen=8880)
    desk.stream()
    desk.claim(other)
    service = desk.staff("customer_service")

    query = {"platform": ["tmall"], "order_no": ["２０２６０３０２０１"]}
    found = desk.call("GET", STAFF_PATH, token=service, query=query).data

    assert (found["member_id"], found["bound_by"], found["paid_fen"]) == (member_id, "claim", 8880)
    assert [(one["member_id"], one["state"], one["fits"]) for one in found["claims"]] == [
        (member_id, "owned", None),
        (other_id, "waiting", True),
    ]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({}, 40000, "platform"),
        ({"platform": ["tmall"]}, 40000, "order_no"),
        ({"platform": ["tmall"], "order_no": ["1#2"]}, 40000, "order_no"),
        ({"platform": ["tmall#1"], "order_no": ["1"]}, 40000, "platform"),
        ({"platform": ["PARKED"], "order_no": ["1"]}, 40000, "platform"),
        ({"platform": ["phone"], "order_no": ["1"]}, 40000, "platform"),
        ({"platform": ["tmall"], "order_no": ["404"]}, 40440, "order_no"),
    ],
)
def test_staff_ask_for_an_order_by_platform_and_number(
    desk: Desk, query: dict[str, list[str]], code: int, field: str
) -> None:
    answer = desk.call("GET", STAFF_PATH, token=desk.staff("operator"), query=query)

    assert (answer.json["code"], answer.json.get("field")) == (code, field)


def test_staff_settle_a_dispute_once_with_an_audit_trail(desk: Desk) -> None:
    token, member_id = desk.log_in("one")
    _, other_id = desk.log_in("two")
    desk.deliver(ORDER)
    desk.claim(token, paid_fen=1)
    service = desk.staff("customer_service")

    def assign(to: str) -> Answer:
        body = {**CLAIM, "member_id": to, "reason": "出示了付款凭证"}
        return desk.call("POST", STAFF_PATH + "/assignments", body, token=service)

    first, again = assign(member_id).data, assign(member_id).data
    desk.stream()

    assert (first["member_id"], first["replayed"], again["replayed"]) == (member_id, False, True)
    assert desk.points(token) == 88
    assert desk.claims(token)[0]["state"] == "owned"
    assert assign(other_id).json["code"] == 40943
    (entry,) = desk.call(
        "GET", "/v1/staff/members/{member_id}/entries", token=service, path_parameters={"member_id": member_id}
    ).data["list"]
    assert entry["facts"]["bound_why"] == "出示了付款凭证"
    assert entry["facts"]["bound_by"] == first["bound_by"]
    shown = desk.call("GET", "/v1/me/entries", token=token).data["list"][0]
    assert "bound_by" not in shown


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"member_id": "m" + "0" * 24}, 40401, "member_id"),
        ({"member_id": "s1"}, 40401, "member_id"),
        ({"reason": ""}, 40000, "reason"),
        ({"reason": "  "}, 40000, "reason"),
        ({"reason": "a\u0007"}, 40000, "reason"),
        ({"order_no": "404"}, 40440, "order_no"),
    ],
)
def test_an_assignment_needs_an_order_a_member_and_a_reason(
    desk: Desk, changes: dict[str, Any], code: int, field: str
) -> None:
    _, member_id = desk.log_in()
    desk.deliver(ORDER)
    body = {**CLAIM, "member_id": member_id, "reason": "x", **changes}

    answer = desk.call("POST", STAFF_PATH + "/assignments", body, token=desk.staff("operator"))

    assert (answer.json["code"], answer.json.get("field")) == (code, field)


@pytest.mark.parametrize("role", ["guide", "finance", "reviewer"])
def test_other_staff_settle_nothing(desk: Desk, role: str) -> None:
    body = {**CLAIM, "member_id": "m" + "0" * 24, "reason": "x"}

    assert desk.call("POST", STAFF_PATH + "/assignments", body, token=desk.staff(role)).status == 403
    assert desk.call("GET", STAFF_PATH, token=desk.staff(role, role + "2"), query={}).status == 403


def bind_phone(desk: Desk, member_id: str, phone: str, role: str = "customer_service") -> Answer:
    path = "/v1/staff/members/{member_id}/phones"
    key = desk.staff(role, f"{role}-{secrets.token_hex(4)}")
    return desk.call("POST", path, {"phone": phone}, token=key, path_parameters={"member_id": member_id})


def test_an_order_with_a_members_phone_is_his_and_no_phone_is_kept_or_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    token, member_id = desk.log_in("one")
    other, _ = desk.log_in("two")
    desk.deliver({**ORDER, "order_no": "early", "phone": f"+86 {PHONE}"})
    bound = bind_phone(desk, member_id, PHONE)
    desk.deliver({**ORDER, "phone": PHONE}, {**ORDER, "order_no": "bad", "phone": PHONE + "x"})
    desk.claim(other, order_no="pos-1", platform="pos", phone_tail="8765")
    desk.deliver({**ORDER, "order_no": "pos-1", "platform": "pos", "phone": "138****8765"})
    desk.stream()

    assert (bound.data["released_orders"], desk.points(token), desk.points(other)) == (1, 176, 88)
    kept = json.dumps(desk.stage.rows(), default=repr, ensure_ascii=False)
    told = caplog.text + "".join(capsys.readouterr())
    assert PHONE not in kept
    assert PHONE not in told
    assert '"8765"' not in kept
    assert "138****" not in kept + told
    assert not re.search(r"(?<![0-9a-f])8765(?![0-9a-f])", told)  # ids of chance may hold it


def test_a_phone_is_bound_to_one_member_and_once(desk: Desk) -> None:
    _, member_id = desk.log_in("one")
    _, other_id = desk.log_in("two")

    first, again = bind_phone(desk, member_id, PHONE), bind_phone(desk, member_id, "+86 138-0013-8765")
    other = bind_phone(desk, other_id, PHONE)

    assert (first.data["replayed"], again.data["replayed"], other.json["code"]) == (False, True, 40904)


@pytest.mark.parametrize("phone", ["138****8765", "12345", "phone", "１２３４"])
def test_what_is_no_whole_phone_is_bound_to_nobody(desk: Desk, phone: str) -> None:
    _, member_id = desk.log_in()

    answer = bind_phone(desk, member_id, phone)

    assert (answer.json["code"], answer.json["field"]) == (40000, "phone")


def test_a_phone_cannot_be_bound_in_plain_by_the_route_of_buyers(desk: Desk) -> None:
    _, member_id = desk.log_in()
    path = "/v1/staff/members/{member_id}/identities"

    answer = desk.call(
        "POST",
        path,
        {"platform": "phone", "buyer_id": PHONE},
        token=desk.staff("operator"),
        path_parameters={"member_id": member_id},
    )

    assert (answer.json["code"], answer.json["field"]) == (40000, "platform")
    assert PHONE not in json.dumps(desk.stage.rows(), default=repr)


def test_a_record_with_a_bad_phone_or_of_the_platform_phone_is_refused_by_its_field(desk: Desk) -> None:
    answered = desk.deliver(
        {**ORDER, "phone": "12345"},
        {**ORDER, "platform": "phone"},
        {**ORDER, "phone": ""},
        {**ORDER, "order_no": "2", "phone": 13800138765},
    )

    assert [(one["result"], one.get("field")) for one in answered] == [
        ("refused", "phone"),
        ("refused", "platform"),
        ("waiting", None),
        ("refused", "phone"),
    ]


def test_a_sale_at_a_till_keeps_its_store_and_guide_in_its_entry(desk: Desk) -> None:
    token, member_id = desk.log_in()
    sale = {**ORDER, "channel": "pos", "store_id": "SH-01", "guide_id": "g-7"}
    desk.deliver(sale)
    desk.claim(token)

    desk.stream()

    (entry,) = open_ledger().entries(member_id, before_key=None, limit=5)
    assert (entry.facts["store_id"], entry.facts["guide_id"]) == ("SH-01", "g-7")
    assert entry.posted_at == NOON
