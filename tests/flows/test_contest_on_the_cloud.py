"""Many members want few pieces at once, on the deployed stage: exactly so many win as there are pieces, each pays once.

Forty members and ten pieces by default; JIFEN_CONTEST=whole, as in `make proofs`, has two hundred fight for fifty.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

from local.audit import Report, audit
from local.http_client import Api, Refused
from local.in_process import adopted
from local.stack import Stack
from tests.flows.stage import at_once, funded, ledger_of, log_in, patiently
from tests.spending.malls import COUPON

pytestmark = pytest.mark.cloud
MEMBERS, PIECES = (200, 50) if os.environ.get("JIFEN_CONTEST") == "whole" else (40, 10)
SOLD_OUT = 40954


def item_on_sale(admin: Api, item_id: str) -> None:
    item = {"name": "限量券", "good": COUPON, "prices": [{"id": "points", "points": 100}], "shards": 4}
    made = admin.post("/v1/staff/mall/items", {"id": item_id, "item": item})
    path = f"/v1/staff/mall/items/{item_id}"
    admin.post(f"{path}/stock-changes", {"pieces": PIECES, "reason": "首批"}, Idempotency_Key=item_id)
    admin.post(f"{path}/state", {"version": made["version"], "state": "on", "reason": "开抢"})


def redeem(member: Api, quote: str) -> Any:
    """The redemption, or the code of what refused it for good."""
    try:
        return patiently(lambda: member.post("/v1/me/redemptions", {"quote": quote}))["id"]
    except Refused as refused:
        return refused.answer["code"]


def test_exactly_as_many_win_as_there_are_pieces(cloud: Stack, admin: Api, name: str) -> None:
    item_id = f"rush_{name}"
    item_on_sale(admin, item_id)
    ledger = ledger_of(cloud)
    members = at_once(16, lambda part: [log_in(cloud, f"{name}{one}") for one in range(part, MEMBERS, 16)])
    everyone = [member for part in members for member in part]
    ids = [member.get("/v1/me")["member_id"] for member in everyone]
    for member_id in ids:
        funded(ledger, member_id, 150)
    asked = {"item_id": item_id, "price": "points"}
    quotes = [member.post("/v1/me/mall/quotes", asked)["quote"] for member in everyone]

    answers = at_once(MEMBERS, lambda number: redeem(everyone[number], quotes[number]))
    again = at_once(MEMBERS, lambda number: redeem(everyone[number], quotes[number]))

    winners = [place for place, answer in enumerate(answers) if answer != SOLD_OUT]
    assert Counter(answer == SOLD_OUT for answer in answers) == {True: MEMBERS - PIECES, False: PIECES}
    assert again == answers
    assert admin.get(f"/v1/staff/mall/items/{item_id}")["stock"] == {"left": 0, "taken": PIECES}
    left = [account.available_points for account in map(ledger.read, ids)]
    assert left == [50 if place in winners else 150 for place in range(MEMBERS)]
    found: list[Any] = []
    report = Report(found.append)
    with adopted(cloud):
        for member_id in ids:
            audit(report, segments=1, member_id=member_id)
    assert found == []
