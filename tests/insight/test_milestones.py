"""Rows of milestones: the same facts from lines in any order, and nothing lost between two writers."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Code, JifenError
from chalicelib.insight import events
from chalicelib.insight.keep_milestones import ATTEMPTS, keep_milestones
from chalicelib.insight.line import Line, Movement
from chalicelib.insight.milestones import NOTHING, Done, Milestones, joined
from chalicelib.insight.stage_items import Kept, row_item, row_of
from chalicelib.insight.stages_table import StagesTable
from chalicelib.ledger.commands import Expire
from chalicelib.programme.stages import MOST_TIMES
from chalicelib.runtime.dynamo import encode_item
from tests.insight.builders import ON, a_line
from tests.insight.conftest import CONTEXT, Books
from tests.insight.test_record_entries import retry_messages, sqs_event
from tests.ledger.builders import NOW, TODAY_ON, a_cause, a_redemption, a_reversal, an_earn
from tests.ledger.item_size import item_bytes

A_DAY = timedelta(days=1)
LEVELS = ("", "gold", "platinum")
MOVEMENTS = {
    "earn": Movement.ISSUED,
    "redeem": Movement.SPENT,
    "capture": Movement.SPENT,
    "hold": Movement.SETTLED,
    "expire": Movement.EXPIRED,
    "adjust": Movement.ADJUSTED,
    "reverse": Movement.TAKEN_BACK,
}


@st.composite
def histories(draw: st.DrawFn) -> list[Line]:
    """Up to forty lines of one member, numbered, with days back and forth."""
    parts = draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(MOVEMENTS)),
                st.sampled_from(["order", "check_in", "review"]),
                st.integers(0, 30),
                st.integers(0, 5),
                st.sampled_from(LEVELS),
                st.booleans(),
            ),
            max_size=40,
        )
    )
    return [
        a_line(
            -5 if MOVEMENTS[kind] is Movement.SPENT else 5,
            MOVEMENTS[kind],
            kind=kind,
            activity=activity,
            sequence=number,
            occurred_on=ON + back * A_DAY,
            posted_on=ON + (back + late) * A_DAY,
            level=level,
            entry=f"k{number}" + ("~more" if is_further else ""),
        )
        for number, (kind, activity, back, late, level, is_further) in enumerate(parts, 1)
    ]


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 7))
def test_lines_shuffled_doubled_and_cut_into_batches_make_the_same_row(
    lines: list[Line], chance: random.Random, size: int
) -> None:
    delivered = lines * 2
    chance.shuffle(delivered)
    row = NOTHING
    for start in range(0, len(delivered), size):
        row = joined(row, delivered[start : start + size])

    assert row == joined(NOTHING, lines)
    assert joined(row, lines[:5]) == row


@given(histories())
def test_a_row_says_what_a_plain_look_at_all_lines_says(lines: list[Line]) -> None:
    row = joined(NOTHING, lines)

    orders = sorted(
        (line.occurred_on, line.sequence)
        for line in lines
        if line.kind == "earn" and line.activity == "order" and "~" not in line.entry
    )
    assert list(row.activities.get("order", ())) == orders[:MOST_TIMES]
    assert row.first_on == min((line.occurred_on for line in lines), default=None)
    own = [line.occurred_on for line in lines if line.kind in ("earn", "redeem", "hold")]
    assert row.active_on == max(own, default=None)
    gold = [line.posted_on for line in lines if line.level == "gold"]
    assert row.levels.get("gold") == min(gold, default=None)
    assert row_of(row_item("m1", Kept(row, 3))) == Kept(row, 3)


def test_a_further_award_of_one_order_is_no_second_order() -> None:
    lines = [a_line(entry="t#earn#order#tmall#1"), a_line(entry="t#earn#order#tmall#1~first_orders", sequence=2)]

    assert joined(NOTHING, lines).activities == {"order": (Done(ON, 1),)}


def test_what_happens_to_a_member_is_no_act_of_his() -> None:
    kinds = (("expire", Movement.EXPIRED), ("adjust", Movement.ADJUSTED), ("level", Movement.SETTLED))
    passive = [a_line(0, movement, kind=kind) for kind, movement in kinds]
    passive += [a_line(5, Movement.TRANSFERRED_IN, kind="transfer"), a_line(-5, Movement.TAKEN_BACK, kind="reverse")]

    assert joined(NOTHING, passive) == Milestones(first_on=ON)
    assert joined(NOTHING, [a_line(0, Movement.SETTLED, kind="hold")]).active_on == ON


def test_who_was_brought_over_has_registered_in_the_other_programme() -> None:
    brought = a_line(50, Movement.BROUGHT, kind="adjust", activity="migration", level="gold")

    assert joined(NOTHING, [brought]) == Milestones(ON, None, None, {"gold": ON}, {"register": (Done(ON, 1),)})


def test_a_row_of_the_demo_at_its_usual_is_one_write_unit() -> None:
    done = tuple(Done(date(2026, 11, day), 10_000 + day) for day in range(1, 11))
    usual = dict.fromkeys(("order", "check_in", "login", "review"), done) | {"register": done[:1]}
    row = Milestones(ON, ON, ON, dict.fromkeys(("gold", "platinum", "diamond"), ON), usual)

    assert item_bytes(encode_item(row_item("m" + "0" * 24, Kept(row, 999)))) <= 1024


def order(books: Books, number: int, *, days: int = 0, member_id: str = "m1") -> None:
    at = NOW + days * A_DAY
    books.post(an_earn(10, cause=a_cause(id=f"tmall#{number}", at=at, occurred_at=at)), at=at, member_id=member_id)


def test_real_postings_become_a_row(books: Books) -> None:
    order(books, 1)
    order(books, 2, days=1)
    books.post(a_redemption(5), at=NOW + A_DAY)
    books.post(a_reversal(10), at=NOW + 2 * A_DAY)
    books.post(Expire(), at=NOW + 400 * A_DAY)
    books.record()

    row = books.table.stages.row("m1")
    assert row.activities == {"order": (Done(TODAY_ON, 1), Done(TODAY_ON + A_DAY, 2))}
    assert (row.first_on, row.active_on, row.spent_on) == (TODAY_ON, TODAY_ON + A_DAY, TODAY_ON)


@pytest.mark.parametrize("seed", range(3))
def test_records_again_in_any_order_leave_the_same_rows_and_a_known_one_is_not_put(books: Books, seed: int) -> None:
    for number in range(8):
        order(books, number, days=number // 2, member_id=f"m{number % 3}")
    records = books.records()
    books.record(records)
    expected = books.table.stages.rows(["m0", "m1", "m2"])
    books.record(records)
    assert books.table.stages.rows(["m0", "m1", "m2"]) == expected, "not even its version"
    books.table.remove([row_item(member_id, kept) for member_id, kept in expected.items()])
    shuffled = records * 2
    random.Random(seed).shuffle(shuffled)

    for start in range(0, len(shuffled), 3):
        books.record(shuffled[start : start + 3])

    found = books.table.stages.rows(["m0", "m1", "m2"])
    assert {one: kept.milestones for one, kept in found.items()} == {
        one: kept.milestones for one, kept in expected.items()
    }


def test_of_two_writers_at_once_neither_loses_what_it_brought(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    put_row = StagesTable.put_row
    between = [a_line(sequence=2, occurred_on=ON + A_DAY, entry="k2")]

    def interrupted(table: StagesTable, member_id: str, row: Milestones, over: Kept) -> bool:
        if between:
            other = joined(over.milestones, [between.pop()])
            assert put_row(table, member_id, other, over)
        return put_row(table, member_id, row, over)

    monkeypatch.setattr(StagesTable, "put_row", interrupted)
    for line in (a_line(entry="k1"), a_line(sequence=3, entry="k3")):
        keep_milestones([line], table=books.table.stages)
        between.append(a_line(sequence=4, entry="k4", activity="check_in"))

    row = books.table.stages.row("m1")
    assert [one.sequence for one in row.activities["order"]] == [1, 3, 2]
    assert [one.sequence for one in row.activities["check_in"]] == [4]


def test_a_race_without_end_sends_the_batch_to_the_retry_queue_and_the_retry_ends_it(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def lose(_table: StagesTable, member_id: str, _row: Milestones, _over: Kept) -> bool:
        tries.append(member_id)
        return False

    order(books, 1)
    with monkeypatch.context() as patched:
        patched.setattr(StagesTable, "put_row", lose)
        books.record()
        with pytest.raises(JifenError) as refused:
            keep_milestones(books.lines(TODAY_ON), table=books.table.stages)
    assert refused.value.code is Code.UNAVAILABLE
    assert len(tries) >= ATTEMPTS
    assert books.table.stages.row("m1") == NOTHING
    messages = retry_messages()

    assert events.record_retry(sqs_event(*messages), CONTEXT) == {"batchItemFailures": []}
    assert books.table.stages.row("m1").activities["order"] == (Done(TODAY_ON, 1),)
