"""A stock in shards: pieces are taken in the transaction that pays for them, never one too many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.hold import hold
from chalicelib.ledger.model import Stock
from chalicelib.ledger.redeem import Purchase, redeem
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime.dynamo import encode_item
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn

MEMBERS = [f"m{number}" for number in range(8)]


def stocked(ledger: LedgerTable, *left: int) -> Stock:
    """Each member with 30 points, and a stock with so many pieces in each shard."""
    for member_id in MEMBERS:
        earn = an_earn(30, cause=a_cause(id=f"for-{member_id}"))
        ledger.post(member_id, lambda seen, earn=earn: apply(seen.account, [earn], TERMS, NOW))
    for shard, pieces in enumerate(left):
        item = {"pk": "STOCK#lamp", "sk": f"S#{shard}", "left": pieces, "taken": 0}
        ledger.dynamo.put_item(TableName=ledger.ledger, Item=encode_item(item))
    return Stock(ledger.ledger, "STOCK#lamp", len(left), 1)


def shelf(ledger: LedgerTable, stock: Stock) -> list[tuple[int, int]]:
    rows = ledger.items([{"pk": stock.id, "sk": f"S#{shard}"} for shard in range(stock.shards)])
    return [(row["left"], row["taken"]) for row in sorted(rows, key=lambda row: row["sk"])]


def bought(ledger: LedgerTable, stock: Stock, member_id: str, id: str = "q1", points: int = 10) -> Code | None:
    """What refused the purchase, if anything did."""
    try:
        redeem(
            member_id,
            id,
            points,
            activity="mall",
            at=NOW,
            source="mini_program",
            actor=member_id,
            ledger=ledger,
            terms=TERMS,
            now=NOW,
            buy=lambda _: Purchase(stocks=(stock,)),
        )
    except JifenError as refused:
        return refused.code
    return None


def test_every_shard_is_emptied_before_anything_is_sold_out(ledger: LedgerTable) -> None:
    stock = stocked(ledger, 1, 0, 2)

    answers = [bought(ledger, stock, member_id) for member_id in MEMBERS[:4]]

    assert answers == [None, None, None, Code.SOLD_OUT]
    assert shelf(ledger, stock) == [(0, 1), (0, 0), (0, 2)]


def test_who_asks_again_after_the_last_piece_is_told_of_his_own(ledger: LedgerTable) -> None:
    stock = stocked(ledger, 1)

    assert [bought(ledger, stock, who) for who in ("m1", "m2", "m1")] == [None, Code.SOLD_OUT, None]
    assert shelf(ledger, stock) == [(0, 1)]
    assert ledger.read("m2").available_points == 30


def test_a_stock_that_is_not_there_is_sold_out(moto_ledger: LedgerTable) -> None:
    stocked(moto_ledger, 1)

    assert bought(moto_ledger, Stock(moto_ledger.ledger, "STOCK#hat", 2, 1), "m1") is Code.SOLD_OUT


def test_who_has_too_few_points_takes_no_piece(ledger: LedgerTable) -> None:
    stock = stocked(ledger, 1)

    assert bought(ledger, stock, "m1", points=31) is Code.INSUFFICIENT_POINTS
    assert shelf(ledger, stock) == [(1, 0)]


def test_a_hold_reserves_its_piece(ledger: LedgerTable) -> None:
    stock = stocked(ledger, 1)

    def held(member_id: str) -> None:
        hold(
            member_id,
            f"h-{member_id}",
            10,
            release_at=NOW + timedelta(minutes=15),
            activity="mall",
            actor=member_id,
            ledger=ledger,
            terms=TERMS,
            now=NOW,
            buy=lambda _: Purchase(stocks=(stock,)),
        )

    held("m1")
    with pytest.raises(JifenError) as refused:
        held("m2")

    assert refused.value.code is Code.SOLD_OUT
    assert shelf(ledger, stock) == [(0, 1)]


@pytest.mark.cloud
def test_of_all_who_want_the_last_pieces_at_once_exactly_so_many_win(cloud_ledger: LedgerTable) -> None:
    stock = stocked(cloud_ledger, 2, 1)

    with ThreadPoolExecutor(len(MEMBERS)) as pool:
        answers = list(pool.map(lambda member_id: bought(cloud_ledger, stock, member_id), MEMBERS))

    assert sorted(str(answer) for answer in answers) == ["Code.SOLD_OUT"] * 5 + ["None"] * 3
    assert shelf(cloud_ledger, stock) == [(0, 2), (0, 1)]
