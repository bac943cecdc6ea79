"""The gate: the only code that writes points. One strong read, one decision, one transaction; retries by reason.

The account is written at the version that was read, entries only where their key is free, a guard at its own version,
a budget or a stock only while it lasts. So of two writers one wins, and the other decides again from what the winner
left.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.items import account_of, entry_of, guard_of, hold_shard, member_pk
from chalicelib.ledger.model import Account, Budget, Entry, Guard, Kind, Posting, Receipt, Refusal, Stock, stamp
from chalicelib.ledger.writes import Lost, Writes
from chalicelib.runtime.dynamo import (
    Cancelled,
    Client,
    Item,
    batch_get,
    client,
    decode_item,
    encode_item,
    pages,
    transact,
)
from chalicelib.runtime.settings import settings

ATTEMPTS = 5
"""How often one operation decides anew before it answers "busy"; looking for room in other shards is apart."""
BACKOFF_S = 0.05
"""Full jitter: before attempt n it waits between nothing and this much times 2**n."""

DEADLINE_S = 8.0
"""An operation starts no new attempt after this long, so that its Lambda can still answer."""


class Seen(NamedTuple):
    """What a decision is made on."""

    account: Account
    guard: Guard | None = None
    other: Account | None = None
    """The second member's account, where one operation moves two."""
    spent: frozenset[str] = frozenset()
    """Ids of the budgets and stocks that were found spent: what they would have paid must be refused."""


class Due(NamedTuple):
    """One line of the due index: a member, or one of his guards when a key is given."""

    member_id: str
    guard_key: str = ""


class OpenPlace(NamedTuple):
    """A guard's place in the index of open ones."""

    due_key: str
    guard_key: str


Decide = Callable[[Seen], Posting]


@dataclass
class _Run:
    """How far one operation has come."""

    seen: Seen
    ends_at: float
    tried: dict[str, list[int]] = field(default_factory=dict)
    """Per budget or stock: how many of its shards were found empty, and the shard the walk began at."""
    lost_races: int = 0
    raced: bool = False

    def lose(self, lost: Lost) -> Receipt | None:
        """The answer to a transaction that was refused for good; else None: what the winner left is taken over, and the
        race is counted unless only a shard was empty.
        """
        if not lost.race():
            if standing := lost.standing():
                return _replay(standing[0], standing[1].cause.input_hash)
            if refusal := lost.refusal():
                raise refusal
        empty = lost.spent()
        for budget in empty:
            self.tried[budget.key][0] += 1
        self.raced = lost.race() or not empty
        self.lost_races += self.raced
        seen = self.seen
        self.seen = seen._replace(
            account=lost.account("account", seen.account),
            guard=lost.guard(seen.guard),
            other=lost.account("other", seen.other) if seen.other else None,
        )
        return None


@dataclass(frozen=True)
class LedgerTable:
    """Accounts, guards and budgets in one table, the immutable journal in another."""

    dynamo: Client
    ledger: str
    journal: str
    due_shards: int
    pause: Callable[[float], None] = time.sleep
    stopwatch: Callable[[], float] = time.monotonic
    jitter: random.Random = field(default_factory=random.Random)

    def post(
        self, member_id: str, decide: Decide, *, guard_key: str | None = None, other_id: str | None = None
    ) -> Receipt:
        """Read the account (and guard, and the other member's account) once, let `decide` judge, write once.

        A repeat returns its first receipt. `decide` is pure and may run again after a lost race. Raises JifenError: the
        decision's own refusal, KEY_REUSED when the cause's key holds an entry of other input, BUSY when the races
        would not end.
        """
        run = _Run(self.see(member_id, guard_key, other_id), self.stopwatch() + DEADLINE_S)
        try:
            return self._post(run, decide)
        except Refusal as refusal:
            standing = self.own_entry(run.seen.account, refusal.cause.key)
            if standing is None:
                raise
            return _replay(standing, refusal.cause.input_hash)

    def _post(self, run: _Run, decide: Decide) -> Receipt:
        while run.lost_races < ATTEMPTS and self._may_go_on(run):
            if run.seen.account.merged_into or (run.seen.other and run.seen.other.merged_into):
                run.seen = self._followed(run.seen)
            receipt = self._attempt(run, decide)
            if receipt:
                return receipt
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def _may_go_on(self, run: _Run) -> bool:
        """After a lost race: rest a little, and go on only while the deadline is not reached."""
        if not run.raced:
            return True
        self.pause(self.jitter.uniform(0, BACKOFF_S * 2**run.lost_races))
        return self.stopwatch() <= run.ends_at

    def _attempt(self, run: _Run, decide: Decide) -> Receipt | None:
        """Decide and write once; None when that was in vain and `run` knows better now."""
        seen = run.seen
        posting = decide(seen)
        if posting.before.version == posting.account.version:
            if posting.guard is None or posting.guard == seen.guard:
                return Receipt((), seen.account, guard=seen.guard)
            posting = posting._replace(account=posting.account._replace(version=posting.before.version + 1))
        if standing := self._booked_before(seen.account, posting):
            return _replay(standing[0], standing[1].cause.input_hash)
        posting = _with_own_guard(posting)
        writes = Writes(posting, seen.guard, ledger=self.ledger, journal=self.journal)
        if spent := self._draw(writes, (*posting.budgets, *posting.stocks), run.tried):
            if spent <= seen.spent:  # it would never end
                raise AssertionError("a decision goes on drawing what it was told is spent")
            run.seen, run.raced = seen._replace(spent=seen.spent | spent), False
            return None
        lost = self._write(writes)
        if lost is None:
            return Receipt(writes.posting.entries, writes.posting.account, guard=posting.guard, notices=posting.notices)
        return run.lose(lost)

    def _booked_before(self, account: Account, posting: Posting) -> tuple[Entry, Entry] | None:
        """(the entry that stands, the one we want to write) where a cause was booked for an account that was merged
        since. A guard knows that by itself, and what time alone does is each account's own.
        """
        if posting.guard is not None or not account.merged:
            return None
        for entry in posting.entries:
            if entry.kind not in (Kind.EXPIRE, Kind.LEVEL):
                for member_id in account.merged:
                    if found := self.entry(member_id, entry.key):
                        return found, entry
        return None

    def _draw(self, writes: Writes, sources: Sequence[Budget | Stock], tried: dict[str, list[int]]) -> frozenset[str]:
        """Add each draw from a shard not found empty yet; the ids of those sources that have none left."""
        spent: set[str] = set()
        for source in sources:
            walk = tried.setdefault(source.key, [0, self.jitter.randrange(source.shards)])
            if isinstance(source, Budget):
                while walk[0] < source.shards and source.share_points(sum(walk) % source.shards) < source.points:
                    walk[0] += 1
            if walk[0] < source.shards:
                writes.draw(source, sum(walk) % source.shards)
            else:
                spent.add(source.id)
        return frozenset(spent)

    def _write(self, writes: Writes) -> Lost | None:
        """Write all or nothing; what it was lost to, if it was and deciding anew may help."""
        try:
            transact(self.dynamo, writes.transaction())
        except Cancelled as cancelled:
            lost = Lost(tuple(writes.rows), cancelled.reasons)
            if not (lost.race() or lost.standing() or lost.refusal() or lost.spent() or cancelled.is_transient()):
                raise
            return lost
        return None

    def see(self, member_id: str, guard_key: str | None = None, other_id: str | None = None) -> Seen:
        """One strong read of the account and, when asked, a guard and another account; an unknown member gets a fresh
        account. Of who was merged it is the survivor's, by one read more.
        """
        keys = [{"pk": member_pk(member_id), "sk": "A"}]
        if guard_key:
            keys.append({"pk": guard_key, "sk": "G"})
        if other_id:
            keys.append({"pk": member_pk(other_id), "sk": "A"})
        found = {item["pk"]: item for item in self.items(keys)}
        seen = Seen(
            self._account(found, member_id),
            guard_of(found[guard_key]) if guard_key and guard_key in found else None,
            self._account(found, other_id) if other_id else None,
        )
        is_closed = seen.account.merged_into or (seen.other and seen.other.merged_into)
        return self._followed(seen) if is_closed else seen

    def _followed(self, seen: Seen) -> Seen:
        """The same with the survivors' accounts in place of closed ones."""
        accounts = [account for account in (seen.account, seen.other) if account]
        account, *other = self._survivors(accounts)
        return seen._replace(account=account, other=other[0] if other else None)

    def _survivors(self, accounts: Sequence[Account]) -> list[Account]:
        """The accounts, each closed one followed to where all of it went: one read for each step of the longest way."""
        found = list(accounts)
        while wanted := {account.merged_into for account in found if account.merged_into}:
            items = {item["pk"]: item for item in self.items([{"pk": member_pk(id), "sk": "A"} for id in wanted])}
            found = [account_of(items[member_pk(one.merged_into)]) if one.merged_into else one for one in found]
        return found

    def _account(self, found: dict[str, Item], member_id: str) -> Account:
        item = found.get(member_pk(member_id))
        return account_of(item) if item else self.fresh(member_id)

    def read(self, member_id: str) -> Account:
        """One strong read of the account, the survivor's of who was merged."""
        return self.see(member_id).account

    def accounts(self, member_ids: Sequence[str]) -> list[Account]:
        """The accounts of up to 100 members in the order asked, strongly read in one call; who has none gets a fresh
        one, who was merged the survivor's.
        """
        keys = [{"pk": member_pk(member_id), "sk": "A"} for member_id in member_ids]
        found = {item["pk"]: item for item in self.items(keys)}
        return self._survivors([self._account(found, member_id) for member_id in member_ids])

    def fresh(self, member_id: str) -> Account:
        """The account of a member who has none yet; its due shard is fixed for good."""
        shard = int.from_bytes(sha256(member_id.encode()).digest()[:8], "big") % self.due_shards
        return Account(member_id=member_id, due_shard=shard_name(shard))

    def guards(self, keys: Sequence[str]) -> dict[str, Guard]:
        """The guards among up to 100 keys, strongly read in one call, by key."""
        return {item["pk"]: guard_of(item) for item in self.items([{"pk": key, "sk": "G"} for key in keys])}

    def account_and_guards(self, member_id: str, keys: Sequence[str]) -> tuple[Account, dict[str, Guard]]:
        """A member's account (of who was merged the survivor's) and up to 99 guards by key, strongly read in one
        call.
        """
        wanted = [{"pk": member_pk(member_id), "sk": "A"}, *({"pk": key, "sk": "G"} for key in keys)]
        found = {item["pk"]: item for item in self.items(wanted)}
        (account,) = self._survivors([self._account(found, member_id)])
        return account, {key: guard_of(found[key]) for key in keys if key in found}

    def entry(self, member_id: str, key: str) -> Entry | None:
        """One entry by its key, strongly read."""
        found = self.dynamo.get_item(
            TableName=self.journal, Key=encode_item({"pk": member_pk(member_id), "sk": key}), ConsistentRead=True
        ).get("Item")
        return entry_of(decode_item(found)) if found else None

    def own_entry(self, account: Account, key: str) -> Entry | None:
        """One entry of a member by its key, in whichever of his journals it stands."""
        return next((found for one in account.member_ids if (found := self.entry(one, key))), None)

    def entries_at(self, keys: Sequence[tuple[str, str]]) -> dict[str, Entry]:
        """The entries among up to 100 (member, key), strongly read in one call, by member; one key a member."""
        wanted = [{"pk": member_pk(member_id), "sk": key} for member_id, key in keys]
        found = [entry_of(decode_item(item)) for item in batch_get(self.dynamo, self.journal, wanted)]
        return {entry.member_id: entry for entry in found}

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
        found = pages(
            self.dynamo,
            TableName=self.journal,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :until",
            ExpressionAttributeValues=encode_item(values),
        )
        return [entry_of(decode_item(item)) for page in found for item in page]

    def due(self, shard: int, through_on: date) -> Iterator[list[Due]]:
        """Pages of what the due index lists under `through_on` or earlier; eventually consistent."""
        return self._due(shard_name(shard), f"{through_on}$")

    def due_holds(self, shard: int, now: datetime) -> Iterator[list[Due]]:
        """Pages of holds whose deadline has passed; eventually consistent."""
        return self._due(hold_shard(shard), f"{stamp(now)}$")

    def _due(self, shard: str, end: str) -> Iterator[list[Due]]:
        found = pages(
            self.dynamo,
            TableName=self.ledger,
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_key < :end",
            ExpressionAttributeValues=encode_item({":shard": shard, ":end": end}),
        )
        for page in found:
            yield [_due_of(decode_item(item)) for item in page]

    def open_guards(self, account: Account, limit: int) -> list[Guard]:
        """Up to `limit` of a member's guards with something pending or held, the next due first.

        Found by an index that may lag, one query for each of the account's ids, then strongly read.
        """
        places = sorted(place for one in account.member_ids for place in self.open_places(one, limit))[:limit]
        guards = self.guards([place.guard_key for place in places])
        return [guards[place.guard_key] for place in places if place.guard_key in guards]

    def open_places(self, member_id: str, limit: int, after: OpenPlace | None = None) -> list[OpenPlace]:
        """Where up to `limit` guards that bear this id stand in the index of open ones, after a place in it."""
        request: dict[str, Any] = {
            "TableName": self.ledger,
            "IndexName": "open",
            "KeyConditionExpression": "open_of = :member",
            "ExpressionAttributeValues": encode_item({":member": member_id}),
            "Limit": limit,
        }
        if after:
            place = {"open_of": member_id, "due_key": after.due_key, "pk": after.guard_key, "sk": "G"}
            request["ExclusiveStartKey"] = encode_item(place)
        found = self.dynamo.query(**request)["Items"]
        return [OpenPlace(item["due_key"]["S"], item["pk"]["S"]) for item in found]

    def budget_spent(self, budget: Budget) -> int:
        """How many points of a budget its shards have paid, strongly read in one call."""
        keys = [{"pk": budget.key, "sk": f"S#{shard}"} for shard in range(budget.shards)]
        return sum(item["spent"] for item in self.items(keys))

    def items(self, keys: Sequence[Mapping[str, Any]]) -> list[Item]:
        """What stands in the ledger table under `keys`, strongly read, in any order."""
        found = batch_get(
            self.dynamo, self.ledger, keys, lambda attempt: self.pause(self.jitter.uniform(0, BACKOFF_S * 2**attempt))
        )
        return [decode_item(item) for item in found]

    def listed(self, pk: str, before: str, limit: int) -> Iterator[Item]:
        """The items of a list in the ledger table, newest first, before a sort key; `limit` a page, as far as asked."""
        found = pages(
            self.dynamo,
            TableName=self.ledger,
            KeyConditionExpression="pk = :pk AND sk < :before",
            ExpressionAttributeValues=encode_item({":pk": pk, ":before": before or "~"}),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
        )
        return (decode_item(item) for page in found for item in page)


def _replay(standing: Entry, input_hash: str) -> Receipt:
    if standing.cause.input_hash != input_hash:
        raise JifenError(Code.KEY_REUSED)
    return Receipt((standing,), None, replayed=True)


def _with_own_guard(posting: Posting) -> Posting:
    """What bore the id of an account that was merged bears the survivor's from its first change on."""
    guard, account = posting.guard, posting.account
    if guard is None or guard.member_id not in account.merged:
        return posting
    return posting._replace(guard=guard._replace(member_id=account.member_id))


def _due_of(item: Item) -> Due:
    member_id = item["due_key"].partition("#")[2]
    return Due(member_id, "" if item["sk"] == "A" else item["pk"])


def shard_name(shard: int) -> str:
    """A due shard as its index key."""
    return f"{shard:04d}"


def open_ledger() -> LedgerTable:
    """The stage's ledger."""
    stage = settings()
    return LedgerTable(client(), stage.ledger_table, stage.journal_table, stage.due_shards)
