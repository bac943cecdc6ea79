"""What only deployed handlers show of messages and issues: roles, the queue that wakes the sender, callers at once."""

from __future__ import annotations

import json
import os
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chalicelib.connect.wechat.subscribe import PATH as SEND
from chalicelib.connect.wecom.robot import PATH as ROBOT
from local.http_client import Api
from local.nights import scheduled_event
from local.places import Places
from local.stack import Cloud, FunctionFailed, Stack
from local.stand_in.apis import stand_in
from local.stand_in.edge import Server
from tests.cloud_fixtures import HOME_VARIABLE, PARAMETERS
from tests.connect.allowing import FIELDS, MESSAGES, REMINDER, received
from tests.connect.test_wecom import make_group
from tests.flows.stage import at_once, flow_document, until
from tests.outside_world import ACCOUNTS
from tests.publishing.plans import plan_json
from tests.publishing.test_official_account import ADD_DRAFT, SENDALL
from tests.stand_in.official import PNG
from tests.stand_in.outsiders import MINI, SERVICE, Admin

pytestmark = pytest.mark.cloud


class Sending(NamedTuple):
    """A stage that sends messages, and the world it sends them to."""

    stack: Stack
    world: Admin
    staff: Api


@pytest.fixture(scope="module")
def sending(cloud: Stack) -> Iterator[Sending]:
    """A stage of its own in the run's cloud: it sends messages, and its outside world is a stand-in."""
    serving = Server(0, stand_in())
    thread = threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    home = Path(os.environ[HOME_VARIABLE])
    places = Places(home, *json.loads((home / "ports").read_text()))
    parameters = {**PARAMETERS, "SubscribeMessages": "on", "OutsideUrl": serving.url}
    stack = Cloud(places, started=False).deploy("messages", parameters, quiet=True)
    world = Admin(serving.url)
    world.post("/reset", {"at": datetime.now(UTC).isoformat()})
    for template_id, fields in FIELDS.items():
        world.post("/templates", {"appid": MINI[0], "template_id": template_id, "fields": fields})
    mini_program = {**ACCOUNTS["mini_program"], "messages": MESSAGES}
    wecom = {**ACCOUNTS["wecom"], "robots": {"ops": world.post("/robots", {})["key"]}}
    secret = json.dumps({**ACCOUNTS, "mini_program": mini_program, "wecom": wecom})
    stack.client("secretsmanager").put_secret_value(SecretId=stack.setting("CONNECT_SECRET"), SecretString=secret)
    staff = Api(stack.api_url, stack.secret("ADMIN_KEY_SECRET"))
    body = {"version": 1, "effective_from": "2020-01-01T00:00:00+08:00", "document": flow_document()}
    staff.post("/v1/staff/programme/versions", body)
    yield Sending(stack, world, staff)
    serving.shutdown()
    thread.join()
    serving.server_close()


def log_in(sending: Sending, person: str) -> tuple[Api, str]:
    """A member, and the member's id."""

    code = sending.world.post("/login-codes", {"appid": MINI[0], "person": person})["code"]
    opened = Api(sending.stack.api_url).post("/v1/sessions", {"code": code})
    return Api(sending.stack.api_url, opened["token"]), str(opened["member_id"])


def allow(sending: Sending, member: Api, person: str, key: str) -> Any:
    sending.world.post("/taps", {"appid": MINI[0], "person": person, "template_id": REMINDER})
    return member.post("/v1/me/message-grants", {"results": {REMINDER: "accept"}}, Idempotency_Key=key)


def test_a_tap_told_by_many_at_once_is_one_and_its_reminder_queued_often_arrives_once(sending: Sending) -> None:
    member, member_id = log_in(sending, "mei")
    answers = at_once(3, lambda _place: allow(sending, member, "mei", "tap-1"))
    allow(sending, member, "mei", "tap-2")
    on = datetime.now(UTC) + timedelta(hours=8)
    body = json.dumps({"id": "1", "member_id": member_id, "on": on.date().isoformat(), "streak_days": 3})
    queue = sending.stack.client("sqs")
    for _ in range(6):
        queue.send_message(QueueUrl=sending.stack.setting("REMINDERS_QUEUE_URL"), MessageBody=body)

    until(lambda: received(sending.world, SEND))
    until(lambda: member.get("/v1/me/message-grants")["list"][0]["left"] == 1)

    def waiting() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = sending.stack.setting("REMINDERS_QUEUE_URL")
        return sum(map(int, queue.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    until(lambda: waiting() == 0)
    assert sum(not answer["replayed"] for answer in answers) == 1
    assert received(sending.world, SEND) == 1
    assert member.get("/v1/me/message-grants")["list"][0]["left"] == 1


def test_a_robot_asked_by_many_at_once_says_it_once(sending: Sending) -> None:
    said = {"robot": "ops", "content": "今天没有推文"}
    answers = at_once(
        6, lambda _place: sending.staff.post("/v1/staff/group-robot-messages", said, Idempotency_Key="alarm")
    )

    assert received(sending.world, ROBOT) == 1
    assert {answer["state"] for answer in answers} <= {"sent", "unknown"}
    assert sum(not answer["replayed"] for answer in answers) == 1


def test_staff_see_the_groups_of_the_corp(sending: Sending) -> None:
    chat_id = make_group(sending.world, "a")

    assert [one["chat_id"] for one in sending.staff.get("/v1/staff/customer-groups")["list"]] == [chat_id]


def test_an_issue_is_sent_once_through_an_ended_token_a_spent_quota_and_a_lost_answer(sending: Sending) -> None:
    """The deployed minute rule at minutes of our choosing: the event's time is its now."""
    staff, world = sending.staff, sending.world
    cover = staff.post("/v1/staff/covers", {"picture": b64encode(PNG).decode()})["cover_media_id"]
    publish_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    plan = plan_json(channel="official_account", publish_at=publish_at.isoformat())
    for slot in ("headline", "second", "third"):
        plan[slot]["cover_media_id"] = cover
    issue = staff.post("/v1/staff/issues", plan, Idempotency_Key="issue-1")
    path = f"/v1/staff/issues/{issue['id']}"
    staff.post(f"{path}/approval", {"version": issue["version"]})

    def sweep(minutes: int) -> str:
        at = publish_at + timedelta(minutes=minutes)
        with suppress(FunctionFailed):  # an issue with a fault makes the function fail, for its alarm
            sending.stack.invoke("send_due_issues", scheduled_event(at))
        return str(staff.get(path)["state"])

    world.post("/tokens/ends", {"owner": SERVICE[0]})
    world.post("/faults", {"api": SENDALL, "kind": "errcode", "errcode": 45009, "times": 1})
    states = [sweep(0)]
    staff.post(f"{path}/retry", {"version": staff.get(path)["version"]})
    world.post("/faults", {"api": SENDALL, "kind": "timeout_after", "times": 1, "seconds": 7})
    states.append(sweep(1))
    world.advance(61)
    states += [sweep(3), sweep(8), sweep(9)]

    drafts = [one for one in world.get("/received", path=ADD_DRAFT)["received"] if one.get("errcode") in (0, None)]
    sendings = world.get("/received", path=SENDALL)["received"]
    assert states == ["failed", "claimed", "claimed", "sent", "sent"]
    assert [len(draft["body"]["articles"]) for draft in drafts] == [3]
    assert [(one.get("errcode"), one.get("fault")) for one in sendings] == [
        (45009, "errcode"),
        (0, "timeout_after"),
        (45065, None),
    ]
