"""What the auditor of the spending table says of a test's stage, and rows that a test plants something in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.ledger.audit import Finding
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.runtime import clock
from chalicelib.runtime.dynamo import Item, decode_item, encode_item
from chalicelib.runtime.settings import settings
from local.audit_spending import SpendingAuditor


def differences() -> list[Finding]:
    """Everything that does not agree on the stage as it is."""
    found: list[Finding] = []

    def add(findings: list[Finding], **_read: int) -> None:
        found.extend(findings)

    now = clock.utc_now()
    zone = terms_at(now).zone
    SpendingAuditor(open_ledger(), settings().spending_table, add, now, zone, pause=lambda _seconds: None).run()
    return found


@dataclass(frozen=True)
class Rows:
    """The rows of a table, behind the back of the code that writes them."""

    dynamo: Any
    table: str

    def item(self, pk: str, sk: str) -> Item:
        found = self.dynamo.get_item(TableName=self.table, Key=encode_item({"pk": pk, "sk": sk}))
        return decode_item(found["Item"])

    def change(self, item: Item, **values: Any) -> None:
        """An attribute that is None is taken away."""
        kept = {name: value for name, value in {**item, **values}.items() if value is not None}
        self.dynamo.put_item(TableName=self.table, Item=encode_item(kept))

    def delete(self, item: Item) -> None:
        self.dynamo.delete_item(TableName=self.table, Key=encode_item({"pk": item["pk"], "sk": item["sk"]}))

    def all(self, prefix: str = "") -> list[Item]:
        """Those whose partition begins so."""
        found = map(decode_item, self.dynamo.scan(TableName=self.table)["Items"])
        return [item for item in found if item["pk"].startswith(prefix)]
