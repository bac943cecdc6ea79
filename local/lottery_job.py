"""The main job's lottery: the demo's wheel (大转盘), published by a second person, and a draw of it asked for twice."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import Code
from chalicelib.runtime.clock import in_zone
from local.http_client import Api, Refused
from local.places import ROOT

ZONE = "Asia/Shanghai"
OPEN_DAYS = 90
CLAIM_DAYS = 30
_MAY_BE = {Code.DRAW_LIMIT.number, Code.INSUFFICIENT_POINTS.number}
"""What a member who drew in earlier runs of the day is told."""


def open_wheel(operator: Api, reviewer: Api, now: datetime) -> str:
    """The id of the demo's wheel that runs; where none does, one is written and published."""
    wheel = json.loads((ROOT / "local/wheel.json").read_text())
    running = {one["name"]: str(one["id"]) for one in operator.get("/v1/lotteries")["list"]}
    if wheel["name"] in running:
        return running[wheel["name"]]
    over = now + timedelta(days=OPEN_DAYS)
    times = {"from_at": now, "until_at": over, "claim_until_at": over + timedelta(days=CLAIM_DAYS)}
    span = {name: in_zone(at, ZONE) for name, at in times.items()}
    key = f"wheel-{now:%Y%m%d%H%M%S}"
    written = operator.post("/v1/staff/lotteries", {"document": {**wheel, **span}}, Idempotency_Key=key)
    body = {"version": written["version"], "reason": "开始抽奖"}
    return str(reviewer.post(f"/v1/staff/lotteries/{written['id']}/publish", body)["id"])


def draw_once(member: Api, lottery_id: str, run: str) -> str:
    """One draw, the same key twice; what came of it, in words."""
    path = f"/v1/me/lotteries/{lottery_id}/draws"
    try:
        drawn, again = (_drawn(member, path, f"draw-{run}") for _ in range(2))
    except Refused as refused:
        if refused.answer["code"] not in _MAY_BE:
            raise
        return str(refused.answer["msg"])
    return (
        f"{drawn['name']} for {drawn['points_spent']} points, by ticket {drawn['ticket']} of {drawn['tickets']}; "
        f"asked again: {again['name']}, replayed={again['replayed']}"
    )


def _drawn(member: Api, path: str, key: str) -> Any:
    return member.post(path, {"is_adult": True}, Idempotency_Key=key)
