"""What becomes of pushed events: each once, whatever comes twice, at once, late, or is left half done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient

from chalicelib.connect import inbound
from chalicelib.connect.inbound import LEASE, handle_once
from chalicelib.connect.push_message import Pushed, pushed_of
from chalicelib.connect.table import EVENT_KEPT, ConnectTable, open_connect
from chalicelib.errors import Code, JifenError
from chalicelib.publishing.model import Outcome
from chalicelib.publishing.table import open_publishing
from tests.connect.pushes import ACCOUNTS, CHAT_CHANGED, FINISHED, NOON_S, PUBLISHED, SUBSCRIBED, Pushes, listening
from tests.members.stage import NOON, Stage

SUBSCRIPTION = pushed_of("official_account", SUBSCRIBED)


@pytest.fixture
def pushes(stage: Stage) -> Iterator[Pushes]:
    made = Pushes(stage)
    made.connect(ACCOUNTS)
    with listening(made.lines):
        yield made


class Dies(BaseException):
    """The process ends here: nothing of it runs any more."""


def handled_by(monkeypatch: pytest.MonkeyPatch, handler: Any) -> list[Pushed]:
    """Have subscriptions handled by this; answers those it was called with."""
    seen: list[Pushed] = []

    def handle(pushed: Pushed, table: ConnectTable) -> None:
        seen.append(pushed)
        handler()

    monkeypatch.setattr(inbound, "HANDLERS", {("official_account", "subscribe"): handle})
    return seen


def dying() -> None:
    raise Dies


def failing() -> None:
    raise JifenError(Code.UNAVAILABLE)


def test_a_followers_coming_and_going_is_counted_once_however_often_it_is_told(pushes: Pushes) -> None:
    for message in (SUBSCRIBED, SUBSCRIBED, {**SUBSCRIBED, "Event": "unsubscribe"}, SUBSCRIBED):
        pushes.push("official_account", message)

    again = pushes.work()

    assert again == []
    assert [line["change"] for line in pushes.logged("follower")] == ["subscribe", "unsubscribe"]
    assert [line["outcome"] for line in pushes.logged("inbound")] == ["handled", "repeated", "handled", "repeated"]
    assert "o-follower-1" not in str(pushes.lines) + str(pushes.rows())


def test_it_is_known_for_longer_than_it_can_be_told_again_and_wait(table: ConnectTable, pushes: Pushes) -> None:
    handle_once(SUBSCRIPTION, table, NOON)

    (row,) = pushes.rows("EVENT#")
    assert timedelta(days=30 + 14 + 14) < EVENT_KEPT
    assert row["expires_epoch_s"] == NOON_S + EVENT_KEPT.total_seconds()
    assert "leased_until" not in row


def test_the_same_event_in_many_hands_at_once_is_handled_by_one(
    table: ConnectTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, real = threading.Lock(), BaseClient._make_api_call
    together = threading.Barrier(6)

    def call(client: Any, *given: Any) -> Any:
        with lock:  # moto's writes are not atomic by themselves, DynamoDB's are
            return real(client, *given)

    def take(_: int) -> str:
        together.wait()
        try:
            return "handled" if handle_once(SUBSCRIPTION, table, NOON) else "repeated"
        except JifenError as error:
            return error.code.name

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    seen = handled_by(monkeypatch, lambda: None)
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(take, range(6)))

    assert len(seen) == 1
    assert outcomes.count("handled") == 1
    assert set(outcomes) <= {"handled", "repeated", "BUSY"}


def test_while_it_is_handled_another_telling_waits_and_is_not_lost(
    table: ConnectTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile: list[Code] = []

    def second_telling() -> None:
        with pytest.raises(JifenError) as refused:
            handle_once(SUBSCRIPTION, table, NOON + LEASE - timedelta(seconds=1))
        meanwhile.append(refused.value.code)

    seen = handled_by(monkeypatch, second_telling)

    assert handle_once(SUBSCRIPTION, table, NOON)
    assert not handle_once(SUBSCRIPTION, table, NOON)
    assert meanwhile == [Code.BUSY]
    assert len(seen) == 1


def test_what_failed_is_as_it_was_and_comes_again_at_once(pushes: Pushes, monkeypatch: pytest.MonkeyPatch) -> None:
    pushes.push("official_account", SUBSCRIBED)
    (record,) = pushes.queued()
    failed = handled_by(monkeypatch, failing)
    again = pushes.work([record])
    handled = handled_by(monkeypatch, lambda: None)

    assert again == [record["messageId"]]
    assert pushes.work([record]) == []
    assert (len(failed), len(handled)) == (1, 1)


def test_one_that_fails_takes_nothing_along(pushes: Pushes, monkeypatch: pytest.MonkeyPatch) -> None:
    for message in ({**FINISHED, "MsgID": "none"}, SUBSCRIBED):
        pushes.push("official_account", message)
    records = [{"messageId": "bad", "body": "no json"}, *pushes.queued()]

    again = pushes.work(records)

    assert again == ["bad", records[1]["messageId"]]
    assert len(pushes.logged("follower")) == 1


def test_what_a_dead_process_left_is_taken_up_when_its_lease_is_over(
    table: ConnectTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = handled_by(monkeypatch, dying)
    with pytest.raises(Dies):
        handle_once(SUBSCRIPTION, table, NOON)
    handled = handled_by(monkeypatch, lambda: None)
    with pytest.raises(JifenError) as too_early:
        handle_once(SUBSCRIPTION, table, NOON + timedelta(minutes=1))

    assert too_early.value.code is Code.BUSY
    assert handle_once(SUBSCRIPTION, table, NOON + LEASE)
    assert not handle_once(SUBSCRIPTION, table, NOON + 2 * LEASE)
    assert (len(died), len(handled)) == (1, 1)


def test_whoever_lost_its_lease_does_not_end_what_another_has_begun(
    table: ConnectTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, lease = SUBSCRIPTION.key, NOON + LEASE
    table.begin_event(key, until=lease, now=NOON)
    table.begin_event(key, until=lease + LEASE, now=lease)

    table.end_event(key, lease=lease, handled_at=lease)
    table.end_event(key, lease=lease, handled_at=None)

    with pytest.raises(JifenError):
        table.begin_event(key, until=lease + LEASE, now=lease + timedelta(seconds=1))


def test_the_figures_of_a_sending_are_kept_by_its_receipt_the_newest_of_them(pushes: Pushes) -> None:
    told = [
        FINISHED,
        {**FINISHED, "CreateTime": NOON_S + 60, "SentCount": 76, "ErrorCount": 4},
        {**FINISHED, "CreateTime": NOON_S - 60, "SentCount": 1},
        {**FINISHED, "MsgID": 2, "Status": "err(10001)", "TotalCount": "", "SentCount": 0},
    ]
    for message in told:
        pushes.push("official_account", message)

    again = pushes.work()

    table = open_publishing()
    assert again == []
    assert table.outcome("mass-3147483700") == Outcome("send success", 100, 80, 76, 4, NOON + timedelta(minutes=1))
    assert table.outcome("mass-2") == Outcome("err(10001)", 0, 80, 0, 5, NOON)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_end_of_a_publication_is_kept_by_its_job_the_newest_of_what_is_told(pushes: Pushes, as_json: bool) -> None:
    refused = {"publish_id": 2_247_503_051, "publish_status": 4, "fail_idx": [1, 3]}
    told = [
        PUBLISHED,
        PUBLISHED,
        {**PUBLISHED, "CreateTime": NOON_S - 60, "PublishEventInfo": refused},
        {**PUBLISHED, "PublishEventInfo": {**refused, "publish_id": "2", "fail_idx": [2]}},
        {**PUBLISHED, "PublishEventInfo": {"publish_id": 3, "publish_status": 1}},
    ]
    for message in told:
        pushes.push("official_account", message, as_json=as_json)

    again = pushes.work()

    table = open_publishing()
    published = Outcome("published", 0, 0, 0, 0, NOON, "已发布,未推送给粉丝", ("https://mp.weixin.qq.com/s/a",))
    assert again == []
    assert table.outcome("page-2247503051") == published
    assert table.outcome("page-2") == Outcome("review_refused", 0, 0, 0, 0, NOON, "平台审核未通过:次条")
    assert table.outcome("page-3") is None


@pytest.mark.parametrize("info", [{}, {"publish_id": 1}, {"publish_id": "", "publish_status": 0}])
def test_an_end_of_no_job_is_no_outcome_and_comes_again(pushes: Pushes, info: dict[str, Any]) -> None:
    pushes.push("official_account", {**PUBLISHED, "PublishEventInfo": info})

    assert len(pushes.work()) == 1
    assert pushes.rows("outcome#") == []


def test_a_changed_group_is_a_hint_with_the_newest_time_in_whatever_order_it_is_told(pushes: Pushes) -> None:
    for seconds, change in ((5, {"UpdateDetail": "del_member"}), (9, {"ChangeType": "dismiss"}), (3, {})):
        message = {**CHAT_CHANGED, "CreateTime": NOON_S + seconds, **change}
        if change.get("ChangeType"):
            del message["UpdateDetail"]
        pushes.push("wecom", message)
        pushes.push("wecom", message)

    again = pushes.work()

    (row,) = pushes.rows("CHAT#")
    assert again == []
    assert row["pk"] == "CHAT#wr-chat-1"
    assert (row["hinted_at"], row["change"]) == ((NOON + timedelta(seconds=9)).isoformat(), "dismiss")


def test_two_groups_that_change_within_one_second_are_two_hints(pushes: Pushes) -> None:
    pushes.push("wecom", CHAT_CHANGED)
    pushes.push("wecom", {**CHAT_CHANGED, "ChatId": "wr-chat-2"})

    again = pushes.work()

    assert again == []
    assert sorted(row["pk"] for row in pushes.rows("CHAT#")) == ["CHAT#wr-chat-1", "CHAT#wr-chat-2"]


def test_what_a_member_allows_is_counted_once_however_often_it_is_told(pushes: Pushes) -> None:
    allowed = {"TemplateId": "T-reminder", "SubscribeStatusString": "accept", "PopupScene": "0"}
    told = {
        "FromUserName": "o-mei",
        "CreateTime": str(NOON_S),
        "MsgType": "event",
        "Event": "subscribe_msg_popup_event",
        "SubscribeMsgPopupEvent": {"List": allowed},
    }

    done = [handle_once(pushed_of("mini_program", told), open_connect(), NOON) for _ in range(2)]

    (grant,) = [row for row in pushes.stage.rows() if str(row["pk"]).startswith("GRANT#")]
    assert done == [True, False]
    assert (grant["sk"], grant["left"]) == ("T-reminder", 1)


def test_the_worker_asks_for_no_more_than_its_policy_grants(pushes: Pushes, monkeypatch: pytest.MonkeyPatch) -> None:
    for system, message in (
        ("official_account", FINISHED),
        ("official_account", PUBLISHED),
        ("official_account", SUBSCRIBED),
        ("wecom", CHAT_CHANGED),
        ("wecom", CHAT_CHANGED),
    ):
        pushes.push(system, message)
    records, asked, real = pushes.queued(), set(), BaseClient._make_api_call

    def call(client: Any, operation: str, given: Any) -> Any:
        key = given.get("Item") or given.get("Key")
        asked.add((operation, given["TableName"], key["pk"]["S"].partition("#")[0]))
        return real(client, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    pushes.work(records)

    assert asked == {
        ("UpdateItem", "test-connect", "EVENT"),
        ("PutItem", "test-connect", "CHAT"),
        ("PutItem", "test-publishing", "outcome"),
    }
