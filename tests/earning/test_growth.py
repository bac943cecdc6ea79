"""Growth value beside points: from orders one to one, from behaviour a capped share, taken back with its order; and the
level it makes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.earning.behaviour_void import void_behaviour
from chalicelib.earning.check_in import check_in
from chalicelib.ledger.growth import in_window
from chalicelib.ledger.model import Entry, business_on
from tests.earning.behaviours import Room, an_event, open_room
from tests.earning.conftest import Shop, paid, refund
from tests.earning.programmes import a_rule, plain_book, plain_terms
from tests.ledger.builders import NOW
from tests.programme.builders import SINCE

GOLD = a_rule("level_gold", amount={"kind": "multiplier", "bp": 11_000, "group": "level"}, when={"levels": ["gold"]})


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    with open_room(monkeypatch) as opened:
        yield opened


def growth_of(shop: Shop, at: datetime = NOW) -> int:
    return in_window(shop.ledger.read("m1").growth, business_on(at, "Asia/Shanghai"), 12)


def bought(shop: Shop, order_no: str, fen: int, at: datetime = NOW, **given: Any) -> Entry:
    shop.record(paid(order_no, fen, paid_at=at, **given), at=at)
    receipt = shop.settle(order_no)
    assert receipt is not None
    return receipt.entries[0]


def test_an_order_brings_growth_one_to_one_rounded_down(moto_shop: Shop) -> None:
    entry = bought(moto_shop, "1", 12_999)

    assert (entry.growth, entry.growth_on) == (129, business_on(NOW, "Asia/Shanghai"))
    assert growth_of(moto_shop) == 129


def test_an_order_that_earns_no_points_still_brings_growth(moto_shop: Shop) -> None:
    moto_shop.book = plain_book(plain_terms(1, SINCE, rules=[]))

    entry = bought(moto_shop, "1", 12_999)

    assert (entry.points, entry.growth) == (0, 129)


def test_refunds_take_growth_back_by_what_is_left_and_all_of_it_in_the_end(moto_shop: Shop) -> None:
    bought(moto_shop, "1", 10_099)

    moto_shop.record(refund("r1", 150, refunded_at=NOW), at=NOW + timedelta(minutes=1))
    first = moto_shop.settle()
    assert first is not None
    assert (first.entries[0].growth, growth_of(moto_shop)) == (-1, 99)  # 99.49 yuan are left
    moto_shop.record(refund("r2", 9_949, refunded_at=NOW), at=NOW + timedelta(minutes=2))
    moto_shop.settle()
    moto_shop.settle()

    assert growth_of(moto_shop) == 0


def test_a_refund_of_last_year_takes_growth_from_its_own_month(moto_shop: Shop) -> None:
    bought(moto_shop, "1", 10_000)
    later = NOW + timedelta(days=70)
    bought(moto_shop, "2", 5_000, later)

    moto_shop.record(refund("r1", 10_000, refunded_at=later), at=later)
    moto_shop.settle("1")

    assert growth_of(moto_shop, later) == 50


def test_the_order_that_crosses_a_level_is_paid_by_the_level_before_it(moto_shop: Shop) -> None:
    moto_shop.book = plain_book(plain_terms(1, SINCE, GOLD))

    crossing, following = bought(moto_shop, "1", 60_000), bought(moto_shop, "2", 10_000, NOW + timedelta(seconds=1))

    assert (crossing.points, crossing.level_before, crossing.level_after) == (600, "", "gold")
    assert following.points == 110


def test_an_order_paid_before_the_upgrade_and_heard_of_later_has_the_level_of_its_payment(moto_shop: Shop) -> None:
    moto_shop.book = plain_book(plain_terms(1, SINCE, GOLD))
    bought(moto_shop, "1", 60_000)

    moto_shop.record(paid("2", 10_000, paid_at=NOW - timedelta(days=1)), at=NOW + timedelta(days=1))
    receipt = moto_shop.settle("2")

    assert receipt is not None
    assert receipt.entries[0].points == 100


def test_a_fifth_of_the_years_behaviour_points_becomes_growth_as_it_adds_up(moto_shop: Shop) -> None:
    terms = plain_terms()
    grown = []
    for day in range(5):
        now = NOW + timedelta(days=day)
        receipt = check_in("m1", ledger=moto_shop.ledger, terms=terms, now=now, source="mini_program")
        grown.append(receipt.entries[0].growth)

    assert grown == [0, 0, 1, 0, 1]  # 2, 4, 6, 8, 10 points


def test_behaviour_brings_no_more_growth_than_its_most_of_the_year(moto_shop: Shop) -> None:
    growth = {"behaviour": {"bp": 10_000, "most_per_year": 3}}
    terms = plain_terms(1, SINCE, growth=growth)
    for day in range(3):
        check_in("m1", ledger=moto_shop.ledger, terms=terms, now=NOW + timedelta(days=day), source="mini_program")
    assert growth_of(moto_shop) == 3

    new_year = datetime.fromisoformat("2027-01-01T04:00:00+00:00")
    check_in("m1", ledger=moto_shop.ledger, terms=terms, now=new_year, source="mini_program")

    assert growth_of(moto_shop, new_year) == 5


def test_a_voided_behaviour_gives_its_growth_back_and_its_place_in_the_sum(room: Room) -> None:
    for number in range(3):
        room.behave(an_event(f"e{number}"))
    ledger, terms = room.ledger, room.book.versions[-1]
    assert in_window(ledger.read("m1").growth, business_on(NOW, "Asia/Shanghai"), 12) == 3

    void_behaviour("tmall", "e2", reason="评价已删除", actor="s1", ledger=ledger, terms=terms, now=NOW)
    assert in_window(ledger.read("m1").growth, business_on(NOW, "Asia/Shanghai"), 12) == 2
    room.behave(an_event("e9"))

    assert in_window(ledger.read("m1").growth, business_on(NOW, "Asia/Shanghai"), 12) == 3


def test_a_level_is_up_with_the_very_entry_and_its_log_says_so(moto_shop: Shop) -> None:
    bought(moto_shop, "1", 60_000)

    (line,) = moto_shop.ledger.listed("L#m1", "", 10)
    assert (line["before"], line["after"], line["level_until"]) == ("", "gold", "2027-11-22")
