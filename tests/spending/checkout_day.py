"""The checkout's part of the scripted day that the API's examples come from."""

from __future__ import annotations

from typing import Any

from chalicelib.ledger.table import open_ledger
from tests.ledger.counter import give_points

LINES = [
    {"line_no": "1", "sku": "HELMET-M", "category": "头盔", "paid_fen": 19900, "coupon_fen": 1000},
    {"line_no": "2", "sku": "LIGHT-2", "category": "车灯", "quantity": 2, "paid_fen": 8000},
]
BASKET = {"lines": LINES, "freight_fen": 1000, "coupon_fen": 1000}


def checkout_day(day: Any) -> None:
    """Every route of the checkout once: in the mini-program with the shop's server, at a till, given up, refunded."""
    session = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0046"})
    token, who = session["token"], {"member_id": session["member_id"]}
    give_points(open_ledger(), session["member_id"], 6000, day.stage.now)
    order = {"platform": "wechat", "order_no": "420046"}
    asked = {**BASKET, "points": 6000, "order": order}
    quote = day.call(("POST", "/v1/me/checkout-quotes"), asked, token=token)["quote"]
    day.call(("POST", "/v1/me/checkout-holds"), {"quote": quote}, token=token)
    paid = {**BASKET, "quote": quote, "member": who, "order": order}
    day.call(("POST", "/v1/ingest/checkout-captures"), paid)
    refund = {**order, "refund_no": "R46", "lines": [{"line_no": "2", "quantity": 1}]}
    day.call(("POST", "/v1/ingest/checkout-refunds"), refund)
    till = {"lines": [{"line_no": "1", "paid_fen": 2500}], "member": who}
    at_till = day.call(("POST", "/v1/ingest/checkout-quotes"), till)["quote"]
    day.call(("POST", "/v1/ingest/checkout-holds"), {"quote": at_till, "member": who})
    day.call(("POST", "/v1/ingest/checkout-releases"), {"quote": at_till})
    again = day.call(("POST", "/v1/me/checkout-quotes"), {**BASKET, "points": 500}, token=token)["quote"]
    day.call(("POST", "/v1/me/checkout-holds"), {"quote": again}, token=token)
    day.call(("POST", "/v1/me/checkout-releases"), {"quote": again}, token=token)
