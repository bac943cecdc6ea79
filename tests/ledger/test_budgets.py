"""The budgets of the design as counts: requests per operation and write units, on moto and measured by the embedded
cloud.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.earning.order import Order, Refunded
from chalicelib.earning.settle_order import settle_order
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.adjust import change_credit
from chalicelib.ledger.adjustments_table import AdjustmentsTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.commands import Earn, Expire, Receive, Redeem
from chalicelib.ledger.counters import Count, counted
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.items import account_item, entry_item
from chalicelib.ledger.levels import Tenure
from chalicelib.ledger.model import Account, Also, Budget, Guard, Kind, Part, Posting, Stock
from chalicelib.ledger.pending import activate_due
from chalicelib.ledger.redeem import Purchase, redeem, redemption_key, restore
from chalicelib.ledger.release import release
from chalicelib.ledger.statement import statement_page
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.ledger.validity import Months
from chalicelib.programme.account_size import UNIT_BYTES, largest_account_bytes, largest_counters, most_buckets
from chalicelib.programme.activity import Behaved, CheckedIn, Ordered, Standing
from chalicelib.programme.award import decide
from chalicelib.programme.buyers import bought
from chalicelib.programme.model import Terms
from chalicelib.programme.rules.streak import MADE_UP
from chalicelib.programme.tasks import task_of
from chalicelib.runtime.dynamo import encode_item
from tests.earning.conftest import paid
from tests.earning.programmes import plain_book
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, an_account, an_earn
from tests.ledger.item_size import item_bytes, transaction_units
from tests.programme.builders import after, demo_book, demo_terms

JAN, NOV = date(2027, 1, 31), date(2027, 11, 30)
LATER = NOW + timedelta(minutes=15)
NIGHT = datetime(2027, 1, 31, 16, 5, tzinfo=UTC)


@dataclass
class Counted:
    """A client that counts its calls and the write units that the store reports, tables and indexes apart."""

    real: Any
    requests: int = 0
    table_units: int = 0
    index_units: int = 0
    own_units: int = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        if name not in ("get_item", "batch_get_item", "query", "transact_write_items"):
            return method

        def call(**request: Any) -> Any:
            self.requests += 1
            answer = method(**request, ReturnConsumedCapacity="INDEXES")
            if name == "transact_write_items":
                self.own_units += transaction_units(request["TransactItems"])
                for table in answer.get("ConsumedCapacity", []):
                    indexes = table.get("GlobalSecondaryIndexes", {}).values()
                    index_units = int(sum(index["CapacityUnits"] for index in indexes))
                    self.table_units += int(table["CapacityUnits"]) - index_units
                    self.index_units += index_units
            return answer

        return call


def count(ledger: LedgerTable, operation: Callable[[LedgerTable], object]) -> Counted:
    counted = Counted(ledger.dynamo)
    operation(replace(ledger, dynamo=counted))
    return counted


def check_in(ledger: LedgerTable) -> object:
    from chalicelib.earning.check_in import check_in

    return check_in("m1", ledger=ledger, terms=demo_terms(), now=NOW, source="mini_program")


def order(*refunds: Refunded) -> Callable[[LedgerTable], object]:
    known = Order(
        key="tmall#1",
        paid=paid(),
        member_id="m1",
        received_at=NOW,
        refunds={refund.refund_no: refund for refund in refunds},
    )
    return lambda ledger: settle_order(known, ledger=ledger, book=demo_book())


def plain_order(*refunds: Refunded) -> Callable[[LedgerTable], object]:
    """An order that is credited at once."""
    known = Order("tmall#1", paid(), "m1", NOW, refunds={refund.refund_no: refund for refund in refunds})
    return lambda ledger: settle_order(known, ledger=ledger, book=plain_book())


def activate(ledger: LedgerTable) -> object:
    return activate_due("m1", "O#tmall#1", ledger=ledger, terms=TERMS, now=NOW + timedelta(days=30))


def cancel_pending(ledger: LedgerTable) -> object:
    return change_credit(
        AdjustmentsTable(ledger),
        "m1",
        "O#tmall#1",
        "order",
        change="cancel",
        points=None,
        change_id="k1",
        reason="核对",
        by="s1",
        terms=TERMS,
        daily_points=1000,
        now=NOW,
    )


def set_aside(ledger: LedgerTable) -> object:
    return hold("m1", "h1", 3, release_at=LATER, activity="checkout", actor="m1", ledger=ledger, terms=TERMS, now=NOW)


def caught(ledger: LedgerTable) -> object:
    return capture("m1", "h1", 3, actor="m1", ledger=ledger, terms=TERMS, now=NOW)


def let_go(ledger: LedgerTable) -> object:
    return release("m1", "h1", actor="m1", ledger=ledger, terms=TERMS, now=NOW)


def pass_on(ledger: LedgerTable) -> object:
    """The two postings of a transfer, as one."""
    out = Redeem(a_cause(Kind.TRANSFER, "t1"), 3, 1, credit="member:m2")

    def decide(seen: Seen) -> Posting:
        given = apply(seen.account, [out], TERMS, NOW)
        taken = {key: -part for key, part in given.entries[-1].buckets.items()}
        assert seen.other is not None
        received = apply(seen.other, [Receive(a_cause(Kind.TRANSFER, "t1"), taken, 1)], TERMS, NOW)
        return given._replace(other=received, guard=Guard("T#t1", "m1"))

    return ledger.post("m1", decide, guard_key="T#t1", other_id="m2")


def from_budget(ledger: LedgerTable) -> object:
    command = an_earn(10, JAN, cause=a_cause(id="tmall#b"))
    budget = Budget("bonus", "2026-11", 100, 2, 10)
    return ledger.post("m1", lambda seen: apply(seen.account, [command], TERMS, NOW)._replace(budgets=(budget,)))


def earn(points: int, expires_on: date) -> Callable[[LedgerTable], object]:
    command = an_earn(points, expires_on, cause=a_cause(id=f"tmall#{points}"))
    return lambda ledger: ledger.post("m1", lambda seen: apply(seen.account, [command], TERMS, NOW))


def spend(ledger: LedgerTable) -> object:
    return redeem(
        "m1", "d1", 3, activity="mall", at=NOW, source="mini_program", actor="m1", ledger=ledger, terms=TERMS, now=NOW
    )


def stock_up(ledger: LedgerTable) -> None:
    ledger.dynamo.put_item(
        TableName=ledger.ledger, Item=encode_item({"pk": "STOCK#lamp", "sk": "S#0", "left": 9, "taken": 0})
    )


def spend_on_stock(ledger: LedgerTable) -> object:
    row = {"TableName": ledger.ledger, "Item": encode_item({"pk": "R#d1", "sk": "R", "item": "lamp"})}
    also = (Also({"Put": row}, JifenError(Code.KEY_REUSED)),)
    stocks = (Stock(ledger.ledger, "STOCK#lamp", 1, 1),)
    return redeem(
        "m1",
        "d1",
        3,
        activity="mall",
        at=NOW,
        source="mini_program",
        actor="m1",
        ledger=ledger,
        terms=TERMS,
        now=NOW,
        buy=lambda _: Purchase(also, stocks),
    )


def give_back(ledger: LedgerTable) -> object:
    return restore(
        "m1", redemption_key("d1", activity="mall", at=NOW), "c1", 3, actor="s1", ledger=ledger, terms=TERMS, now=NOW
    )


def expire(ledger: LedgerTable) -> object:
    return ledger.post("m1", lambda seen: apply(seen.account, [Expire()], TERMS, NIGHT))


REFUND = Refunded(refund_no="r1", refunded_fen=500, refunded_at=NOW, received_at=NOW)


@pytest.mark.parametrize(
    ("operation", "before", "units", "index_units"),
    [
        pytest.param(check_in, [], 4, 1, id="first check-in, enters the due index"),
        pytest.param(check_in, [earn(5, JAN)], 4, 0, id="check-in"),
        pytest.param(plain_order(), [earn(5, JAN)], 6, 0, id="order"),
        pytest.param(plain_order(REFUND), [earn(5, JAN), plain_order()], 6, 0, id="refund"),
        pytest.param(order(), [earn(5, JAN)], 6, 2, id="order with pending points, listed as due and as open"),
        pytest.param(order(REFUND), [earn(5, JAN), order()], 6, 0, id="refund while pending"),
        pytest.param(activate, [earn(5, JAN), order()], 6, 2, id="activation, leaves both lists"),
        pytest.param(cancel_pending, [earn(5, JAN), order()], 8, 2, id="pending credit cancelled, counted for the day"),
        pytest.param(set_aside, [earn(5, JAN)], 6, 2, id="hold, listed as due and as open"),
        pytest.param(caught, [earn(5, JAN), set_aside], 6, 2, id="capture, leaves both lists"),
        pytest.param(let_go, [earn(5, JAN), set_aside], 6, 2, id="release, leaves both lists"),
        pytest.param(pass_on, [earn(5, JAN)], 10, 1, id="transfer, the receiver enters the due index"),
        pytest.param(from_budget, [earn(5, JAN)], 6, 0, id="award with a draw from a budget"),
        pytest.param(spend, [earn(5, JAN)], 4, 0, id="redemption of points alone"),
        pytest.param(spend_on_stock, [earn(5, JAN), stock_up], 8, 0, id="redemption with its row and stock"),
        pytest.param(expire, [earn(5, JAN)], 4, 1, id="expiry of one account, leaves the index"),
        pytest.param(expire, [earn(5, JAN), earn(6, NOV)], 4, 2, id="expiry of one account, its date moves"),
    ],
)
def test_an_operation_keeps_its_budget(
    ledger: LedgerTable,
    request: pytest.FixtureRequest,
    operation: Callable[[LedgerTable], object],
    before: list[Callable[[LedgerTable], object]],
    units: int,
    index_units: int,
) -> None:
    for step in before:
        step(ledger)

    counted = count(ledger, operation)

    assert counted.requests == 2
    assert counted.own_units == units
    if "cloud" in request.node.callspec.id:
        assert (counted.table_units, counted.index_units) == (units, index_units)


def test_a_restoring_reads_its_redemptions_entry_too(moto_ledger: LedgerTable) -> None:
    earn(5, JAN)(moto_ledger)
    spend(moto_ledger)

    counted = count(moto_ledger, give_back)

    assert (counted.requests, counted.own_units) == (3, 6)


def test_a_balance_and_a_statement_page_are_one_request_each(moto_ledger: LedgerTable) -> None:
    earn(5, JAN)(moto_ledger)

    assert count(moto_ledger, lambda ledger: ledger.read("m1")).requests == 1
    page = count(moto_ledger, lambda ledger: statement_page("m1", ledger=ledger, cursor="", limit=20))
    assert page.requests == 1


def test_a_repeat_costs_one_read_of_the_account_and_one_of_the_entry(moto_ledger: LedgerTable) -> None:
    check_in(moto_ledger)

    repeat = count(moto_ledger, check_in)

    assert (repeat.requests, repeat.own_units) == (2, 0)


def a_maximal_demo_account() -> Account:
    """Thirteen month-ends of three classes with six-digit balances, a full bitmap, every counter in use."""
    buckets: dict[str, int] = {}
    for month in range(13):
        on = Months(kind="months", months=month).expires_on(TODAY_ON)
        buckets |= {bucket_key(on, points_class): 123_456 for points_class in PointsClass}
    return an_account(
        member_id="m0123456789abcdef01234567",
        buckets=buckets,
        pending_points=123_456,
        held_points=123_456,
        joined_on=TODAY_ON,
        growth={24323 + month: 1_234 for month in range(13)},
        tenure=Tenure("platinum", TODAY_ON, TODAY_ON, "diamond", "gold", TODAY_ON),
        check_ins=CheckInDays(TODAY_ON, (1 << 62) - 1, 1234),
        frozen=True,
        counters=largest_counters(demo_terms().programme),
        sequence=123_456,
        version=123_456,
        posted_at=NOW,
        active_at=NOW,
        last_hash="0" * 64,
        due_on=TODAY_ON,
    )


def account_bytes(account: Account) -> int:
    return item_bytes(encode_item(account_item(account)))


def test_a_maximal_demo_account_fits_one_kilobyte() -> None:
    assert 600 < account_bytes(a_maximal_demo_account()) <= 1024


def test_what_publishing_expects_of_an_account_is_what_its_item_weighs() -> None:
    full, programme = a_maximal_demo_account(), demo_terms().programme
    buckets = dict(list(full.buckets.items())[: most_buckets(programme)])

    expected = largest_account_bytes(programme)

    assert expected == account_bytes(full._replace(buckets=buckets))
    assert expected <= UNIT_BYTES


def played(terms: Terms) -> dict[str, Count]:
    """Counters of a member who does everything that the terms answer, three times."""
    counters: dict[str, Count] = {}
    days = CheckInDays().with_day(TODAY_ON)
    deeds: list[CheckedIn | Ordered | Behaved] = [
        CheckedIn(TODAY_ON, days),
        Ordered(10_000, paid_on=TODAY_ON, hour=9),
        *(Behaved(one.id, TODAY_ON, 9, length=99) for one in terms.programme.indicators),
    ]
    for deed in deeds * 3:
        standing = Standing(counters=counters, joined_on=TODAY_ON)
        decision = decide(terms, deed, standing, on=TODAY_ON, hour=9)
        counters = counted(after(counters, decision), decision.growth_counts)
        counters = counted(counters, bought(deed)) if isinstance(deed, Ordered) else counters
    return counters


def test_no_counter_is_forgotten_when_the_account_is_weighed() -> None:
    terms = demo_terms()

    assert set(map(task_of, [*played(terms), MADE_UP])) == set(map(task_of, largest_counters(terms.programme)))


def a_maximal_credit() -> Earn:
    """Every text and number as long as the demo programme makes it."""
    return an_earn(
        999_999,
        cause=a_cause(id="tmall#" + "9" * 30, campaign="2026-11-double-eleven", actor="m0123456789abcdef01234567"),
        checked_in_on=TODAY_ON,
        breakdown=(Part("check_in", 2, "每日签到"), Part("check_in", 10, "连续签到364天")),
        text="每日签到 · 连续签到364天",
        facts={"streak_days": 364, "next_reward_days": 7, "next_reward_points": 10, "order_no": "9" * 30},
    )


def test_a_maximal_entry_fits_one_kilobyte() -> None:
    (entry,) = apply(a_maximal_demo_account(), [a_maximal_credit()], TERMS, NOW).entries

    assert item_bytes(encode_item(entry_item(entry))) <= 1024


def test_the_night_of_a_maximal_account_is_one_entry_of_one_kilobyte() -> None:
    posting = apply(a_maximal_demo_account(), [Expire()], TERMS, datetime(2028, 1, 1, tzinfo=UTC))

    (entry,) = posting.entries
    assert len(entry.buckets) == 39
    assert item_bytes(encode_item(entry_item(entry))) <= 1024
