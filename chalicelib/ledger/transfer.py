"""Transfer between members (积分转赠): off unless the programme allows it, within limits, never to oneself.

The receiver shows a short-lived code, so that nobody needs anybody's id. The points keep their class and their last
day; both members' entries are one transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, Protocol

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.client_keys import key_id, once
from chalicelib.ledger.commands import Receive, Redeem
from chalicelib.ledger.counters import Counted, used
from chalicelib.ledger.due import spend
from chalicelib.ledger.model import (
    Account,
    Cause,
    Kind,
    LedgerTerms,
    Posting,
    Receipt,
    Refusal,
    business_on,
    digest,
    stamp,
)
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.runtime.dynamo import encode_item

ACTIVITY = "transfer"
CODE_LIFE = timedelta(minutes=10)
CODE_KEPT = timedelta(days=1)
"""When the table may forget a code; nothing relies on it."""
POINTS, TIMES = ":transfer.points", ":transfer.times"
"""Counters of the sender's day; no rule's id is empty, so none of its counters has such a name."""


class Limits(Protocol):
    """What the programme says of transfers."""

    @property
    def min_points(self) -> int: ...
    @property
    def max_points_per_day(self) -> int: ...
    @property
    def times_per_day(self) -> int: ...


class TransferCode(NamedTuple):
    """Whose code it is, and until when it may be used."""

    member_id: str
    expires_at: datetime


def show_code(member_id: str, code: str, *, ledger: LedgerTable, limits: Limits | None, now: datetime) -> TransferCode:
    """Keep a fresh `code` (only its digest) for the member who will receive. Raises TRANSFER_OFF."""
    if limits is None:
        raise JifenError(Code.TRANSFER_OFF)
    shown = TransferCode(member_id, now + CODE_LIFE)
    item = {
        **_code_key(code),
        "member_id": member_id,
        "expires_at": stamp(shown.expires_at),
        "expires_epoch_s": int((shown.expires_at + CODE_KEPT).timestamp()),
    }
    ledger.dynamo.put_item(TableName=ledger.ledger, Item=encode_item(item))
    return shown


def transfer(
    sender_id: str,
    code: str,
    points: int,
    *,
    key: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    limits: Limits | None,
    now: datetime,
) -> Receipt:
    """Pass `points` on to whoever shows `code`, once per client key (`key` is the guard of that key).

    Raises TRANSFER_OFF, TRANSFER_CODE_INVALID, TRANSFER_TO_SELF, TRANSFER_TOO_SMALL, TRANSFER_LIMIT, MEMBER_FROZEN,
    INSUFFICIENT_POINTS, TRANSFER_REFUSED when the other may not take part, KEY_REUSED.
    """
    found = _read_code(ledger, code)
    receiver_id = found.member_id if found and found.member_id != sender_id else None

    cause = Cause(
        kind=Kind.TRANSFER,
        activity=ACTIVITY,
        id=key_id(key),
        at=now,
        occurred_at=now,
        source="mini_program",
        actor=sender_id,
        input_hash=digest({"code": code, "points": points}),
    )

    def decide(seen: Seen) -> Posting:
        if limits is None:
            raise Refusal(Code.TRANSFER_OFF, cause)
        if found and (found.member_id == sender_id or (seen.other and seen.account.is_of(seen.other.member_id))):
            raise Refusal(Code.TRANSFER_TO_SELF, cause)
        if found is None or seen.other is None or found.expires_at <= now:
            raise Refusal(Code.TRANSFER_CODE_INVALID, cause)
        _require_within(limits, points, seen.account, cause, terms, now)
        if seen.other.frozen and not seen.account.frozen:
            raise Refusal(Code.TRANSFER_REFUSED, cause)
        return _moved(seen.account, seen.other, points, cause, terms, now)

    keyed = once(key, sender_id, cause, decide)
    return spend(sender_id, keyed, guard_key=key, other_id=receiver_id, ledger=ledger, terms=terms, now=now)


def _require_within(
    limits: Limits, points: int, sender: Account, cause: Cause, terms: LedgerTerms, now: datetime
) -> None:
    today_on = business_on(now, terms.zone)
    if points < limits.min_points:
        raise Refusal(Code.TRANSFER_TOO_SMALL, cause, f"每次至少转赠{limits.min_points}分")
    if used(sender.counters, TIMES, today_on) >= limits.times_per_day:
        raise Refusal(Code.TRANSFER_LIMIT, cause, f"每天最多转赠{limits.times_per_day}次")
    if used(sender.counters, POINTS, today_on) + points > limits.max_points_per_day:
        raise Refusal(Code.TRANSFER_LIMIT, cause, f"每天最多转赠{limits.max_points_per_day}分")


def _moved(sender: Account, receiver: Account, points: int, cause: Cause, terms: LedgerTerms, now: datetime) -> Posting:
    """Both sides: what leaves the sender's buckets comes into the receiver's of the same name."""
    today_on = business_on(now, terms.zone)
    give = Redeem(
        cause,
        points,
        terms.version,
        text=f"转赠{points}分给好友",
        facts={"to": receiver.member_id},
        counts=(Counted(POINTS, today_on, points), Counted(TIMES, today_on, 1)),
        credit="other_member",
    )
    posting = apply(sender, [give], terms, now)
    given = next(entry for entry in posting.entries if entry.cause is cause)
    taken = {bucket: -part for bucket, part in given.buckets.items()}
    take = Receive(cause, taken, terms.version, text=f"收到好友转赠{points}分", facts={"from": sender.member_id})
    return posting._replace(other=apply(receiver, [take], terms, now))


def _code_key(code: str) -> dict[str, str]:
    return {"pk": f"TC#{sha256(code.encode()).hexdigest()}", "sk": "TC"}


def _read_code(ledger: LedgerTable, code: str) -> TransferCode | None:
    for item in ledger.items([_code_key(code)]):
        return TransferCode(item["member_id"], datetime.fromisoformat(item["expires_at"]))
    return None
