"""The decision at the heart of the ledger: `apply(account, commands, terms, now) -> Posting`. Pure.

Whatever is due is booked first, so that no command ever sees an expired point and correctness never waits for the
night. Commands run in the order given, each leaves one entry, and the posting holds them all. Entries are sealed into
the member's chain when they are written (`chain.py`), not here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from chalicelib.errors import Code
from chalicelib.ledger.buckets import Buckets, bucket_expires_on, bucket_key, class_of, spend_order, take
from chalicelib.ledger.closing import close, take_in
from chalicelib.ledger.commands import (
    Activate,
    AdjustPending,
    Capture,
    Close,
    Command,
    Earn,
    Expire,
    Freeze,
    GiveBack,
    Hold,
    Open,
    Receive,
    Redeem,
    Reverse,
    SetLevel,
    TakeIn,
)
from chalicelib.ledger.ends import has_ended
from chalicelib.ledger.levels import Tenure
from chalicelib.ledger.model import MAX_POINTS, Account, LedgerTerms, Policy, Posting, Refusal
from chalicelib.ledger.work import Work


def apply(account: Account, commands: Sequence[Command], terms: LedgerTerms, now: datetime) -> Posting:
    """Decide what `commands` do to `account` at `now` (UTC).

    Raises Refusal (nothing may be written) when a command cannot be met. An account never goes back in time:
    `posted_at` is the later of `now` and the account's last posting.
    """
    if account.merged_into:
        raise AssertionError(f"{account.member_id} is closed")
    work = Work(account, terms, now)
    only_worker = True
    for command in commands:
        work.expire()
        work.review()
        if type(command) is not Expire:
            only_worker = False
            _DECIDERS[type(command)](work, command)
    work.expire()
    work.review()
    return work.posting(only_worker)


def _earn(work: Work, command: Earn) -> None:
    points = _bounded(command.points)
    facts = command.facts
    repaid = 0
    buckets: Buckets = {}
    if command.bucket:
        if work.deficit_points:
            buckets, repaid = work.credited({command.bucket: points})
        elif points:
            buckets = {command.bucket: points}
    if repaid:
        facts = {**facts, "repaid_points": repaid}
    if command.checked_in_on:
        facts = {**facts, "checked_in_on": command.checked_in_on.isoformat()}
        work.check_ins = work.check_ins.with_day(command.checked_in_on)
    if command.joined_on:
        facts = {**facts, "joined_on": command.joined_on.isoformat()}
        work.joined_on = command.joined_on
    work.book(
        command.cause,
        buckets,
        pending=0 if command.bucket else points,
        deficit=-repaid,
        debit=f"issuer:{command.cause.activity}",
        credit="member" if command.bucket else "pending",
        rule=command.rule,
        terms_version=command.terms_version,
        breakdown=command.breakdown,
        text=command.text,
        facts=facts,
        counts=command.counts,
        growth=command.growth,
        growth_on=command.growth_on,
    )


def _activate(work: Work, command: Activate) -> None:
    points = _bounded(command.points)
    if points > work.pending_points:
        raise AssertionError(f"{points} of {work.pending_points} pending points")
    buckets, repaid = work.credited({command.bucket: points})
    work.book(
        command.cause,
        buckets,
        pending=-points,
        deficit=-repaid,
        debit="pending",
        credit="member",
        rule=command.rule,
        terms_version=command.terms_version,
        text=command.text,
        facts={**command.facts, "activated_points": points, **({"repaid_points": repaid} if repaid else {})},
    )


def _redeem(work: Work, command: Redeem) -> None:
    taken = work.taken(_bounded(command.points), command.cause)
    facts = command.facts
    if command.checked_in_on:
        facts = {**facts, "checked_in_on": command.checked_in_on.isoformat()}
        work.check_ins = work.check_ins.with_day(command.checked_in_on)
    work.book(
        command.cause,
        {key: -part for key, part in taken.items()},
        debit="member",
        credit=command.credit,
        terms_version=command.terms_version,
        text=command.text,
        facts=facts,
        counts=command.counts,
    )


def _reverse(work: Work, command: Reverse) -> None:
    points = _bounded(command.points)
    facts = dict(command.facts)
    pending = min(command.pending_points, points, work.pending_points)
    rest = points - pending
    waived = 0
    if command.policy is Policy.PENDING_ONLY:
        waived, rest = rest, 0
    elif has_ended(
        command.bucket,
        command.credited_on,
        idle_ended_at=work.idle_ended_at,
        today_on=work.today_on,
        zone=work.terms.zone,
    ):
        # What was not spent has expired with its bucket: taking it again from others would take it twice.
        waived, rest = rest, 0
    charged = min(rest, command.charged_points)
    rest -= charged
    order = spend_order(work.buckets, work.terms.class_order)
    if command.bucket in work.buckets:
        order = [command.bucket, *(key for key in order if key != command.bucket)]
    taken = take(work.buckets, rest, order)
    shortfall = rest - sum(taken.values())
    if command.policy is Policy.WAIVE:
        waived, shortfall = waived + shortfall, 0
    if waived:
        facts["waived_points"] = waived
    if charged:
        facts["charged_points"] = charged
    if shortfall:
        facts["deficit_points"] = shortfall
    work.book(
        command.cause,
        {key: -part for key, part in taken.items()},
        pending=-pending,
        deficit=shortfall,
        debit="member",
        credit=f"issuer:{command.cause.activity}",
        rule=command.rule,
        terms_version=command.terms_version,
        breakdown=command.breakdown,
        text=command.text,
        facts=facts,
        counts=command.counts,
        growth=command.growth,
        growth_on=command.growth_on,
    )


def _adjust_pending(work: Work, command: AdjustPending) -> None:
    if not -work.pending_points <= command.points <= MAX_POINTS:
        raise AssertionError(f"{command.points} on {work.pending_points} pending points")
    work.book(
        command.cause,
        {},
        pending=command.points,
        debit="issuer:adjustment" if command.points >= 0 else "pending",
        credit="pending" if command.points >= 0 else "issuer:adjustment",
        rule=command.rule,
        terms_version=command.terms_version,
        text=command.text,
        facts=command.facts,
    )


def _hold(work: Work, command: Hold) -> None:
    points = _bounded(command.points)
    if not points:
        raise Refusal(Code.INVALID_REQUEST, command.cause, "预扣积分应大于0")
    taken = work.taken(points, command.cause)
    work.book(
        command.cause,
        {key: -part for key, part in taken.items()},
        held=points,
        debit="member",
        credit="held",
        terms_version=command.terms_version,
        text=command.text,
        facts=command.facts,
    )


def _capture(work: Work, command: Capture) -> None:
    points = _bounded(command.points)
    if points > work.held_points:
        raise AssertionError(f"{points} of {work.held_points} held points")
    work.book(
        command.cause,
        {},
        held=-points,
        debit="held",
        credit="redeemed",
        terms_version=command.terms_version,
        text=command.text,
        facts=command.facts,
    )


def _give_back(work: Work, command: GiveBack) -> None:
    points = _bounded(sum(command.buckets.values()))
    if command.from_hold and points > work.held_points:
        raise AssertionError(f"{points} of {work.held_points} held points")
    facts = dict(command.facts)
    incoming: dict[str, int] = {}
    graced = 0
    for key, part in command.buckets.items():
        ended_on = bucket_expires_on(key)
        kept_key = key
        if ended_on is not None and ended_on < work.today_on and work.terms.grace_days:
            kept_key = bucket_key(work.today_on + timedelta(days=work.terms.grace_days), class_of(key))
            graced += part
        incoming[kept_key] = incoming.get(kept_key, 0) + part
    if graced:
        facts |= {"grace_points": graced, "grace_days": work.terms.grace_days}
    reached, repaid = work.credited(incoming)
    if repaid:
        facts["repaid_points"] = repaid
    work.book(
        command.cause,
        reached,
        held=-points if command.from_hold else 0,
        deficit=-repaid,
        debit="held" if command.from_hold else command.debit,
        credit="member",
        terms_version=command.terms_version,
        text=command.text,
        facts=facts,
    )


def _receive(work: Work, command: Receive) -> None:
    _bounded(sum(command.buckets.values()))
    reached, repaid = work.credited(command.buckets)
    work.book(
        command.cause,
        reached,
        deficit=-repaid,
        debit="other_member",
        credit="member",
        terms_version=command.terms_version,
        text=command.text,
        facts={**command.facts, **({"repaid_points": repaid} if repaid else {})},
    )


def _freeze(work: Work, command: Freeze) -> None:
    work.frozen = command.frozen
    work.book(
        command.cause,
        {},
        debit="member",
        credit="member",
        terms_version=command.terms_version,
        text=command.text,
        facts={**command.facts, "frozen": int(command.frozen)},
    )


def _set_level(work: Work, command: SetLevel) -> None:
    tenure, facts = work.tenure, command.facts
    if command.is_trial:
        tenure = tenure._replace(trial=command.level, trial_until_on=command.until_on)
    else:
        if command.level != tenure.level:
            tenure = tenure._replace(level=command.level, since_on=work.today_on, prior=tenure.level)
        tenure = tenure._replace(until_on=command.until_on)
        # Said whether they change or not: whoever reads the entry need not look for the ones before it.
        ends = command.until_on.isoformat() if command.until_on else ""
        facts = {**facts, "level_since": tenure.since_on.isoformat() if tenure.since_on else "", "level_until": ends}
    work.book(
        command.cause,
        {},
        debit="member",
        credit="member",
        terms_version=command.terms_version,
        text=command.text,
        facts=facts,
        tenure=tenure,
    )


def _open(work: Work, command: Open) -> None:
    points = _bounded(sum(command.buckets.values()))
    facts = dict(command.facts)
    reached, repaid = work.credited(command.buckets)
    if repaid:
        facts["repaid_points"] = repaid
    if command.checked_in_on:
        facts |= {"checked_in_on": command.checked_in_on.isoformat(), "run_days": command.run_days}
        work.check_ins = work.check_ins.with_run(command.checked_in_on, command.run_days)
    if command.joined_on:
        facts["joined_on"] = command.joined_on.isoformat()
        work.joined_on = command.joined_on
    tenure = work.tenure
    if command.level:
        tenure = Tenure(command.level, work.today_on, command.level_until_on, tenure.level)
    work.book(
        command.cause,
        reached,
        deficit=-repaid,
        debit=f"issuer:{command.cause.activity}",
        credit="member",
        terms_version=command.terms_version,
        text=command.text,
        facts={**facts, "opened_points": points},
        growth=command.growth,
        growth_on=command.growth_on,
        tenure=tenure,
    )


_DECIDERS: Mapping[type, Callable[..., None]] = {
    Earn: _earn,
    Activate: _activate,
    Redeem: _redeem,
    Reverse: _reverse,
    AdjustPending: _adjust_pending,
    Hold: _hold,
    Capture: _capture,
    GiveBack: _give_back,
    Receive: _receive,
    Freeze: _freeze,
    SetLevel: _set_level,
    Open: _open,
    Close: close,
    TakeIn: take_in,
}


def _bounded(points: int) -> int:
    if not 0 <= points <= MAX_POINTS:
        raise AssertionError(f"{points} points in one operation")
    return points
