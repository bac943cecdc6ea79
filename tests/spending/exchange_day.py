"""The part of the scripted day that the API's examples of exchanges to a partner's points come from."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from chalicelib.ledger.freeze import set_frozen
from chalicelib.ledger.model import business_on
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.runtime import secret_values
from chalicelib.spending.exchange.desk import open_desk
from chalicelib.spending.exchange.model import HELD_FOR
from chalicelib.spending.exchange.sweep import sweep
from tests.ledger.counter import give_points
from tests.members.stage import ADMIN_KEY
from tests.outside_world import ACCOUNTS, open_world
from tests.spending.exchanges import ACCOUNT, MILES, SECRET

PATH = "/v1/staff/exchange-partners/{partner_id}"


def exchange_day(day: Any, operator: str) -> None:
    """Every route of exchanges once; the last of them outlives its hold, so that there is a difference to close."""
    session = day.call(("POST", "/v1/sessions"), {"code": "demo-yue-0053"})
    token, member_id = session["token"], session["member_id"]
    give_points(open_ledger(), member_id, 1000, day.stage.now)
    with pytest.MonkeyPatch.context() as monkeypatch, open_world(day.stage, monkeypatch) as world:
        world.post("/partner", {"secret": SECRET})
        world.post("/partner-accounts", {"account": ACCOUNT})
        day.stage.rotate("connect", json.dumps({**ACCOUNTS, "partners": {"miles": {"secret": SECRET}}}))
        secret_values.forget()
        _partner(day, operator)
        _member(day, token)
        _reconciled(day, operator, world)
        _closed(day, operator, token, member_id, world)


def _partner(day: Any, operator: str) -> None:
    made = {"id": "miles", "partner": MILES}
    day.call(("POST", "/v1/staff/exchange-partners"), made, token=ADMIN_KEY)
    changed = {"version": 1, "partner": {**MILES, "member_times_per_day": 5, "all_points_per_day": 1_000_000}}
    day.call(("PUT", PATH), changed, token=ADMIN_KEY, partner_id="miles")
    switched = {"version": 2, "state": "on", "reason": "上线"}
    day.call(("POST", f"{PATH}/state"), switched, token=operator, partner_id="miles")
    day.call(("GET", "/v1/staff/exchange-partners"), token=operator)
    day.call(("GET", PATH), token=operator, partner_id="miles")


def _member(day: Any, token: str) -> None:
    day.call(("GET", "/v1/me/exchange-partners"), token=token, query="points=119")
    wish = {"partner": "miles", "account": ACCOUNT, "points": 119}
    made = day.call(("POST", "/v1/me/exchanges"), wish, token=token, Idempotency_Key="exchange-1")
    day.call(("GET", "/v1/me/exchanges"), token=token)
    day.call(("GET", "/v1/me/exchanges/{exchange_id}"), token=token, exchange_id=made["id"])


def _reconciled(day: Any, operator: str, world: Any) -> None:
    """The partner's file has one more than we know of."""
    on = business_on(day.stage.now, terms_at(day.stage.now).zone).isoformat()
    day.call(("GET", f"{PATH}/reconciliation"), token=operator, partner_id="miles", query=f"on={on}")
    file = world.get("/partner-file", on=on)["csv"] + f"{'0' * 23}1,成功,30,\r\n"
    body = {"on": on, "file": b64encode(file.encode()).decode()}
    day.call(("POST", f"{PATH}/reconciliations"), body, token=operator, partner_id="miles")
    day.call(("GET", f"{PATH}/reconciliations"), token=operator, partner_id="miles")


def _closed(day: Any, operator: str, token: str, member_id: str, world: Any) -> None:
    """The partner did it, nobody heard of it for a month, and the member may not spend by then."""
    world.post("/faults", {"api": "/exchanges", "kind": "timeout_after", "seconds": 0})
    wish = {"partner": "miles", "account": ACCOUNT, "points": 800}
    made = day.call(("POST", "/v1/me/exchanges"), wish, token=token, Idempotency_Key="exchange-2")["id"]
    later = day.stage.now + HELD_FOR
    world.post("/clock", {"at": later.isoformat()})
    terms, key = terms_at(later).ledger, "K#freeze#exchange"
    set_frozen(member_id, True, reason="风控", key=key, by="s1", ledger=open_ledger(), terms=terms, now=later)
    sweep(desk=open_desk(later), now=later, has_time=lambda: True)
    day.call(("GET", "/v1/staff/exchanges"), token=operator, query="work=uncharged")
    day.call(("GET", "/v1/staff/exchanges/{exchange_id}"), token=operator, exchange_id=made)
    closing = {"how": "waive", "reason": "会员已冻结"}
    day.call(("POST", "/v1/staff/exchanges/{exchange_id}/closing"), closing, token=ADMIN_KEY, exchange_id=made)
