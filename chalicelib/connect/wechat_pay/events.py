"""What wakes the settling of the points mall's payments: the queue that WeChat Pay's notices fill.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.connect.wechat_pay.api import open_pay
from chalicelib.connect.wechat_pay.mall_notice import unqueued
from chalicelib.connect.wechat_pay.mall_payment import confirm
from chalicelib.runtime import clock, log, queue

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=5, name="settle_mall_payments")
def settle_mall_payments(event: SQSEvent) -> dict[str, Any]:
    """Payments and refunds of the mall's, each confirmed by WeChat Pay before anything hangs on it.

    THE PLACE WHERE A REDEMPTION IS SETTLED: the mall, which does not stand yet, takes `stands` from here, an order that
    is paid or a refund at its end. It must take the same again, and a payment of a redemption that was given up. Until
    then the outcome is logged and nothing more. What cannot be confirmed comes again, and ends among the dead letters.
    """

    def handle(record: Mapping[str, Any]) -> None:
        notice = unqueued(record["body"])
        stands = confirm(notice, open_pay(clock.utc_now()))
        log.outcome(
            "mall_payment",
            what=notice.what.value,
            out_trade_no=stands.out_trade_no,
            out_refund_no=notice.out_refund_no or None,
            state=stands.state.value,
            total_fen=stands.total_fen,
            refund_fen=notice.refund_fen or None,
        )

    return queue.each_message(event.to_dict(), handle, "settle_mall_payments")
