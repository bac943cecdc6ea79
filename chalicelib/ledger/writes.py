"""One posting as one transaction, and what a cancelled one says: reasons stand by position, so both live here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from chalicelib.errors import JifenError
from chalicelib.ledger.chain import sealed
from chalicelib.ledger.items import account_item, account_of, entry_of, guard_item, guard_of, level_item, notice_item
from chalicelib.ledger.model import Account, Budget, Entry, Guard, Posting, Stock
from chalicelib.runtime.dynamo import Item, Reason, encode_item

LOST = frozenset({"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class Row(NamedTuple):
    """One write of the transaction and what it stands for."""

    role: str
    """`account`, `other`, `guard`, `draw`, `also`, `notice`, `level` or `entry`."""
    write: Mapping[str, Any]
    subject: Any = None
    """The budget or stock, the refusal or the entry it is about."""


class Writes:
    """The transaction of one posting: accounts and guard at the versions they were read at, entries where their key is
    free, a shard of a budget or a stock where it has room.
    """

    def __init__(self, posting: Posting, guard: Guard | None, *, ledger: str, journal: str) -> None:
        self.ledger = ledger
        self.rows: list[Row] = []
        sealed_posting, items = sealed(posting)
        self._put_account("account", sealed_posting)
        entries = [*zip(sealed_posting.entries, items, strict=True)]
        if posting.other:
            sealed_other, other_items = sealed(posting.other)
            self._put_account("other", sealed_other)
            entries += zip(sealed_other.entries, other_items, strict=True)
            sealed_posting = sealed_posting._replace(other=sealed_other)
        self.posting = sealed_posting
        if posting.guard is not None:
            item = guard_item(posting.guard, posting.account.due_shard)
            self.rows.append(Row("guard", _versioned_put(ledger, item, guard.version if guard else 0)))
        for one in posting.also:
            self.rows.append(Row("also", one.write, one.refusal))
        for side in (posting, *([posting.other] if posting.other else [])):
            for notice in side.notices:
                self.rows.append(Row("notice", self._put(notice_item(side.account.member_id, notice))))
        for entry, stored in entries:
            if entry.level_before != entry.level_after or "level_until" in entry.facts or "trial" in entry.facts:
                self.rows.append(Row("level", self._put(level_item(entry))))
            put = {
                "TableName": journal,
                "Item": encode_item(stored),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
            self.rows.append(Row("entry", {"Put": put}, entry))

    def _put(self, item: Item) -> dict[str, Any]:
        """A line that the posting alone makes: its key is the posting's own, so nothing can stand there."""
        return {"Put": {"TableName": self.ledger, "Item": encode_item(item)}}

    def _put_account(self, role: str, posting: Posting) -> None:
        item = account_item(posting.account)
        self.rows.append(Row(role, _versioned_put(self.ledger, item, posting.before.version)))

    def draw(self, source: Budget | Stock, shard: int) -> None:
        """Draw what is wanted from one shard, if that much is left there."""
        update = _from_stock(source, shard) if isinstance(source, Stock) else self._from_budget(source, shard)
        self.rows.append(Row("draw", {"Update": update}, source))

    def _from_budget(self, budget: Budget, shard: int) -> dict[str, Any]:
        """The shard's share must hold the points at all."""
        room_points = budget.share_points(shard) - budget.points
        return {
            "TableName": self.ledger,
            "Key": encode_item({"pk": budget.key, "sk": f"S#{shard}"}),
            "UpdateExpression": "ADD spent :points",
            "ConditionExpression": "attribute_not_exists(spent) OR spent <= :room",
            "ExpressionAttributeValues": encode_item({":points": budget.points, ":room": room_points}),
        }

    def transaction(self) -> list[Mapping[str, Any]]:
        """The writes, in the order in which reasons come back."""
        return [row.write for row in self.rows]


class Lost(NamedTuple):
    """A cancelled transaction, read by position."""

    rows: tuple[Row, ...]
    reasons: tuple[Reason, ...]

    def failed(self, role: str) -> Iterator[tuple[Row, Reason]]:
        """The rows of one role that were refused."""
        for row, reason in zip(self.rows, self.reasons, strict=True):
            if row.role == role and reason.code != "None":
                yield row, reason

    def race(self) -> bool:
        """Whether an account or the guard was another's: then everything is judged again, whatever else was refused.

        What stands under one of our entry keys may then be another operation's (an expiry that both would have booked).
        """
        return any(reason.code in LOST for role in ("account", "other", "guard") for _, reason in self.failed(role))

    def standing(self) -> tuple[Entry, Entry] | None:
        """(the entry that stands under a key we wanted to write, the one we wanted), if that is what failed."""
        for row, reason in self.failed("entry"):
            if reason.code == "ConditionalCheckFailed" and reason.item:
                return entry_of(reason.item), row.subject
        return None

    def refusal(self) -> JifenError | None:
        """What to answer when the cause's own item would not take its write."""
        for row, reason in self.failed("also"):
            if reason.code == "ConditionalCheckFailed":
                refusal: JifenError = row.subject
                return refusal
        return None

    def spent(self) -> list[Budget | Stock]:
        """The budgets and stocks whose chosen shard had no room."""
        return [row.subject for row, reason in self.failed("draw") if reason.code == "ConditionalCheckFailed"]

    def account(self, role: str, known: Account) -> Account:
        """The account that beat us, from the reason itself (no further read), else the one we knew."""
        for _, reason in self.failed(role):
            if reason.item:
                return account_of(reason.item)
        return known

    def guard(self, known: Guard | None) -> Guard | None:
        """The guard that beat us, likewise."""
        for _, reason in self.failed("guard"):
            if reason.item:
                return guard_of(reason.item)
        return known


def _from_stock(stock: Stock, shard: int) -> dict[str, Any]:
    """Takes the pieces and counts them as taken: the two sum to what was ever put there."""
    tally = ", #tally :pieces" if stock.tally else ""
    return {
        "TableName": stock.table,
        "Key": encode_item({"pk": stock.id, "sk": f"S#{shard}"}),
        "UpdateExpression": f"ADD #left :less, taken :pieces{tally}",
        "ConditionExpression": "#left >= :pieces",
        "ExpressionAttributeNames": {"#left": "left", **({"#tally": stock.tally} if tally else {})},
        "ExpressionAttributeValues": encode_item({":less": -stock.pieces, ":pieces": stock.pieces}),
    }


def _versioned_put(table: str, item: Item, version: int) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": table, "Item": encode_item(item)}
    if version:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = encode_item({":version": version})
    else:
        put["ConditionExpression"] = "attribute_not_exists(pk)"
    return {"Put": put}
