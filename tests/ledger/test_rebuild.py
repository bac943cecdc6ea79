"""A journal rebuilds its account, and no journal that was changed passes for one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.apply import apply
from chalicelib.ledger.chain import sealed
from chalicelib.ledger.commands import AdjustPending, Command, Freeze, Hold, Receive
from chalicelib.ledger.counters import Count, Counted
from chalicelib.ledger.items import entry_item, entry_of
from chalicelib.ledger.model import Account, Entry, Kind, digest
from chalicelib.ledger.rebuild import rebuild
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, a_redemption, a_reversal, an_account, an_earn, bucket

JAN = date(2027, 1, 31)
COMMANDS: list[Command] = [
    an_earn(10, JAN, cause=a_cause(id="1"), checked_in_on=TODAY_ON, counts=(Counted("order:pm", JAN, 10),)),
    an_earn(30, cause=a_cause(id="2")),
    an_earn(40, cause=a_cause(id="3"))._replace(bucket=""),
    a_redemption(12),
    Hold(a_cause(Kind.HOLD, "h1"), 5, 1),
    AdjustPending(a_cause(Kind.ADJUST, "p1"), -4, "order", 1),
    Receive(a_cause(Kind.TRANSFER, "t1"), {bucket(None): 7}, 1),
    Freeze(a_cause(Kind.ADJUST, "f1"), True, 1),
    a_reversal(60),
]


def a_life() -> tuple[Account, list[Entry]]:
    account, entries = an_account(), list[Entry]()
    for number, command in enumerate(COMMANDS):
        posting, _ = sealed(apply(account, [command], TERMS, NOW + timedelta(minutes=number)))
        account, entries = posting.account, entries + list(posting.entries)
    return account, entries


ACCOUNT, ENTRIES = a_life()
places = st.integers(0, len(ENTRIES) - 1)


def test_a_journal_rebuilds_its_account_field_by_field() -> None:
    rebuilt = rebuild("m1", "0003", ENTRIES)

    assert rebuilt._replace(version=ACCOUNT.version, due_on=ACCOUNT.due_on) == ACCOUNT
    assert (ACCOUNT.deficit_points, ACCOUNT.frozen, ACCOUNT.held_points) == (30, True, 5)
    assert ACCOUNT.counters == {"order:pm": Count(JAN, 10)}


def test_entries_survive_their_storage() -> None:
    assert [entry_of(entry_item(entry)) for entry in ENTRIES] == ENTRIES


@given(place=places)
def test_no_entry_can_be_dropped_but_the_last(place: int) -> None:
    left = ENTRIES[:place] + ENTRIES[place + 1 :]

    if place == len(ENTRIES) - 1:
        assert rebuild("m1", "0003", left).last_hash != ACCOUNT.last_hash
    else:
        with pytest.raises(ValueError, match="follows"):
            rebuild("m1", "0003", left)


@given(place=places, other=places)
def test_no_two_entries_can_change_places(place: int, other: int) -> None:
    swapped = [*ENTRIES]
    swapped[place], swapped[other] = swapped[other], swapped[place]

    if place != other:
        with pytest.raises(ValueError, match="follows"):
            rebuild("m1", "0003", swapped)


@given(place=places, data=st.data())
def test_no_stored_attribute_of_an_entry_can_change(place: int, data: st.DataObject) -> None:
    item = entry_item(ENTRIES[place])
    name = data.draw(st.sampled_from([name for name in item if name not in ("pk", "sk", "kind", "hash", "sequence")]))
    changed = entry_of({**item, name: _another(item[name])})

    with pytest.raises(ValueError, match=r"altered|chained"):
        rebuild("m1", "0003", [*ENTRIES[:place], changed, *ENTRIES[place + 1 :]])


@given(place=st.integers(0, len(ENTRIES) - 2))
def test_an_entry_hashed_anew_after_a_change_breaks_the_next_one(place: int) -> None:
    changed = ENTRIES[place]._replace(text="改过", hash="")
    forged = changed._replace(hash=digest(entry_item(changed)))

    with pytest.raises(ValueError, match="not chained"):
        rebuild("m1", "0003", [*ENTRIES[:place], forged, *ENTRIES[place + 1 :]])


def test_an_entry_of_another_member_is_none_of_his() -> None:
    with pytest.raises(ValueError, match="is of m1"):
        rebuild("m2", "0003", ENTRIES)


def _another(value: Any) -> Any:
    if isinstance(value, str):
        later = NOW + timedelta(days=400)
        return later.isoformat(timespec="milliseconds").replace("+00:00", "Z") if value.endswith("Z") else f"{value}!"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, dict):
        return {**value, "zzzb": 3}
    return [*value, ["x", "", 1, ""]]
