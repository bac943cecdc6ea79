"""A brand on moto whose members live through a month: everything that a simulation reads, really posted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from moto import mock_aws

from chalicelib.earning.behave import behave
from chalicelib.earning.behaviour_event import Event
from chalicelib.earning.behaviour_void import void_behaviour
from chalicelib.earning.check_in import check_in
from chalicelib.earning.claim_reward import claim_reward
from chalicelib.earning.make_up import make_up
from chalicelib.earning.order import Paid, Refund, order_key
from chalicelib.earning.record_orders import Received, record_orders
from chalicelib.earning.refusals import RefusalsTable
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.simulation import Asked, ask, run
from chalicelib.earning.simulation_past import Past
from chalicelib.earning.simulation_table import Simulation, SimulationsTable
from chalicelib.earning.table import OrdersTable
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme import table as programme_table
from chalicelib.programme.drafts import create_draft
from chalicelib.programme.publish import publish
from chalicelib.programme.table import ProgrammeTable
from tests.earning.programmes import a_rule, plain_document
from tests.moto_cloud import moto_client, moto_tables
from tests.programme.builders import SINCE

DECEMBER = datetime(2026, 12, 3, 4, tzinfo=UTC)
"""When simulations of November are asked for."""
INDICATORS = [
    {"id": name, "name": name, "dimension": "activity"} for name in ("review", "register", "login", "message", "ride")
]
RIDES = {
    "id": "rides",
    "name": "一月三骑",
    "activity": "ride",
    "counts": "times",
    "goal": 3,
    "window": {"kind": "month"},
    "points": 50,
    "points_class": "activity",
    "validity": {"kind": "days", "days": 90, "until": "day"},
}
ORDERS = {**RIDES, "id": "orders", "name": "一月两单", "activity": "order", "goal": 2, "points": 30}


def a_behaviour(id: str, points: int, **given: Any) -> dict[str, Any]:
    """A rule that pays an indicator of the same name."""
    return a_rule(id, id, amount={"kind": "fixed", "points": points}, **given)


def standing_document(**changes: Any) -> dict[str, Any]:
    """The programme these members live under: check-ins, orders with a multiplier, behaviours, tasks and caps."""
    month = {
        "kind": "cumulative",
        "cycle": "month",
        "rewards": [{"days": 3, "points": 20}, {"days": 5, "points": 40}],
    }
    weekend = a_rule(
        "weekend",
        amount={"kind": "multiplier", "bp": 15000, "group": "activity"},
        when={"weekdays": [6, 7]},
    )
    first = a_rule("first_order", when={"first": True, "min_fen": 1000}, amount={"kind": "fixed", "points": 50})
    return plain_document(
        a_rule("month", "check_in", amount=month),
        weekend,
        first,
        a_behaviour("review", 5),
        a_behaviour("register", 200, when={"first": True}),
        a_behaviour("login", 5, caps=[{"times": 1, "period": "day"}]),
        a_behaviour("message", 1, caps=[{"times": 2, "period": "day"}]),
        **{
            "indicators": INDICATORS,
            "tasks": [RIDES, ORDERS],
            "caps": [{"id": "daily", "points": 9, "period": "day", "rules": ["review", "message", "login"]}],
            **changes,
        },
    )


def noon(day: int, month: int = 11, **later: int) -> datetime:
    return datetime(2026, month, day, 4, tzinfo=UTC) + timedelta(**later)


@dataclass
class Brand:
    """Tables, and what its members can do; buyer `b1` is member `m1` and so on."""

    orders: OrdersTable
    ledger: LedgerTable
    refusals: RefusalsTable
    programme: ProgrammeTable
    simulations: SimulationsTable
    sent: list[str] = field(default_factory=list)
    asked: int = 0
    book: Any = None

    def publish(self, document: dict[str, Any], version: int = 1, since: datetime = SINCE) -> None:
        publish(self.programme, version=version, document=document, effective_from=since, published_by="s1", now=SINCE)
        self.book = self.programme.book()

    def check_in(self, day: int, member_id: str = "m1", month: int = 11) -> None:
        at = noon(day, month)
        check_in(member_id, ledger=self.ledger, terms=self.book.at(at), now=at, source="mini_program")

    def make_up(self, day: int, today: int, member_id: str = "m1") -> None:
        at = noon(today, hours=1)
        on = date(2026, 11, day)
        make_up(member_id, on, ledger=self.ledger, terms=self.book.at(at), now=at, source="mini_program")

    def claim(self, rule: str, days: int, today: int, member_id: str = "m1") -> None:
        at = noon(today, hours=1)
        claim_reward(member_id, rule, days, ledger=self.ledger, terms=self.book.at(at), now=at, source="mini_program")

    def order(self, no: str, paid_fen: int, at: datetime, member_id: str = "m1", **given: Any) -> None:
        buyer = member_id.replace("m", "b")
        self._record(Paid("tmall", no, buyer, at, paid_fen, **given), at, no)

    def refund(self, no: str, refunded_fen: int, at: datetime, refund_no: str = "r1") -> None:
        self._record(Refund("tmall", no, refund_no, refunded_fen, at), at, no)

    def _record(self, fact: Any, at: datetime, no: str) -> None:
        record_orders(
            [Received(fact, at)],
            orders=self.orders,
            find_members=lambda found: {one: one.external_id.replace("b", "m") for one in found},
            zone="Asia/Shanghai",
        )
        (order,) = self.orders.orders([order_key("tmall", no)])
        settle_order(order, ledger=self.ledger, book=self.book)

    def behave(self, event_id: str, indicator: str, at: datetime, member_id: str = "m1", **given: Any) -> None:
        event = Event("tmall", event_id, indicator, member_id, at, at, **given)
        behave(event, ledger=self.ledger, refusals=self.refusals, book=self.book)

    def void(self, event_id: str, at: datetime) -> None:
        void_behaviour("tmall", event_id, reason="刷分", actor="s1", ledger=self.ledger, terms=self.book.at(at), now=at)

    def draft(self, document: dict[str, Any], now: datetime = DECEMBER) -> str:
        self.asked += 1
        draft, _ = create_draft(
            self.programme, "d", document, draft_id=f"{self.asked:020x}", key=f"k{self.asked}", by="s1", now=now
        )
        return draft.id

    def ask(
        self,
        draft_id: str = "",
        *,
        version: int = 0,
        from_on: date = date(2026, 11, 1),
        to_on: date = date(2026, 11, 30),
        sample_percent: int = 100,
        key: str = "",
        id: str = "",
        now: datetime = DECEMBER,
    ) -> tuple[Simulation, bool]:
        self.asked += 1
        return ask(
            self.simulations,
            self.programme,
            Asked(draft_id, version, from_on, to_on, sample_percent),
            id=id or f"{self.asked:020x}",
            key=key or f"s{self.asked}",
            by="s1",
            now=now,
            send=self.sent.extend,
        )

    @property
    def past(self) -> Past:
        return Past(self.ledger.dynamo, self.ledger.journal, self.orders, self.refusals, DECEMBER)

    def run(self, simulation_id: str, *, has_time: Any = lambda: True, past: Any = None) -> Simulation:
        return run(
            self.simulations,
            self.programme,
            past or self.past,
            simulation_id,
            now=lambda: DECEMBER,
            has_time=has_time,
        )

    def simulate(self, document: dict[str, Any], **given: Any) -> dict[str, Any]:
        """The result of a draft with this document."""
        asked, _ = self.ask(self.draft(document), **given)
        done = self.run(asked.id)
        assert done.state == "done", done.failure
        return dict(done.result or {})


def sides(result: dict[str, Any], rule: str) -> tuple[int, int]:
    """A rule's points before and after."""
    for line in result["rules"]:
        if line["rule"] == rule:
            return line["before"]["points"], line["after"]["points"]
    return 0, 0


@contextmanager
def open_brand(monkeypatch: Any) -> Iterator[Brand]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        programme_table.forget()
        dynamo = moto_client("dynamodb")
        names = moto_tables(dynamo, "brand")
        programme = names["PROGRAMME_TABLE"]
        yield Brand(
            OrdersTable(dynamo, names["ORDERS_TABLE"]),
            LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, pause=lambda _seconds: None),
            RefusalsTable(dynamo, names["REFUSALS_TABLE"]),
            ProgrammeTable(dynamo, programme),
            SimulationsTable(dynamo, programme),
        )
        programme_table.forget()
