"""Awards that left no entry: newest first, page by page, each member his own, gone after half a year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from chalicelib.earning.refusals import KEPT, NotPaid, RefusalsTable, why_text
from chalicelib.programme.award import Refused
from tests.earning.behaviours import open_room
from tests.ledger.builders import NOW

CAPPED = Refused("message", "capped", "发言今日已达上限2次")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[RefusalsTable]:
    with open_room(monkeypatch) as room:
        yield room.refusals


def keep(table: RefusalsTable, number: int, *, now: datetime = NOW, member_id: str = "m1") -> None:
    at = NOW + timedelta(minutes=number)
    table.put(NotPaid(member_id, at, "message", f"tmall:e{number}", "tmall", 1, (CAPPED,)), now)


def pages(table: RefusalsTable, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    before_key = ""
    while True:
        page = table.page("m1", before_key=before_key, limit=limit, now=NOW)
        found.append([one.id for _, one in page])
        if len(page) < limit:
            return found
        before_key = page[-1][0]


def test_pages_run_from_the_newest_to_the_oldest(table: RefusalsTable) -> None:
    for number in range(5):
        keep(table, number)

    assert pages(table, 2) == [["tmall:e4", "tmall:e3"], ["tmall:e2", "tmall:e1"], ["tmall:e0"]]


def test_what_has_ended_hides_nothing_that_has_not(table: RefusalsTable) -> None:
    for number in range(8):
        keep(table, number, now=NOW if number in (0, 7) else NOW - KEPT)

    assert pages(table, 2) == [["tmall:e7", "tmall:e0"], []]


def test_a_member_sees_his_own_only(table: RefusalsTable) -> None:
    keep(table, 1, member_id="m2")

    assert pages(table, 20) == [[]]


def test_a_reason_is_said_once() -> None:
    assert why_text((CAPPED, CAPPED)) == "发言今日已达上限2次"
    assert why_text(()) == "没有适用的积分规则"
