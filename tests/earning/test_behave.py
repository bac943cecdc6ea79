"""An event of the feed becomes points once: twice, at once, out of order, by another, with other content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.earning.behaviour_event import Event, event_of, message_of
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.pending import activate_due
from chalicelib.programme.model import TermsBook
from tests.earning.behaviours import Room, an_event, open_room, terms
from tests.earning.programmes import a_rule
from tests.ledger.builders import NOW, TODAY_ON
from tests.ledger.item_size import item_bytes, transaction_units

DAY = timedelta(days=1)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    with open_room(monkeypatch) as opened:
        yield opened


def refusal_of(act: Callable[[], object]) -> Code:
    with pytest.raises(JifenError) as refused:
        act()
    return refused.value.code


def test_an_event_earns_what_its_rules_pay_and_says_why(room: Room) -> None:
    outcome = room.behave(an_event(length=21))

    assert room.points() == 10
    first, second = room.entries()
    assert (first.rule, first.points, first.text) == ("review", 5, "评价")
    assert (second.rule, second.points) == ("review_long", 5)
    assert first.facts["all_points"] == 10
    assert first.cause.occurred_at == NOW
    assert outcome.receipt is not None
    assert room.why_not() == []


def test_its_guard_says_what_it_caused(room: Room) -> None:
    room.behave(an_event(length=21))

    (guard,) = room.ledger.guards(["E#tmall#e1"]).values()
    assert (guard.member_id, guard.activity, guard.cause_id) == ("m1", "review", "tmall:e1")
    assert [(credit.rule, credit.points) for credit in guard.credits] == [("review", 5), ("review_long", 5)]


def test_the_same_event_twice_is_answered_with_the_first_receipt(room: Room) -> None:
    room.behave(an_event(length=21))
    again = room.behave(an_event(length=21, received_at=NOW + DAY))

    assert again.receipt is not None
    assert again.receipt.replayed
    assert again.receipt.entries[0].facts["all_points"] == 10
    assert room.points() == 10
    assert len(room.entries()) == 2


def test_the_same_event_at_once_earns_once(room: Room) -> None:
    overtaken = room.meanwhile(lambda first: first.behave(an_event()))

    outcome = overtaken.behave(an_event())

    assert outcome.receipt is not None
    assert outcome.receipt.replayed
    assert room.points() == 5
    assert len(room.entries()) == 1


def test_an_event_belongs_to_its_first_member(room: Room) -> None:
    room.behave(an_event())

    assert refusal_of(lambda: room.behave(an_event(member_id="m2"))) is Code.KEY_REUSED
    assert room.points("m2") == 0
    assert room.points("m1") == 5


def test_two_members_at_once_under_one_key_one_of_them_gets_it(room: Room) -> None:
    overtaken = room.meanwhile(lambda first: first.behave(an_event(member_id="m2")))

    assert refusal_of(lambda: overtaken.behave(an_event(member_id="m1"))) is Code.KEY_REUSED
    assert (room.points("m1"), room.points("m2")) == (0, 5)


@pytest.mark.parametrize(
    "other",
    [
        {"length": 30},
        {"quantity": 2},
        {"indicator": "message"},
        {"occurred_at": NOW - DAY},
    ],
)
def test_the_same_event_with_other_content_is_refused(room: Room, other: dict[str, Any]) -> None:
    room.behave(an_event())

    assert refusal_of(lambda: room.behave(an_event(**other))) is Code.KEY_REUSED
    assert room.points() == 5


def test_two_sources_may_use_the_same_id(room: Room) -> None:
    room.behave(an_event())
    room.behave(an_event(source="jd"))

    assert room.points() == 10


def test_what_earns_nothing_is_kept_with_its_reason_and_leaves_the_ledger_alone(room: Room) -> None:
    for number in range(3):
        room.behave(an_event(f"e{number}", "message"))

    (refused,) = room.why_not()
    assert [one.code for one in refused.refused] == ["capped"]
    assert "发言今日已达上限2次" in refused.refused[0].text
    assert (refused.id, refused.activity, refused.source) == ("tmall:e2", "message", "tmall")
    assert len(room.guards()) == 2
    assert len(room.entries()) == 2


def test_a_refused_event_told_again_only_replaces_its_line(room: Room) -> None:
    for minutes, number in enumerate((0, 1, 2, 2, 2)):
        room.behave(an_event(f"e{number}", "message", received_at=NOW + timedelta(minutes=minutes)))

    assert len(room.why_not()) == 1


@pytest.mark.parametrize("by_sender", [True, False], ids=["told again", "the message delivered again"])
def test_what_a_cap_refused_on_its_day_stays_refused_on_later_days(room: Room, by_sender: bool) -> None:
    """Feeds and queues deliver at least once: Monday's fifth message is not Tuesday's first."""
    for number in range(6):
        room.behave(an_event(f"e{number}", "message"))
    for days in (1, 2):
        later = NOW + days * DAY
        room.behave(an_event(f"review-{days}", "review", occurred_at=later, received_at=later))  # the account moves on
        for number in range(6):
            room.behave(an_event(f"e{number}", "message", received_at=later if by_sender else NOW))

    assert room.points() == 2 + 2 * 5
    assert [one.id for one in room.why_not()] == ["tmall:e5", "tmall:e4", "tmall:e3", "tmall:e2"]


def test_a_refusal_that_stands_is_answered_in_its_own_words(room: Room) -> None:
    for number in range(3):
        first = room.behave(an_event(f"e{number}", "message"))

    again = room.behave(an_event("e2", "message", received_at=NOW + DAY))

    assert again == first
    assert [one.text for one in again.refused] == ["发言今日已达上限2次,明天起可再得"]


def test_what_a_spent_budget_refused_stays_refused_in_the_next_period(room: Room) -> None:
    budget = {"id": "reviews", "points": 5, "period": "day", "rules": ["review"], "shards": 1}
    room.book = TermsBook((terms(budgets=[budget]),))
    room.behave(an_event("e0", member_id="m0"))
    room.behave(an_event("e1"))

    room.behave(an_event("e1", received_at=NOW + DAY))

    assert room.points() == 0


def test_what_came_after_the_first_stays_refused(room: Room) -> None:
    room.behave(an_event("e1", "register"))
    room.behave(an_event("e2", "register"))

    assert room.behave(an_event("e2", "register", received_at=NOW + DAY)).refused[0].code == "first_only"


def test_what_a_member_could_not_have_yet_is_judged_again_when_more_is_known(room: Room) -> None:
    """The ledger may hear of a registration after what followed it; nothing was used up, so nothing opens."""
    new = a_rule("ride", "ride", when={"within_days_of_joining": 3}, amount={"kind": "fixed", "points": 7})
    room.book = TermsBook((terms(new, tasks=[]),))
    room.behave(an_event("e1", "ride"))

    room.behave(an_event("r", "register", source="jifen", received_at=NOW + DAY))
    room.behave(an_event("e1", "ride", received_at=NOW + DAY))

    assert room.points() == 200 + 7


def test_what_is_first_heard_of_a_day_late_is_judged_as_ever(room: Room) -> None:
    for number in range(3):
        room.behave(an_event(f"e{number}", "message", received_at=NOW + DAY))

    assert room.points() == 2
    assert [one.id for one in room.why_not()] == ["tmall:e2"]


def test_an_indicator_without_rules_earns_nothing_and_says_so(room: Room) -> None:
    room.book = TermsBook((terms(tasks=[]),))

    outcome = room.behave(an_event(indicator="ride"))

    assert outcome.receipt is None
    assert [one.refused for one in room.why_not()] == [()]
    assert room.account().version == 0


def test_a_penalty_indicator_never_takes_anything_by_itself(room: Room) -> None:
    room.behave(an_event(indicator="malicious_review"))

    assert [one.code for one in room.why_not()[0].refused] == ["by_hand"]
    assert room.account().version == 0


def test_a_once_only_rule_pays_one_of_two_events(room: Room) -> None:
    room.behave(an_event("e1", "register"))
    room.behave(an_event("e2", "register"))

    assert room.points() == 200
    assert [one.code for one in room.why_not()[0].refused] == ["first_only"]


def test_a_once_only_rule_pays_one_of_two_events_at_once(room: Room) -> None:
    overtaken = room.meanwhile(lambda first: first.behave(an_event("e1", "register")))

    overtaken.behave(an_event("e2", "register"))

    assert room.points() == 200
    assert len(room.guards()) == 1
    assert [one.id for one in room.why_not()] == ["tmall:e2"]


def test_a_cap_holds_when_its_last_place_is_taken_at_once(room: Room) -> None:
    room.behave(an_event("e1", "message"))
    overtaken = room.meanwhile(lambda first: first.behave(an_event("e2", "message")))

    overtaken.behave(an_event("e3", "message"))

    assert room.points() == 2


def test_an_older_event_after_a_newer_one_opens_no_cap_again(room: Room) -> None:
    """Periods are those of the posting's own business date: what comes late counts with what is posted then."""
    tomorrow = NOW + DAY
    for number in range(2):
        room.behave(an_event(f"today-{number}", "message"))
    room.behave(an_event("next-1", "review", occurred_at=tomorrow, received_at=tomorrow))
    for number in range(3):
        room.behave(an_event(f"late-{number}", "message"))

    assert room.points() == 2 + 5 + 2
    assert [entry.counts[0].through_on for entry in room.entries() if entry.rule == "message"] == [
        TODAY_ON,
        TODAY_ON,
        TODAY_ON + DAY,
        TODAY_ON + DAY,
    ]


def test_the_terms_are_those_in_force_when_it_occurred(room: Room) -> None:
    dearer = terms(a_rule("more", "review", amount={"kind": "fixed", "points": 100}), version=2, since=NOW)
    room.book = TermsBook((terms(), dearer))

    room.behave(an_event("before", occurred_at=NOW - timedelta(minutes=1)))
    room.behave(an_event("after"))

    assert [entry.terms_version for entry in room.entries()] == [1, 2, 2]
    assert room.points() == 5 + 105


def test_hours_are_those_of_the_event_and_not_of_its_telling(room: Room) -> None:
    night = a_rule("night", "ride", when={"hours": [[22, 24]]}, amount={"kind": "fixed", "points": 7})
    room.book = TermsBook((terms(night, tasks=[]),))
    late = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai

    room.behave(an_event("e1", "ride", occurred_at=late))
    room.behave(an_event("e2", "ride"))

    assert room.points() == 7


def test_a_quantity_pays_each_time_within_the_cap(room: Room) -> None:
    room.behave(an_event("e1", "message", quantity=5))

    assert room.points() == 2


def test_progress_without_an_award_is_an_entry_of_no_points(room: Room) -> None:
    outcome = room.behave(an_event("e1", "ride"))

    (entry,) = room.entries()
    assert (entry.points, entry.text, entry.rule) == (0, "一月三骑已完成1/3", "")
    assert room.rides() == 1
    assert outcome.receipt is not None
    assert room.why_not() == []


def test_a_task_pays_its_lump_with_the_event_that_completes_it_and_never_again(room: Room) -> None:
    for number in range(5):
        room.behave(an_event(f"e{number}", "ride"))

    assert room.points() == 50
    assert [entry.points for entry in room.entries()] == [0, 0, 50, 0, 0]
    assert room.rides() == 5


def test_the_same_ride_twice_counts_once(room: Room) -> None:
    room.behave(an_event("e1", "ride"))
    room.behave(an_event("e1", "ride"))

    assert room.rides() == 1


def test_the_same_ride_at_once_counts_once(room: Room) -> None:
    room.meanwhile(lambda first: first.behave(an_event("e1", "ride"))).behave(an_event("e1", "ride"))

    assert room.rides() == 1
    assert len(room.entries()) == 1


def test_an_empty_budget_refuses_and_says_so(room: Room) -> None:
    budget = {"id": "reviews", "points": 12, "period": "month", "rules": ["review"], "shards": 1}
    room.book = TermsBook((terms(budgets=[budget]),))

    for number in range(3):
        room.behave(an_event(f"e{number}", member_id=f"m{number}"))

    assert [room.points(f"m{number}") for number in range(3)] == [5, 5, 0]
    assert {one.code for one in room.why_not("m2")[0].refused} == {"budget_spent", "too_short"}


def test_points_may_wait_and_are_activated_on_their_day(room: Room) -> None:
    waits = a_rule("ride", "ride", amount={"kind": "fixed", "points": 20}, pending={"kind": "days", "days": 7})
    room.book = TermsBook((terms(waits, tasks=[]),))
    event = an_event("e1", "ride")
    room.behave(event)

    assert (room.account().pending_points, room.account().available_points) == (20, 0)
    activate_due("m1", event.guard_key, ledger=room.ledger, terms=terms().ledger, now=NOW + 7 * DAY)
    assert (room.account().pending_points, room.account().available_points) == (0, 20)


def test_without_terms_it_waits(room: Room) -> None:
    room.book = TermsBook(())

    assert refusal_of(lambda: room.behave(an_event())) is Code.TERMS_MISSING


def test_an_event_travels_whole() -> None:
    event = an_event(length=3, quantity=2, fen=100, occurred_at=NOW - DAY)

    assert event_of(message_of(event)) == event
    assert event_of(message_of(event)).input_hash == event.input_hash


@dataclass
class Counting:
    """A client that counts requests and write units."""

    real: Any
    requests: int = 0
    units: int = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        if not callable(method) or name == "exceptions":
            return method

        def call(**request: Any) -> Any:
            self.requests += 1
            if name == "transact_write_items":
                self.units += transaction_units(request["TransactItems"])
            if name == "put_item":
                self.units += -(-item_bytes(request["Item"]) // 1024)
            return method(**request)

        return call


def counted(room: Room, event: Event) -> tuple[int, int]:
    """(requests, write units) of one event."""
    dynamo = Counting(room.ledger.dynamo)
    Room(replace(room.ledger, dynamo=dynamo), replace(room.refusals, dynamo=dynamo), room.book).behave(event)
    return dynamo.requests, dynamo.units


def test_an_award_costs_two_requests_and_six_units_with_its_guard(room: Room) -> None:
    assert counted(room, an_event("e1", "message")) == (2, 6)
    assert counted(room, an_event("e2", "message")) == (2, 6)


def test_a_further_award_costs_two_units_more(room: Room) -> None:
    assert counted(room, an_event(length=21)) == (2, 8)


def test_progress_alone_costs_as_much_as_an_award(room: Room) -> None:
    assert counted(room, an_event("e1", "ride")) == (2, 6)


def test_a_refused_award_costs_two_requests_and_one_unit(room: Room) -> None:
    for number in range(2):
        room.behave(an_event(f"e{number}", "message"))

    assert counted(room, an_event("e2", "message")) == (2, 1)


def test_what_is_heard_of_a_day_late_costs_one_read_more(room: Room) -> None:
    for number in range(3):
        room.behave(an_event(f"e{number}", "message"))
    later = NOW + DAY

    assert counted(room, an_event("e3", "message", received_at=later)) == (3, 6)
    assert counted(room, an_event("e2", "message", received_at=later)) == (2, 0)


def test_a_repeat_costs_two_reads(room: Room) -> None:
    room.behave(an_event())

    assert counted(room, an_event()) == (2, 0)
