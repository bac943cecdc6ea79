"""The gate: the only code that writes points. One strong read, one decision, one transaction; retries by reason.

The account is written at the version that was read, entries only where their key is free, a guard at its own version.
So of two writers one wins, and the other decides again from what the winner left.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.items import account_item, account_of, entry_item, entry_of, guard_item, guard_of, member_pk
from chalicelib.ledger.model import Account, Entry, Guard, Posting, Receipt, Refusal, stamp
from chalicelib.runtime.dynamo import Cancelled, Client, Item, Reason, client, decode_item, encode_item, transact
from chalicelib.runtime.settings import settings

ATTEMPTS = 5
"""How often one operation decides anew before it answers "busy"."""
BACKOFF_S = 0.05
"""Full jitter: before attempt n it waits between nothing and this much times 2**n."""

DEADLINE_S = 8.0
"""An operation starts no new attempt after this long, so that its Lambda can still answer."""

Decide = Callable[[Account, Guard | None], Posting]


@dataclass(frozen=True, slots=True)
class LedgerTable:
    """Accounts and guards in one table, the immutable journal in another."""

    dynamo: Client
    ledger: str
    journal: str
    due_shards: int
    pause: Callable[[float], None] = time.sleep
    stopwatch: Callable[[], float] = time.monotonic
    jitter: random.Random = field(default_factory=random.Random)

    def post(self, member_id: str, decide: Decide, *, guard_key: str | None = None) -> Receipt:
        """Read the account (and guard) once, let `decide` judge, write once; a repeat returns its first receipt.

        `decide` is pure and may run again after a lost race. Raises JifenError: the decision's own refusal, KEY_REUSED
        when the cause's key holds an entry of other input, BUSY when the races would not end.
        """
        try:
            return self._post(member_id, decide, guard_key)
        except Refusal as refusal:
            standing = self.entry(member_id, refusal.cause.key)
            if standing is None:
                raise
            return _replay(standing, refusal.cause.input_hash)

    def _post(self, member_id: str, decide: Decide, guard_key: str | None) -> Receipt:
        began = self.stopwatch()
        account, guard = self.read(member_id, guard_key)
        for _ in self._attempts(began):
            decision = decide(account, guard)
            if decision.before.version == decision.account.version:
                return Receipt((), account)
            lost = self._write(decision, guard)
            if lost is None:
                return Receipt(decision.entries, decision.account)
            standing = lost.standing_entry()
            if not lost.race() and standing is not None:
                return _replay(standing, lost.wanted(standing.key))
            account, guard = lost.account(account), lost.guard(guard)
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def _attempts(self, began: float) -> Iterator[int]:
        """The attempts an operation has: a bounded number, with jittered pauses between them, until its deadline."""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.pause(self.jitter.uniform(0, BACKOFF_S * 2**attempt))
                if self.stopwatch() - began > DEADLINE_S:
                    return
            yield attempt

    def _write(self, posting: Posting, guard: Guard | None) -> _Lost | None:
        """Write all or nothing; what it was lost to, if it was and deciding anew may help."""
        try:
            transact(self.dynamo, self._writes(posting, guard))
        except Cancelled as cancelled:
            lost = _Lost(cancelled.reasons, posting)
            if not (lost.race() or lost.standing_entry() or cancelled.is_transient()):
                raise
            return lost
        return None

    def read(self, member_id: str, guard_key: str | None = None) -> tuple[Account, Guard | None]:
        """One strong read of the account and, when asked, a guard; an unknown member gets a fresh account."""
        keys = [{"pk": member_pk(member_id), "sk": "A"}]
        if guard_key:
            keys.append({"pk": guard_key, "sk": "G"})
        found = {item["sk"]: item for item in self._batch_get(keys)}
        account = account_of(found["A"]) if "A" in found else self.fresh(member_id)
        return account, guard_of(found["G"]) if "G" in found else None

    def fresh(self, member_id: str) -> Account:
        """The account of a member who has none yet; its due shard is fixed for good."""
        shard = int.from_bytes(sha256(member_id.encode()).digest()[:8], "big") % self.due_shards
        return Account(member_id=member_id, due_shard=shard_name(shard))

    def guards(self, keys: Sequence[str]) -> dict[str, Guard]:
        """The guards among up to 100 keys, strongly read in one call, by key."""
        return {item["pk"]: guard_of(item) for item in self._batch_get([{"pk": key, "sk": "G"} for key in keys])}

    def entry(self, member_id: str, key: str) -> Entry | None:
        """One entry by its key, strongly read."""
        found = self.dynamo.get_item(
            TableName=self.journal, Key=encode_item({"pk": member_pk(member_id), "sk": key}), ConsistentRead=True
        ).get("Item")
        return entry_of(decode_item(found)) if found else None

    def entries(self, member_id: str, *, before_key: str | None, limit: int) -> list[Entry]:
        """Up to `limit` entries older than `before_key`, newest first, strongly read in one call."""
        request: dict[str, Any] = {
            "TableName": self.journal,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": encode_item({":pk": member_pk(member_id)}),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if before_key:
            request["ExclusiveStartKey"] = encode_item({"pk": member_pk(member_id), "sk": before_key})
        return [entry_of(decode_item(item)) for item in self.dynamo.query(**request)["Items"]]

    def entries_between(self, member_id: str, since: datetime, until: datetime) -> list[Entry]:
        """Every entry whose cause's instant lies in the span, oldest first; pages as long as there are any."""
        values = {":pk": member_pk(member_id), ":since": stamp(since), ":until": f"{stamp(until)}$"}
        request: dict[str, Any] = {
            "TableName": self.journal,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :since AND :until",
            "ExpressionAttributeValues": encode_item(values),
        }
        found: list[Entry] = []
        while True:
            page = self.dynamo.query(**request)
            found += [entry_of(decode_item(item)) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def due_members(self, shard: int, through_on: date) -> Iterator[list[str]]:
        """Pages of members whom the due index lists under `through_on` or earlier; eventually consistent."""
        request: dict[str, Any] = {
            "TableName": self.ledger,
            "IndexName": "due",
            "KeyConditionExpression": "due_shard = :shard AND due_key < :end",
            "ExpressionAttributeValues": encode_item({":shard": shard_name(shard), ":end": f"{through_on}$"}),
        }
        while True:
            page = self.dynamo.query(**request)
            yield [item["pk"]["S"][2:] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _batch_get(self, keys: Sequence[Item]) -> list[Item]:
        if not keys:
            return []
        wanted = {self.ledger: {"Keys": [encode_item(key) for key in keys], "ConsistentRead": True}}
        found: list[Item] = []
        for attempt in range(ATTEMPTS):
            answer = self.dynamo.batch_get_item(RequestItems=wanted)
            found += [decode_item(item) for item in answer["Responses"].get(self.ledger, [])]
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return found
            self.pause(self.jitter.uniform(0, BACKOFF_S * 2**attempt))
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=1)

    def _writes(self, posting: Posting, guard: Guard | None) -> list[dict[str, Any]]:
        writes = [self._versioned_put(account_item(posting.account), posting.before.version)]
        if posting.guard is not None:
            writes.append(self._versioned_put(guard_item(posting.guard), guard.version if guard else 0))
        for entry in posting.entries:
            put = {
                "TableName": self.journal,
                "Item": encode_item(entry_item(entry)),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
            writes.append({"Put": put})
        return writes

    def _versioned_put(self, item: Item, version: int) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self.ledger, "Item": encode_item(item)}
        if version:
            put["ConditionExpression"] = "version = :version"
            put["ExpressionAttributeValues"] = encode_item({":version": version})
        else:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        return {"Put": put}


_LOST_CODES = {"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


@dataclass(frozen=True, slots=True)
class _Lost:
    """A cancelled transaction read by position: account, guard when one was written, then the entries."""

    reasons: tuple[Reason, ...]
    posting: Posting

    def race(self) -> bool:
        """Whether account or guard was another's: then everything is judged again, whatever else was refused.

        What stands under one of our entry keys may then be another operation's (an expiry that both would have booked).
        """
        return any(reason.code in _LOST_CODES for reason in self.reasons[: self._first_entry])

    def standing_entry(self) -> Entry | None:
        """The entry that stands under a key we wanted to write, if that is what failed."""
        for reason in self.reasons[self._first_entry :]:
            if reason.code == "ConditionalCheckFailed" and reason.item:
                return entry_of(reason.item)
        return None

    def wanted(self, key: str) -> str:
        """The input hash of the entry we wanted to write under `key`."""
        return next(entry.input_hash for entry in self.posting.entries if entry.key == key)

    def account(self, known: Account) -> Account:
        """The account that beat us, from the reason itself (no further read), else the one we knew."""
        return account_of(self.reasons[0].item) if self.reasons[0].item else known

    def guard(self, known: Guard | None) -> Guard | None:
        """The guard that beat us, likewise."""
        item = self.reasons[1].item if self.posting.guard is not None else None
        return guard_of(item) if item else known

    @property
    def _first_entry(self) -> int:
        return 1 if self.posting.guard is None else 2


def _replay(standing: Entry, input_hash: str) -> Receipt:
    if standing.input_hash != input_hash:
        raise JifenError(Code.KEY_REUSED)
    return Receipt((standing,), None, replayed=True)


def shard_name(shard: int) -> str:
    """A due shard as its index key."""
    return f"{shard:04d}"


def open_ledger() -> LedgerTable:
    """The stage's ledger."""
    stage = settings()
    return LedgerTable(client(), stage.ledger_table, stage.journal_table, stage.due_shards)
