"""A payment, or a refund of one, as the queue carries it from a verified notice to the giving. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from chalicelib.ledger.model import stamp
from chalicelib.spending.gifts.plan import Payment


class Refund(NamedTuple):
    """Money of a payment that went back."""

    platform: str
    number: str
    """The payment's."""
    refund_no: str
    refunded_fen: int


def queued(told: Payment | Refund) -> str:
    """As the queue carries it."""
    if isinstance(told, Refund):
        return json.dumps({"refund": told._asdict()})
    return json.dumps({"payment": {**told._asdict(), "paid_at": stamp(told.paid_at)}})


def untold(body: str) -> Payment | Refund:
    """What `queued` wrote."""
    given = json.loads(body)
    if "refund" in given:
        return Refund(**given["refund"])
    payment = given["payment"]
    return Payment(**{**payment, "paid_at": datetime.fromisoformat(payment["paid_at"])})
