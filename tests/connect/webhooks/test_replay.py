"""Sending again: one delivery, a span's dead letters, all of a span; and pings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.connect.webhooks import register, replay
from chalicelib.connect.webhooks.lanes import LanesTable
from chalicelib.connect.webhooks.model import Endpoint, EndpointState, Replay, State
from chalicelib.errors import Code, JifenError
from tests.connect.webhooks.conftest import Hooks
from tests.ledger.builders import NOW


def switched(hooks: Hooks, endpoint: Endpoint, enabled: bool) -> Endpoint:
    wanted = register.Wanted(endpoint.url, endpoint.kinds, "")
    given: dict[str, Any] = {"by": "staff-1", "is_local": False, "now": hooks.stage.now}
    seen = hooks.endpoints.endpoint(endpoint.id).version
    return register.change(hooks.endpoints, endpoint.id, wanted, enabled=enabled, seen_version=seen, **given)


def missed(hooks: Hooks, count: int = 3) -> tuple[Endpoint, list[str]]:
    """An endpoint that was switched off while that many events of two members were booked; their ids."""
    endpoint = switched(hooks, hooks.register(), False)
    for number in range(count):
        hooks.earn(member_id=f"m{number % 2}")
        hooks.stage.later(seconds=1)
    hooks.tell()
    hooks.drain()
    return endpoint, [one.event_id for one in hooks.deliveries(endpoint)]


def asked(hooks: Hooks, endpoint: Endpoint, key: str = "again", **given: Any) -> Replay:
    values = {
        "since": NOW,
        "until": NOW + timedelta(days=1),
        "only_dead": True,
        "by": "staff-1",
        "now": hooks.stage.now,
    }
    return replay.ask_replay(endpoint.id, key=key, table=hooks.endpoints, **{**values, **given})


def queue_all(hooks: Hooks, wish: Replay, **given: Any) -> Replay:
    values = {"table": hooks.endpoints, "lanes": hooks.lanes, "ring": lambda _lanes: None, "now": hooks.stage.now}
    return replay.queue_replay(wish, **{"has_time": lambda: True, **values, **given})


def send_what_waits(hooks: Hooks) -> None:
    hooks.stage.later(minutes=2)
    hooks.sweep()
    hooks.drain()


def test_an_endpoint_that_was_off_misses_nothing_for_good(hooks: Hooks) -> None:
    endpoint, ids = missed(hooks)
    assert hooks.sent == []
    assert {(one.state, one.fault) for one in hooks.deliveries(endpoint)} == {(State.DEAD, "disabled")}

    switched(hooks, endpoint, True)
    done = queue_all(hooks, asked(hooks, endpoint))
    send_what_waits(hooks)

    assert (done.queued, done.is_done) == (3, True)
    assert sorted(hooks.ids()) == sorted(ids)
    assert [id for id in hooks.ids() if id in ids[::2]] == ids[::2]


def test_a_replay_asked_for_again_sends_nothing_again(hooks: Hooks) -> None:
    endpoint, _ = missed(hooks)
    switched(hooks, endpoint, True)
    for _ in range(3):
        queue_all(hooks, asked(hooks, endpoint))
        send_what_waits(hooks)

    assert len(hooks.sent) == 3
    with pytest.raises(JifenError) as refused:
        asked(hooks, endpoint, only_dead=False)
    assert refused.value.code is Code.KEY_REUSED


def test_a_replay_takes_what_is_dead_or_all_that_is_over_and_never_a_replay(hooks: Hooks) -> None:
    endpoint = hooks.register()
    hooks.earn()
    hooks.tell()
    hooks.drain()
    assert queue_all(hooks, asked(hooks, endpoint, "dead")).queued == 0
    assert queue_all(hooks, asked(hooks, endpoint, "all", only_dead=False)).queued == 1
    send_what_waits(hooks)

    assert queue_all(hooks, asked(hooks, endpoint, "all of it", only_dead=False)).queued == 1


def test_a_replay_keeps_to_its_span_ends_included(hooks: Hooks) -> None:
    endpoint, _ = missed(hooks, 4)
    span: dict[str, Any] = {"since": NOW + timedelta(seconds=1), "until": NOW + timedelta(seconds=2)}

    assert queue_all(hooks, asked(hooks, endpoint, **span)).queued == 2


def test_a_long_replay_goes_on_where_its_time_was_over(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "PAGE", 2)
    endpoint, ids = missed(hooks, 5)
    switched(hooks, endpoint, True)
    wish, pages = asked(hooks, endpoint), 0
    hooks.stage.later(seconds=1)
    while not wish.is_done:
        turns = iter([True, False])
        wish = queue_all(hooks, wish, has_time=lambda left=turns: next(left))
        pages += 1
        standing = hooks.endpoints.replay(endpoint.id, wish.id)
        assert standing == wish
    send_what_waits(hooks)

    assert (wish.queued, pages) == (5, 3)
    assert sorted(hooks.ids()) == sorted(ids)


def test_a_replay_that_died_within_a_page_goes_on(hooks: Hooks) -> None:
    endpoint, ids = missed(hooks, 4)
    switched(hooks, endpoint, True)
    wish = asked(hooks, endpoint)

    class Dying(LanesTable):
        def ring(self, *_given: Any) -> None:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        queue_all(hooks, wish, lanes=Dying(hooks.stage.cloud, "test-webhooks"))
    standing = hooks.endpoints.replay(endpoint.id, wish.id)
    assert standing is not None
    queue_all(hooks, standing)
    send_what_waits(hooks)

    assert sorted(hooks.ids()) == sorted(ids)


def test_what_is_live_does_not_wait_for_a_replay_that_fails(hooks: Hooks) -> None:
    endpoint, ids = missed(hooks, 1)
    switched(hooks, endpoint, True)
    queue_all(hooks, asked(hooks, endpoint))
    hooks.answers = [500]
    send_what_waits(hooks)
    hooks.earn(member_id="m0")
    hooks.tell()
    hooks.drain()

    assert hooks.ids()[0] == ids[0]
    assert len(set(hooks.ids())) == 2


def test_one_delivery_is_sent_again_once_a_key_and_keeps_its_first_outcome(hooks: Hooks) -> None:
    endpoint, (id,) = missed(hooks, 1)
    switched(hooks, endpoint, True)
    (first,) = hooks.deliveries(endpoint)
    given: dict[str, Any] = {"by": "staff-1", "lanes": hooks.lanes, "now": hooks.stage.now}
    for key in ("a", "a", "b"):
        replay.replay_one(endpoint.id, first.id, key=key, **given)
        send_what_waits(hooks)

    assert hooks.ids() == [id, id]
    states = [(one.state, bool(one.lane.run)) for one in hooks.deliveries(endpoint)]
    assert states == [(State.DEAD, False), (State.DELIVERED, True), (State.DELIVERED, True)]


def test_a_delivery_that_is_not_there_or_not_over_is_not_sent_again(hooks: Hooks) -> None:
    endpoint = hooks.register("points.redeemed")
    other = hooks.register(number=2)
    hooks.earn()
    hooks.tell()
    (waiting,) = hooks.deliveries(other)
    given: dict[str, Any] = {"key": "a", "by": "staff-1", "lanes": hooks.lanes, "now": NOW}
    unwanted = waiting.id.replace(".1", ".0")
    for endpoint_id, delivery_id, code in (
        (other.id, waiting.id, Code.WEBHOOK_DELIVERY_WAITING),
        (endpoint.id, waiting.id, Code.WEBHOOK_DELIVERY_NOT_FOUND),
        (endpoint.id, unwanted, Code.WEBHOOK_DELIVERY_NOT_FOUND),
        (endpoint.id, "m1#~~000000000001.1", Code.WEBHOOK_DELIVERY_NOT_FOUND),
    ):
        with pytest.raises(JifenError) as refused:
            replay.replay_one(endpoint_id, delivery_id, **given)
        assert refused.value.code is code


def test_a_ping_goes_out_while_the_endpoint_is_off_once_a_key(hooks: Hooks) -> None:
    endpoint = switched(hooks, hooks.register(), False)
    for key in ("a", "a", "b"):
        replay.ping_delivery(endpoint, key=key, by="staff-1", lanes=hooks.lanes, now=hooks.stage.now)
        send_what_waits(hooks)

    assert [b'"type":"webhook.ping"' in body for _, body, _ in hooks.sent] == [True, True]
    assert len(set(hooks.ids())) == 2


def test_a_ping_to_a_deleted_endpoint_stays_in_the_house(hooks: Hooks) -> None:
    endpoint = hooks.register()
    replay.ping_delivery(endpoint, key="a", by="staff-1", lanes=hooks.lanes, now=hooks.stage.now)
    register.remove(hooks.endpoints, endpoint.id, by="staff-1", now=hooks.stage.now)
    send_what_waits(hooks)

    assert hooks.sent == []
    assert hooks.endpoints.endpoint(endpoint.id).state is EndpointState.DELETED
