"""Levels and notices as members and staff read them: plain JSON, dates of the programme's zone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from chalicelib.ledger.items import Item
from chalicelib.ledger.level_notices import LOWERED, TRIAL_ENDED
from chalicelib.ledger.model import Notice
from chalicelib.members.level import Standing
from chalicelib.programme.claims import platform_name
from chalicelib.programme.levels import Level, Levels, Privileges
from chalicelib.programme.model import Terms
from chalicelib.programme.privileges import Entitled
from chalicelib.runtime.clock import in_zone

Answer = dict[str, Any]


def standing_answer(shown: Standing) -> Answer:
    """Where a member stands, and what becomes of it."""
    return {
        "level": level_answer(shown.level),
        "own_level": shown.own.id,
        "growth": shown.growth,
        "since_on": _day(shown.since_on),
        "until_on": _day(shown.until_on),
        "days_left": shown.days_left,
        "grace_until_on": _day(shown.grace_until_on),
        "keep_growth": shown.keep_growth,
        "missing_to_keep": shown.missing_to_keep,
        "projected_level": shown.projected.id,
        "next": None
        if shown.following is None
        else {**level_answer(shown.following.level), "missing_growth": shown.following.missing_growth},
        "trial": None if shown.trial is None else {"level": shown.trial.id, "until_on": _day(shown.trial_until_on)},
        "text": _in_words(shown),
    }


def level_answer(level: Level) -> Answer:
    """A level with what it is good for."""
    return {
        "id": level.id,
        "name": level.name,
        "from_growth": level.from_growth,
        "keep_growth": level.keep_growth,
        "privileges": _privileges(level.privileges),
    }


def entitled_answer(entitled: Entitled, price_fen: int | None) -> Answer:
    """What a member's level is good for now; of a price that was asked about also what the member pays."""
    level = entitled.level
    return {
        "level": {"id": level.id, "name": level.name},
        "until_on": _day(entitled.until_on),
        "is_trial": entitled.is_trial,
        **_privileges(level.privileges),
        "member_price_fen": None if price_fen is None else entitled.price_fen(price_fen),
    }


def _privileges(privileges: Privileges) -> Answer:
    return {
        "price_bp": privileges.price_bp,
        "free_freight": privileges.free_freight,
        "gates": list(privileges.gates),
        "texts": list(privileges.texts),
    }


def levels_answer(levels: Levels | None) -> list[Answer]:
    """All levels, lowest first."""
    return [level_answer(level) for level in levels.levels] if levels else []


def change_answer(line: Item, terms: Terms) -> Answer:
    """A line of the log of levels."""
    return {
        "at": in_zone(_instant(line["sk"]), terms.zone),
        "before": line["before"] or _first(terms),
        "after": line["after"] or _first(terms),
        "until_on": line.get("level_until") or None,
        "trial": {"level": line["trial"], "until_on": line["trial_until"]} if line.get("trial") else None,
        "reason": line.get("text", ""),
    }


def notice_answer(notice: Notice, terms: Terms) -> Answer:
    """A notice in words."""
    kind = notice.kind.partition("#")[0]
    return {"on": notice.on.isoformat(), "kind": kind, "text": _notice_in_words(kind, notice, terms)}


def _in_words(shown: Standing) -> str:
    if shown.days_left is not None and shown.missing_to_keep:
        if shown.days_left < 0:
            return f"{shown.own.name}已到期,最晚{_day(shown.grace_until_on)}再得{shown.missing_to_keep}成长值可保级"
        if shown.days_left <= _SOON_DAYS:
            return f"{shown.own.name}{_day(shown.until_on)}到期,再得{shown.missing_to_keep}成长值可保级"
    if shown.following is None:
        return f"您已是最高等级{shown.own.name}"
    if not shown.following.missing_growth:  # set lower by hand, or thresholds fell: the next growth raises
        return f"再获得成长值即升{shown.following.level.name}"
    return f"再得{shown.following.missing_growth}成长值升{shown.following.level.name}"


_SOON_DAYS = 60


def _notice_in_words(kind: str, notice: Notice, terms: Terms) -> str:
    facts = notice.facts
    if kind == "claim_lapsed":
        name = platform_name(facts["platform"])
        return f"未查到您认领的{name}订单{facts['order_no']},请核对订单号后重新提交"
    if kind == "level_ending":
        return f"{_name(facts['level'], terms)}会员将于{facts['until']}到期,成长值还不足以保级"
    if kind == LOWERED:
        before, after = _name(facts["before"], terms), _name(facts["after"], terms)
        return f"{_LOWERED_BY[facts['by']]},等级由{before}降为{after}"
    if kind == TRIAL_ENDED:
        return f"{_name(facts['trial'], terms)}会员体验已结束,当前等级为{_name(facts['level'], terms)}"
    ends = sorted(notice.facts["points"].items())
    told = "、".join(f"{points}分{on}到期" for on, points in ends)
    total = sum(points for _, points in ends)
    buys = [ware.name for ware in terms.programme.showcase if ware.points <= total]
    return f"{told},可兑{buys[-1]}" if buys else told


_LOWERED_BY = {
    "review": "有效期和宽限期已过,成长值不足以保级",
    "take_back": "退款等收回了成长值,已不足以保级",
    "staff": "等级经人工调整",
}


def _name(level_id: str, terms: Terms) -> str:
    return terms.level_names.names.get(level_id, level_id)


def _first(terms: Terms) -> str:
    return terms.programme.levels.levels[0].id if terms.programme.levels else ""


def _instant(key: str) -> datetime:
    return datetime.fromisoformat(key[:24])


def _day(on: date | None) -> str | None:
    return on.isoformat() if on else None
