"""Claims in DynamoDB: each in its member's list in the ledger's table, and on the item of the order it waits for.

    OC#<member>   <platform>#<order_no>   the claim; waiting ones are due in the partitions `claim0` to `claim3`
    OC#<member>   ~<business day>         how many claims of a day there were, and how many of them are not proved yet

Every write moves both in one transaction, so that whoever writes the order carries the claims that wait for it to the
stream, with no request of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.earning.claim_writes import CLAIM_SHARDS, ClaimWrites, Write, claim_key, claim_of
from chalicelib.earning.order import Order, Waiting
from chalicelib.earning.order_claim import OrderClaim, State
from chalicelib.earning.table import OrdersTable, open_orders
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import BACKOFF_S, LedgerTable, open_ledger
from chalicelib.runtime.dynamo import Cancelled, Reason, decode_item, encode_item, pages, transact

ATTEMPTS = 4


Failed = frozenset[str]
"""Which of a transaction's conditions failed, by the names its writer gave them; empty when it was written."""


@dataclass(frozen=True, slots=True)
class ClaimsTable:
    """The claims of one stage, beside its accounts and on its orders."""

    ledger: LedgerTable
    orders: OrdersTable

    @property
    def writes(self) -> ClaimWrites:
        return ClaimWrites(self.ledger.ledger, self.orders.name)

    def find(self, keys: Sequence[tuple[str, str]]) -> list[OrderClaim]:
        """The claims among up to 100 (member, order key), strongly read in one call, in any order."""
        return [claim_of(item) for item in self.ledger.items([claim_key(*key) for key in keys])]

    def submit(self, claim: OrderClaim, waiting: Waiting, standing: OrderClaim | None, *, per_day: int) -> Failed:
        """Write a fresh claim, count it and place it on its order, all or nothing.

        The failed ones of `claim` (it is not as it stood), `day` (no more today) and `order` (too many wait on it).
        """
        writes = {
            "claim": self.writes.put(claim, standing),
            "day": self.writes.count(claim, per_day),
        }
        if claim.is_placed:
            writes["order"] = self.writes.place(
                claim, waiting, is_there=standing is not None and _waits_there(standing)
            )
        return self._write(writes)

    def give(self, order: Order, waiting: Waiting, bound_at: datetime, *, now: datetime, on: date) -> Failed:
        """Make the claimant the order's member, for ever; failed: `order` (somebody has it) or `claim` (it lapsed)."""
        return self._write(
            {
                "order": self.writes.bind(order, waiting.member_id, bound_at, on, {"bound_by": "claim"}, claimed=True),
                "claim": self.writes.own(order.key, waiting, now),
                "day": self.writes.proved(waiting),
            }
        )

    def own(self, order: Order, waiting: Waiting, *, now: datetime) -> Failed:
        """Tell a claimant who is the order's member already that he is."""
        return self._write(
            {
                "order": self.writes.take_off(order.key, waiting.member_id),
                "claim": self.writes.own(order.key, waiting, now),
                "day": self.writes.proved(waiting),
            }
        )

    def assign(self, order: Order, member_id: str, *, by: str, why: str, now: datetime, on: date) -> Failed:
        """Staff give an order without a member to one, with his claim if he has one; failed: `order` or `claim`."""
        claim = next((one for one in order.waiting if one.member_id == member_id), None)
        bind = self.writes.bind(
            order, member_id, now, on, {"bound_by": by, "bound_why": why}, claimed=claim is not None
        )
        if claim is None:
            return self._write({"order": bind})
        return self._write(
            {"order": bind, "claim": self.writes.own(order.key, claim, now), "day": self.writes.proved(claim)}
        )

    def lapse(self, claim: OrderClaim, order: Order | None, *, now: datetime, on: date) -> Failed:
        """End a claim that waited in vain, tell its member, and take it off its order; failed: `claim` or `order`.

        An order's item that holds nothing but this claim goes with it.
        """
        writes = {"claim": self.writes.lapsed(claim, now), "notice": self.writes.told(claim, on)}
        waiting = [one.member_id for one in order.waiting] if order else []
        if order and claim.member_id in waiting:
            is_empty = order.paid is None and not order.refunds and order.goods_received_at is None
            if is_empty and waiting == [claim.member_id]:
                writes["order"] = self.writes.forget(order.key)
            else:
                writes["order"] = self.writes.take_off(order.key, claim.member_id)
        return self._write(writes)

    def due(self, through_on: date) -> Iterator[list[tuple[str, str]]]:
        """Pages of (member, order key) of claims whose last day lies before `through_on`; eventually consistent."""
        for shard in range(CLAIM_SHARDS):
            found = pages(
                self.ledger.dynamo,
                TableName=self.ledger.ledger,
                IndexName="due",
                KeyConditionExpression="due_shard = :shard AND due_key < :end",
                ExpressionAttributeValues=encode_item({":shard": f"claim{shard}", ":end": f"{through_on}$"}),
            )
            for page in found:
                items = [decode_item(item) for item in page]
                yield [(item["pk"].removeprefix("OC#"), item["sk"]) for item in items]

    def listed(self, member_id: str, before: str, limit: int) -> Iterator[tuple[str, OrderClaim]]:
        """A member's claims with their order keys, by falling key, those before `before`."""
        # Keys of days begin with "~" and so stand behind every platform.
        for item in self.ledger.listed(f"OC#{member_id}", before, limit):
            yield item["sk"], claim_of(item)

    def _write(self, writes: Mapping[str, Write]) -> Failed:
        """All or nothing; the names of the conditions that failed. Contention is tried again, then BUSY."""
        for attempt in range(ATTEMPTS):
            try:
                transact(self.ledger.dynamo, list(writes.values()))
            except Cancelled as cancelled:
                failed = frozenset(name for name, why in zip(writes, cancelled.reasons, strict=True) if _is_failed(why))
                if failed:
                    return failed
                if not cancelled.is_transient():
                    raise
            else:
                return frozenset()
            self.ledger.pause(self.ledger.jitter.uniform(0, BACKOFF_S * 2**attempt))
        raise JifenError(Code.BUSY, retry_after_seconds=1)


def _is_failed(why: Reason) -> bool:
    return why.code == "ConditionalCheckFailed"


def _waits_there(standing: OrderClaim) -> bool:
    return standing.state is State.WAITING and standing.is_placed


def open_claims() -> ClaimsTable:
    """The stage's claims."""
    return ClaimsTable(open_ledger(), open_orders())
