"""How fast the pure core decides, on one core: `apply` alone, and a use case from the activity to the posting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from benchmarks.cost import cpu_s
from benchmarks.operations import DEMO_BOOK, DEMO_TERMS
from chalicelib.earning.check_in import check_in
from chalicelib.earning.order import Order
from chalicelib.earning.settle_order import settle_order
from chalicelib.insight.line import Line
from chalicelib.insight.model import Closing, Day, followed
from chalicelib.insight.month import rows_of, statement_of
from chalicelib.insight.totals import sum_lines
from chalicelib.insight.value import Value
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Capture, Command, Earn, GiveBack, Hold
from chalicelib.ledger.counters import Counted
from chalicelib.ledger.model import Account, Entry, Kind, Posting, Receipt
from chalicelib.ledger.table import Decide, Seen
from chalicelib.programme.account_size import largest_counters
from tests.earning.conftest import paid
from tests.insight.builders import a_line
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, a_redemption, a_reversal, an_account, an_earn, bucket

CALLS = 5_000
MONTH_LINES = 100_000


class Speed(NamedTuple):
    """Operations a second on one core, one figure a round."""

    name: str
    per_second: list[float]


@dataclass(frozen=True)
class Decider:
    """In the ledger's place: the account is given, the decision is made, nothing is written."""

    account: Account

    def post(self, _member_id: str, decide: Decide, *, guard_key: str | None = None) -> Receipt:
        posting: Posting = decide(Seen(self.account))
        return Receipt(posting.entries, posting.account, guard=posting.guard)


def speeds(rounds: int) -> list[Speed]:
    """Each kind of decision, in turns within each round."""
    steps = _steps()
    found: dict[str, list[float]] = {name: [] for name, *_ in steps}
    for _ in range(rounds):
        for name, run, operations, calls in steps:
            found[name].append(calls * operations / cpu_s(run, calls))
    return [Speed(name, figures) for name, figures in found.items()]


def _steps() -> list[tuple[str, Callable[[], object], int, int]]:
    """Name, what runs, how many operations that is, how often it runs in a round."""
    account = a_busy_account()
    mix = a_mix()
    decider: Any = Decider(account)
    order = Order(key="tmall#1", paid=paid(), member_id="m1", received_at=NOW)

    def apply_mix() -> None:
        for command in mix:
            apply(account, [command], DEMO_TERMS.ledger, NOW)

    return [
        ("apply, a mix of commands", apply_mix, len(mix), CALLS),
        ("apply, an order's credit", lambda: apply(account, [mix[0]], DEMO_TERMS.ledger, NOW), 1, CALLS),
        (
            "check-in: decide + reward + apply",
            lambda: check_in("m1", ledger=decider, terms=DEMO_TERMS, now=NOW, source="mini_program"),
            1,
            CALLS,
        ),
        ("order: decide + reward + apply", lambda: settle_order(order, ledger=decider, book=DEMO_BOOK), 1, CALLS),
        ("bare: make two dataclasses", _bare_step(account), 1, CALLS),
        (f"month close, {MONTH_LINES:,} entries: sum, follow, account", a_month_close(), MONTH_LINES, 1),
    ]


def a_month_close() -> Callable[[], object]:
    """A November's lines, as many a day: summed, chained, made into its account."""
    days = [date(2026, 11, day) for day in range(1, 31)]
    lines: dict[date, list[Line]] = {on: [] for on in days}
    for number in range(MONTH_LINES):
        line = a_line(
            number % 50 + 1, posted_on=days[number % 30], member_id=f"m{number // 5}", sequence=number % 5 + 1
        )
        lines[line.posted_on].append(line._replace(rule=f"rule_{number % 12}"))

    def close() -> None:
        before, done = Closing(), []
        for on in days:
            changes = sum_lines(lines[on])
            done.append(Day(on, changes, followed(before, on, changes)))
            before = done[-1].closing
        statement = statement_of("2026-11", Closing(), done, value=Value(100, 100, 1), opening_value=Value(100, 100, 1))
        rows_of(statement)

    return close


def a_busy_account() -> Account:
    """Twelve month-ends, something pending and held, and the demo programme's counters."""
    account = an_account(
        pending_points=500, held_points=500, sequence=40, version=40, counters=largest_counters(DEMO_TERMS.programme)
    )
    for month in range(1, 13):
        account = apply(account, [an_earn(50, date(2027, month, 28))], TERMS, NOW).account
    return account


def a_mix() -> list[Command]:
    """A day at the till: mostly credits, some spending, a refund, a hold and its end."""
    month_end_on = date(2026, 11, 30)
    capped = an_earn(5, counts=(Counted("review:tm", month_end_on, 1), Counted("behaviour:m", month_end_on, 5)))
    held: list[Command] = [
        Hold(a_cause(Kind.HOLD, "h1"), 40, 1),
        Capture(a_cause(Kind.CAPTURE, "h1"), 40, 1),
        GiveBack(a_cause(Kind.RELEASE, "h2"), {bucket(date(2027, 5, 28)): 40}, True, 1),
    ]
    pending: Earn = an_earn(12, None)._replace(bucket="")
    return [
        an_earn(12),
        capped,
        an_earn(2, checked_in_on=TODAY_ON + timedelta(days=0)),
        pending,
        a_redemption(60),
        a_reversal(12),
        *held,
    ]


def _bare_step(account: Account) -> Callable[[], object]:
    """What Python itself asks for two frozen dataclasses with an account's and an entry's fields."""
    (entry,) = apply(account, [an_earn(12)], TERMS, NOW).entries
    bare_account = make_dataclass("BareAccount", Account._fields, frozen=True, slots=True)
    bare_entry = make_dataclass("BareEntry", Entry._fields, frozen=True, slots=True)
    return lambda: (bare_account(*account), bare_entry(*entry))
