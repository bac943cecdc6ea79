"""Seckill: opens at an instant for a crowd, one piece each; sold out only when every shard said so."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.spending.mall.redeem_item import redeem_item
from chalicelib.spending.offers.offer import MOST_SHARDS
from chalicelib.spending.offers.quote_offer import quote_offer
from chalicelib.spending.offers.room import Room, quoted_sale
from chalicelib.spending.quotes import Quote
from tests.ledger.test_conflicts import Meeting
from tests.spending.malls import Mall
from tests.spending.offers import SECKILL, Offers, offers_of


@pytest.fixture
def offers(mall: Mall) -> Offers:
    return offers_of(mall, stock=40)


def met(offers: Offers, **given: Any) -> Room:
    """The room over a client whose transactions meet others'."""
    room = offers.room()
    ledger = room.desk.ledger
    meeting = Meeting(ledger.dynamo, **given)
    return room._replace(desk=room.desk._replace(ledger=replace(ledger, dynamo=meeting, pause=lambda _seconds: None)))


def a_quote(offers: Offers, member_id: str) -> Quote:
    quote_id = secrets.token_hex(12)
    return quote_offer(member_id, "weekend", 1, quote_id=quote_id, room=offers.room(), now=offers.now).quote


def take(offers: Offers, room: Room, quote: Quote) -> Code | None:
    """What a redemption of a quote was refused by."""
    try:
        sale = quoted_sale(quote, room=room, now=offers.now)
        redeem_item(quote, None, desk=room.desk, actor="m1", now=offers.now, sale=sale)
    except JifenError as refused:
        return refused.code
    return None


def rows(offers: Offers) -> list[Mapping[str, Any]]:
    return [row for row in offers.mall.counter.stage.rows() if row["pk"] == "STOCK#offer:weekend"]


@pytest.mark.parametrize(("peak", "shards"), [(1, 1), (100, 1), (101, 2), (1000, 10), (3200, MOST_SHARDS)])
def test_the_expected_peak_says_of_how_many_shards_a_stock_is(offers: Offers, peak: int, shards: int) -> None:
    offers.on(SECKILL | {"peak_per_second": peak}, pieces=40)

    assert len(rows(offers)) == shards
    assert sum(row["left"] for row in rows(offers)) == 40


def test_no_more_shards_are_planned_than_one_transaction_holds_with_the_items() -> None:
    assert 2 + MOST_SHARDS + 64 <= 100


def test_one_piece_is_for_one_member(offers: Offers) -> None:
    offers.on(SECKILL)
    token, _ = offers.mall.member(1000)

    assert [offers.bought(token).json["code"] for _ in range(2)] == [0, 40914]
    assert offers.quote(token, quantity=2).status == 400


def test_nothing_is_quoted_before_it_opens_and_a_quote_of_before_is_worth_nothing(offers: Offers) -> None:
    start = offers.now + timedelta(minutes=5)
    offers.on(SECKILL, from_at=start.isoformat())
    token, member_id = offers.mall.member(1000)
    offers.mall.counter.stage.now = start - timedelta(milliseconds=1)
    refused = offers.quote(token)
    before = offers.now
    offers.mall.counter.stage.now = start
    in_time = a_quote(offers, member_id)

    assert refused.json["code"] == 42212
    assert take(offers, offers.room(), in_time._replace(issued_at=before)) is Code.NOT_ON_SALE
    assert take(offers, offers.room(), in_time) is None
    assert offers.points(member_id) == (880, 0)


def test_sold_out_is_told_once_every_shard_is_empty_and_not_before(offers: Offers) -> None:
    offers.on(SECKILL | {"peak_per_second": 800}, pieces=11)
    members = [offers.mall.member(200) for _ in range(13)]

    codes = [offers.bought(token).json["code"] for token, _ in members]

    assert codes == [0] * 11 + [40954] * 2
    assert [row["left"] for row in rows(offers)] == [0] * 8
    assert sum(offers.points(id)[0] for _, id in members) == 11 * 80 + 2 * 200


@pytest.mark.parametrize("seed", range(4))
def test_whoever_meets_others_is_told_to_try_again_and_never_that_it_is_sold_out(offers: Offers, seed: int) -> None:
    offers.on(SECKILL | {"peak_per_second": 400}, pieces=12)
    quotes = [a_quote(offers, offers.mall.member(200)[1]) for _ in range(16)]
    room = met(offers, seed=seed, percent=55)
    refusals: list[Code] = []

    for quote in quotes:
        left = sum(row["left"] for row in rows(offers))
        code: Code | None = Code.BUSY
        while code is Code.BUSY:
            code = take(offers, room, quote)
            refusals += [code] if code else []
        assert (code is Code.SOLD_OUT) == (left == 0)

    assert Code.SOLD_OUT in refusals
    assert set(refusals) <= {Code.SOLD_OUT, Code.BUSY}
    assert sum(row["taken"] for row in rows(offers)) == 12
    assert refusals.count(Code.SOLD_OUT) == 4


@pytest.mark.parametrize("seed", range(4))
def test_an_answer_that_was_lost_is_found_again_and_takes_no_second_piece(offers: Offers, seed: int) -> None:
    offers.on(SECKILL, pieces=6)
    quotes = [a_quote(offers, offers.mall.member(200)[1]) for _ in range(6)]
    room = met(offers, seed=seed, percent=60, after_commit=True)

    assert [take(offers, room, quote) for quote in quotes] == [None] * 6
    assert (offers.left(), take(offers, room, quotes[0])) == ((0, 6), None)


def test_once_it_is_sold_out_nobody_writes_any_more(offers: Offers) -> None:
    offers.on(SECKILL, pieces=3)
    quotes = [a_quote(offers, offers.mall.member(200)[1]) for _ in range(4)]
    first = [take(offers, offers.room(), quote) for quote in quotes[:3]]

    never = met(offers, seed=1, percent=100)

    assert first == [None] * 3
    assert take(offers, never, quotes[3]) is Code.SOLD_OUT
    assert take(offers, never, quotes[0]) is None


def test_nothing_but_meetings_is_busy_and_takes_nothing(offers: Offers) -> None:
    offers.on(SECKILL, pieces=1)
    _, member_id = offers.mall.member(200)
    room, quote = met(offers, seed=1, percent=100), a_quote(offers, member_id)

    with pytest.raises(JifenError) as refused:
        redeem_item(
            quote,
            None,
            desk=room.desk,
            actor="m1",
            now=offers.now,
            sale=quoted_sale(quote, room=room, now=offers.now),
        )

    assert (refused.value.code, refused.value.retry_after_seconds) == (Code.BUSY, 1)
    assert (offers.left(), offers.points(member_id)) == ((1, 0), (200, 0))


def test_a_piece_that_comes_back_is_sold_again_while_the_offer_runs(offers: Offers) -> None:
    offers.on(SECKILL, pieces=1)
    one, other = offers.mall.member(200)[0], offers.mall.member(200)[0]
    made = offers.bought(one).data
    before = offers.bought(other).json["code"]
    offers.cancel(made["id"])

    assert (before, offers.bought(other).status, offers.left()) == (40954, 200, (0, 1))
    assert offers.seen(one)[0]["why_not"] == [{"reason": "sold_out", "text": "已兑完"}]


def test_a_piece_that_comes_back_after_the_end_is_back_on_the_shelf(offers: Offers) -> None:
    offers.on(SECKILL, pieces=1)
    made = offers.bought(offers.mall.member(200)[0]).data
    offers.later(days=2)
    offers.cancel(made["id"])
    offers.sweep()

    assert (offers.left(), offers.mall.left()) == ((0, 0), (40, 0))


def test_who_had_a_piece_under_an_older_id_gets_no_second(offers: Offers) -> None:
    offers.on(SECKILL)
    (first, first_id), (second, second_id) = offers.mall.member(1000), offers.mall.member(1000)
    offers.bought(first)
    offers.merge(first_id, second_id)

    refused = offers.bought(second)

    assert (refused.json["code"], offers.left()) == (40914, (3, 1))
