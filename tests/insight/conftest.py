"""A stage under moto with the plain programme in force, and the few verbs that tests of the daybook need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.insight import events
from chalicelib.insight.line import Line
from chalicelib.insight.table import InsightTable, open_insight
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Command
from chalicelib.ledger.model import LedgerTerms, Receipt
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.table import forget, open_programme, terms_book
from chalicelib.runtime.settings import settings
from local.nights import scheduled_event
from tests.earning.programmes import PENDING, a_rule, plain_document
from tests.earning.stream import stream_records
from tests.ledger.builders import NOW, TERMS
from tests.members.stage import Stage, open_stage
from tests.programme.builders import SINCE

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
RIDES = {"id": "rides", "points": 100, "period": "month", "rules": ["ride"], "shards": 2}


def document() -> dict[str, Any]:
    """Check-ins, orders at once, `slow` orders that wait, a `ride` from a budget."""
    return plain_document(
        a_rule("slow", points_class="consumption", amount={"kind": "fixed", "points": 30}, pending=PENDING),
        a_rule("ride", "ride", amount={"kind": "fixed", "points": 40}),
        budgets=[RIDES],
    )


@dataclass
class Books:
    """A stage with its ledger, its daybook and its clock."""

    stage: Stage
    ledger: LedgerTable
    table: InsightTable

    def post(
        self, *commands: Command, at: datetime = NOW, member_id: str = "m1", terms: LedgerTerms = TERMS
    ) -> Receipt:
        return self.ledger.post(member_id, lambda seen: apply(seen.account, list(commands), terms, at))

    def records(self) -> list[dict[str, Any]]:
        """What the journal's stream has delivered."""
        return stream_records(self.ledger.dynamo, self.ledger.journal)

    def record(self, records: list[Any] | None = None) -> None:
        """Let the deployed handler eat the stream."""
        given = self.records() if records is None else records
        assert events.record_entries({"Records": given}, CONTEXT) == {"batchItemFailures": []}

    def night(self, at: datetime) -> None:
        """00:50 of a business day."""
        events.close_days(scheduled_event(at), CONTEXT)

    def lines(self, on: date) -> list[Line]:
        return list(self.table.lines(on))

    def rows(self) -> list[dict[str, Any]]:
        """All that the daybook's table holds, but the marks' tokens, which are random."""
        rows = [row for row in self.stage.rows() if row["pk"][:2] in ("D#", "T#", "CL")]
        return sorted(({**row, "seen": ""} for row in rows), key=lambda row: (row["pk"], row["sk"]))


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    with open_stage(monkeypatch) as stage:
        open_programme().put_version(1, document(), SINCE, "test", NOW)
        forget()
        assert terms_book().versions
        stage.now = NOW
        tables = (settings().ledger_table, settings().journal_table)
        yield Books(stage, LedgerTable(stage.cloud, *tables, 8, pause=stage.pauses.append), open_insight())
