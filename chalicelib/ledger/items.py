"""Account, entry and guard as DynamoDB items, both ways. Zero and empty attributes are left out: an account stays one
unit.

Ledger table    M#<member>      A      account (index `due`: due_shard, due_key)
                <guard key>     G      guard of a cause, e.g. O#tmall#1234; while something of it is pending or held it
                                       is listed in `due`, and in index `open` (open_of, due_key) under its member
                B#<budget>#<period>  S#<shard>  what a global budget has paid
Journal table   M#<member>      <instant>#<kind>#<activity>#<id>   entry
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zlib import crc32

from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.counters import Counted
from chalicelib.ledger.growth import packed as growth_packed
from chalicelib.ledger.growth import unpacked as growth_unpacked
from chalicelib.ledger.model import (
    Account,
    Cause,
    Credit,
    Entry,
    Guard,
    Kind,
    Notice,
    Part,
    Policy,
    check_account,
    check_guard,
    stamp,
)
from chalicelib.ledger.packing import (
    check_ins_packed,
    check_ins_unpacked,
    count_packed,
    count_unpacked,
    day_packed,
    day_unpacked,
    milliseconds,
    moment,
    tenure_packed,
    tenure_unpacked,
)

Item = dict[str, Any]

NOTICE_LIFE = timedelta(days=366)
HOLD_SHARDS = 4
"""Partitions of the due index that list unresolved holds by their deadline."""


def member_pk(member_id: str) -> str:
    """The partition key of everything of one member."""
    return f"M#{member_id}"


def account_item(account: Account) -> Item:
    """The account as stored; checked first."""
    check_account(account)
    item: Item = {
        "pk": member_pk(account.member_id),
        "sk": "A",
        "buckets": account.buckets,
        "available": account.available_points,
        "sequence": account.sequence,
        "version": account.version,
        "due_shard": account.due_shard,
        "last_hash": bytes.fromhex(account.last_hash),
        "pending": account.pending_points,
        "held": account.held_points,
        "deficit": account.deficit_points,
        "growth": growth_packed(account.growth),
        "level": tenure_packed(account.tenure),
        "joined_on": day_packed(account.joined_on),
        "frozen": account.frozen,
        "posted_ms": milliseconds(account.posted_at),
        "active_ms": milliseconds(account.active_at),
        "idle_ended_ms": milliseconds(account.idle_ended_at),
        "check_ins": check_ins_packed(account.check_ins),
        "counters": {name: count_packed(count) for name, count in account.counters.items()},
        "due_key": f"{account.due_on}#{account.member_id}" if account.due_on else "",
        "merged_into": account.merged_into,
        "merged": list(account.merged),
    }
    return _without_blanks(item, keep=("available", "buckets"))


def account_of(item: Item) -> Account:
    """The account a stored item holds; AssertionError when it breaks an invariant."""
    account = Account(
        member_id=item["pk"][2:],
        due_shard=item["due_shard"],
        buckets=item["buckets"],
        pending_points=item.get("pending", 0),
        held_points=item.get("held", 0),
        deficit_points=item.get("deficit", 0),
        growth=growth_unpacked(item.get("growth", "")),
        tenure=tenure_unpacked(item.get("level", "")),
        joined_on=day_unpacked(item.get("joined_on", "")),
        frozen=item.get("frozen", False),
        check_ins=check_ins_unpacked(item.get("check_ins", "")),
        counters={name: count_unpacked(text) for name, text in item.get("counters", {}).items()},
        sequence=item.get("sequence", 0),
        version=item["version"],
        posted_at=moment(item.get("posted_ms")),
        active_at=moment(item.get("active_ms")),
        idle_ended_at=moment(item.get("idle_ended_ms")),
        last_hash=item.get("last_hash", b"").hex(),
        due_on=date.fromisoformat(item["due_key"][:10]) if "due_key" in item else None,
        merged_into=item.get("merged_into", ""),
        merged=tuple(item.get("merged", ())),
    )
    check_account(account)
    if account.available_points != item["available"]:
        raise AssertionError("the buckets do not sum to the stored balance")
    return account


def entry_item(entry: Entry) -> Item:
    """The entry as stored for ever."""
    cause = entry.cause
    item: Item = {
        "pk": member_pk(entry.member_id),
        "sk": cause.key,
        "kind": cause.kind.value,
        "activity": cause.activity,
        "cause_id": cause.id,
        "source": cause.source,
        "campaign": cause.campaign,
        "actor": cause.actor,
        "points": entry.points,
        "buckets": entry.buckets,
        "pending": entry.pending_points,
        "held": entry.held_points,
        "deficit": entry.deficit_points,
        "debit": entry.debit,
        "credit": entry.credit,
        "growth": entry.growth,
        "growth_on": entry.growth_on.isoformat() if entry.growth_on else "",
        "level_before": entry.level_before,
        "level_after": entry.level_after,
        "rule": entry.rule,
        "terms": entry.terms_version,
        "parts": [[part.rule, part.points, part.why] for part in entry.breakdown],
        "text": entry.text,
        "facts": dict(entry.facts),
        "counts": [[one.name, day_packed(one.through_on), one.add, day_packed(one.last_on)] for one in entry.counts],
        "available_after": entry.available_after,
        "pending_after": entry.pending_after,
        "held_after": entry.held_after,
        "deficit_after": entry.deficit_after,
        "occurred_at": stamp(cause.occurred_at),
        "posted_at": stamp(entry.posted_at),
        "sequence": entry.sequence,
        "input_hash": bytes.fromhex(cause.input_hash),
        "previous_hash": bytes.fromhex(entry.previous_hash),
        "hash": bytes.fromhex(entry.hash),
    }
    return _without_blanks(item, keep=("points", "available_after"))


def entry_of(item: Item) -> Entry:
    """The entry a stored item holds."""
    cause = Cause(
        kind=Kind(item["kind"]),
        activity=item["activity"],
        id=item["cause_id"],
        at=datetime.fromisoformat(item["sk"][:24]),
        occurred_at=datetime.fromisoformat(item["occurred_at"]),
        source=item.get("source", ""),
        actor=item.get("actor", ""),
        campaign=item.get("campaign", ""),
        input_hash=item.get("input_hash", b"").hex(),
    )
    return Entry(
        member_id=item["pk"][2:],
        cause=cause,
        points=item["points"],
        buckets=item.get("buckets", {}),
        pending_points=item.get("pending", 0),
        held_points=item.get("held", 0),
        deficit_points=item.get("deficit", 0),
        debit=item["debit"],
        credit=item["credit"],
        growth=item.get("growth", 0),
        growth_on=date.fromisoformat(item["growth_on"]) if "growth_on" in item else None,
        level_before=item.get("level_before", ""),
        level_after=item.get("level_after", ""),
        rule=item.get("rule", ""),
        terms_version=item.get("terms", 0),
        breakdown=tuple(Part(*part) for part in item.get("parts", [])),
        text=item.get("text", ""),
        facts=item.get("facts", {}),
        counts=tuple(_counted_of(*one) for one in item.get("counts", [])),
        available_after=item["available_after"],
        pending_after=item.get("pending_after", 0),
        held_after=item.get("held_after", 0),
        deficit_after=item.get("deficit_after", 0),
        posted_at=datetime.fromisoformat(item["posted_at"]),
        sequence=item["sequence"],
        previous_hash=item.get("previous_hash", b"").hex(),
        hash=item.get("hash", b"").hex(),
    )


def _counted_of(name: str, through: str, add: int, last: str) -> Counted:
    return Counted(name, day_unpacked(through), add, day_unpacked(last))


def guard_item(guard: Guard, due_shard: str) -> Item:
    """The guard as stored; due in its member's shard while it waits for a day, in a hold's while for an instant."""
    check_guard(guard)
    activate_on = guard.activate_on
    item: Item = {
        "pk": guard.key,
        "sk": "G",
        "member_id": guard.member_id,
        "activity": guard.activity,
        "cause_id": guard.cause_id,
        "version": guard.version,
        "credits": [_credit_item(credit) for credit in guard.credits],
        "taken": guard.taken,
        "release_at": stamp(guard.release_at) if guard.release_at else "",
        "state": guard.state,
    }
    if guard.release_at:
        item["due_shard"] = hold_shard(crc32(guard.key.encode()) % HOLD_SHARDS)
        item["due_key"] = f"{stamp(guard.release_at)}#{guard.member_id}"
        item["open_of"] = guard.member_id
    elif activate_on:
        item["due_shard"] = due_shard
        item["due_key"] = f"{activate_on}#{guard.member_id}"
        item["open_of"] = guard.member_id
    return _without_blanks(item, keep=())


def guard_of(item: Item) -> Guard:
    """The guard a stored item holds."""
    return Guard(
        key=item["pk"],
        member_id=item["member_id"],
        activity=item.get("activity", ""),
        cause_id=item.get("cause_id", ""),
        version=item["version"],
        credits=tuple(_credit_of(one) for one in item.get("credits", [])),
        taken=item.get("taken", {}),
        release_at=_instant(item.get("release_at")),
        state=item.get("state", {}),
    )


def notice_item(member_id: str, notice: Notice) -> Item:
    """A notice as stored: one of a kind and day; forgotten a year later."""
    until_at = datetime.combine(notice.on, time(), UTC) + NOTICE_LIFE
    return {
        "pk": f"N#{member_id}",
        "sk": f"{notice.on}#{notice.kind}",
        "facts": dict(notice.facts),
        "expires_epoch_s": int(until_at.timestamp()),
    }


def notice_of(item: Item) -> Notice:
    """The notice a stored item holds."""
    on, _, kind = item["sk"].partition("#")
    return Notice(kind, date.fromisoformat(on), item["facts"])


def level_item(entry: Entry) -> Item:
    """A line of the member's log of levels, beside the entry that changed something of it."""
    item: Item = {
        "pk": f"L#{entry.member_id}",
        "sk": f"{stamp(entry.posted_at)}#{entry.sequence:012d}",
        "before": entry.level_before,
        "after": entry.level_after,
        "text": entry.text,
        **{name: entry.facts[name] for name in ("level_until", "trial", "trial_until") if name in entry.facts},
    }
    return _without_blanks(item, keep=("before", "after"))


def hold_shard(shard: int) -> str:
    """A partition of the due index that lists holds."""
    return f"hold{shard}"


def _credit_item(credit: Credit) -> Item:
    item: Item = {
        "rule": credit.rule,
        "class": credit.points_class.value,
        "points": credit.points,
        "policy": credit.policy.value,
        "terms": credit.terms_version,
        "pending": credit.pending_points,
        "reversed": credit.reversed_points,
        "bucket": credit.bucket,
        "validity": credit.validity,
        "activate_on": credit.activate_on.isoformat() if credit.activate_on else "",
        "text": credit.text,
        "adjusted": credit.adjusted_points,
        "credited_on": credit.credited_on.isoformat() if credit.credited_on else "",
    }
    return _without_blanks(item, keep=("points",))


def _credit_of(item: Item) -> Credit:
    return Credit(
        rule=item.get("rule", ""),
        points_class=PointsClass(item["class"]),
        points=item["points"],
        policy=Policy(item["policy"]),
        terms_version=item["terms"],
        pending_points=item.get("pending", 0),
        reversed_points=item.get("reversed", 0),
        bucket=item.get("bucket", ""),
        validity=item.get("validity", {}),
        activate_on=date.fromisoformat(item["activate_on"]) if "activate_on" in item else None,
        text=item.get("text", ""),
        adjusted_points=item.get("adjusted", 0),
        credited_on=date.fromisoformat(item["credited_on"]) if "credited_on" in item else None,
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _without_blanks(item: Item, keep: tuple[str, ...]) -> Item:
    return {name: value for name, value in item.items() if value or name in keep}
