from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.members import tokens
from chalicelib.members.roles import Role
from chalicelib.members.staff_keys import create_staff_key
from chalicelib.members.table import open_members
from chalicelib.publishing.send_due import claim, mark_due
from chalicelib.publishing.table import PublishingTable
from tests.publishing.plans import ISSUE_ID, MONDAY, approved, plan_json

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Answer]
LATER = "2099-03-04T12:00:00Z"


@pytest.fixture
def http(table: PublishingTable) -> Iterator[Client]:
    """The one real app: Chalice registers a blueprint once per process."""
    from app import app

    with Client(app) as client:
        yield client


@pytest.fixture
def ask(http: Client) -> Ask:
    """Call the API in a role; answers the status and the whole shape."""
    keys: dict[str, str] = {}

    def key_of(role: str) -> str:
        if role not in keys:
            keys[role] = tokens.new_staff_key(tokens.new_staff_id())
            create_staff_key(open_members(), role, frozenset({Role(role)}), key=keys[role], actor="admin", now=MONDAY)
        return keys[role]

    def call(method: str, path: str, body: Any = None, *, role: str = "operator", **headers: str) -> Answer:
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {key_of(role)}", **headers}
        answer = http.http.request(
            method, f"/v1/staff{path}", headers=sent, body=b"" if body is None else json.dumps(body).encode()
        )
        return answer.status_code, answer.json_body

    return call


def draft(ask: Ask, key: str = "first", **changes: Any) -> dict[str, Any]:
    status, shape = ask("POST", "/issues", plan_json(**changes), **{"Idempotency-Key": key})
    assert status == 200, shape
    data: dict[str, Any] = shape["data"]
    return data


def test_an_issue_is_planned_approved_fired_and_read_in_the_outbox(ask: Ask, http: Client) -> None:
    made = draft(ask)
    status, shape = ask("POST", f"/issues/{made['id']}/approval", {"version": 1}, role="reviewer")
    assert (status, shape["data"]["state"]) == (200, "approved")

    event = http.events.generate_cw_event("aws.events", "Scheduled Event", {}, [], "us-east-1")
    swept = http.lambda_.invoke("send_due_issues", {**event, "time": LATER}).payload
    _, issue = ask("GET", f"/issues/{made['id']}")
    _, outbox = ask("GET", "/outbox?month=2099-03")

    assert swept == {"sent": 1, "failed": 0, "left": 0, "unfinished": 0}
    assert issue["data"]["state"] == "sent"
    assert issue["data"]["sent_at"] == "2099-03-04T20:00:00+08:00"
    assert [line["action"] for line in issue["data"]["history"]] == [
        "drafted",
        "approved",
        "fell_due",
        "claimed",
        "sent",
    ]
    (delivery,) = outbox["data"]["list"]
    assert delivery["issue_id"] == made["id"]
    assert delivery["third"]["points_item"] == {"kind": "coupon", "name": "满100减20券", "points": 200, "cash_fen": 0}
    assert delivery["headline"]["role"] == "headline"


def test_an_incomplete_draft_is_kept_and_its_approval_names_the_field(ask: Ask) -> None:
    plan = plan_json()
    del plan["third"]["points_item"]
    made = draft(ask, third=plan["third"])

    status, shape = ask("POST", f"/issues/{made['id']}/approval", {"version": 1}, role="reviewer")

    assert made["missing"] == ["third.points_item"]
    assert status == 422
    assert (shape["code"], shape["field"], shape["msg"]) == (42200, "third.points_item", "三条缺少积分内容")


def test_a_bare_draft_needs_only_a_title_and_a_time(ask: Ask) -> None:
    body = {"title": "草稿", "publish_at": "2099-03-04T12:00:00.999Z"}
    status, shape = ask("POST", "/issues", body, **{"Idempotency-Key": "k"})

    assert status == 200
    assert shape["data"]["publish_at"] == "2099-03-04T20:00:00+08:00"
    assert len(shape["data"]["missing"]) == 13


def test_the_idempotency_key_is_asked_for_honoured_and_held_to_its_plan(ask: Ask) -> None:
    without, without_shape = ask("POST", "/issues", plan_json())
    first = draft(ask)
    again = draft(ask)
    other, other_shape = ask("POST", "/issues", plan_json(title="别的"), **{"Idempotency-Key": "first"})

    assert (without, without_shape["field"]) == (400, "Idempotency-Key")
    assert (first["replayed"], again["replayed"], again["id"]) == (False, True, first["id"])
    assert (other, other_shape["code"]) == (409, 40900)


def test_an_edit_answers_its_next_version_and_refuses_a_stale_one(ask: Ask) -> None:
    made = draft(ask)

    status, edited = ask("PUT", f"/issues/{made['id']}", plan_json(title="改", version=1))
    stale, refused = ask("PUT", f"/issues/{made['id']}", plan_json(title="再改", version=1))

    assert (status, edited["data"]["version"], edited["data"]["title"]) == (200, 2, "改")
    assert (stale, refused["code"]) == (409, 40906)


def test_a_claimed_issue_answers_a_cancellation_with_its_state(ask: Ask, table: PublishingTable) -> None:
    issue = approved(table)
    claim(table, mark_due(table, issue, issue.plan.publish_at), issue.plan.publish_at)

    status, shape = ask("POST", f"/issues/{ISSUE_ID}/cancellation", {})

    assert (status, shape["code"], shape["msg"]) == (409, 40905, "推文发布中,不能这样操作")


def test_a_cancellation_keeps_its_reason_and_a_draft_cannot_be_retried(ask: Ask) -> None:
    made = draft(ask)

    no_retry, refused = ask("POST", f"/issues/{made['id']}/retry", {"version": 1}, role="reviewer")
    status, shape = ask("POST", f"/issues/{made['id']}/cancellation", {"reason": "改期"})

    assert (no_retry, refused["code"]) == (409, 40905)
    assert (status, shape["data"]["state"], shape["data"]["history"][-1]["detail"]) == (200, "cancelled", "改期")


def test_a_month_is_listed_in_time_order_page_by_page(ask: Ask) -> None:
    days = {f"2099-03-{day:02}T20:00:00+08:00" for day in (1, 31, 4, 18, 11)}
    for day in days:
        draft(ask, key=day.partition("T")[0], publish_at=day)
    draft(ask, key="april", publish_at="2099-04-01T00:00:00+08:00")

    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        _, shape = ask("GET", f"/issues?month=2099-03&limit=2{cursor}")
        seen += shape["data"]["list"]
        if not shape["data"]["has_more"]:
            break
        cursor = f"&cursor={shape['data']['next_cursor']}"

    assert [entry["publish_at"] for entry in seen] == sorted(days)
    assert seen[0]["slot_titles"] == {"headline": "春季上新", "second": "我们的牧场", "third": "积分能换什么"}
    assert shape["data"]["next_cursor"] is None


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/issues", "month"),
        ("/issues?month=2099-13", "month"),
        ("/issues?month=2099-3", "month"),
        ("/issues?month=2099-03&limit=0", "limit"),
        ("/issues?month=2099-03&limit=101", "limit"),
        ("/issues?month=2099-03&page=2", "page"),
        ("/cadence", "month"),
        ("/outbox?month=20%D9%A2%D9%A3-01", "month"),
    ],
)
def test_a_bad_query_names_its_parameter(ask: Ask, path: str, field: str) -> None:
    status, shape = ask("GET", path)

    assert (status, shape["code"], shape["field"]) == (400, 40000, field)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "=",
        "5pyI",
        "MjA5OS0wMy0wNFQxMjowMDowMC4wMDArMDA6MDA=",
        # well formed, of another month; then of no month at all
        "MjA5OS0wNC0wNFQxMjowMDowMC4wMDArMDA6MDAgMDEyMzQ1Njc4OWFiY2RlZg==",
        "MjA5OS05OS0wNFQxMjowMDowMC4wMDArMDA6MDAgMDEyMzQ1Njc4OWFiY2RlZg==",
    ],
)
def test_a_forged_cursor_is_refused(ask: Ask, cursor: str) -> None:
    status, shape = ask("GET", f"/issues?month=2099-03&cursor={cursor}")

    assert (status, shape["code"]) == (400, 40002)


@pytest.mark.parametrize("issue_id", ["nope", "0" * 16, "A" * 16, "%2e%2e", "issue%23" + "0" * 16])
def test_an_unknown_id_of_whatever_form_is_not_found(ask: Ask, issue_id: str) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", plan_json(version=1)),
        ("POST", "/cancellation", {}),
    ):
        status, shape = ask(method, f"/issues/{issue_id}{path}", body)
        assert (status, shape["code"]) == (404, 40402)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "字" * 65}, "title"),
        ({"title": "两\n行"}, "title"),
        ({"title": 5}, "title"),
        ({"publish_at": "2099-03-04T20:00:00"}, "publish_at"),
        ({"publish_at": "2099-02-29T20:00:00+08:00"}, "publish_at"),
        ({"publish_at": 4_076_308_800}, "publish_at"),
        ({"publish_at": "1999-12-31T20:00:00+08:00"}, "publish_at"),
        ({"publish_at": "2100-03-04T20:00:00+08:00"}, "publish_at"),
        ({"channel": "pigeon"}, "channel"),
        ({"fourth": {}}, "fourth"),
        ({"second": {"title": "a", "colour": "red"}}, "second.colour"),
        ({"second": {"body": "字" * 20_001}}, "second.body"),
        ({"second": {"body": "a\x07"}}, "second.body"),
        ({"headline": {"goods": ["a"] * 21}}, "headline.goods"),
        ({"headline": {"goods": [""]}}, "headline.goods.0"),
        ({"headline": {"sign_up_link": "http://example.com"}}, "headline.sign_up_link"),
        ({"third": {"points_item": {"kind": "cash", "name": "a", "points": 1}}}, "third.points_item.kind"),
        ({"third": {"points_item": {"kind": "gift", "name": "a", "points": -1}}}, "third.points_item.points"),
        ({"third": {"points_item": {"kind": "gift", "name": "a", "points": 1.0}}}, "third.points_item.points"),
        ({"third": {"points_item": {"kind": "gift", "name": "a", "points": True}}}, "third.points_item.points"),
        ({"third": {"goal": {"text": ""}}}, "third.goal.text"),
    ],
)
def test_a_bad_body_names_its_field_and_writes_nothing(
    ask: Ask, table: PublishingTable, changes: dict[str, Any], field: str
) -> None:
    status, shape = ask("POST", "/issues", plan_json(**changes), **{"Idempotency-Key": "k"})

    assert (status, shape["code"], shape["field"]) == (400, 40000, field)
    assert table.dynamo.scan(TableName=table.name)["Count"] == 0


def test_three_articles_at_their_limit_are_taken_and_come_back(ask: Ask) -> None:
    body = "字" * 20_000
    slots: dict[str, Any] = {role: {**plan_json()[role], "body": body} for role in ("headline", "second", "third")}

    made = draft(ask, key="first", **slots)
    too_big, shape = ask("POST", "/issues", plan_json(title="x" * 400_000), **{"Idempotency-Key": "k"})

    assert made["third"]["body"] == body
    assert (too_big, shape["code"]) == (413, 41300)


def test_roles_hold_on_every_route(ask: Ask, http: Client) -> None:
    made = draft(ask)
    routes: list[tuple[str, str, Any, set[str]]] = [
        ("GET", "/issues?month=2099-03", None, {"operator", "reviewer", "admin"}),
        ("GET", f"/issues/{made['id']}", None, {"operator", "reviewer", "admin"}),
        ("POST", "/issues", plan_json(), {"operator", "reviewer", "admin"}),
        ("PUT", f"/issues/{made['id']}", plan_json(version=99), {"operator", "reviewer", "admin"}),
        ("POST", f"/issues/{made['id']}/approval", {"version": 99}, {"reviewer", "admin"}),
        ("POST", f"/issues/{made['id']}/retry", {"version": 99}, {"reviewer", "admin"}),
        ("POST", f"/issues/{made['id']}/cancellation", {}, {"operator", "reviewer", "admin"}),
        ("GET", "/cadence?month=2099-03", None, {"operator", "reviewer", "admin"}),
        ("GET", "/outbox?month=2099-03", None, {"operator", "reviewer", "admin"}),
    ]

    for method, path, body, allowed in routes:
        passed = {role.value for role in Role if ask(method, path, body, role=role.value)[0] != 403}
        assert passed == allowed, (method, path)
        bare = http.http.request(method, f"/v1/staff{path}", headers={"Content-Type": "application/json"})
        assert bare.status_code == 401


def test_a_reviewer_may_not_approve_his_own_draft_and_an_admin_may(ask: Ask) -> None:
    bodies = {
        role: ask("POST", "/issues", plan_json(), role=role, **{"Idempotency-Key": "k"})[1]
        for role in ("reviewer", "admin")
    }

    answers = {
        role: ask("POST", f"/issues/{shape['data']['id']}/approval", {"version": 1}, role=role)[0]
        for role, shape in bodies.items()
    }

    assert answers == {"reviewer": 403, "admin": 200}


def test_the_daily_look_ahead_leaves_an_alert_that_the_month_report_shows_until_it_is_mended(
    ask: Ask, http: Client
) -> None:
    event = http.events.generate_cw_event("aws.events", "Scheduled Event", {}, [], "us-east-1")
    alarmed = http.lambda_.invoke("check_cadence", {**event, "time": "2099-03-02T01:00:00Z"}).payload
    _, before = ask("GET", "/cadence?month=2099-03")
    made = draft(ask)
    ask("POST", f"/issues/{made['id']}/approval", {"version": 1}, role="reviewer")
    _, after = ask("GET", "/cadence?month=2099-03")

    assert alarmed == {"alarmed": ["2099-03-04"]}
    assert before["data"]["alerts"] == [
        {
            "day": "2099-03-04",
            "planned_at": "2099-03-04T20:00:00+08:00",
            "raised_at": "2099-03-02T09:00:00+08:00",
            "is_open": True,
        }
    ]
    assert [entry["is_open"] for entry in after["data"]["alerts"]] == [False]
    assert [gap["day"] for gap in after["data"]["gaps"]] == ["2099-03-11", "2099-03-18", "2099-03-25"]
