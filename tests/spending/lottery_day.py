"""The lottery's part of the scripted day that the API's examples come from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.ledger.table import open_ledger
from chalicelib.runtime.clock import in_zone
from chalicelib.spending.lottery import draw as drawing
from tests.ledger.counter import give_points
from tests.spending.lotteries import with_prize
from tests.spending.malls import SHIP


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
    days = {"from_at": 0, "until_at": 30, "claim_until_at": 60}
    span = {name: in_zone(now + timedelta(days=after), "Asia/Shanghai") for name, after in days.items()}
    wheel = with_prize("coupon", weight=3_900)
    document = {**wheel, **span, "prizes": [wheel["prizes"][place] for place in (3, 0, 4, 5)]}
    path, one = "/v1/staff/lotteries", "/v1/staff/lotteries/{lottery_id}"
    made = day.call(("POST", path), {"document": document}, token=operator, Idempotency_Key="wheel-1")
    better = {"document": {**document, "daily_draws": 5}, "version": 1}
    day.call(("PUT", one), better, token=operator, lottery_id=made["id"])
    body = {"version": 2, "reason": "周年庆抽奖"}
    day.call(("POST", f"{one}/publish"), body, token=reviewer, lottery_id=made["id"])
    return str(made["id"])


def _claimed(day: Any, token: str, lottery_id: str) -> None:
    """A bottle is won, by the last ticket of all, and sent."""
    mine, body = "/v1/me/lotteries/{lottery_id}/draws", {"is_adult": True, "cost": "points"}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(drawing.draw_once, "__kwdefaults__", {"roll": lambda tickets: tickets - 1})
        won = day.call(("POST", mine), body, token=token, lottery_id=lottery_id, Idempotency_Key="draw-0")
    ids = {"lottery_id": lottery_id, "draw_id": won["draw_id"]}
    day.call(("POST", f"{mine}/{{draw_id}}/claim"), {"delivery": SHIP}, token=token, **ids)


def _drawn(day: Any, token: str, lottery_id: str) -> None:
    day.call(("GET", "/v1/lotteries"))
    day.call(("GET", "/v1/lotteries/{lottery_id}"), lottery_id=lottery_id)
    mine = "/v1/me/lotteries/{lottery_id}"
    day.call(("GET", mine), token=token, lottery_id=lottery_id)
    body = {"is_adult": True}
    _claimed(day, token, lottery_id)
    day.call(("POST", f"{mine}/draws"), body, token=token, lottery_id=lottery_id, Idempotency_Key="draw-1")
    day.call(("GET", "/v1/me/prizes"), token=token)
    day.call(("GET", "/v1/lotteries/{lottery_id}/winners"), lottery_id=lottery_id)
