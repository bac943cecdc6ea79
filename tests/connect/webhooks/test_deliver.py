"""Lanes: what leaves the house, in which order, how often, and what becomes of it when something breaks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.connect.webhooks import register
from chalicelib.connect.webhooks.deliver import WORK, End
from chalicelib.connect.webhooks.kinds import EVENT_KINDS, kinds_of
from chalicelib.connect.webhooks.lanes import LEASE_LIFE, LanesTable
from chalicelib.connect.webhooks.model import (
    LIFE,
    ONLY_FAILURES,
    RETRY_AFTER,
    EndpointState,
    Lane,
    Lease,
    State,
    event_id,
)
from chalicelib.connect.webhooks.register import Wanted
from chalicelib.connect.webhooks.tell import deliveries_of
from chalicelib.ledger.commands import Freeze, SetLevel
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Entry, Kind
from chalicelib.ledger.release import release
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from tests.connect.webhooks.conftest import URL, Hooks
from tests.ledger.builders import NOW, TERMS, a_cause, a_redemption, a_reversal, an_earn


def ids_of(*entries: Entry, kind: str = "points.earned") -> list[str]:
    return [event_id(entry.member_id, entry.key, kind) for entry in entries]


def lane_of(number: int = 1, member_id: str = "m1") -> Lane:
    return Lane(f"w{number:024x}", member_id)


def test_an_entry_is_told_once_with_what_it_changed_and_under_its_own_id(hooks: Hooks) -> None:
    hooks.register()
    entry = hooks.earn(30)
    hooks.tell()
    hooks.drain()

    ((url, body, headers),) = hooks.sent
    told = json.loads(body)
    assert (url, headers["webhook-id"], told["id"]) == (URL, *ids_of(entry), *ids_of(entry))
    assert (told["type"], told["timestamp"]) == ("points.earned", "2026-11-22T04:00:00.000Z")
    assert told["data"]["member_id"] == "m1"
    assert (told["data"]["points"], told["data"]["balance_after"]["available"]) == (30, 30)
    assert told["data"]["entry_id"] == entry.hash[:24]


def test_the_stream_again_and_bells_again_tell_nothing_again(hooks: Hooks) -> None:
    hooks.register()
    hooks.earn()
    for _ in range(3):
        hooks.tell()
        hooks.drain()

    assert len(hooks.sent) == 1


def test_what_was_booked_before_the_registration_is_not_told(hooks: Hooks) -> None:
    hooks.earn()
    hooks.stage.later(seconds=1)
    hooks.register()
    later = hooks.earn()
    hooks.tell()
    hooks.drain()

    assert hooks.ids() == ids_of(later)


def test_an_endpoint_hears_of_its_kinds_only_and_each_endpoint_of_its_own(hooks: Hooks) -> None:
    hooks.register("points.redeemed", number=1, url="https://one.example.com/")
    hooks.register("points.earned", number=2, url="https://two.example.com/")
    hooks.earn(30)
    hooks.post(a_redemption(10))
    hooks.tell()
    hooks.drain()

    told = [(url, json.loads(body)["type"]) for url, body, _ in hooks.sent]
    assert sorted(told) == [
        ("https://one.example.com/", "points.redeemed"),
        ("https://two.example.com/", "points.earned"),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_stream_shuffled_doubled_and_cut_is_told_in_the_order_of_booking(hooks: Hooks, seed: int) -> None:
    hooks.register()
    entries = [hooks.earn(number + 1, f"m{number % 2}") for number in range(10)]
    records = hooks.records() * 2
    random.Random(seed).shuffle(records)
    for start in range(0, 20, 3):
        hooks.tell(records[start : start + 3])
        hooks.drain()

    for member_id in ("m0", "m1"):
        own = ids_of(*(entry for entry in entries if entry.member_id == member_id))
        assert [id for id in hooks.ids() if id in own] == own


def test_what_the_stream_gave_up_is_told_before_the_members_next_entry(hooks: Hooks) -> None:
    hooks.register()
    entries = [hooks.earn() for _ in range(4)]
    hooks.tell(hooks.records()[:1])
    hooks.drain()
    hooks.tell(hooks.records()[3:])
    hooks.drain()

    assert hooks.ids() == ids_of(*entries)


def test_a_members_history_before_the_registration_is_no_hole(hooks: Hooks) -> None:
    for _ in range(3):
        hooks.earn()
    hooks.stage.later(seconds=1)
    hooks.register()
    lost, told = hooks.earn(), hooks.earn()
    hooks.tell(hooks.records()[4:])
    hooks.drain()

    assert hooks.ids() == ids_of(lost, told)


def test_a_record_that_cannot_be_read_keeps_nobody_waiting(hooks: Hooks) -> None:
    hooks.register()
    entry = hooks.earn()
    record = hooks.records()[0]
    poison = json.loads(json.dumps(record, default=str))
    poison["dynamodb"]["NewImage"] = {"pk": {"S": "M#m9"}, "sk": {"S": "?"}}
    hooks.tell([poison, record])
    hooks.drain()

    assert hooks.ids() == ids_of(entry)


def test_a_failure_holds_back_what_follows_of_its_member_and_of_nobody_else(hooks: Hooks) -> None:
    hooks.register()
    first, second, other = hooks.earn(), hooks.earn(), hooks.earn(member_id="m2")
    hooks.tell()
    hooks.answers = [500]

    assert hooks.work(lane_of()) is End.LATER
    assert hooks.work(lane_of()) is End.NOT_MINE
    assert hooks.work(lane_of(member_id="m2")) is End.EMPTY
    hooks.stage.now += RETRY_AFTER[0]
    assert hooks.work(lane_of()) is End.EMPTY
    assert hooks.ids() == ids_of(first, other, first, second)


def test_a_new_entry_does_not_call_a_failed_one_back_before_its_time(hooks: Hooks) -> None:
    hooks.register()
    first = hooks.earn()
    hooks.tell()
    hooks.answers = [500, 500]
    hooks.work(lane_of())
    hooks.stage.now += RETRY_AFTER[0]
    hooks.work(lane_of())
    second = hooks.earn()
    hooks.tell()
    hooks.drain()
    assert hooks.ids() == ids_of(first, first)

    hooks.stage.now += RETRY_AFTER[1]
    assert hooks.work(lane_of()) is End.EMPTY
    assert hooks.ids() == ids_of(first, first, first, second)


def test_attempts_come_after_their_pauses_and_after_the_last_the_next_delivery_goes_on(hooks: Hooks) -> None:
    endpoint = hooks.register()
    first, second = hooks.earn(), hooks.earn()
    hooks.tell()
    hooks.answers = [503] * (len(RETRY_AFTER) + 1)
    waited = timedelta()
    for pause in RETRY_AFTER:
        assert hooks.work(lane_of()) is End.LATER
        hooks.stage.now += pause - timedelta(seconds=2)
        assert hooks.work(lane_of()) is End.NOT_MINE
        hooks.stage.now += timedelta(seconds=2)
        waited += pause
    assert hooks.work(lane_of()) is End.EMPTY

    assert hooks.ids() == ids_of(*[first] * (len(RETRY_AFTER) + 1), second)
    dead, delivered = hooks.deliveries(endpoint)
    assert (dead.state, dead.attempts, dead.response_status) == (State.DEAD, len(RETRY_AFTER) + 1, 503)
    assert (delivered.state, delivered.attempts, delivered.response_status) == (State.DELIVERED, 1, 204)
    assert waited < LIFE


def test_what_waited_behind_a_failure_for_its_whole_life_is_tried_once(hooks: Hooks) -> None:
    endpoint = hooks.register()
    hooks.earn()
    hooks.earn()
    hooks.tell()
    hooks.answers = [500] * 99
    while hooks.work(lane_of()) is not End.EMPTY:
        hooks.stage.later(hours=10)

    assert [(one.state, one.attempts) for one in hooks.deliveries(endpoint)] == [(State.DEAD, 4), (State.DEAD, 1)]


def test_two_workers_at_once_send_from_one_lane_by_one(hooks: Hooks) -> None:
    hooks.register()
    entries = [hooks.earn() for _ in range(3)]
    hooks.tell()
    others: list[End] = []

    def meanwhile() -> int:
        others.append(hooks.work(lane_of(), "b"))
        return 204

    hooks.answers = [meanwhile, meanwhile, meanwhile]

    assert hooks.work(lane_of()) is End.EMPTY
    assert others == [End.NOT_MINE] * 3
    assert hooks.ids() == ids_of(*entries)


def test_who_was_away_longer_than_his_lease_sends_and_writes_nothing_more(hooks: Hooks) -> None:
    endpoint = hooks.register()
    first, second = hooks.earn(), hooks.earn()
    hooks.tell()

    def away() -> int:
        hooks.stage.now += LEASE_LIFE
        assert hooks.work(lane_of(), "b") is End.EMPTY
        return 500

    hooks.answers = [away]

    assert hooks.work(lane_of()) is End.NOT_MINE
    assert hooks.ids() == ids_of(first, first, second)
    assert [one.state for one in hooks.deliveries(endpoint)] == [State.DELIVERED] * 2


def test_what_is_told_while_a_worker_lets_go_is_not_forgotten(hooks: Hooks) -> None:
    hooks.register()
    hooks.earn()
    hooks.tell()

    class Interrupted(LanesTable):
        def rest(self, lease: Lease) -> bool:
            if hooks.posted == 1:
                hooks.earn()
                hooks.tell()
            return LanesTable.rest(self, lease)

    assert hooks.work(lane_of(), lanes=Interrupted(hooks.stage.cloud, "test-webhooks")) is End.EMPTY
    assert len(hooks.sent) == 2


def test_a_worker_that_has_no_time_left_hands_the_lane_on(hooks: Hooks) -> None:
    hooks.register()
    entries = [hooks.earn() for _ in range(3)]
    hooks.tell()

    def slow() -> int:
        hooks.stage.now += WORK
        return 204

    hooks.answers = [slow, slow, slow]
    hooks.drain()

    assert hooks.ids() == ids_of(*entries)


class Broken:
    """A client that dies at its n-th request, before it or after it was done."""

    def __init__(self, cloud: Any, at: int, *, after: bool) -> None:
        self.cloud, self.left, self.after = cloud, at, after

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.cloud, name)
        if not callable(verb):
            return verb

        def request(**given: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise ConnectionError
            answer = verb(**given)
            if self.left == 0:
                raise ConnectionError
            return answer

        return request


@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_dies_at_any_step_loses_nothing_and_disorders_nothing(hooks: Hooks, after: bool) -> None:
    endpoint = hooks.register()
    died, at = True, 0
    while died:
        at += 1
        hooks.sent.clear()
        entries = [hooks.earn() for _ in range(2)]
        hooks.tell(hooks.records()[-2:])
        hooks.bells()
        broken = LanesTable(Broken(hooks.stage.cloud, at, after=after), "test-webhooks")
        try:
            hooks.work(lane_of(), f"dies-{at}", lanes=broken)
            died = False
        except ConnectionError:
            hooks.stage.later(minutes=2)
            hooks.sweep()
            hooks.drain()

        assert list(dict.fromkeys(hooks.ids())) == ids_of(*entries), at
        assert hooks.ids() == sorted(hooks.ids(), key=ids_of(*entries).index), at
    assert at >= 10
    assert {one.state for one in hooks.deliveries(endpoint)} == {State.DELIVERED}


@pytest.mark.parametrize("after", [False, True])
def test_a_stream_handler_that_dies_at_any_step_and_comes_again_loses_nothing(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    hooks.register()
    for at in range(1, 5):
        hooks.sent.clear()
        entries = [hooks.earn() for _ in range(2)]
        records = hooks.records()[-2:]
        broken = LanesTable(Broken(hooks.stage.cloud, at, after=after), "test-webhooks")
        with monkeypatch.context() as dying:
            dying.setattr("chalicelib.connect.webhooks.events.open_lanes", lambda given=broken: given)
            try:
                hooks.tell(records)
            except ConnectionError:
                hooks.bells()
        hooks.tell(records)
        hooks.drain()

        assert hooks.ids() == ids_of(*entries), at


def test_a_bell_that_was_lost_is_rung_by_the_sweep(hooks: Hooks) -> None:
    hooks.register()
    hooks.earn()
    hooks.tell()
    hooks.bells()
    hooks.sweep()
    assert hooks.bells() == []

    hooks.stage.later(minutes=1)
    hooks.sweep()
    hooks.drain()

    assert len(hooks.sent) == 1


def test_a_short_pause_ends_by_a_bell_that_the_queue_holds_back(hooks: Hooks) -> None:
    hooks.register()
    hooks.earn()
    hooks.tell()
    hooks.answers = [500]
    hooks.drain()

    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    url = settings().webhooks_queue_url
    seen = dynamo.service("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    assert [seen[name] for name in wanted] == ["0", "1"]


def test_a_long_pause_ends_by_the_sweep(hooks: Hooks) -> None:
    hooks.register()
    hooks.earn()
    hooks.tell()
    hooks.answers = [500] * 5
    hooks.drain()
    for pause in RETRY_AFTER[:4]:
        hooks.stage.now += pause + timedelta(minutes=1)
        hooks.sweep()
        hooks.drain()
    assert len(hooks.sent) == 5

    hooks.stage.later(minutes=59)
    hooks.sweep()
    assert hooks.bells() == []
    hooks.stage.later(minutes=2)
    hooks.sweep()
    hooks.drain()
    assert len(hooks.sent) == 6


def test_an_endpoint_that_is_gone_is_disabled_at_once_and_what_waits_is_kept_for_a_replay(hooks: Hooks) -> None:
    endpoint = hooks.register()
    hooks.earn()
    hooks.earn()
    hooks.tell()
    hooks.answers = [410]
    hooks.drain()

    standing = hooks.endpoints.endpoint(endpoint.id)
    assert (standing.state, standing.why_disabled, standing.changed_by) == (EndpointState.DISABLED, "gone", "jifen")
    assert len(hooks.sent) == 1
    assert [one.state for one in hooks.deliveries(endpoint)] == [State.DEAD, State.DEAD]
    assert [one.action for one in hooks.endpoints.history(endpoint.id)] == ["disabled_gone", "created"]


def test_days_of_nothing_but_failures_disable_an_endpoint_and_one_success_begins_anew(
    hooks: Hooks, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = hooks.register()

    def a_day(status: int) -> EndpointState:
        hooks.stage.now += ONLY_FAILURES / 5
        entry = hooks.earn(member_id=f"m{hooks.posted}")
        hooks.tell(hooks.records()[-1:])
        hooks.answers = [status]
        hooks.work(Lane(endpoint.id, entry.member_id))
        return hooks.endpoints.endpoint(endpoint.id).state

    assert {a_day(status) for status in (500, 500, 500, 500, 500, 200)} == {EndpointState.ENABLED}
    assert {a_day(500) for _ in range(5)} == {EndpointState.ENABLED}
    assert a_day(500) is EndpointState.DISABLED
    assert hooks.endpoints.endpoint(endpoint.id).why_disabled == "failing"


def test_a_deleted_endpoint_hears_nothing_more(hooks: Hooks) -> None:
    endpoint = hooks.register()
    hooks.earn()
    hooks.tell()
    register.remove(hooks.endpoints, endpoint.id, by="staff-1", now=hooks.stage.now)
    hooks.earn()
    hooks.tell()
    hooks.drain()

    assert hooks.sent == []
    assert [(one.state, one.fault) for one in hooks.deliveries(endpoint)] == [(State.DEAD, "deleted")]


def test_a_new_address_is_used_for_what_waits_already(hooks: Hooks) -> None:
    endpoint = hooks.register()
    hooks.earn()
    hooks.tell()
    wanted = Wanted("https://new.example.com/", endpoint.kinds, "")
    given: dict[str, Any] = {"enabled": True, "seen_version": 1, "by": "s", "is_local": False, "now": NOW}
    register.change(hooks.endpoints, endpoint.id, wanted, **given)
    hooks.drain()

    assert [url for url, _, _ in hooks.sent] == ["https://new.example.com/"]


def held(hooks: Hooks, then: Callable[..., Any]) -> str:
    hooks.earn(50)
    given: dict[str, Any] = {"actor": "m1", "ledger": hooks.ledger, "terms": TERMS, "now": NOW}
    hold("m1", "h1", 20, release_at=NOW + timedelta(hours=1), activity="checkout", **given)
    return str(kinds_of(then(**given).entries[0])[0])


def test_a_hold_is_held_then_captured_or_released(hooks: Hooks) -> None:
    assert held(hooks, lambda **given: capture("m1", "h1", 20, **given)) == "points.captured"


def test_a_hold_that_is_given_back_is_released(hooks: Hooks) -> None:
    assert held(hooks, lambda **given: release("m1", "h1", **given)) == "points.released"


def test_every_entry_has_the_kind_of_what_it_does(hooks: Hooks) -> None:
    entries = [
        hooks.earn(50),
        *hooks.post(an_earn(30, bucket="", cause=a_cause(id="p"))),
        *hooks.post(a_redemption(5)),
        *hooks.post(a_reversal(10)),
        *hooks.post(Freeze(a_cause(Kind.ADJUST, "f", activity="freeze"), True, 1)),
        *hooks.post(SetLevel(a_cause(Kind.LEVEL, "l", activity="level"), "gold", date(2027, 1, 1), False, 1)),
    ]

    assert [kinds_of(entry) for entry in entries] == [
        ("points.earned", ""),
        ("points.pending", ""),
        ("points.redeemed", ""),
        ("points.reversed", ""),
        ("", ""),
        ("", "level.changed"),
    ]


def test_an_entry_that_lifts_the_level_is_two_events_the_points_first(hooks: Hooks) -> None:
    endpoint = hooks.register()
    entry = hooks.earn()._replace(level_after="gold")
    for delivery in reversed(deliveries_of(entry, endpoint, NOW)):
        hooks.lanes.add(delivery)
    hooks.lanes.ring(lane_of(), NOW)

    assert hooks.work(lane_of()) is End.EMPTY
    assert hooks.ids() == [*ids_of(entry), *ids_of(entry, kind="level.changed")]


@pytest.mark.parametrize("kind", [*Kind])
def test_every_kind_of_entry_that_moves_points_is_an_event_that_can_be_asked_for(hooks: Hooks, kind: Kind) -> None:
    entry = hooks.earn()
    moved, _ = kinds_of(entry._replace(cause=entry.cause._replace(kind=kind)))

    assert (moved in EVENT_KINDS) is (kind is not Kind.LEVEL)
