"""Groups half done and at once: whatever breaks off where, each place ends once, and points, pieces and rows agree."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from benchmarks.recording import Recorder
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.audit import Finding, Tables, check_member
from chalicelib.ledger.model import business_on
from chalicelib.ledger.release import hold_key, release_overdue
from chalicelib.runtime.dynamo import decode_item
from chalicelib.spending.mall.redeem_item import hold_id_of
from chalicelib.spending.offers.join_group import Wish, join_group, open_group
from chalicelib.spending.offers.leave_group import leave_group
from chalicelib.spending.offers.quote_offer import quote_offer
from chalicelib.spending.offers.room import Room
from chalicelib.spending.offers.settle_group import fail_if_overdue, finish_group
from chalicelib.spending.offers.sweep import Swept, sweep_offers
from chalicelib.spending.offers.table import OffersTable
from tests.ledger.meetings import Meanwhile
from tests.ledger.test_conflicts import Meeting
from tests.spending.malls import Mall
from tests.spending.offers import GROUP, Offers, offers_of

PIECES, POINTS = 6, 120


class Broken(BaseException):
    """The process died here."""


@dataclass
class Breaking:
    """A client that dies before its n-th call: all that was written before stands."""

    real: Any
    at: int = 0
    calls: int = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        if name in ("exceptions", "meta"):
            return method

        def call(**request: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                raise Broken
            return method(**request)

        return call


@pytest.fixture
def offers(mall: Mall) -> Offers:
    offers = offers_of(mall)
    offers.on({**GROUP, "size": 3}, pieces=PIECES)
    return offers


def over(room: Room, dynamo: Any) -> Room:
    """The room over another client."""
    desk = room.desk
    return Room(
        replace(room.offers, dynamo=dynamo),
        replace(room.groups, dynamo=dynamo),
        desk._replace(
            mall=replace(desk.mall, dynamo=dynamo),
            goods=replace(desk.goods, dynamo=dynamo),
            ledger=replace(desk.ledger, dynamo=dynamo, pause=lambda _seconds: None),
        ),
    )


def wish(offers: Offers, member_id: str) -> Wish:
    quoted = quote_offer(member_id, "weekend", 1, quote_id=secrets.token_hex(12), room=offers.room(), now=offers.now)
    return Wish(quoted.quote, None)


def swept(offers: Offers) -> Swept:
    return sweep_offers(room=offers.room(), now=offers.now, has_time=lambda: True)


def audit(offers: Offers, group_id: str, member_ids: list[str]) -> Counter[str]:
    """Hold everything against everything; how many places are in which state."""
    whole = offers.room().groups.whole(group_id)
    rows = offers.mall.counter.stage.rows()
    redemptions = {row["pk"][2:]: row for row in rows if row["pk"].startswith("R#") and "group" in row}
    states = Counter(str(place.state) for place in whole.places)
    for member_id in member_ids:
        account = offers.mall.ledger.read(member_id)
        places = [place for place in whole.places if place.member_id == member_id]
        held = sum(POINTS for place in places if place.state == "joined")
        spent = sum(POINTS for place in places if place.state == "given")
        assert (account.available_points, account.held_points) == (1000 - held - spent, held)
        kinds = Counter(str(entry.kind) for entry in offers.mall.ledger.entries(member_id, before_key=None, limit=50))
        assert kinds["hold"] == kinds["capture"] + kinds["release"] + (held > 0)
        assert kinds["capture"] == (spent > 0)
        counted = [row["pieces"] for row in rows if row["pk"] == f"LIMIT#offer:weekend#{member_id}"]
        assert sum(counted) == (1 if held or spent else 0)
        assert findings(offers, member_id) == []
    given = {place.redemption_id for place in whole.places if place.state == "given"}
    assert redemptions.keys() == given
    assert sum(row["pk"].startswith("COUPON#") for row in rows) == len(given)
    assert whole.group.taken >= states["joined"] + states["given"]
    left, taken = offers.left()
    assert taken == states["joined"] + states["given"]
    assert left + taken + offers.mall.left()[0] == 10
    return states


def findings(offers: Offers, member_id: str) -> list[Finding]:
    """What the ledger's auditor finds wrong with a member."""
    ledger, cloud = offers.mall.ledger, offers.mall.counter.stage.cloud
    items, entries = (
        [decode_item(item) for item in cloud.scan(TableName=name)["Items"]] for name in (ledger.ledger, ledger.journal)
    )
    (account,) = [item for item in items if (item["pk"], item["sk"]) == (f"M#{member_id}", "A")]
    guards = [item for item in items if item["pk"].startswith("H#") and item["member_id"] == member_id]
    own = [item for item in entries if item["pk"] == f"M#{member_id}"]
    names = Tables(ledger.ledger, ledger.journal)
    terms = offers.room().desk.terms
    on = business_on(offers.now, terms.zone)
    found = check_member(member_id, account, own, guards, terms.ledger, on, names)
    return [one for one in found if not one.key.startswith("O#")]  # points are given here without their order's guard


def formed(offers: Offers, size: int = 3) -> tuple[str, list[str]]:
    """A group whose last place was taken, with nothing done since; its id and members."""
    member_ids = [offers.mall.member(1000)[1] for _ in range(size)]
    room = offers.room()
    group_id = open_group(wish(offers, member_ids[0]), "weekend", room=room, now=offers.now).whole.group.id
    for member_id in member_ids[1:]:
        join_group(wish(offers, member_id), group_id, room=room, now=offers.now)
    return group_id, member_ids


def overdue(offers: Offers, size: int = 3) -> tuple[str, list[str]]:
    """A group at its deadline of which one is missing."""
    member_ids = [offers.mall.member(1000)[1] for _ in range(size - 1)]
    room = offers.room()
    group_id = open_group(wish(offers, member_ids[0]), "weekend", room=room, now=offers.now).whole.group.id
    for member_id in member_ids[1:]:
        join_group(wish(offers, member_id), group_id, room=room, now=offers.now)
    offers.later(days=1)
    return group_id, member_ids


def decide_and_finish(group_id: str, room: Room, now: Any) -> None:
    fail_if_overdue(group_id, room=room, now=now)
    finish_group(group_id, room=room, now=now)


@pytest.mark.parametrize(("case", "state", "places"), [(formed, "given", 2), (overdue, "released", 1)])
def test_wherever_it_breaks_off_the_sweep_finishes_and_each_place_ends_once(
    mall: Mall, case: Callable[[Offers, int], tuple[str, list[str]]], state: str, places: int
) -> None:
    offers = offers_of(mall)
    offers.on(GROUP, pieces=PIECES)
    group_id, member_ids = case(offers, 2)
    tables, whole = snapshot(offers), Breaking(offers.room().desk.ledger.dynamo)
    decide_and_finish(group_id, over(offers.room(), whole), offers.now)
    assert audit(offers, group_id, member_ids) == {state: places}

    for at in range(1, whole.calls + 1):
        restore(offers, tables)
        breaking = over(offers.room(), Breaking(whole.real, at))
        with pytest.raises(Broken):
            decide_and_finish(group_id, breaking, offers.now)
        audit(offers, group_id, member_ids)

        assert swept(offers).unfinished == 0
        assert audit(offers, group_id, member_ids) == {state: places}
        assert swept(offers).groups == 0


def snapshot(offers: Offers) -> dict[str, list[Any]]:
    cloud = offers.mall.counter.stage.cloud
    names = [name for name in cloud.list_tables()["TableNames"] if name.endswith(("ledger", "journal", "spending"))]
    return {name: cloud.scan(TableName=name)["Items"] for name in names}


def restore(offers: Offers, tables: dict[str, list[Any]]) -> None:
    """Everything as it was."""
    cloud = offers.mall.counter.stage.cloud
    for name, items in tables.items():
        for item in cloud.scan(TableName=name)["Items"]:
            cloud.delete_item(TableName=name, Key={key: item[key] for key in ("pk", "sk")})
        for item in items:
            cloud.put_item(TableName=name, Item=item)


@pytest.mark.parametrize("act", ["open", "join", "leave"])
def test_wherever_a_call_breaks_off_the_same_again_has_happened_once(mall: Mall, act: str) -> None:
    offers = offers_of(mall)
    offers.on({**GROUP, "size": 3}, pieces=PIECES)
    mei, lan = (mall.member(1000)[1] for _ in range(2))
    asked, opened = wish(offers, lan), wish(offers, mei)
    if act != "open":
        open_group(opened, "weekend", room=offers.room(), now=offers.now)
    group_id = opened.quote.id

    def call(room: Room) -> object:
        if act == "open":
            return open_group(opened, "weekend", room=room, now=offers.now)
        if act == "join":
            return join_group(asked, group_id, room=room, now=offers.now)
        return leave_group(mei, group_id, room=room, now=offers.now)

    tables, whole = snapshot(offers), Breaking(offers.room().desk.ledger.dynamo)
    call(over(offers.room(), whole))

    for at in range(1, whole.calls + 1):
        restore(offers, tables)
        with pytest.raises(Broken):
            call(over(offers.room(), Breaking(whole.real, at)))
        call(offers.room())

        expected = {"open": {"joined": 1}, "join": {"joined": 2}, "leave": {"left": 1}}[act]
        assert audit(offers, group_id, [mei, lan]) == expected


def test_the_last_place_has_one_winner(offers: Offers) -> None:
    ids = [offers.mall.member(1000)[1] for _ in range(4)]
    room = offers.room()
    group_id = open_group(wish(offers, ids[0]), "weekend", room=room, now=offers.now).whole.group.id
    join_group(wish(offers, ids[1]), group_id, room=room, now=offers.now)
    late, quick = wish(offers, ids[2]), wish(offers, ids[3])
    meanwhile = Meanwhile(room.desk.ledger.dynamo, lambda: join_group(quick, group_id, room=room, now=offers.now))

    with pytest.raises(JifenError) as refused:
        join_group(late, group_id, room=over(room, meanwhile), now=offers.now, pause=lambda _seconds: None)

    assert refused.value.code is Code.GROUP_FULL
    assert audit(offers, group_id, ids) == {"joined": 3}


@pytest.mark.parametrize("is_leaving", [True, False])
def test_who_joins_while_somebody_comes_or_goes_has_his_place(offers: Offers, is_leaving: bool) -> None:
    ids = [offers.mall.member(1000)[1] for _ in range(3)]
    room = offers.room()
    group_id = open_group(wish(offers, ids[0]), "weekend", room=room, now=offers.now).whole.group.id
    join_group(wish(offers, ids[1]), group_id, room=room, now=offers.now)
    asked = wish(offers, ids[2])

    def other() -> object:
        if is_leaving:
            return leave_group(ids[1], group_id, room=room, now=offers.now)
        return join_group(asked, group_id, room=room, now=offers.now)

    joined = join_group(
        asked,
        group_id,
        room=over(room, Meanwhile(room.desk.ledger.dynamo, other)),
        now=offers.now,
        pause=lambda _seconds: None,
    )

    assert joined.replayed is not is_leaving
    assert audit(offers, group_id, ids) == ({"joined": 2, "left": 1} if is_leaving else {"joined": 3})


def test_a_twin_of_an_opening_is_the_same_group(offers: Offers) -> None:
    _, mei_id = offers.mall.member(1000)
    room, asked = offers.room(), wish(offers, mei_id)
    twin = Meanwhile(room.desk.ledger.dynamo, lambda: open_group(asked, "weekend", room=room, now=offers.now))
    later = offers.later(seconds=1)

    opened = open_group(asked, "weekend", room=over(room, twin), now=later)

    assert opened.replayed
    assert audit(offers, opened.whole.group.id, [mei_id]) == {"joined": 1}


def test_who_leaves_as_the_group_forms_stays(offers: Offers) -> None:
    ids = [offers.mall.member(1000)[1] for _ in range(3)]
    room = offers.room()
    group_id = open_group(wish(offers, ids[0]), "weekend", room=room, now=offers.now).whole.group.id
    join_group(wish(offers, ids[1]), group_id, room=room, now=offers.now)
    last = wish(offers, ids[2])

    def forms() -> None:
        join_group(last, group_id, room=room, now=offers.now)
        finish_group(group_id, room=room, now=offers.now)

    with pytest.raises(JifenError) as refused:
        leave_group(
            ids[0],
            group_id,
            room=over(room, Meanwhile(room.desk.ledger.dynamo, forms)),
            now=offers.now,
            pause=lambda _seconds: None,
        )

    assert refused.value.code is Code.GROUP_CLOSED
    assert audit(offers, group_id, ids) == {"given": 3}


def test_the_last_place_at_the_deadline_forms_the_group_or_fails_it_and_never_both(offers: Offers) -> None:
    ids = [offers.mall.member(1000)[1] for _ in range(3)]
    room = offers.room()
    group_id = open_group(wish(offers, ids[0]), "weekend", room=room, now=offers.now).whole.group.id
    join_group(wish(offers, ids[1]), group_id, room=room, now=offers.now)
    in_time = offers.later(hours=23, minutes=59, seconds=59)
    asked, deadline = wish(offers, ids[2]), offers.later(seconds=1)
    meanwhile = Meanwhile(room.desk.ledger.dynamo, lambda: decide_and_finish(group_id, offers.room(), deadline))

    with pytest.raises(JifenError) as refused:
        join_group(asked, group_id, room=over(room, meanwhile), now=in_time, pause=lambda _seconds: None)

    assert refused.value.code is Code.GROUP_CLOSED
    assert audit(offers, group_id, ids) == {"released": 2}


def test_a_sweep_that_still_holds_an_ended_offer_fails_no_group_once_it_was_begun_again(
    offers: Offers, monkeypatch: pytest.MonkeyPatch
) -> None:
    member_ids = [offers.mall.member(1000)[1] for _ in range(2)]
    group_id = open_group(wish(offers, member_ids[0]), "weekend", room=offers.room(), now=offers.now).whole.group.id
    offers.switch("off")
    ended = offers.room().offers.held(offers.now)
    offers.switch("on")
    monkeypatch.setattr(OffersTable, "held", lambda _table, _now: ended)

    assert swept(offers) == Swept()
    assert audit(offers, group_id, member_ids) == {"joined": 1}


def test_an_offer_that_begins_again_just_as_the_sweep_fails_its_group_keeps_it(offers: Offers) -> None:
    member_ids = [offers.mall.member(1000)[1]]
    room = offers.room()
    group_id = open_group(wish(offers, member_ids[0]), "weekend", room=room, now=offers.now).whole.group.id
    offers.switch("off")
    offers.later(seconds=6)
    begins = Meanwhile(room.desk.ledger.dynamo, lambda: offers.switch("on"))

    first = sweep_offers(room=over(room, begins), now=offers.now, has_time=lambda: True)

    assert (first.groups, swept(offers)) == (0, Swept())
    assert audit(offers, group_id, member_ids) == {"joined": 1}


@pytest.mark.parametrize("case", [formed, overdue])
def test_two_who_finish_at_once_finish_once(offers: Offers, case: Callable[[Offers], tuple[str, list[str]]]) -> None:
    group_id, ids = case(offers)
    fail_if_overdue(group_id, room=offers.room(), now=offers.now)
    room = offers.room()
    twin = Meanwhile(room.desk.ledger.dynamo, lambda: finish_group(group_id, room=room, now=offers.now))

    finish_group(group_id, room=over(room, twin), now=offers.now)

    assert swept(offers).unfinished == 0
    assert audit(offers, group_id, ids) == ({"given": 3} if case is formed else {"released": 2})


def test_what_a_place_costs_is_what_the_data_model_says(offers: Offers) -> None:
    ids = [offers.mall.member(1000)[1] for _ in range(2)]
    wishes = [wish(offers, id) for id in ids]
    dynamo, group_id = offers.mall.ledger.dynamo, wishes[0].quote.id
    acts: dict[str, Callable[[Room], object]] = {
        "open": lambda room: open_group(wishes[0], "weekend", room=room, now=offers.now),
        "join": lambda room: join_group(wishes[1], group_id, room=room, now=offers.now),
        "leave": lambda room: leave_group(ids[0], group_id, room=room, now=offers.now),
    }
    found = {}
    for name, act in acts.items():
        recorder = Recorder(dynamo)
        act(over(offers.room(), recorder))
        asked = [one.name for one in recorder.asked]
        items = sum(len(one.request.get("TransactItems", ())) for one in recorder.asked)
        found[name] = (asked.count("query"), len(asked), items)

    assert found == {"open": (2, 5, 8), "join": (2, 4, 7), "leave": (2, 5, 7)}


@pytest.mark.parametrize("is_booked", [False, True])
def test_points_that_nobody_captured_for_days_are_the_members_again_and_so_are_the_pieces(
    offers: Offers, is_booked: bool
) -> None:
    group_id, ids = formed(offers)
    offers.later(days=3)
    if is_booked:
        (first, *_) = offers.room().groups.whole(group_id).joined
        key, terms = hold_key(hold_id_of(first.redemption_id)), offers.room().desk.terms.ledger
        release_overdue(first.member_id, key, ledger=offers.mall.ledger, terms=terms, now=offers.now)

    assert swept(offers).unfinished == 0
    assert audit(offers, group_id, ids) == {"released": 3}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("after_commit", [False, True])
def test_whatever_meets_a_group_comes_to_its_end(offers: Offers, seed: int, after_commit: bool) -> None:
    ids = [offers.mall.member(1000)[1] for _ in range(3)]
    meeting = Meeting(offers.room().desk.ledger.dynamo, seed, percent=50, after_commit=after_commit)
    room, wishes = over(offers.room(), meeting), [wish(offers, id) for id in ids]

    def again(act: Callable[[], Any]) -> Any:
        while True:
            try:
                return act()
            except JifenError as busy:
                if busy.code is not Code.BUSY:
                    raise

    still = {"pause": lambda _seconds: None}
    group_id = again(lambda: open_group(wishes[0], "weekend", room=room, now=offers.now, **still)).whole.group.id
    for one in wishes[1:]:
        again(lambda one=one: join_group(one, group_id, room=room, now=offers.now, **still))
    while not again(lambda: finish_group(group_id, room=room, now=offers.now)):
        audit(offers, group_id, ids)

    assert meeting.met > 0
    assert audit(offers, group_id, ids) == {"given": 3}
