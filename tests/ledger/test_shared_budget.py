"""A global budget in shards: one conditional draw inside the transaction that pays, and never a point too many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.model import Budget, Posting, Refusal
from chalicelib.ledger.table import LedgerTable, Seen
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn

BUDGET = Budget("bonus", "2026-11", 100, 3, 10)


def pay(ledger: LedgerTable, member_id: str, id: str = "e1", points: int = 10) -> bool:
    earn = an_earn(points, cause=a_cause(id=id))

    def decide(seen: Seen) -> Posting:
        if "bonus" in seen.spent:
            raise Refusal(Code.BUDGET_SPENT, earn.cause)
        return apply(seen.account, [earn], TERMS, NOW)._replace(budgets=(BUDGET._replace(points=points),))

    try:
        return not ledger.post(member_id, decide).replayed
    except Refusal as refusal:
        if refusal.code is not Code.BUDGET_SPENT:
            raise
        return False


def test_the_shares_of_the_shards_sum_to_the_budget() -> None:
    assert [BUDGET.share_points(shard) for shard in range(3)] == [34, 33, 33]


def test_a_budget_pays_while_a_shard_has_room_and_then_refuses_clearly(ledger: LedgerTable) -> None:
    paid = [pay(ledger, f"m{number}") for number in range(12)]

    assert sum(paid) == 9
    assert ledger.budget_spent(BUDGET) == 90


def test_a_repeat_draws_nothing(ledger: LedgerTable) -> None:
    assert [pay(ledger, "m1"), pay(ledger, "m1")] == [True, False]
    assert ledger.budget_spent(BUDGET) == 10


def test_a_draw_larger_than_any_share_is_refused_without_a_write(ledger: LedgerTable) -> None:
    assert not pay(ledger, "m1", points=35)
    assert ledger.budget_spent(BUDGET) == 0


def test_a_raised_budget_pays_on_from_where_it_stood(ledger: LedgerTable) -> None:
    for number in range(12):
        pay(ledger, f"m{number}")
    earn = an_earn(10, cause=a_cause(id="more"))
    raised = BUDGET._replace(limit_points=130)

    ledger.post("m99", lambda seen: apply(seen.account, [earn], TERMS, NOW)._replace(budgets=(raised,)))

    assert ledger.budget_spent(raised) == 100


def test_a_decision_that_goes_on_drawing_what_is_spent_is_a_defect_and_no_endless_loop(ledger: LedgerTable) -> None:
    earn = an_earn(35, cause=a_cause())
    too_large = BUDGET._replace(points=35)

    with pytest.raises(AssertionError, match="told is spent"):
        ledger.post("m1", lambda seen: apply(seen.account, [earn], TERMS, NOW)._replace(budgets=(too_large,)))

    assert ledger.budget_spent(BUDGET) == 0


@pytest.mark.cloud
def test_forty_members_at_once_never_overdraw_it(cloud_ledger: LedgerTable) -> None:
    with ThreadPoolExecutor(8) as pool:
        paid = sum(pool.map(lambda number: pay(cloud_ledger, f"m{number}"), range(40)))

    assert paid == 9
    assert cloud_ledger.budget_spent(BUDGET) == 90
