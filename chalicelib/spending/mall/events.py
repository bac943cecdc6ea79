"""What wakes the mall: the queue that WeChat Pay's notices fill, and the sweep of redemptions every five minutes.

Deployed as stand-alone functions: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN. "Now" of the sweep is its event's own `time`, so that a missed one can be run later as of its own time;
what it says to the outside it says as of the clock, or it would not be believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
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
from chalicelib.spending.mall.restock import RESTOCKED, sweep_restocked
from chalicelib.spending.mall.settle_payment import settle_paid
from chalicelib.spending.mall.sweep import Sweep
from chalicelib.spending.mall.table import open_mall
from chalicelib.spending.mall.turns import HasTime, Part, Swept, twice_in_turns

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"
STOP_BEFORE_MS = 40_000
"""Longer than one redemption may take when none of the systems outside answers."""
_OURS = re.compile(MALL_PREFIX + r"[0-9a-f]{24}")


class SweepUnfinished(Exception):
    """Some had a fault: raised after all others were done, so that the function's error alarm sees it."""


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
    """Money first: redemptions not paid in time, money on its way back; then what WeChat is to be told of, parcels that
    count as received, prizes that nobody claimed; and last who waits for what is there again. Each has its share of the
    time in every sweep, and where something is left over, redemptions go on with it.
    """
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    now = datetime.fromisoformat(event.to_dict()["time"]).astimezone(UTC)
    redemptions = _redemptions(Sweep(now, lambda: False))
    more = {"prizes": partial(_lapse_prizes, now), "restock": partial(_tell_restocked, now)}
    swept = twice_in_turns(redemptions | more, redemptions, lambda: remaining_ms() - STOP_BEFORE_MS)
    log.outcome(
        "redemptions_swept",
        **{name: swept[name].done for name in redemptions},
        failed=sum(swept[name].failed for name in redemptions),
        finished=all(swept[name].finished for name in redemptions),
    )
    if failed := sum(one.failed for one in swept.values()):
        raise SweepUnfinished(f"{failed} left for a later sweep")


def _redemptions(sweep: Sweep) -> dict[str, Part]:
    """What is done about redemptions, in order. Where no merchant is connected what is not paid is closed all the same;
    what cannot be opened fails what needs it, and no more.
    """
    mall, now = open_mall(), clock.utc_now()

    def desk() -> Desk:
        return Desk(mall, open_goods(), open_ledger(), terms_at(sweep.now), tags_of)

    def close(has_time: HasTime) -> Swept:
        return replace(sweep, has_time=has_time).close(desk(), open_pay_if_connected(now))

    def refund(has_time: HasTime) -> Swept:
        pay = open_pay_if_connected(now)
        return replace(sweep, has_time=has_time).refund(desk(), pay) if pay else Swept()

    def report(has_time: HasTime) -> Swept:
        pay, mini_program = open_pay_if_connected(now), _mini_program(now)
        if not pay or not mini_program:
            return Swept()
        return replace(sweep, has_time=has_time).report(mall, pay.merchant.mchid, mini_program)

    def receive(has_time: HasTime) -> Swept:
        return replace(sweep, has_time=has_time).receive(mall)

    return {"closed": close, "refunds": refund, "reports": report, "received": receive}


def _lapse_prizes(now: datetime, has_time: HasTime) -> Swept:
    prizes = Prizes(open_lotteries(), open_mall(), open_ledger())
    unclaimed = sweep_unclaimed(prizes=prizes, now=now, has_time=has_time)
    log.outcome("prizes_swept", lapsed=unclaimed.lapsed, failed=unclaimed.failed, finished=unclaimed.finished)
    return Swept(*unclaimed)


def _tell_restocked(now: datetime, has_time: HasTime) -> Swept:
    """Where this stage sends such messages; else who waits goes on waiting."""
    from chalicelib.connect.wechat.templates import is_sent

    mall = open_mall()
    if not mall.restocks.begun() or not is_sent(RESTOCKED, clock.utc_now()):
        return Swept()
    desk = Desk(mall, open_goods(), open_ledger(), terms_at(now), tags_of)
    url = settings().reminders_queue_url
    told = sweep_restocked(desk=desk, tell=lambda bodies: queue.send(url, bodies), now=now, has_time=has_time)
    log.outcome("restock_told", told=told.told, failed=told.failed, finished=told.finished)
    return Swept(*told)


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
