"""A penalty: proposed by one, approved by another, appealed once, heard by a third; every step once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.earning import penalise
from chalicelib.earning.penalise import Done, Proposed
from chalicelib.earning.penalties import PenaltiesTable
from chalicelib.earning.penalty import Penalty, State, Step
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.commands import Freeze, Reverse
from chalicelib.ledger.model import Kind, Policy
from chalicelib.programme.model import Terms
from tests.earning.behaviours import Room, open_room, terms
from tests.ledger.builders import NOW, a_cause, an_earn

ZONE = "Asia/Shanghai"
JAN, JUN = (
    bucket_key(date(2027, 1, 31), PointsClass.CONSUMPTION),
    bucket_key(date(2027, 6, 30), PointsClass.CONSUMPTION),
)
DAY = timedelta(days=1)
ASKED = Proposed("m1", "malicious_review", "https://shop.example/review/1", "经核实为恶意差评")


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    with open_room(monkeypatch) as opened:
        yield opened


def table(room: Room) -> PenaltiesTable:
    return PenaltiesTable(room.ledger)


def refusal_of(act: Callable[[], object]) -> Code:
    with pytest.raises(JifenError) as refused:
        act()
    return refused.value.code


def earn(room: Room, points: int, on: date = date(2027, 1, 31)) -> None:
    command = an_earn(points, on, cause=a_cause(id=f"tmall#{points}#{on}#{room.account().sequence}"))
    room.ledger.post("m1", lambda seen: apply(seen.account, [command], terms().ledger, NOW))


def propose(room: Room, *, by: str = "s1", key: str = "k1", id: str = "p1", programme: Terms | None = None) -> Done:
    return penalise.propose(table(room), ASKED, id=id, key=key, by=by, terms=programme or terms(), now=NOW)


def approve(room: Room, by: str = "s2", after: timedelta = DAY) -> Done:
    return penalise.approve(table(room), "p1", Step(by, NOW + after), terms=terms())


def decline(room: Room, by: str = "s2") -> Done:
    return penalise.decline(table(room), "p1", Step(by, NOW + DAY, "证据不足"))


def appeal(room: Room, by: str = "m1", text: str = "不是我写的", after: timedelta = 2 * DAY) -> Done:
    return penalise.appeal(table(room), "p1", Step(by, NOW + after, text), zone=ZONE)


def uphold(room: Room, by: str = "s3") -> Done:
    return penalise.uphold(table(room), "p1", Step(by, NOW + 3 * DAY, "维持"))


def overturn(room: Room, by: str = "s3", after: timedelta = 3 * DAY) -> Done:
    return penalise.overturn(table(room), "p1", Step(by, NOW + after, "申诉成立"), terms=terms())


def state(room: Room) -> State:
    return table(room).penalty("p1").state


def test_a_proposal_moves_nothing(room: Room) -> None:
    earn(room, 50)

    done = propose(room)

    assert (done.penalty.points, done.penalty.state) == (30, State.PROPOSED)
    assert room.points() == 50
    assert table(room).of_member("m1", before_id="", limit=10) == []


def test_a_proposal_with_the_same_key_is_made_once(room: Room) -> None:
    propose(room)
    again = propose(room, id="p2")

    assert again.replayed
    assert again.penalty.id == "p1"
    assert [one.id for one in table(room).all(state="", before_id="", limit=10)] == ["p1"]
    other = ASKED._replace(reason="别的")
    assert (
        refusal_of(lambda: penalise.propose(table(room), other, id="p3", key="k1", by="s1", terms=terms(), now=NOW))
        is Code.KEY_REUSED
    )
    assert not propose(room, id="p4", by="s9").replayed


def test_only_a_penalty_with_its_rule_can_be_proposed(room: Room) -> None:
    for indicator in ("review", "check_in", "unknown"):
        asked = ASKED._replace(indicator=indicator)
        act = lambda asked=asked: penalise.propose(  # noqa: E731
            table(room), asked, id="p1", key="k", by="s1", terms=terms(), now=NOW
        )
        assert refusal_of(act) is Code.INVALID_REQUEST
    off = Terms(1, NOW, terms().programme, frozenset({"malicious_review"}))
    assert refusal_of(lambda: propose(room, programme=off)) is Code.INVALID_REQUEST


def test_another_person_approves_and_the_entry_says_why(room: Room) -> None:
    earn(room, 50)
    propose(room)

    done = approve(room)

    assert (done.penalty.state, done.penalty.taken, done.penalty.cost_points) == (State.POSTED, {JAN: 30}, 30)
    entry = room.entries()[-1]
    assert (entry.kind, entry.points, entry.text) == (Kind.REVERSE, -30, "恶意差评:经核实为恶意差评")
    assert entry.facts == {"penalty": "p1", "proposed_by": "s1", "approved_by": "s2"}
    assert (entry.activity, entry.rule, entry.cause.actor) == ("malicious_review", "malicious_review", "s2")
    assert [one.id for one in table(room).of_member("m1", before_id="", limit=10)] == ["p1"]


@pytest.mark.parametrize("step", [approve, decline])
def test_nobody_decides_on_his_own_proposal(room: Room, step: Callable[..., Done]) -> None:
    earn(room, 50)
    propose(room)

    assert refusal_of(lambda: step(room, by="s1")) is Code.NOT_ALLOWED
    assert (room.points(), state(room)) == (50, State.PROPOSED)


def test_approving_twice_takes_once(room: Room) -> None:
    earn(room, 50)
    propose(room)
    approve(room)

    assert approve(room, after=2 * DAY).replayed
    assert refusal_of(lambda: approve(room, by="s3")) is Code.PENALTY_STATE
    assert room.points() == 20


@pytest.mark.parametrize(("by", "is_replayed"), [("s2", True), ("s3", False)])
def test_approving_at_once_takes_once(room: Room, by: str, is_replayed: bool) -> None:
    earn(room, 50)
    propose(room)
    overtaken = room.meanwhile(lambda first: approve(first, by="s2", after=DAY + timedelta(seconds=1)))

    if is_replayed:
        assert approve(overtaken, by=by).replayed
    else:
        assert refusal_of(lambda: approve(overtaken, by=by)) is Code.PENALTY_STATE
    assert room.points() == 20
    assert table(room).penalty("p1").decided == Step("s2", NOW + DAY + timedelta(seconds=1))


def test_declining_while_another_approves_leaves_one_of_them(room: Room) -> None:
    earn(room, 50)
    propose(room)
    overtaken = room.meanwhile(lambda first: decline(first, by="s3"))

    assert refusal_of(lambda: approve(overtaken)) is Code.PENALTY_STATE
    assert (room.points(), state(room)) == (50, State.DECLINED)
    assert len(room.entries()) == 1


def test_an_approval_that_meets_another_posting_is_decided_anew(room: Room) -> None:
    earn(room, 20)
    propose(room)
    overtaken = room.meanwhile(lambda first: earn(first, 15, date(2027, 6, 30)))

    done = approve(overtaken)

    assert done.penalty.taken == {JAN: 20, JUN: 10}
    assert table(room).penalty("p1") == done.penalty
    assert room.points() == 5


def test_declined_stays_declined(room: Room) -> None:
    earn(room, 50)
    propose(room)
    decline(room)

    assert decline(room).replayed
    assert refusal_of(lambda: decline(room, by="s3")) is Code.PENALTY_STATE
    assert refusal_of(lambda: approve(room)) is Code.PENALTY_STATE
    assert refusal_of(lambda: appeal(room)) is Code.PENALTY_NOT_FOUND
    assert room.points() == 50


def test_where_members_may_owe_the_rest_is_owed(room: Room) -> None:
    earn(room, 10)
    propose(room)

    done = approve(room)

    assert (done.penalty.owed_points, done.penalty.waived_points) == (20, 0)
    assert room.account().deficit_points == 20


@pytest.mark.parametrize("reversal", ["waive", "pending_only", "charge_refund"])
def test_elsewhere_nobody_falls_below_nothing(room: Room, reversal: str) -> None:
    earn(room, 10)
    propose(room, programme=terms(reversal=reversal))

    done = approve(room)

    assert (done.penalty.cost_points, done.penalty.waived_points) == (10, 20)
    assert (room.points(), room.account().deficit_points) == (0, 0)


def test_the_member_appeals_once_within_fifteen_days(room: Room) -> None:
    earn(room, 50)
    propose(room)
    approve(room)

    last_moment = timedelta(days=16, hours=11, minutes=59)  # the end of the fifteenth day in Shanghai
    appeal(room, after=last_moment)

    assert state(room) is State.APPEALED
    assert appeal(room).replayed
    assert refusal_of(lambda: appeal(room, text="还是不服")) is Code.PENALTY_STATE


def test_on_the_sixteenth_day_it_is_too_late(room: Room) -> None:
    earn(room, 50)
    propose(room)
    approve(room)

    assert refusal_of(lambda: appeal(room, after=timedelta(days=16, hours=12))) is Code.APPEAL_CLOSED
    assert state(room) is State.POSTED


def test_nobody_appeals_for_another_and_nobody_before_it_is_posted(room: Room) -> None:
    earn(room, 50)
    propose(room)
    assert refusal_of(lambda: appeal(room)) is Code.PENALTY_NOT_FOUND
    approve(room)

    assert refusal_of(lambda: appeal(room, by="m2")) is Code.PENALTY_NOT_FOUND
    assert state(room) is State.POSTED


def appealed(room: Room, points: int = 50) -> None:
    if points:
        earn(room, points)
    propose(room)
    approve(room)
    appeal(room)


@pytest.mark.parametrize("step", [uphold, overturn])
@pytest.mark.parametrize("by", ["s1", "s2"])
def test_neither_its_proposer_nor_its_approver_hears_the_appeal(room: Room, step: Callable[..., Done], by: str) -> None:
    appealed(room)

    assert refusal_of(lambda: step(room, by=by)) is Code.NOT_ALLOWED
    assert (room.points(), state(room)) == (20, State.APPEALED)


@pytest.mark.parametrize("step", [uphold, overturn])
def test_nothing_is_heard_that_was_not_appealed(room: Room, step: Callable[..., Done]) -> None:
    earn(room, 50)
    propose(room)
    assert refusal_of(lambda: step(room)) is Code.PENALTY_STATE
    approve(room)
    assert refusal_of(lambda: step(room)) is Code.PENALTY_STATE
    assert room.points() == 20


def test_upheld_it_stands(room: Room) -> None:
    appealed(room)
    uphold(room)

    assert uphold(room).replayed
    assert refusal_of(lambda: overturn(room)) is Code.PENALTY_STATE
    assert refusal_of(lambda: appeal(room, text="再审")) is Code.PENALTY_STATE
    assert (room.points(), len(room.entries())) == (20, 2)


def test_overturned_the_very_buckets_are_filled_again(room: Room) -> None:
    earn(room, 20)
    earn(room, 40, date(2027, 6, 30))
    before = room.account().buckets
    propose(room)
    approve(room)
    appeal(room)
    assert room.account().buckets == {JUN: 30}

    overturn(room)

    assert room.account().buckets == before
    entry = room.entries()[-1]
    assert (entry.points, entry.text, entry.cause.id) == (30, "申诉成立,退回:恶意差评", "p1:overturned")


def test_overturning_twice_gives_back_once(room: Room) -> None:
    appealed(room)
    overturn(room)

    assert overturn(room, after=4 * DAY).replayed
    assert refusal_of(lambda: overturn(room, by="s4")) is Code.PENALTY_STATE
    assert refusal_of(lambda: uphold(room)) is Code.PENALTY_STATE
    assert room.points() == 50


@pytest.mark.parametrize(("by", "is_replayed"), [("s3", True), ("s4", False)])
def test_overturning_at_once_gives_back_once(room: Room, by: str, is_replayed: bool) -> None:
    appealed(room)
    overtaken = room.meanwhile(lambda first: overturn(first, after=3 * DAY + timedelta(seconds=1)))

    if is_replayed:
        assert overturn(overtaken, by=by).replayed
    else:
        assert refusal_of(lambda: overturn(overtaken, by=by)) is Code.PENALTY_STATE
    assert room.points() == 50


def test_upholding_while_another_overturns_leaves_one_of_them(room: Room) -> None:
    appealed(room)
    overtaken = room.meanwhile(lambda first: uphold(first, by="s4"))

    assert refusal_of(lambda: overturn(overtaken)) is Code.PENALTY_STATE
    assert (room.points(), state(room)) == (20, State.UPHELD)


def test_what_is_still_owed_for_it_is_forgiven_and_the_buckets_are_whole(room: Room) -> None:
    appealed(room, points=10)
    assert room.account().deficit_points == 20

    overturn(room)

    account = room.account()
    assert (account.buckets, account.deficit_points) == ({JAN: 10}, 0)
    assert room.entries()[-1].facts["forgiven_points"] == 20


def test_what_later_points_paid_for_it_comes_back_by_the_rules_validity(room: Room) -> None:
    appealed(room, points=10)
    earn(room, 25, date(2027, 6, 30))  # 20 pay what is owed
    assert room.account().buckets == {JUN: 5}

    overturn(room)

    nov = bucket_key(date(2027, 11, 30), PointsClass.ACTIVITY)
    assert room.account().buckets == {JAN: 10, JUN: 5, nov: 20}
    assert room.account().deficit_points == 0


def test_half_paid_is_half_forgiven(room: Room) -> None:
    appealed(room, points=10)
    earn(room, 15, date(2027, 6, 30))
    assert room.account().deficit_points == 5

    overturn(room)

    assert room.points() == 10 + 15
    assert room.account().deficit_points == 0
    assert room.account().buckets[JAN] == 10


def test_what_is_owed_for_something_else_is_paid_first(room: Room) -> None:
    appealed(room, points=10)
    other = Reverse(a_cause(Kind.REVERSE, "tmall#9:1"), 7, Policy.DEFICIT, 1)
    room.ledger.post("m1", lambda seen: apply(seen.account, [other], terms().ledger, NOW + 2 * DAY))
    assert room.account().deficit_points == 27

    overturn(room)

    assert (room.points(), room.account().deficit_points) == (3, 0)


def test_points_whose_date_has_passed_come_back_with_grace(room: Room) -> None:
    appealed(room)
    after = timedelta(days=100)

    overturn(room, after=after)

    (key,) = room.account().buckets
    grace_on = (NOW + after).date() + timedelta(days=30)
    assert key == bucket_key(grace_on, PointsClass.CONSUMPTION)
    assert room.account().buckets[key] == 30  # the other 20 expired where they were


def test_a_penalty_that_was_all_waived_is_overturned_in_words_alone(room: Room) -> None:
    propose(room, programme=terms(reversal="waive"))
    approve(room)
    appeal(room)

    overturn(room)

    assert (room.points(), state(room)) == (0, State.OVERTURNED)


def test_a_frozen_member_is_penalised_and_restored(room: Room) -> None:
    earn(room, 50)
    freeze = Freeze(a_cause(Kind.ADJUST, "freeze"), True, 1)
    room.ledger.post("m1", lambda seen: apply(seen.account, [freeze], terms().ledger, NOW))

    propose(room)
    approve(room)
    assert room.points() == 20
    appeal(room)
    overturn(room)

    assert (room.points(), room.account().frozen) == (50, True)


def test_lists_run_backwards_page_by_page_and_by_state(room: Room) -> None:
    earn(room, 500)
    for number in range(5):
        propose(room, key=f"k{number}", id=f"p{number}")
    for number in (1, 3):
        penalise.approve(table(room), f"p{number}", Step("s2", NOW), terms=terms())

    assert ids(table(room).all(state="", before_id="", limit=3)) == ["p4", "p3", "p2"]
    assert ids(table(room).all(state="", before_id="p2", limit=3)) == ["p1", "p0"]
    assert ids(table(room).all(state="proposed", before_id="", limit=3)) == ["p4", "p2", "p0"]
    assert ids(table(room).of_member("m1", before_id="", limit=3)) == ["p3", "p1"]
    assert ids(table(room).of_member("m1", before_id="p3", limit=3)) == ["p1"]
    assert table(room).of_member("m2", before_id="", limit=3) == []


def test_a_long_list_is_read_on_behind_one_answer_of_the_store(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.earning.penalties.QUERY_ITEMS", 2)
    for number in range(5):
        propose(room, key=f"k{number}", id=f"p{number}")

    assert ids(table(room).all(state="proposed", before_id="", limit=10)) == ["p4", "p3", "p2", "p1", "p0"]


def test_its_points_are_those_of_the_terms_at_its_proposal(room: Room) -> None:
    earn(room, 500)
    document = terms().programme
    gentler = [
        replace(one, amount=replace(one.amount, points=3)) for one in document.rules if one.id == ASKED.indicator
    ]
    propose(room, programme=Terms(2, NOW, replace(document, rules=tuple(gentler))))

    done = approve(room)

    assert (done.penalty.points, done.penalty.terms_version) == (3, 2)
    assert (room.points(), room.entries()[-1].terms_version) == (497, 2)


def ids(found: list[Penalty]) -> list[str]:
    return [one.id for one in found]


def test_a_penalty_is_read_as_it_was_written(room: Room) -> None:
    earn(room, 10)
    written = propose(room).penalty
    assert table(room).penalty("p1") == written
    for step in (approve, appeal, overturn):
        done: Done = step(room)  # type: ignore[operator]
        assert table(room).penalty("p1") == done.penalty


def test_an_unknown_penalty_is_not_found(room: Room) -> None:
    assert refusal_of(lambda: approve(room)) is Code.PENALTY_NOT_FOUND


def test_a_table_that_is_busy_says_so(room: Room) -> None:
    from chalicelib.runtime.dynamo import Cancelled, Reason

    def busy(*_given: Any) -> None:
        raise Cancelled([Reason("TransactionConflict", None), Reason("None", None)])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chalicelib.earning.penalties.transact", busy)
        assert refusal_of(lambda: propose(room)) is Code.BUSY
    assert not propose(room).replayed
