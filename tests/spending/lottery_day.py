"""The lottery's part of the scripted day that the API's examples come from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.ledger.table import open_ledger
from chalicelib.runtime.clock import in_zone
from tests.ledger.counter import give_points
from tests.spending.lotteries import with_prize


def lottery_day(day: Any, token: str, member_id: str, operator: str, reviewer: str) -> None:
    """Every route of the lottery once: a wheel of a coupon and of points."""
    give_points(open_ledger(), member_id, 500, day.stage.now)
    lottery_id = _kept(day, operator, reviewer)
    _drawn(day, token, lottery_id)
    one = "/v1/staff/lotteries/{lottery_id}"
    day.call(("GET", f"{one}/draws"), token=operator, query="limit=20", lottery_id=lottery_id)
    day.call(("GET", f"{one}/statistics"), token=operator, lottery_id=lottery_id)
    reason = {"reason": "核查奖品"}
    day.call(("POST", f"{one}/pause"), reason, token=operator, lottery_id=lottery_id)
    day.call(("POST", f"{one}/resume"), {"reason": "核查无误"}, token=operator, lottery_id=lottery_id)
    day.call(("GET", "/v1/staff/lotteries"), token=operator)
    day.call(("GET", one), token=operator, lottery_id=lottery_id)


def _kept(day: Any, operator: str, reviewer: str) -> str:
    now = day.stage.now
    span = {"from_at": in_zone(now, "Asia/Shanghai"), "until_at": in_zone(now + timedelta(days=30), "Asia/Shanghai")}
    wheel = with_prize("coupon", weight=9_000)
    document = {**wheel, **span, "prizes": [wheel["prizes"][3], wheel["prizes"][0]]}
    path, one = "/v1/staff/lotteries", "/v1/staff/lotteries/{lottery_id}"
    made = day.call(("POST", path), {"document": document}, token=operator, Idempotency_Key="wheel-1")
    better = {"document": {**document, "daily_draws": 5}, "version": 1}
    day.call(("PUT", one), better, token=operator, lottery_id=made["id"])
    body = {"version": 2, "reason": "周年庆抽奖"}
    day.call(("POST", f"{one}/publish"), body, token=reviewer, lottery_id=made["id"])
    return str(made["id"])


def _drawn(day: Any, token: str, lottery_id: str) -> None:
    day.call(("GET", "/v1/lotteries"))
    day.call(("GET", "/v1/lotteries/{lottery_id}"), lottery_id=lottery_id)
    mine = "/v1/me/lotteries/{lottery_id}"
    day.call(("GET", mine), token=token, lottery_id=lottery_id)
    body = {"is_adult": True}
    day.call(("POST", f"{mine}/draws"), body, token=token, lottery_id=lottery_id, Idempotency_Key="draw-1")
    day.call(("GET", "/v1/me/prizes"), token=token)
    day.call(("GET", "/v1/lotteries/{lottery_id}/winners"), lottery_id=lottery_id)
