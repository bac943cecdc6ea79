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
from chalicelib.connect.wechat_pay.mall_payment import confirmed
from chalicelib.runtime import clock, queue
from chalicelib.spending.mall.paid import paid

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=5, name="settle_mall_payments")
def settle_mall_payments(event: SQSEvent) -> dict[str, Any]:
    """Payments and refunds of the mall's: each is confirmed by WeChat Pay, then the mall settles its redemption.

    What cannot be confirmed or settled comes again, and ends among the dead letters.
    """

    def handle(record: Mapping[str, Any]) -> None:
        paid(confirmed(unqueued(record["body"]), open_pay(clock.utc_now())))

    return queue.each_message(event.to_dict(), handle, "settle_mall_payments")
