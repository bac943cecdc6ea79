"""Penalties in the ledger table: they change in the very transaction that posts their points.

PEN#ALL                  <id>  the penalty; ids rise with time, and such decisions of people are few
PEN#M#<member>           <id>  a posted one, in its member's list
PEN#KEY#<staff>#<key>    K     what a client's key stands for
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from chalicelib.earning.penalty import Penalty, State, Step
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.model import Policy, stamp
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.runtime.dynamo import (
    Cancelled,
    ConditionFailed,
    Item,
    batch_get,
    conditional,
    decode_item,
    encode_item,
    transact,
)

ALL = "PEN#ALL"
_STEPS = ("proposed", "decided", "appealed", "heard")
QUERY_ITEMS = 200


@dataclass(frozen=True, slots=True)
class PenaltiesTable:
    """The penalties of one stage, beside its accounts."""

    ledger: LedgerTable

    def create(self, penalty: Penalty, *, key: str, input_hash: str) -> str:
        """Store a proposal unless its proposer's key stands for one already; the id the key stands for.

        Raises KEY_REUSED when the key came with other content, BUSY when two calls met at this instant.
        """
        claim = {
            "pk": f"PEN#KEY#{penalty.proposed.by}#{key}",
            "sk": "K",
            "penalty_id": penalty.id,
            "input_hash": input_hash,
        }
        try:
            transact(self.ledger.dynamo, [self._put_new(claim), self._put_new(_item(penalty))])
        except Cancelled as cancelled:
            standing = cancelled.reasons[0].item
            if standing is None:
                if cancelled.is_transient():
                    raise JifenError(Code.BUSY, retry_after_seconds=1) from None
                raise
            if standing["input_hash"] != input_hash:
                raise JifenError(Code.KEY_REUSED) from None
            return str(standing["penalty_id"])
        return penalty.id

    def penalty(self, penalty_id: str) -> Penalty:
        """A penalty as it stands; raises PENALTY_NOT_FOUND."""
        for found in self._of_ids([penalty_id]):
            return found
        raise JifenError(Code.PENALTY_NOT_FOUND)

    def save(self, penalty: Penalty) -> None:
        """Store a penalty over the version before it; raises PENALTY_STATE when somebody was faster."""
        try:
            conditional(self.ledger.dynamo, "put_item", **self.changed(penalty)["Put"])
        except ConditionFailed:
            raise JifenError(Code.PENALTY_STATE) from None

    def changed(self, penalty: Penalty) -> Mapping[str, Any]:
        """The write of a penalty over the version before it."""
        put = {
            "TableName": self.ledger.ledger,
            "Item": encode_item(_item(penalty)),
            "ConditionExpression": "version = :seen",
            "ExpressionAttributeValues": encode_item({":seen": penalty.version - 1}),
        }
        return {"Put": put}

    def listed(self, penalty: Penalty) -> Mapping[str, Any]:
        """The write that puts a penalty into its member's list."""
        return self._put_new({"pk": _member_pk(penalty.member_id), "sk": penalty.id})

    def all(self, *, state: str, before_id: str, limit: int) -> list[Penalty]:
        """Up to `limit` penalties in a state (any, when empty) that are older than an id, newest first."""
        found: list[Penalty] = []
        for item in self._backwards(ALL, before_id, QUERY_ITEMS):
            if len(found) == limit:
                break
            if state in ("", item["state"]):
                found.append(_penalty(item))
        return found

    def of_member(self, member_id: str, *, before_id: str, limit: int) -> list[Penalty]:
        """Up to `limit` (at most 100) posted penalties of a member that are older than an id, newest first; of who was
        merged, all of the survivor's.
        """
        ids: list[str] = []
        for one in self.ledger.read(member_id).member_ids:
            ids += [item["sk"] for item in islice(self._backwards(_member_pk(one), before_id, limit), limit)]
        return sorted(self._of_ids(sorted(ids)[-limit:]), key=lambda penalty: penalty.id, reverse=True)

    def _of_ids(self, ids: Sequence[str]) -> Iterator[Penalty]:
        keys = [{"pk": ALL, "sk": penalty_id} for penalty_id in ids]
        for typed in batch_get(self.ledger.dynamo, self.ledger.ledger, keys):
            yield _penalty(decode_item(typed))

    def _backwards(self, pk: str, before_id: str, limit: int) -> Iterator[Item]:
        return self.ledger.listed(pk, before_id, limit)

    def _put_new(self, item: Item) -> Mapping[str, Any]:
        put = {
            "TableName": self.ledger.ledger,
            "Item": encode_item(item),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return {"Put": put}


def _member_pk(member_id: str) -> str:
    return f"PEN#M#{member_id}"


def _item(penalty: Penalty) -> Item:
    steps = {name: getattr(penalty, name) for name in _STEPS}
    return {
        "pk": ALL,
        "sk": penalty.id,
        **{name: value for name, value in penalty._asdict().items() if name not in ("id", *_STEPS)},
        "policy": penalty.policy.value,
        "points_class": penalty.points_class.value,
        "state": penalty.state.value,
        **{name: [step.by, stamp(step.at), step.note] for name, step in steps.items() if step},
    }


def _penalty(item: Item) -> Penalty:
    fields = {name: value for name, value in item.items() if name not in ("pk", "sk", *_STEPS)}
    steps = {name: _step(item[name]) for name in _STEPS if name in item}
    return Penalty(
        **{
            **fields,
            **steps,
            "id": item["sk"],
            "policy": Policy(item["policy"]),
            "points_class": PointsClass(item["points_class"]),
            "state": State(item["state"]),
        }
    )


def _step(stored: Sequence[str]) -> Step:
    by, at, note = stored
    return Step(by, datetime.fromisoformat(at), note)


def open_penalties() -> PenaltiesTable:
    """The stage's penalties."""
    return PenaltiesTable(open_ledger())
