"""A stage with a partner outside: what members, staff, the sweep and the partner itself do."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.ledger.audit import Tables, check_guard, check_member
from chalicelib.ledger.items import guard_of
from chalicelib.ledger.release import hold_key
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.runtime import secret_values
from chalicelib.runtime.dynamo import decode_item
from chalicelib.spending.exchange.desk import Desk, open_desk
from chalicelib.spending.exchange.items import exchange_of
from chalicelib.spending.exchange.model import Exchange, State
from chalicelib.spending.exchange.reconcile import GIVEN
from chalicelib.spending.exchange.sweep import Swept, sweep
from chalicelib.spending.exchange.table import open_exchanges
from tests.members.stage import ADMIN_KEY, Answer
from tests.outside_world import ACCOUNTS, open_world
from tests.spending.malls import Mall, open_mall
from tests.stand_in.outsiders import Admin

HOST = "points.partner.example.com"
SECRET = "what-the-tests-and-the-partner-sign-with"
ACCOUNT = "88001234567"
MILES: dict[str, Any] = {
    "name": "某航空",
    "host": HOST,
    "unit": "里程",
    "ratio": {"points": 10, "units": 3},
    "least_points": 100,
    "step_points": 10,
    "account": "digits",
    "account_hint": "请输入常旅客卡号",
    "text": "每10积分兑换3里程,兑换后不可撤销",
}


@dataclass
class Airport:
    """The mall's stage, and beside it a partner whose units points become."""

    mall: Mall
    world: Admin
    lines: list[str] = field(default_factory=list)
    """Everything any logger said."""
    keys: int = 0

    @property
    def now(self) -> Any:
        return self.mall.counter.stage.now

    @property
    def desk(self) -> Desk:
        return open_desk(self.now)

    def admin(self, method: str, path: str, body: Any = None, **given: Any) -> Answer:
        return self.mall.call(method, path, body, token=ADMIN_KEY, **given)

    def partner(self, partner_id: str = "miles", **changes: Any) -> str:
        """A partner that is switched on, or its document changed."""
        document, path = {**MILES, **changes}, "/v1/staff/exchange-partners/{partner_id}"
        standing = self.admin("GET", path, partner_id=partner_id)
        if standing.status == 200:
            body = {"version": standing.data["version"], "partner": document}
            assert self.admin("PUT", path, body, partner_id=partner_id).status == 200
            return partner_id
        made = self.admin("POST", "/v1/staff/exchange-partners", {"id": partner_id, "partner": document})
        assert made.status == 200, made.json
        body = {"version": 1, "state": "on", "reason": "上线"}
        assert self.admin("POST", f"{path}/state", body, partner_id=partner_id).status == 200
        return partner_id

    def connect(self, **secrets: str) -> None:
        known = {name: {"secret": secret} for name, secret in secrets.items()}
        self.mall.counter.stage.rotate("connect", json.dumps({**ACCOUNTS, "partners": known}))
        secret_values.forget()

    def exchange(
        self, token: str, points: int = 100, key: str = "", account: str = ACCOUNT, partner: str = "miles"
    ) -> Answer:
        self.keys += 1
        body = {"partner": partner, "account": account, "points": points}
        return self.mall.call("POST", "/v1/me/exchanges", body, token=token, key=key or f"key-{self.keys}")

    def plan(self, state: str, **given: Any) -> None:
        """What the partner makes of the next new exchange."""
        self.world.post("/partner-plans", {"state": state, **given})

    def fault(self, kind: str, api: str = "/exchanges", **given: Any) -> None:
        self.world.post("/faults", {"api": api, "kind": kind, "seconds": 0, **given})

    def later(self, **passed: int) -> None:
        self.mall.counter.stage.later(**passed)
        self.world.post("/clock", {"at": self.now.isoformat()})

    def sweep(self, has_time: Callable[[], bool] = lambda: True) -> Swept:
        return sweep(desk=self.desk, now=self.now, has_time=has_time)

    def row(self, exchange_id: str) -> Exchange:
        found = open_exchanges().exchange(exchange_id)
        assert found is not None
        return found

    def points(self, member_id: str) -> tuple[int, int]:
        """(available, held)."""
        account = open_ledger().read(member_id)
        return account.available_points, account.held_points

    def theirs(self, exchange_id: str) -> Any:
        """An exchange in the partner's books, None when it never came there."""
        found = self.world.get("/partner-exchanges")["exchanges"]
        return next((one for one in found if one["id"] == exchange_id), None)

    def balance(self, account: str = ACCOUNT) -> int:
        return int(self.world.get("/partner-accounts")["balances"][account])

    def items(self, table: str) -> list[dict[str, Any]]:
        return [decode_item(item) for item in self.mall.counter.stage.cloud.scan(TableName=table)["Items"]]

    def assert_agreed(self) -> None:
        """Every exchange is to the ledger, to us and to the partner what it should be."""
        ledger = open_ledger()
        stored = {item["pk"]: item for item in self.items(ledger.ledger)}
        late = {item["sk"].split("#")[-1] for item in self.items(ledger.journal) if "#redeem#exchange#" in item["sk"]}
        theirs = {one["id"]: one for one in self.world.get("/partner-exchanges")["exchanges"]}
        rows = [item for item in self.items(open_exchanges().name) if item["pk"].startswith("EXCHANGE#")]
        for one in (exchange_of(item) for item in rows if item["sk"] == "E"):
            guard, paid = guard_of(stored[hold_key(one.hold_id)]), theirs.get(one.id, {}).get("paid", 0)
            assert paid <= 1
            assert (one.id in late) == one.charged_late
            assert ("spent" in guard.state) == (one.state is State.DONE and not one.charged_late)
            if one.state is not State.ASKED:
                assert not guard.taken
                assert paid == (one.state in GIVEN)

    def assert_sound(self, member_id: str) -> None:
        """The auditor finds nothing wrong with a member."""
        ledger = open_ledger()
        stored = self.items(ledger.ledger)
        (account,) = [item for item in stored if (item["pk"], item["sk"]) == (f"M#{member_id}", "A")]
        guards = [item for item in stored if item["pk"].startswith("H#") and item["member_id"] == member_id]
        entries = [item for item in self.items(ledger.journal) if item["pk"] == f"M#{member_id}"]
        names, terms = Tables(ledger.ledger, ledger.journal), terms_at(self.now).ledger
        found = check_member(member_id, account, entries, guards, terms, self.now.date(), names)
        # The order that a test's points pretend to come from has no guard.
        assert [one for one in found if not one.key.startswith("O#tmall#")] == []
        for guard in guards:
            assert check_guard(guard, account["due_shard"], ledger.ledger) == []


@contextmanager
def open_airport(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airport]:
    """No secret of a partner's, and no account there, is in any line of the log when this ends."""
    with open_mall(monkeypatch) as mall, open_world(mall.counter.stage, monkeypatch) as world:
        airport = Airport(mall, world)
        world.post("/partner", {"secret": SECRET})
        world.post("/partner-accounts", {"account": ACCOUNT})
        airport.connect(miles=SECRET)
        airport.partner()
        with _listening(airport.lines):
            yield airport
        airport.assert_agreed()
        told = [line for line in airport.lines if SECRET in line or ACCOUNT in line]
        assert not told


@contextmanager
def _listening(lines: list[str]) -> Iterator[None]:
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    loggers = [logging.getLogger(), logging.getLogger("jifen.outcomes"), logging.getLogger("jifen")]
    for one in loggers:
        one.addHandler(handler)
    yield
    for one in loggers:
        one.removeHandler(handler)
