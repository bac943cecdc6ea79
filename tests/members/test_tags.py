"""Members' tags: what a change of a set comes to, and that of two at once none is lost."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.merge import merge_accounts
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.members import tag_members as tagging
from chalicelib.members.model import Identity
from chalicelib.members.register import register
from chalicelib.members.tag_members import AT_ONCE, Action, By, Outcome, Rooms, replace_tags, tag_members, tagged
from chalicelib.members.tagged import tags_of
from chalicelib.members.tags import MOST_TAGS, Held, all_tags, changes, version_of
from chalicelib.members.tags_table import LINES_SHOWN, TagsTable, open_tags
from tests.ledger.meetings import Interrupted, Meanwhile
from tests.members.stage import NOON, Stage
from tests.programme.builders import demo_terms
from tests.tables import create_tables

MEI, LAN, YUN = ("m" + digit * 24 for digit in "123")
BY = By("s1", "邀请内测", NOON)
TERMS = demo_terms().ledger


@pytest.fixture
def rooms(stage: Stage) -> Rooms:
    """MEI, LAN and YUN are members."""
    for name, member_id in (("mei", MEI), ("lan", LAN), ("yun", YUN)):
        register(stage.table, Identity("wechat", name), member_id, stage.now)
    return Rooms(open_tags(), open_ledger(), stage.table.known)


def put(rooms: Rooms, member_id: str, *tags: str, version: int = 0, by: By = BY) -> tagging.Tagged:
    return replace_tags(
        member_id, frozenset(tags), seen_version=version, by=by, rooms=rooms, pause=lambda _seconds: None
    )


def change(rooms: Rooms, *member_ids: str, tag: str = "vip", action: Action = "give") -> dict[str, str]:
    done = tag_members(member_ids, tag, action, by=BY, rooms=rooms, pause=lambda _seconds: None)
    return {one: str(outcome) for one, outcome in done.items()}


def refused(call: Callable[[], object]) -> Code | None:
    try:
        call()
    except JifenError as error:
        return error.code
    return None


def merge(closing_id: str, surviving_id: str) -> None:
    """The two are one member from now on."""
    merge_accounts(closing_id, surviving_id, actor="s1", ledger=open_ledger(), terms=TERMS, now=NOON)


def meanwhile(rooms: Rooms, happen: Callable[[], object]) -> Rooms:
    return rooms._replace(tags=replace(rooms.tags, dynamo=Meanwhile(rooms.tags.dynamo, happen)))


def test_a_set_is_changed_by_what_is_new_and_what_is_gone() -> None:
    (made,) = changes([Held(MEI, frozenset({"a", "b"}), 3)], frozenset({"b", "c"}), by="s1", reason="r", at=NOON)

    assert made.after == Held(MEI, frozenset({"b", "c"}), 4)
    assert (made.line.given, made.line.taken) == (("c",), ("a",))
    assert changes([made.after], frozenset({"c", "b"}), by="s1", reason="r", at=NOON) == []


def test_of_several_ids_the_first_takes_what_is_new_and_each_loses_what_is_gone() -> None:
    held = [Held(MEI, frozenset({"a"}), 1), Held(LAN, frozenset({"a", "b"}), 1), Held(YUN, frozenset({"c"}), 1)]

    made = changes(held, frozenset({"b", "c", "d"}), by="s1", reason="r", at=NOON)

    assert [(one.after.member_id, sorted(one.after.tags)) for one in made] == [(MEI, ["d"]), (LAN, ["b"])]
    after = {one.after.member_id: one.after for one in made}
    whole = [after.get(one.member_id, one) for one in held]
    assert all_tags(whole) == {"b", "c", "d"}
    assert version_of(whole) == version_of(held) + 2


def test_a_set_replaces_another_at_the_version_seen_and_just_this_set_again_changes_nothing(rooms: Rooms) -> None:
    first = put(rooms, MEI, "vip", "内测")
    again = put(rooms, MEI, "内测", "vip")
    second = put(rooms, MEI, "vip", "骑行大使", version=1)

    assert (first.tags, first.version, first.replayed) == (["vip", "内测"], 1, False)
    assert (again.tags, again.version, again.replayed) == (["vip", "内测"], 1, True)
    assert (second.tags, second.version) == (["vip", "骑行大使"], 2)
    assert tagged(MEI, rooms).held == second.held
    assert [(line.given, line.taken) for line in rooms.tags.lines([MEI])] == [
        (("骑行大使",), ("内测",)),
        (("vip", "内测"), ()),
    ]


def test_nobody_replaces_a_set_he_has_not_seen(rooms: Rooms) -> None:
    put(rooms, MEI, "vip")
    change(rooms, MEI, tag="内测")

    assert refused(lambda: put(rooms, MEI, "骑行大使", version=1)) is Code.VERSION_TAKEN
    assert tagged(MEI, rooms).tags == ["vip", "内测"]


def test_of_two_sets_at_once_one_is_refused_and_of_the_same_set_twice_one_is_written(rooms: Rooms) -> None:
    other = meanwhile(rooms, lambda: put(rooms, MEI, "内测"))
    twin = meanwhile(rooms, lambda: put(rooms, LAN, "vip"))

    assert refused(lambda: put(other, MEI, "vip")) is Code.VERSION_TAKEN
    assert put(twin, LAN, "vip").replayed
    assert (tagged(MEI, rooms).tags, tagged(LAN, rooms).tags) == (["内测"], ["vip"])
    assert [len(rooms.tags.lines([one])) for one in (MEI, LAN)] == [1, 1]


def test_a_set_whose_answer_was_lost_is_found_by_a_repeat(rooms: Rooms) -> None:
    lossy = rooms._replace(tags=replace(rooms.tags, dynamo=Interrupted(rooms.tags.dynamo)))
    with pytest.raises(ConnectionError):
        put(lossy, MEI, "vip")

    assert put(rooms, MEI, "vip").replayed
    assert len(rooms.tags.lines([MEI])) == 1


def test_one_tag_goes_to_many_and_what_became_of_each_is_told(rooms: Rooms) -> None:
    nobody = "m" + "9" * 24
    put(rooms, LAN, "vip")
    put(rooms, YUN, *(f"t{number}" for number in range(MOST_TAGS)))

    done = change(rooms, MEI, LAN, nobody, YUN, MEI)

    assert done == {MEI: "given", LAN: "unchanged", nobody: "unknown", YUN: "full"}
    assert tags_of([MEI]) == {"vip"}
    assert len(tags_of([YUN])) == MOST_TAGS
    assert change(rooms, MEI, LAN, nobody, YUN) == {MEI: "unchanged", LAN: "unchanged", nobody: "unknown", YUN: "full"}
    assert len(rooms.tags.lines([MEI])) == 1


def test_it_is_taken_from_many_and_their_other_tags_stay(rooms: Rooms) -> None:
    put(rooms, MEI, "vip", "内测")

    assert change(rooms, MEI, LAN, action="take") == {MEI: "taken", LAN: "unchanged"}
    assert change(rooms, MEI, LAN, action="take") == {MEI: "unchanged", LAN: "unchanged"}
    assert (tags_of([MEI]), tags_of([LAN])) == ({"内测"}, frozenset())


def test_of_two_tags_given_to_the_same_members_at_once_both_stand(rooms: Rooms) -> None:
    both = meanwhile(rooms, lambda: change(rooms, MEI, LAN, tag="内测"))

    assert change(both, MEI, LAN, YUN) == {MEI: "given", LAN: "given", YUN: "given"}

    assert tags_of([MEI]) == tags_of([LAN]) == {"vip", "内测"}
    assert tags_of([YUN]) == {"vip"}
    assert [version_of(rooms.tags.held([one]).values()) for one in (MEI, LAN, YUN)] == [2, 2, 1]


@pytest.mark.parametrize("action", ["give", "take"])
def test_a_change_that_met_another_of_the_same_set_is_decided_on_what_that_left(rooms: Rooms, action: Action) -> None:
    put(rooms, MEI, "vip", "老用户")
    tag = "骑行大使" if action == "give" else "vip"
    met = meanwhile(rooms, lambda: change(rooms, MEI, tag="内测"))

    change(met, MEI, tag=tag, action=action)

    assert tags_of([MEI]) == {"老用户", "内测"} | ({"vip", "骑行大使"} if action == "give" else set())
    assert tagged(MEI, rooms).version == 3


def test_the_same_tag_given_twice_at_once_is_given_once(rooms: Rooms) -> None:
    twice = meanwhile(rooms, lambda: change(rooms, MEI))

    assert change(twice, MEI, LAN) == {MEI: "unchanged", LAN: "given"}
    assert [len(rooms.tags.lines([one])) for one in (MEI, LAN)] == [1, 1]


def test_who_is_changed_by_others_all_the_while_is_told_as_busy_and_the_rest_is_done(rooms: Rooms) -> None:
    class Taken:
        """A client to which somebody else's change of MEI's tags comes first, each time."""

        def __getattr__(self, name: str) -> object:
            return getattr(rooms.tags.dynamo, name)

        def transact_write_items(self, **request: object) -> object:
            if MEI in str(request):
                current = tagged(MEI, rooms)
                put(rooms, MEI, f"t{current.version}", version=current.version)
            return rooms.tags.dynamo.transact_write_items(**request)

    busy = rooms._replace(tags=replace(rooms.tags, dynamo=Taken()))

    assert change(busy, MEI, LAN) == {MEI: str(Outcome.BUSY), LAN: "given"}


def test_a_call_that_broke_off_goes_on_where_it_was(stage: Stage, rooms: Rooms) -> None:
    many = [f"m{number:024x}" for number in range(2 * AT_ONCE + 1)]
    for number, member_id in enumerate(many):
        register(stage.table, Identity("wechat", f"one-{number}"), member_id, stage.now)
    lossy = rooms._replace(tags=replace(rooms.tags, dynamo=Interrupted(rooms.tags.dynamo, after=2)))
    with pytest.raises(ConnectionError):
        change(lossy, *many)

    done = change(rooms, *many)

    assert list(done.values()) == ["unchanged"] * 2 * AT_ONCE + ["given"]
    assert all(tags_of([one]) == {"vip"} for one in many)


def test_the_tags_of_all_ids_of_a_merged_member_are_his(rooms: Rooms) -> None:
    put(rooms, MEI, "vip")
    put(rooms, LAN, "内测", "老用户")
    merge(LAN, MEI)

    assert tagged(LAN, rooms) == tagged(MEI, rooms)
    assert (tagged(MEI, rooms).member_id, tagged(MEI, rooms).tags) == (MEI, ["vip", "内测", "老用户"])
    assert tags_of(open_ledger().read(LAN).member_ids) == {"vip", "内测", "老用户"}

    version = tagged(LAN, rooms).version
    assert put(rooms, LAN, "内测", "新", version=version).tags == ["内测", "新"]
    assert tags_of([MEI, LAN]) == {"内测", "新"}
    assert {line.taken for line in rooms.tags.lines([MEI, LAN])} == {("vip",), ("老用户",), ()}


def test_of_two_sets_of_a_merged_member_at_once_one_is_refused_though_they_change_different_ids(rooms: Rooms) -> None:
    put(rooms, MEI, "vip")
    put(rooms, LAN, "内测")
    merge(LAN, MEI)
    version = tagged(MEI, rooms).version
    wider = meanwhile(rooms, lambda: put(rooms, MEI, "vip", version=version))  # takes 内测 from the old id

    assert refused(lambda: put(wider, MEI, "vip", "内测", "骑行大使", version=version)) is Code.VERSION_TAKEN
    assert tagged(MEI, rooms).tags == ["vip"]

    merge(MEI, YUN)
    version = tagged(YUN, rooms).version
    first = meanwhile(rooms, lambda: put(rooms, YUN, "vip", "老用户", version=version))
    assert refused(lambda: put(first, YUN, version=version)) is Code.VERSION_TAKEN
    assert tagged(YUN, rooms).tags == ["vip", "老用户"]


def test_a_person_asked_for_by_two_ids_is_changed_once_and_both_are_answered(rooms: Rooms) -> None:
    merge(LAN, MEI)

    assert change(rooms, MEI, LAN) == {MEI: "given", LAN: "given"}
    assert len(rooms.tags.lines([MEI, LAN])) == 1
    assert change(rooms, LAN, action="take") == {LAN: "taken"}
    assert tags_of([MEI, LAN]) == frozenset()


def test_who_has_more_than_one_may_have_after_a_merge_keeps_them_and_gets_no_more(rooms: Rooms) -> None:
    put(rooms, MEI, *(f"a{number}" for number in range(MOST_TAGS)))
    put(rooms, LAN, "b1", "b2")
    merge(LAN, MEI)

    assert len(tagged(MEI, rooms).tags) == MOST_TAGS + 2
    assert change(rooms, MEI) == {MEI: "full"}
    assert change(rooms, MEI, tag="b1", action="take") == {MEI: "taken"}


def test_the_newest_changes_are_told_first_and_no_more_than_fit_a_page(rooms: Rooms) -> None:
    for number in range(LINES_SHOWN + 2):
        by = BY._replace(now=NOON + timedelta(minutes=number))
        put(rooms, MEI, f"t{number}", version=number, by=by)

    lines = rooms.tags.lines([MEI])

    assert [line.given for line in lines[:2]] == [(f"t{LINES_SHOWN + 1}",), (f"t{LINES_SHOWN}",)]
    assert len(lines) == LINES_SHOWN


def test_nobodys_tags_are_no_ones(rooms: Rooms) -> None:
    nobody = "m" + "9" * 24

    assert refused(lambda: tagged(nobody, rooms)) is Code.MEMBER_NOT_FOUND
    assert refused(lambda: put(rooms, nobody, "vip")) is Code.MEMBER_NOT_FOUND
    assert tags_of([nobody]) == frozenset()


@pytest.mark.cloud
def test_of_many_who_tag_the_same_members_at_once_nobodys_tag_is_lost(request: pytest.FixtureRequest) -> None:
    dynamo = request.getfixturevalue("cloud").client("dynamodb")
    names = create_tables(dynamo, f"tags-{uuid.uuid4().hex[:8]}")
    ledger = LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, jitter=random.Random(7))
    rooms = Rooms(TagsTable(dynamo, names["MEMBERS_TABLE"]), ledger, lambda ids: ids)
    members = [f"m{number:024x}" for number in range(AT_ONCE + 5)]
    given = [f"t{number}" for number in range(6)]

    def give(tag: str) -> None:
        left = members
        while left:  # as its caller would: those who were busy are asked for again
            done = tag_members(left, tag, "give", by=BY, rooms=rooms)
            left = [one for one, outcome in done.items() if outcome is Outcome.BUSY]

    with ThreadPoolExecutor(len(given)) as pool:
        list(pool.map(give, given))

    held = rooms.tags.held(members)
    assert {one.tags for one in held.values()} == {frozenset(given)}
    assert {one.version for one in held.values()} == {len(given)}
    assert {len(rooms.tags.lines([one])) for one in members} == {len(given)}
