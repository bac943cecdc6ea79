"""What members allow: a tap told by the app, by WeChat or by both is one message; what is told twice counts once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connect.messages_table import MessagesTable
from chalicelib.connect.wechat.grants import grants_changed
from chalicelib.connect.wechat.grants_table import GrantsTable
from chalicelib.connect.wechat.taps import PAIRED_WITHIN, Taps, Teller
from chalicelib.errors import Code, JifenError
from tests.connect.allowing import ENDING, EXPIRING, REMINDER, left_here, tell
from tests.members.stage import Stage

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
POPUP, CHANGE, SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
ELEMENTS = {POPUP: "SubscribeMsgPopupEvent", CHANGE: "SubscribeMsgChangeEvent", SENT: "SubscribeMsgSentEvent"}


@pytest.fixture
def grants(stage: Stage) -> GrantsTable:
    return GrantsTable(MessagesTable(stage.cloud, "test-connect", pause=lambda _seconds: None))


def event(kind: str, *lines: Mapping[str, Any], openid: str = "o1", at: int = 1772424000) -> dict[str, Any]:
    """As WeChat's XML reads: one line alone is no list."""
    listed = lines[0] if len(lines) == 1 else list(lines)
    return {"FromUserName": openid, "CreateTime": str(at), "Event": kind, ELEMENTS[kind]: {"List": listed}}


def answered(template_id: str, status: str = "accept") -> dict[str, str]:
    return {"TemplateId": template_id, "SubscribeStatusString": status, "PopupScene": "0"}


def all_left(grants: GrantsTable) -> dict[str, int]:
    return {one: left_here(grants, "o1", one) for one in (REMINDER, EXPIRING, ENDING)}


def test_an_answer_in_the_app_is_counted_for_each_template_that_was_accepted(grants: GrantsTable) -> None:
    lines = [answered(REMINDER), answered(EXPIRING, "reject"), answered(ENDING, "ban")]
    grants_changed(grants, event(POPUP, *lines), NOON)

    assert all_left(grants) == {REMINDER: 1, EXPIRING: 0, ENDING: 0}


def test_the_same_event_again_counts_once_and_one_a_second_later_is_another(grants: GrantsTable) -> None:
    for at in (1772424000, 1772424000, 1772424001):
        grants_changed(grants, event(POPUP, answered(REMINDER), at=at), NOON)

    assert left_here(grants, "o1", REMINDER) == 2


def test_an_event_in_json_has_its_list_at_the_top(grants: GrantsTable) -> None:
    in_json = {"FromUserName": "o1", "CreateTime": 1772424000, "Event": POPUP, "List": [answered(REMINDER)]}
    grants_changed(grants, in_json, NOON)

    assert left_here(grants, "o1", REMINDER) == 1


def test_turning_a_template_off_ends_what_was_allowed_and_on_again_allows_nothing_by_itself(
    grants: GrantsTable, stage: Stage
) -> None:
    tell(grants, stage, "o1", REMINDER, 3)
    grants_changed(grants, event(CHANGE, answered(REMINDER, "reject")), NOON)
    off = left_here(grants, "o1", REMINDER)
    grants_changed(grants, event(CHANGE, answered(REMINDER), at=1772424060), NOON)

    assert (off, left_here(grants, "o1", REMINDER)) == (0, 0)


def test_saying_no_once_ends_no_earlier_yes(grants: GrantsTable, stage: Stage) -> None:
    tell(grants, stage, "o1", REMINDER, 2)
    grants_changed(grants, event(POPUP, answered(REMINDER, "reject")), NOON)

    assert left_here(grants, "o1", REMINDER) == 2


@pytest.mark.parametrize(("errcode", "left"), [("0", 2), ("43101", 0), ("43108", 2)])
def test_a_message_that_the_member_did_not_allow_ends_the_rest(
    grants: GrantsTable, stage: Stage, errcode: str, left: int
) -> None:
    tell(grants, stage, "o1", REMINDER, 2)
    line = {"TemplateId": REMINDER, "MsgID": "1", "ErrorCode": errcode, "ErrorStatus": "…"}
    grants_changed(grants, event(SENT, line), NOON)

    assert left_here(grants, "o1", REMINDER) == left


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"Event": "subscribe", "FromUserName": "o1"},
        {"Event": POPUP, "FromUserName": "o1"},
        {"Event": POPUP, "SubscribeMsgPopupEvent": {"List": answered(REMINDER)}},
        {"Event": POPUP, "FromUserName": "o1", "SubscribeMsgPopupEvent": {"List": "none"}},
        {"Event": POPUP, "FromUserName": "o1", "List": [{"SubscribeStatusString": "accept"}]},
    ],
)
def test_what_is_no_such_event_writes_nothing(grants: GrantsTable, stage: Stage, strange: dict[str, Any]) -> None:
    grants_changed(grants, strange, NOON)

    assert stage.rows() == []


def app(grants: GrantsTable, key: str, now: datetime = NOON) -> None:
    grants.count("o1", {REMINDER: True}, Teller.APP, key=key, input_hash="", now=now)


def wechat(grants: GrantsTable, at: int, now: datetime = NOON) -> None:
    grants_changed(grants, event(POPUP, answered(REMINDER), at=at), now)


def test_one_tap_told_by_the_app_and_by_wechat_is_one_message_in_either_order(grants: GrantsTable) -> None:
    app(grants, "first")
    wechat(grants, 1)
    after_one = left_here(grants, "o1", REMINDER)
    wechat(grants, 2)
    app(grants, "second")

    assert (after_one, left_here(grants, "o1", REMINDER)) == (1, 2)


def test_tellings_further_apart_are_two_taps(grants: GrantsTable) -> None:
    app(grants, "first")
    wechat(grants, 1, NOON + PAIRED_WITHIN + timedelta(seconds=1))

    assert left_here(grants, "o1", REMINDER) == 2


def test_a_key_that_stands_for_another_telling_is_refused(grants: GrantsTable) -> None:
    grants.count("o1", {REMINDER: True}, Teller.APP, key="k", input_hash="a", now=NOON)

    with pytest.raises(JifenError) as refused:
        grants.count("o1", {REMINDER: True}, Teller.APP, key="k", input_hash="b", now=NOON)

    assert refused.value.code is Code.KEY_REUSED
    assert left_here(grants, "o1", REMINDER) == 1


class Between:
    """A client that lets something else happen just before each of its first transactions."""

    def __init__(self, cloud: Any, *meanwhile: Callable[[], object]) -> None:
        self.cloud, self.meanwhile = cloud, list(meanwhile)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cloud, name)

    def transact_write_items(self, **request: Any) -> Any:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return self.cloud.transact_write_items(**request)


def test_two_told_at_once_are_both_counted_and_the_same_one_once(grants: GrantsTable, stage: Stage) -> None:
    meanwhile = Between(stage.cloud, lambda: app(grants, "first"), lambda: app(grants, "second"))
    late = GrantsTable(MessagesTable(meanwhile, "test-connect", pause=lambda _seconds: None))

    app(late, "third")
    app(late, "second")

    assert left_here(grants, "o1", REMINDER) == 3


def test_a_message_sent_while_a_tap_is_told_takes_its_grant(grants: GrantsTable, stage: Stage) -> None:
    app(grants, "first")
    use = grants.use("o1", REMINDER)
    meanwhile = Between(stage.cloud, lambda: grants.messages.begin("m", "", use, NOON))
    late = GrantsTable(MessagesTable(meanwhile, "test-connect", pause=lambda _seconds: None))

    app(late, "second")

    assert left_here(grants, "o1", REMINDER) == 1


@given(st.lists(st.tuples(st.sampled_from(Teller), st.integers(0, 400)), max_size=12))
def test_never_more_is_counted_than_told_and_never_less_than_one_side_told(told: list[tuple[Teller, int]]) -> None:
    taps, at = Taps(), NOON
    for teller, seconds in told:
        at += timedelta(seconds=seconds)
        taps = taps.told(teller, at)

    by_side = [sum(one is teller for one, _ in told) for teller in Teller]
    assert max(by_side) <= taps.left <= sum(by_side)
    assert taps.version == len(told)
