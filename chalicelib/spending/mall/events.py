"""What wakes the mall: the queue that WeChat Pay's notices fill, and the sweep of redemptions every five minutes.

Deployed as stand-alone functions: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN. "Now" of the sweep is its event's own `time`, so that a missed one can be run later as of its own time;
what it says to the outside it says as of the clock, or it would not be believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from chalice.app import Blueprint, CloudWatchEvent, Rate, SQSEvent

from chalicelib.connect.wechat.api import WechatApi, open_api
from chalicelib.connect.wechat_pay.api import PayApi, open_pay, open_pay_if_connected
from chalicelib.connect.wechat_pay.mall_notice import MALL_PREFIX, MallNotice, unqueued
from chalicelib.connect.wechat_pay.mall_payment import confirm
from chalicelib.connect.wechat_pay.orders import Order
from chalicelib.connect.wechat_pay.refunds import Refund
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.members.tagged import tags_of
from chalicelib.programme.table import terms_at
from chalicelib.runtime import clock, log, queue
from chalicelib.runtime.settings import settings
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.lottery.claim_prize import Prizes
from chalicelib.spending.lottery.sweep import sweep_unclaimed
from chalicelib.spending.lottery.table import open_lotteries
from chalicelib.spending.mall.begin_payment import redemption_id_of
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.give_money_back import note_refund, refund_number
from chalicelib.spending.mall.restock import Told, sweep_restocked
from chalicelib.spending.mall.settle_payment import settle_paid
from chalicelib.spending.mall.sweep import Sweep, Swept
from chalicelib.spending.mall.table import MallTable, open_mall

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"
STOP_BEFORE_MS = 40_000
"""Longer than one redemption may take when none of the systems outside answers."""
_OURS = re.compile(MALL_PREFIX + r"[0-9a-f]{24}")


class SweepUnfinished(Exception):
    """Some redemptions had a fault: raised after all others were done, so that the function's error alarm sees it."""


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


@bp.schedule(Rate(5, unit=Rate.MINUTES), name="sweep_redemptions")
def sweep_redemptions(event: CloudWatchEvent) -> None:
    """Parcels that count as received, prizes that nobody claimed; then what needs somebody outside: redemptions not
    paid in time, money on its way back, what WeChat is to be told of; and who waits for what is there again.
    """
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    now = datetime.fromisoformat(event.to_dict()["time"]).astimezone(UTC)
    mall = open_mall()
    sweep = Sweep(now, lambda: remaining_ms() > STOP_BEFORE_MS)
    received = sweep.receive(mall)
    prizes = Prizes(open_lotteries(), mall, open_ledger())
    unclaimed = sweep_unclaimed(prizes=prizes, now=now, has_time=sweep.has_time)
    log.outcome("prizes_swept", lapsed=unclaimed.lapsed, failed=unclaimed.failed, finished=unclaimed.finished)
    swept = {"received": received} | _swept_money(sweep)
    failed = sum(one.failed for one in swept.values())
    is_finished = all(one.finished for one in swept.values())
    log.outcome(
        "redemptions_swept", **{name: one.done for name, one in swept.items()}, failed=failed, finished=is_finished
    )
    restocked = _tell_restocked(mall, now, sweep.has_time)  # last: no queue of messages holds up money
    if failed := failed + unclaimed.failed + restocked.failed:
        raise SweepUnfinished(f"{failed} redemptions left for a later sweep")


def _tell_restocked(mall: MallTable, now: datetime, has_time: Callable[[], bool]) -> Told:
    """Where this stage sends subscribe messages; else who waits goes on waiting."""
    if settings().subscribe_messages == "off" or not mall.restocks.begun():
        return Told()
    desk = Desk(mall, open_goods(), open_ledger(), terms_at(now), tags_of)
    url = settings().reminders_queue_url
    told = sweep_restocked(desk=desk, tell=lambda bodies: queue.send(url, bodies), now=now, has_time=has_time)
    log.outcome("restock_told", told=told.told, failed=told.failed, finished=told.finished)
    return told


def _swept_money(sweep: Sweep) -> dict[str, Swept]:
    """What needs WeChat Pay or WeChat; where no merchant is connected what is not paid is closed all the same."""
    now = clock.utc_now()
    desk = Desk(open_mall(), open_goods(), open_ledger(), terms_at(sweep.now), tags_of)
    pay, mini_program = open_pay_if_connected(now), _mini_program(now)
    swept = {"closed": sweep.close(desk, pay)}
    if pay:
        swept["refunds"] = sweep.refund(desk, pay)
    if pay and mini_program:
        swept["reports"] = sweep.report(desk.mall, pay.merchant.mchid, mini_program)
    return swept


def _mini_program(now: datetime) -> WechatApi | None:
    try:
        return open_api("mini_program", now)
    except JifenError as refused:
        if refused.code is not Code.NOT_CONNECTED:
            raise
        return None


def _settle(notice: MallNotice, stands: Order | Refund, api: PayApi, now: datetime) -> None:
    redemption_id = redemption_id_of(notice.out_trade_no)
    desk = Desk(open_mall(), open_goods(), open_ledger(), terms_at(now), tags_of)
    if isinstance(stands, Order):
        settle_paid(redemption_id, stands, desk=desk, api=api, now=now)
        return
    if stands.out_refund_no == refund_number(redemption_id):  # what people gave back by hand is no word of ours
        note_refund(redemption_id, stands.state, desk=desk, now=now)
