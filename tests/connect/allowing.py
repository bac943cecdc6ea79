"""Members of the stand-in who allow messages: templates there and in the stage's secret, taps on both sides."""

from __future__ import annotations

import itertools
import json
from typing import Any

from chalicelib.connect.wechat.grants_table import GrantsTable
from chalicelib.connect.wechat.taps import Teller
from tests.members.stage import Stage
from tests.outside_world import ACCOUNTS
from tests.stand_in.outsiders import MINI, Admin

REMINDER, EXPIRING, ENDING = "T-reminder", "T-expiring", "T-ending"
FIELDS = {REMINDER: ["thing1", "date2"], EXPIRING: ["thing1", "number2", "date3"], ENDING: ["phrase1", "date2"]}
MESSAGES: dict[str, Any] = {
    "check_in_reminder": {
        "template_id": REMINDER,
        "page": "pages/check-in/index",
        "fields": {"thing1": ["已连续签到{streak_days}天,今天还没有签到", "今天还没有签到"], "date2": "{on}"},
    },
    "points_expiring": {
        "template_id": EXPIRING,
        "fields": {"thing1": "您有积分即将到期", "number2": "{points}", "date3": "{until}"},
    },
    "level_ending": {"template_id": ENDING, "fields": {"phrase1": "{level}", "date2": "{until}"}},
}

_reports = itertools.count()


def configure(stage: Stage, world: Admin, messages: Any = MESSAGES, **wecom: Any) -> None:
    """Put the templates into the stage's secret and into WeChat."""
    accounts = {
        **ACCOUNTS,
        "mini_program": {**ACCOUNTS["mini_program"], "messages": messages},
        "wecom": {**ACCOUNTS["wecom"], **wecom},
    }
    stage.rotate("connect", json.dumps(accounts))
    for template_id, fields in FIELDS.items():
        world.post("/templates", {"appid": MINI[0], "template_id": template_id, "fields": fields})


def tap(world: Admin, template_id: str, count: int = 1, **who: str) -> str:
    """Let somebody allow messages at WeChat; the openid."""
    asked = {"appid": MINI[0], "template_id": template_id, "count": count, **(who or {"person": "mei"})}
    return str(world.post("/taps", asked)["openid"])


def tell(grants: GrantsTable, stage: Stage, openid: str, template_id: str, count: int = 1) -> None:
    """Have the app report so many taps, each under a key of its own."""
    for _ in range(count):
        key = f"report-{next(_reports)}"
        grants.count(openid, {template_id: True}, Teller.APP, key=key, input_hash="", now=stage.now)


def left_outside(world: Admin, openid: str, template_id: str) -> int:
    return int(world.get("/taps", appid=MINI[0], openid=openid, template_id=template_id)["left"])


def left_here(grants: GrantsTable, openid: str, template_id: str) -> int:
    return grants.taps(openid, [template_id])[template_id].left


def received(world: Admin, path: str) -> int:
    return len(world.get("/received", path=path)["received"])
