"""Members' tags in the members table. Under each id an item of its own, and a line for each change:

MEMBER#<member_id>   TAGS                      tags, version
MEMBER#<member_id>   TAGS#<instant>#<version>  given, taken, by, reason
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.members.items import instant, member_key, stamp
from chalicelib.members.tags import Change, Held, Line
from chalicelib.runtime import dynamo as db
from chalicelib.runtime.settings import settings

LINES_SHOWN = 50
_ROW, _LINES = "TAGS", "TAGS#"


@dataclass(frozen=True, slots=True)
class TagsTable:
    """One method per access pattern; reads are strong."""

    dynamo: db.Client
    name: str

    def held(self, member_ids: Collection[str]) -> dict[str, Held]:
        """The tags of each of these ids, a hundred a call."""
        keys = [_key(member_id) for member_id in sorted(set(member_ids))]
        found = [db.decode_item(item) for item in db.batch_get(self.dynamo, self.name, keys)]
        rows = {item["pk"]: item for item in found}
        return {member_id: _held(member_id, rows.get(_key(member_id)["pk"])) for member_id in member_ids}

    def write(self, changes: Sequence[Change], beside: Sequence[Held] = ()) -> bool:
        """Make changes of up to 50 ids, all or none, while those `beside` them stand as they were read; False when one
        of them changed meanwhile, or others write there at this instant.
        """
        writes = [write for change in changes for write in self._writes(change)]
        for one in beside:
            key = db.encode_item(_key(one.member_id))
            writes.append({"ConditionCheck": {"TableName": self.name, "Key": key, **_at(one.version)}})
        try:
            db.transact(self.dynamo, writes)
        except db.Cancelled as refused:
            if any(reason.code not in ("None", *_BY_OTHERS) for reason in refused.reasons):
                raise
            return False
        return True

    def lines(self, member_ids: Collection[str]) -> list[Line]:
        """The newest changes of these ids' tags, newest first."""
        found = [line for member_id in member_ids for line in self._lines(member_id)]
        found.sort(key=lambda one: one[0], reverse=True)
        return [line for _, line in found[:LINES_SHOWN]]

    def _lines(self, member_id: str) -> list[tuple[str, Line]]:
        found = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :lines)",
            ExpressionAttributeValues=db.encode_item({":pk": _key(member_id)["pk"], ":lines": _LINES}),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=LINES_SHOWN,
        )
        items = [db.decode_item(item) for item in found["Items"]]
        return [(item["sk"], _line(item)) for item in items]

    def _writes(self, change: Change) -> list[dict[str, Any]]:
        """The id's row, at the version before, and the line."""
        after, line = change
        row = {**_key(after.member_id), "tags": sorted(after.tags), "version": after.version}
        put = {"TableName": self.name, "Item": db.encode_item(row), **_at(after.version - 1)}
        told = {
            "pk": row["pk"],
            "sk": f"{_LINES}{stamp(line.at)}#{after.version:06d}",
            "given": line.given,
            "taken": line.taken,
            "by": line.by,
            "reason": line.reason,
        }
        return [{"Put": put}, {"Put": {"TableName": self.name, "Item": db.encode_item(told)}}]


_BY_OTHERS = ("ConditionalCheckFailed", "TransactionConflict")


def open_tags() -> TagsTable:
    """This stage's table."""
    return TagsTable(db.client(), settings().members_table)


def _key(member_id: str) -> dict[str, str]:
    return {"pk": member_key(member_id)["pk"], "sk": _ROW}


def _at(version: int) -> dict[str, Any]:
    """The condition that an id's row is of this version: there is none at version 0."""
    if not version:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :before",
        "ExpressionAttributeValues": db.encode_item({":before": version}),
    }


def _held(member_id: str, item: Mapping[str, Any] | None) -> Held:
    return Held(member_id, frozenset(item["tags"]), item["version"]) if item else Held(member_id)


def _line(item: Mapping[str, Any]) -> Line:
    at = instant(item["sk"].removeprefix(_LINES).partition("#")[0])
    return Line(at, item["by"], tuple(item["given"]), tuple(item["taken"]), item["reason"])
