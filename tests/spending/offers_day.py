"""The offers' part of the scripted day that the API's examples come from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.ledger.table import open_ledger
from tests.ledger.counter import give_points


def offers_day(day: Any, member_token: str, member_id: str, operator: str) -> None:
    """Every route of the offers once, over an item of the mall's day: a flash sale and a group of two."""
    other = day.call(("POST", "/v1/sessions"), {"code": "demo-duo-0052"})
    for id in (member_id, other["member_id"]):
        give_points(open_ledger(), id, 500, day.stage.now)
    _staff(day, operator)
    _flash_sale(day, member_token)
    _group(day, member_token, other["token"])
    day.call(("GET", "/v1/staff/offers/{offer_id}"), token=operator, offer_id="weekend")


def _staff(day: Any, operator: str) -> None:
    now, path = day.stage.now, "/v1/staff/offers/{offer_id}"
    flash = {
        "name": "周末特惠",
        "template": {"kind": "flash_sale", "per_member": 2},
        "item": "coupon_10",
        "points": 150,
        "pieces": 10,
        "from_at": now.isoformat(),
        "until_at": (now + timedelta(days=2)).isoformat(),
    }
    group = {**flash, "name": "好友拼团", "template": {"kind": "group_buy", "size": 2, "hours": 24}, "points": 120}
    day.call(("POST", "/v1/staff/offers"), {"id": "weekend", "offer": flash}, token=operator)
    day.call(("POST", "/v1/staff/offers"), {"id": "friends", "offer": group}, token=operator)
    changed = {"version": 1, "offer": {**flash, "pieces": 20}}
    day.call(("PUT", path), changed, token=operator, offer_id="weekend")
    for offer_id, version in (("weekend", 2), ("friends", 1)):
        switched = {"version": version, "state": "on", "reason": "周末活动"}
        day.call(("POST", f"{path}/state"), switched, token=operator, offer_id=offer_id)
    day.call(("GET", "/v1/staff/offers"), token=operator)


def _flash_sale(day: Any, token: str) -> None:
    quoted = day.call(("POST", "/v1/me/offers/{offer_id}/quotes"), {}, token=token, offer_id="weekend")
    day.call(("POST", "/v1/me/redemptions"), {"quote": quoted["quote"]}, token=token)


def _group(day: Any, token: str, other: str) -> None:
    def quote(of: str) -> dict[str, str]:
        quoted = day.call(("POST", "/v1/me/offers/{offer_id}/quotes"), {}, token=of, offer_id="friends")
        return {"quote": quoted["quote"]}

    opened = day.call(("POST", "/v1/me/offers/{offer_id}/groups"), quote(token), token=token, offer_id="friends")
    day.call(("GET", "/v1/me/offers"), token=token)
    day.call(("GET", "/v1/me/groups/{group_id}"), token=other, group_id=opened["id"])
    path = "/v1/me/groups/{group_id}/members"
    day.call(("DELETE", path), token=token, group_id=opened["id"])
    again = day.call(("POST", "/v1/me/offers/{offer_id}/groups"), quote(token), token=token, offer_id="friends")
    day.call(("POST", path), quote(other), token=other, group_id=again["id"])
