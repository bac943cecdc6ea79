"""Account, entry and guard as DynamoDB items, both ways. Zero and empty attributes are left out: an account stays one
unit.

Ledger table    M#<member>   A                       account (index `due`: due_shard, due_key)
                <guard key>  G                       guard of a cause, e.g. O#tmall#1234
Journal table   M#<member>   <instant>#<kind>#<activity>#<id>   entry
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.model import Account, Entry, Guard, Kind, Part, check_account, stamp

Item = dict[str, Any]


def member_pk(member_id: str) -> str:
    """The partition key of everything of one member."""
    return f"M#{member_id}"


def account_item(account: Account) -> Item:
    """The account as stored; checked first."""
    check_account(account)
    item: Item = {
        "pk": member_pk(account.member_id),
        "sk": "A",
        "buckets": dict(account.buckets),
        "available": account.available_points,
        "sequence": account.sequence,
        "version": account.version,
        "due_shard": account.due_shard,
        "last_hash": account.last_hash,
        "pending": account.pending_points,
        "held": account.held_points,
        "deficit": account.deficit_points,
        "growth": account.growth,
        "level": account.level,
        "posted_at": stamp(account.posted_at) if account.posted_at else "",
        "checked_in_on": account.check_ins.last_on.isoformat() if account.check_ins.last_on else "",
        "check_in_days": account.check_ins.bitmap,
        "run_days": account.check_ins.run_days,
        "due_key": f"{account.due_on}#{account.member_id}" if account.due_on else "",
    }
    return _without_blanks(item, keep=("available", "buckets"))


def account_of(item: Item) -> Account:
    """The account a stored item holds; AssertionError when it breaks an invariant."""
    last_on = item.get("checked_in_on")
    account = Account(
        member_id=item["pk"][2:],
        due_shard=item["due_shard"],
        buckets=item["buckets"],
        pending_points=item.get("pending", 0),
        held_points=item.get("held", 0),
        deficit_points=item.get("deficit", 0),
        growth=item.get("growth", 0),
        level=item.get("level", ""),
        check_ins=CheckInDays(
            date.fromisoformat(last_on) if last_on else None, item.get("check_in_days", 0), item.get("run_days", 0)
        ),
        sequence=item.get("sequence", 0),
        version=item["version"],
        posted_at=datetime.fromisoformat(item["posted_at"]) if "posted_at" in item else None,
        last_hash=item.get("last_hash", ""),
        due_on=date.fromisoformat(item["due_key"][:10]) if "due_key" in item else None,
    )
    check_account(account)
    if account.available_points != item["available"]:
        raise AssertionError("the buckets do not sum to the stored balance")
    return account


def entry_item(entry: Entry) -> Item:
    """The entry as stored for ever."""
    item: Item = {
        "pk": member_pk(entry.member_id),
        "sk": entry.key,
        "kind": entry.kind.value,
        "activity": entry.activity,
        "cause_id": entry.cause_id,
        "source": entry.source,
        "campaign": entry.campaign,
        "actor": entry.actor,
        "points": entry.points,
        "buckets": dict(entry.buckets),
        "pending": entry.pending_points,
        "held": entry.held_points,
        "deficit": entry.deficit_points,
        "debit": entry.debit,
        "credit": entry.credit,
        "growth": entry.growth,
        "level_before": entry.level_before,
        "level_after": entry.level_after,
        "rule": entry.rule,
        "terms": entry.terms_version,
        "parts": [[part.rule, part.points, part.why] for part in entry.breakdown],
        "text": entry.text,
        "facts": dict(entry.facts),
        "available_after": entry.available_after,
        "pending_after": entry.pending_after,
        "held_after": entry.held_after,
        "deficit_after": entry.deficit_after,
        "occurred_at": stamp(entry.occurred_at),
        "posted_at": stamp(entry.posted_at),
        "sequence": entry.sequence,
        "input_hash": bytes.fromhex(entry.input_hash),
        "previous_hash": bytes.fromhex(entry.previous_hash),
        "hash": bytes.fromhex(entry.hash),
    }
    return _without_blanks(item, keep=("points", "available_after"))


def entry_of(item: Item) -> Entry:
    """The entry a stored item holds."""
    return Entry(
        member_id=item["pk"][2:],
        key=item["sk"],
        kind=Kind(item["kind"]),
        activity=item["activity"],
        cause_id=item["cause_id"],
        source=item["source"],
        campaign=item.get("campaign", ""),
        actor=item["actor"],
        points=item["points"],
        buckets=item.get("buckets", {}),
        pending_points=item.get("pending", 0),
        held_points=item.get("held", 0),
        deficit_points=item.get("deficit", 0),
        debit=item["debit"],
        credit=item["credit"],
        growth=item.get("growth", 0),
        level_before=item.get("level_before", ""),
        level_after=item.get("level_after", ""),
        rule=item.get("rule", ""),
        terms_version=item["terms"],
        breakdown=tuple(Part(*part) for part in item.get("parts", [])),
        text=item.get("text", ""),
        facts=item.get("facts", {}),
        available_after=item["available_after"],
        pending_after=item.get("pending_after", 0),
        held_after=item.get("held_after", 0),
        deficit_after=item.get("deficit_after", 0),
        occurred_at=datetime.fromisoformat(item["occurred_at"]),
        posted_at=datetime.fromisoformat(item["posted_at"]),
        sequence=item["sequence"],
        input_hash=item["input_hash"].hex(),
        previous_hash=item.get("previous_hash", b"").hex(),
        hash=item["hash"].hex(),
    )


def guard_item(guard: Guard) -> Item:
    """The guard as stored."""
    return {
        "pk": guard.key,
        "sk": "G",
        "member_id": guard.member_id,
        "version": guard.version,
        "state": dict(guard.state),
    }


def guard_of(item: Item) -> Guard:
    """The guard a stored item holds."""
    return Guard(item["pk"], item["member_id"], item["version"], item["state"])


def _without_blanks(item: Item, keep: tuple[str, ...]) -> Item:
    return {name: value for name, value in item.items() if name in keep or value not in ("", 0, {}, [], b"")}
