"""What wakes the settling of the mall's payments: the queue that WeChat Pay's notices fill.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.connect.wechat_pay.api import PayApi, open_pay
from chalicelib.connect.wechat_pay.mall_notice import MALL_PREFIX, MallNotice, unqueued
from chalicelib.connect.wechat_pay.mall_payment import confirm
from chalicelib.connect.wechat_pay.orders import Order
from chalicelib.connect.wechat_pay.refunds import Refund
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.runtime import clock, log, queue
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.begin_payment import redemption_id_of
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.give_money_back import note_refund, refund_number
from chalicelib.spending.mall.settle_payment import settle_paid
from chalicelib.spending.mall.table import open_mall

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"
_OURS = re.compile(MALL_PREFIX + r"[0-9a-f]{24}")


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=5, name="settle_mall_payments")
def settle_mall_payments(event: SQSEvent) -> dict[str, Any]:
    """Payments and refunds of the mall's, each confirmed by WeChat Pay before anything hangs on it.

    What cannot be confirmed or settled comes again, and ends among the dead letters; so does money that is another sum
    than was asked. A number that no redemption can have is a till's: it is logged, and nobody's here.
    """

    def handle(record: Mapping[str, Any]) -> None:
        notice, now = unqueued(record["body"]), clock.utc_now()
        api = open_pay(now)
        stands = confirm(notice, api)
        log.outcome(
            "mall_payment",
            what=notice.what.value,
            out_trade_no=stands.out_trade_no,
            out_refund_no=notice.out_refund_no or None,
            state=stands.state.value,
            total_fen=stands.total_fen,
            refund_fen=notice.refund_fen or None,
        )
        if _OURS.fullmatch(stands.out_trade_no):
            _settle(notice, stands, api, now)

    return queue.each_message(event.to_dict(), handle, "settle_mall_payments")


def _settle(notice: MallNotice, stands: Order | Refund, api: PayApi, now: datetime) -> None:
    redemption_id = redemption_id_of(notice.out_trade_no)
    desk = Desk(open_mall(), open_goods(), open_ledger(), terms_at(now))
    if isinstance(stands, Order):
        settle_paid(redemption_id, stands, desk=desk, api=api, now=now)
        return
    found = desk.mall.redemption(redemption_id)
    if found is None:
        raise JifenError(Code.REDEMPTION_NOT_FOUND)
    if stands.out_refund_no == refund_number(redemption_id):  # what people gave back by hand is no word of ours
        note_refund(found, stands.state, desk=desk)
