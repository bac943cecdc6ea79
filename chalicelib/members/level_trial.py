"""A timed trial of a higher level (等级体验): it ends by itself, on the day the due index names."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.client_keys import key_id, once
from chalicelib.ledger.commands import SetLevel
from chalicelib.ledger.levels import settled
from chalicelib.ledger.model import (
    Account,
    Cause,
    Kind,
    Posting,
    Receipt,
    Refusal,
    business_on,
    digest,
    start_of,
)
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.levels import Level
from chalicelib.programme.model import Terms

ACTIVITY = "level_trial"


def try_level(member_id: str, level_id: str, *, ledger: LedgerTable, terms: Terms, now: datetime) -> Receipt:
    """The member's own trial of a level, once a calendar year; a repeat returns the first receipt.

    Raises LEVEL_TRIAL_REFUSED with the reason, KEY_REUSED when this year's trial was of another level.
    """
    today_on = business_on(now, terms.zone)
    trial = terms.programme.levels.trial if terms.programme.levels else None
    cause = Cause(
        kind=Kind.LEVEL,
        activity=ACTIVITY,
        id=str(today_on.year),
        at=start_of(date(today_on.year, 1, 1), terms.zone),
        occurred_at=now,
        source="mini_program",
        actor=member_id,
        input_hash=digest({"level": level_id}),
    )

    def decide(seen: Seen) -> Posting:
        if trial is None or level_id not in trial.levels:
            raise Refusal(Code.LEVEL_TRIAL_REFUSED, cause, "这个等级暂不开放体验")
        return apply(seen.account, [_begin(seen.account, level_id, trial.days, cause, terms, now)], terms.ledger, now)

    return ledger.post(member_id, decide)


def give_trial(
    member_id: str,
    level_id: str,
    days: int,
    *,
    reason: str,
    key: str,
    by: str,
    ledger: LedgerTable,
    terms: Terms,
    now: datetime,
) -> Receipt:
    """Staff let a member try a level for some days, once per client key (`key` is the guard of that key).

    Raises LEVEL_TRIAL_REFUSED with the reason, KEY_REUSED when the key came with another request.
    """

    cause = Cause(
        kind=Kind.LEVEL,
        activity=ACTIVITY,
        id=key_id(key),
        at=now,
        occurred_at=now,
        source="staff",
        actor=by,
        input_hash=digest({"member": member_id, "level": level_id, "days": days, "reason": reason}),
    )

    def decide(seen: Seen) -> Posting:
        command = _begin(seen.account, level_id, days, cause, terms, now)
        return apply(seen.account, [command._replace(facts={"reason": reason})], terms.ledger, now)

    return ledger.post(member_id, once(key, member_id, cause, decide), guard_key=key)


def _begin(account: Account, level_id: str, days: int, cause: Cause, terms: Terms, now: datetime) -> SetLevel:
    """The trial that begins today; only of a higher level, and only one at a time."""
    levels, judged = terms.programme.levels, terms.ledger.levels
    today_on = business_on(now, terms.zone)
    if levels is None or judged is None:
        raise Refusal(Code.LEVEL_TRIAL_REFUSED, cause, "当前方案没有会员等级")
    tenure = settled(account.tenure, account.growth, judged, today_on)
    if tenure.trial:
        raise Refusal(Code.LEVEL_TRIAL_REFUSED, cause, "已有正在体验的等级")
    level = next((one for one in levels.levels if one.id == level_id), None)
    if level is None or judged.rank(level_id) <= judged.rank(tenure.level):
        raise Refusal(Code.LEVEL_TRIAL_REFUSED, cause, "只能体验更高的等级")
    return SetLevel(cause, level_id, today_on + timedelta(days=days - 1), True, terms.version, _in_words(level, days))


def _in_words(level: Level, days: int) -> str:
    return f"体验{level.name}会员{days}天"
