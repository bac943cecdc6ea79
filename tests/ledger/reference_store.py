"""DynamoDB in a dictionary: the calls that the ledger's gate makes, with their conditions, all or nothing.

Fast enough for tens of thousands of operations, and it can let another operation in just before a transaction commits.
A call or a condition that it does not know is an error, so that the gate cannot come to rely on less than it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.runtime.dynamo import Item, decode_item

Key = tuple[str, str]


class TransactionCanceledException(Exception):
    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        super().__init__("cancelled")
        self.response = {"CancellationReasons": reasons}


class Exceptions:
    TransactionCanceledException = TransactionCanceledException


class MemoryDynamo:
    """Tables by name, items as DynamoDB types them; `written` holds every item in the order of its commit."""

    exceptions = Exceptions

    def __init__(self, *names: str) -> None:
        self.tables: dict[str, dict[Key, Any]] = {name: {} for name in names}
        self.written: list[tuple[str, Any]] = []
        self.before_commit: Callable[[], None] | None = None
        """Runs once, before the next transaction: another operation that comes first."""

    def get_item(self, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert ConsistentRead
        found = self.tables[TableName].get(_key(Key))
        return {"Item": found} if found else {}

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        answers = {}
        for name, wanted in RequestItems.items():
            assert wanted["ConsistentRead"]
            found = [self.tables[name].get(_key(key)) for key in wanted["Keys"]]
            answers[name] = [item for item in found if item]
        return {"Responses": answers}

    def query(self, TableName: str, IndexName: str, KeyConditionExpression: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        values = decode_item(request["ExpressionAttributeValues"])
        items = self.tables[TableName].values()
        if IndexName == "due":
            assert KeyConditionExpression == "due_shard = :shard AND due_key < :end"
            found = [item for item in items if "due_key" in item and item["due_shard"]["S"] == values[":shard"]]
            found = [item for item in found if item["due_key"]["S"] < values[":end"]]
        else:
            assert (IndexName, KeyConditionExpression) == ("open", "open_of = :member")
            found = [item for item in items if "open_of" in item and item["open_of"]["S"] == values[":member"]]
        return {"Items": sorted(found, key=lambda item: (item["due_key"]["S"], item["pk"]["S"]))}

    def transact_write_items(self, TransactItems: list[Any]) -> None:  # noqa: N803
        if self.before_commit:
            other, self.before_commit = self.before_commit, None
            other()
        rows = [self._judged(*next(iter(row.items()))) for row in TransactItems]
        assert len({(name, key) for name, key, _, _ in rows}) == len(rows) <= 100
        if any(reason["Code"] != "None" for *_, reason in rows):
            raise TransactionCanceledException([reason for *_, reason in rows])
        for name, key, item, _ in rows:
            self.tables[name][key] = item
            self.written.append((name, item))

    def items(self, name: str) -> list[Item]:
        return [decode_item(item) for item in self.tables[name].values()]

    def _judged(self, verb: str, write: Mapping[str, Any]) -> tuple[str, Key, Any, dict[str, Any]]:
        """One write: its table and key, the item it leaves, and why it may not."""
        name = write["TableName"]
        key = _key(write["Item"] if verb == "Put" else write["Key"])
        standing = self.tables[name].get(key)
        if _holds(write.get("ConditionExpression"), standing, write.get("ExpressionAttributeValues", {})):
            reason: dict[str, Any] = {"Code": "None"}
        else:
            reason = {"Code": "ConditionalCheckFailed", **({"Item": standing} if standing else {})}
        if verb == "Put":
            return name, key, write["Item"], reason
        return name, key, _added(write, standing), reason


def _added(write: Mapping[str, Any], standing: Any) -> Any:
    """The item that an ADD leaves: names and values in turns, `ADD #left :less, taken :pieces`."""
    item = {**(standing or write["Key"])}
    expression = write["UpdateExpression"].removeprefix("ADD ")
    names = write.get("ExpressionAttributeNames", {})
    for part in expression.split(", "):
        name, value = part.split(" ")
        name = names.get(name, name)
        total = int(item.get(name, {"N": "0"})["N"]) + int(write["ExpressionAttributeValues"][value]["N"])
        item[name] = {"N": str(total)}
    return item


def _holds(condition: str | None, standing: Any, values: Mapping[str, Any]) -> bool:
    if condition is None:
        return True
    if condition == "attribute_not_exists(pk)":
        return standing is None
    if condition == "version = :version":
        return standing is not None and standing["version"] == values[":version"]
    if condition == "#left >= :pieces":
        return standing is not None and int(standing["left"]["N"]) >= int(values[":pieces"]["N"])
    assert condition == "attribute_not_exists(spent) OR spent <= :room"
    return standing is None or int(standing["spent"]["N"]) <= int(values[":room"]["N"])


def _key(item: Mapping[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
