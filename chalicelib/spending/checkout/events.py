"""What wakes the checkout: the queue of refunds of orders that points paid a part of; settling orders fills it.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.earning.points_back import told_refund
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.runtime import log, queue
from chalicelib.spending.checkout.refund import refund_told
from chalicelib.spending.checkout.table import open_checkout

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"
ACTOR = "order_feed"


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=10, name="give_points_back")
def give_points_back(event: SQSEvent) -> dict[str, Any]:
    """Points of refunded orders, one refund after another, each once; the batch goes on when one of them fails."""

    def handle(record: Mapping[str, Any]) -> None:
        told = told_refund(record["body"])
        terms = terms_at(told.received_at)
        done = refund_told(told, actor=ACTOR, table=open_checkout(), ledger=open_ledger(), terms=terms)
        points = done.back.points if done and not done.replayed else 0
        log.outcome("points_given_back", order=told.order_no, refund=told.refund_no, points=points)

    return queue.each_message(event.to_dict(), handle, "give_points_back")
