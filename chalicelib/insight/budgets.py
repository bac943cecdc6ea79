"""Budget and actual (预算执行): what each rule and campaign issued in a month, and how much of each budget is drawn.

What a budget has paid is counted by the ledger when it pays, so that is what is shown: one read for all budgets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.insight.breakage import WHOLE_BP
from chalicelib.insight.model import Cells, merged
from chalicelib.insight.month import first_of, last_of
from chalicelib.insight.table import InsightTable
from chalicelib.insight.value import Value, value_of
from chalicelib.ledger.model import end_of
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import Programme, TermsBook
from chalicelib.programme.periods import period_key

ALARM_BP = 8_000
"""From this share on a budget is called nearly spent."""


class BudgetState(NamedTuple):
    """A budget in one of its periods."""

    id: str
    period: str
    period_key: str
    rules: tuple[str, ...]
    limit_points: int
    drawn_points: int

    @property
    def share_bp(self) -> int:
        """How much of it is drawn, in basis points, rounded down."""
        return self.drawn_points * WHOLE_BP // self.limit_points

    @property
    def is_alarming(self) -> bool:
        """Whether four fifths of it are drawn, or more."""
        return self.share_bp >= ALARM_BP


class BudgetReport(NamedTuple):
    """A month so far: what was issued and taken back, by campaign what was spent, too; the budgets as they stand."""

    month: str
    through_on: date | None
    """The last day in it; None when the month has no totals yet."""
    value: Value
    rules: Cells
    campaigns: Cells
    names: Mapping[str, str]
    """Names of rules and tasks as the terms at the month's end have them."""
    campaign_names: Mapping[str, str]
    budgets: tuple[BudgetState, ...]


def budget_states(programme: Programme, on: date, ledger: LedgerTable) -> tuple[BudgetState, ...]:
    """Every budget of a programme in the period that `on` lies in: one read per hundred shards of them all."""
    keys: list[dict[str, str]] = []
    for one in programme.budgets:
        pk = _pk(one.id, period_key(one.period, on))
        keys += [{"pk": pk, "sk": f"S#{shard}"} for shard in range(one.shards)]
    spent: dict[str, int] = {}
    for item in ledger.items(keys):
        spent[item["pk"]] = spent.get(item["pk"], 0) + int(item["spent"])
    found = []
    for one in programme.budgets:
        key = period_key(one.period, on)
        found.append(BudgetState(one.id, one.period, key, one.rules, one.points, spent.get(_pk(one.id, key), 0)))
    return tuple(found)


def budget_report(
    table: InsightTable, month: str, *, ledger: LedgerTable, book: TermsBook, today_on: date, zone: str
) -> BudgetReport:
    """A month against its budgets; of a budget with another period than a month, the period of the month's last day, of
    a running month today's, of one to come its first day's.

    One query of the month's totals and one read of the budgets. Raises TERMS_MISSING.
    """
    until = max(first_of(month), min(last_of(month), today_on))
    terms = book.at(end_of(until, zone))
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    days = table.days(first_of(month), until)
    programme = terms.programme
    return BudgetReport(
        month=month,
        through_on=days[-1].on if days else None,
        value=value_of(terms),
        rules=merged(day.changes.rules for day in days),
        campaigns=merged(day.changes.campaigns for day in days),
        names=names_of(programme),
        campaign_names={one.id: one.name for one in programme.campaigns},
        budgets=budget_states(programme, until, ledger),
    )


def alarming(states: Sequence[BudgetState]) -> list[BudgetState]:
    """Those of which four fifths are drawn."""
    return [state for state in states if state.is_alarming]


def names_of(programme: Programme) -> dict[str, str]:
    """Names of rules and tasks by id."""
    return {**{rule.id: rule.name for rule in programme.rules}, **{task.id: task.name for task in programme.tasks}}


def _pk(budget: str, key: str) -> str:
    return f"B#{budget}#{key}"
