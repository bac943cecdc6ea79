"""A level set by hand (人工定级): higher or lower than growth has won, with an end like any other level's."""

from __future__ import annotations

from datetime import date, datetime

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.calendar import months_after
from chalicelib.ledger.client_keys import key_id, once
from chalicelib.ledger.commands import SetLevel
from chalicelib.ledger.levels import settled
from chalicelib.ledger.model import Account, Cause, Kind, Posting, Receipt, Refusal, business_on, digest
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.levels import Level
from chalicelib.programme.model import Terms

ACTIVITY = "level_set"
MOST_MONTHS = 60
"""The latest end that may be given, in months from today."""


def set_level(
    member_id: str,
    level_id: str,
    until_on: date | None,
    *,
    reason: str,
    key: str,
    by: str,
    ledger: LedgerTable,
    terms: Terms,
    now: datetime,
) -> Receipt:
    """Give a member a level through `until_on` (None: as long as a level lasts), once per client key (`key` is the
    guard of that key). Its end is reviewed like any other.

    Raises LEVEL_REFUSED with the reason, KEY_REUSED when the key came with another request.
    """
    asked = {"member": member_id, "level": level_id, "until": str(until_on or ""), "reason": reason}
    cause = Cause(
        kind=Kind.LEVEL,
        activity=ACTIVITY,
        id=key_id(key),
        at=now,
        occurred_at=now,
        source="staff",
        actor=by,
        input_hash=digest(asked),
    )

    def decide(seen: Seen) -> Posting:
        command = _given(seen.account, level_id, until_on, cause, terms, now)
        return apply(seen.account, [command._replace(facts={"reason": reason})], terms.ledger, now)

    return ledger.post(member_id, once(key, member_id, cause, decide), guard_key=key)


def _given(
    account: Account, level_id: str, until_on: date | None, cause: Cause, terms: Terms, now: datetime
) -> SetLevel:
    """What is to be set from today on; nothing that would change nothing, and no end that is over or far away."""
    levels, judged = terms.programme.levels, terms.ledger.levels
    today_on = business_on(now, terms.zone)
    if levels is None or judged is None:
        raise Refusal(Code.LEVEL_REFUSED, cause, "当前方案没有会员等级")
    level = next((one for one in levels.levels if one.id == level_id), None)
    if level is None:
        raise Refusal(Code.LEVEL_REFUSED, cause, "方案中没有这个等级", field="level")
    if until_on is not None:
        _require_end(level, levels.levels[0], until_on, today_on, cause)
    ends_on = until_on
    if ends_on is None and level is not levels.levels[0]:
        ends_on = months_after(today_on, judged.valid_months)
    tenure = settled(account.tenure, account.growth, judged, today_on)
    if (judged.rank(tenure.level), tenure.until_on) == (judged.rank(level_id), ends_on):
        raise Refusal(
            Code.LEVEL_REFUSED, cause, f"会员已是{level.name}会员" + (f",有效期至{ends_on}" if ends_on else "")
        )
    return SetLevel(cause, level_id, ends_on, False, terms.version, _in_words(level, ends_on))


def _require_end(level: Level, first: Level, until_on: date, today_on: date, cause: Cause) -> None:
    latest_on = months_after(today_on, MOST_MONTHS)
    if level is first:
        raise Refusal(Code.LEVEL_REFUSED, cause, f"{level.name}会员是第一个等级,没有有效期", field="until_on")
    if until_on < today_on:
        raise Refusal(Code.LEVEL_REFUSED, cause, "有效期已过", field="until_on")
    if until_on > latest_on:
        raise Refusal(Code.LEVEL_REFUSED, cause, f"有效期最晚到{latest_on}", field="until_on")


def _in_words(level: Level, ends_on: date | None) -> str:
    return f"等级设为{level.name}会员" + (f",有效期至{ends_on}" if ends_on else "")
