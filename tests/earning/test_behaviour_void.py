"""A behaviour that should not have counted: all it paid goes back, once, by its policy; counters stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.earning.behaviour_void import void_behaviour
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.model import Kind, Receipt
from chalicelib.programme.model import TermsBook
from tests.earning.behaviours import Room, an_event, open_room, terms
from tests.earning.programmes import a_rule
from tests.ledger.builders import NOW, a_redemption

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    with open_room(monkeypatch) as opened:
        yield opened


def void(room: Room, event_id: str = "e1", **given: Any) -> Receipt:
    values: dict[str, Any] = {"reason": "评价已删除", "actor": "s1", "now": LATER, "terms": room.book.versions[-1]}
    _member_id, receipt = void_behaviour("tmall", event_id, ledger=room.ledger, **{**values, **given})
    return receipt


def spend(room: Room, points: int) -> None:
    room.ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(points)], terms().ledger, NOW))


def test_all_its_awards_go_back_and_say_why(room: Room) -> None:
    room.behave(an_event(length=21))

    receipt = void(room)

    assert room.points() == 0
    assert [entry.points for entry in room.entries()] == [5, 5, -5, -5]
    assert receipt.entries[0].text == "撤销:评价已删除"
    assert receipt.entries[0].facts["voided_points"] == 10
    assert receipt.entries[0].cause.actor == "s1"


def test_a_second_void_is_answered_with_the_first(room: Room) -> None:
    room.behave(an_event(length=21))
    void(room)

    again = void(room, reason="再来一次", actor="s2", now=LATER + timedelta(days=1))

    assert again.replayed
    assert again.entries[0].facts["voided_points"] == 10
    assert again.entries[0].cause.actor == "s1"
    assert len(room.entries()) == 4


def test_two_voids_at_once_take_back_once(room: Room) -> None:
    room.behave(an_event())
    overtaken = room.meanwhile(lambda first: void(first, now=LATER + timedelta(milliseconds=1)))

    receipt = void(overtaken)

    assert receipt.replayed
    assert [entry.points for entry in room.entries()] == [5, -5]


def test_what_was_spent_is_owed(room: Room) -> None:
    room.behave(an_event())
    spend(room, 4)

    receipt = void(room)

    assert (room.account().available_points, room.account().deficit_points) == (0, 4)
    assert receipt.entries[0].facts["deficit_points"] == 4


def test_or_waived_where_the_terms_of_its_award_say_so(room: Room) -> None:
    room.book = TermsBook((terms(reversal="waive"),))
    room.behave(an_event())
    spend(room, 4)
    room.book = TermsBook((terms(),))

    void(room)

    assert room.account().deficit_points == 0
    assert room.entries()[-1].facts["waived_points"] == 4


def test_what_still_waits_is_taken_from_what_waits(room: Room) -> None:
    waits = a_rule("ride", "ride", amount={"kind": "fixed", "points": 20}, pending={"kind": "days", "days": 7})
    room.book = TermsBook((terms(waits, tasks=[]),))
    room.behave(an_event("e1", "ride"))

    void(room)

    assert room.account().pending_points == 0
    (guard,) = room.guards()
    assert "due_key" not in guard


def test_counters_and_progress_stay_as_they_are(room: Room) -> None:
    for number in range(2):
        room.behave(an_event(f"e{number}", "message"))
    void(room, "e0")

    room.behave(an_event("e2", "message"))

    assert room.points() == 1
    assert [one.code for one in room.why_not()[0].refused] == ["capped"]


def test_an_event_that_only_counted_is_marked_as_void(room: Room) -> None:
    room.behave(an_event("e1", "ride"))

    receipt = void(room)

    assert (receipt.entries[0].kind, receipt.entries[0].points) == (Kind.REVERSE, 0)
    assert room.rides() == 1
    assert void(room).replayed


def test_a_voided_event_told_again_earns_nothing_more(room: Room) -> None:
    room.behave(an_event())
    void(room)

    room.behave(an_event())

    assert room.points() == 0
    assert len(room.entries()) == 2


def test_what_posted_nothing_cannot_be_voided(room: Room) -> None:
    with pytest.raises(JifenError) as refused:
        void(room, "unknown")

    assert refused.value.code is Code.BEHAVIOUR_NOT_FOUND
    assert room.guards() == []
