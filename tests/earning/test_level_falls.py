"""What a refund does to a level: quoted before it, told with it, and left alone where the terms say so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.earning.refund_quote import RefundQuote, refund_quote
from chalicelib.ledger.items import notice_of
from chalicelib.members.level_answers import notice_answer
from tests.earning.conftest import Shop, paid, refund
from tests.earning.programmes import plain_book, plain_document, plain_terms
from tests.ledger.builders import NOW
from tests.programme.builders import SINCE

LATER = NOW + timedelta(days=1)


def terms_with(refunds: str, version: int = 1, since: Any = SINCE) -> Any:
    return plain_terms(version, since, levels={**plain_document()["levels"], "refunds": refunds})


def gold(shop: Shop, refunds: str = "recheck") -> Shop:
    shop.book = plain_book(terms_with(refunds))
    shop.record(paid("1", 60_000), at=NOW)
    shop.settle()
    return shop


def quoted(shop: Shop, fen: int) -> RefundQuote:
    return refund_quote(refund("quote", fen), orders=shop.orders, ledger=shop.ledger, book=shop.book, now=LATER)


@pytest.mark.parametrize(
    ("refunds", "fen", "growth", "after"),
    [("recheck", 20_000, 200, "gold"), ("recheck", 20_001, 201, "normal"), ("keep", 60_000, 600, "gold")],
    ids=["enough is left to keep it", "too little is left", "refunds leave levels alone"],
)
def test_the_quote_tells_the_growth_and_the_level_that_the_refund_then_takes(
    moto_shop: Shop, refunds: str, fen: int, growth: int, after: str
) -> None:
    shop = gold(moto_shop, refunds)

    quote = quoted(shop, fen)
    shop.record(refund("r1", fen, refunded_at=NOW), at=LATER)
    receipt = shop.settle()

    assert receipt is not None
    assert (quote.growth, quote.level_before, quote.level_after) == (growth, "gold", after)
    assert (-receipt.entries[-1].growth, shop.ledger.read("m1").tenure.level) == (growth, after)


def test_a_quote_follows_the_levels_of_the_day_it_is_asked_on_as_the_refund_does(moto_shop: Shop) -> None:
    shop = gold(moto_shop, "keep")
    shop.book = plain_book(terms_with("keep"), terms_with("recheck", 2, NOW + timedelta(hours=1)))

    quote = quoted(shop, 60_000)
    shop.record(refund("r1", 60_000, refunded_at=NOW), at=LATER)
    shop.settle()

    assert (quote.level_after, shop.ledger.read("m1").tenure.level) == ("normal", "normal")


def test_without_levels_a_quote_names_none(moto_shop: Shop) -> None:
    moto_shop.book = plain_book(plain_terms(levels=None, stages=None))
    moto_shop.record(paid("1", 60_000), at=NOW)
    moto_shop.settle()

    quote = quoted(moto_shop, 60_000)

    assert (quote.growth, quote.level_before, quote.level_after) == (600, "", "")


def test_a_refund_that_lowers_a_level_says_so_and_leaves_a_notice_once(moto_shop: Shop) -> None:
    shop = gold(moto_shop)
    shop.record(refund("r1", 60_000, refunded_at=NOW), at=LATER)

    receipt, again = shop.settle(), shop.settle()

    assert receipt is not None
    entry = receipt.entries[-1]
    assert entry.text == "退款600.00元 · 成长值不足,等级下调"
    assert (entry.level_before, entry.level_after, entry.facts["level_until"]) == ("gold", "normal", "")
    assert again is not None
    assert again.entries == ()
    (line,) = shop.ledger.listed("N#m1", "", 9)
    assert notice_answer(notice_of(line), shop.book.versions[0]) == {
        "on": "2026-11-23",
        "kind": "level_lowered",
        "text": "退款等收回了成长值,已不足以保级,等级由黄金降为普通",
    }
