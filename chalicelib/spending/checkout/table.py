"""Captured deductions in the spending table: each is written with the posting that captures it, once per order."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also
from chalicelib.runtime.dynamo import Client, ConditionFailed, client, conditional, decode_item, encode_item
from chalicelib.runtime.settings import settings
from chalicelib.spending.checkout.deducted import Deducted
from chalicelib.spending.checkout.items import deducted_item, deducted_key, deducted_of


@dataclass(frozen=True, slots=True)
class CheckoutTable:
    """The deductions of one stage."""

    dynamo: Client
    name: str

    def find(self, platform: str, order_no: str) -> Deducted | None:
        """An order's deduction, strongly read; None when no points paid for it."""
        found = self.dynamo.get_item(
            TableName=self.name, Key=encode_item(deducted_key(platform, order_no)), ConsistentRead=True
        ).get("Item")
        return deducted_of(decode_item(found)) if found else None

    def first(self, deducted: Deducted) -> Also:
        """The write that ties a deduction to its order, where none is yet."""
        put = {
            "TableName": self.name,
            "Item": encode_item(deducted_item(deducted)),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return Also({"Put": put}, JifenError(Code.ORDER_DEDUCTED))

    def changed(self, deducted: Deducted) -> Also:
        """The write of a deduction after one more refund; BUSY when another was booked meanwhile."""
        return Also({"Put": self._at_version_before(deducted)}, JifenError(Code.BUSY, retry_after_seconds=1))

    def save(self, deducted: Deducted) -> None:
        """The same of a refund that gives no points back. Raises BUSY."""
        try:
            conditional(self.dynamo, "put_item", **self._at_version_before(deducted))
        except ConditionFailed:
            raise JifenError(Code.BUSY, retry_after_seconds=1) from None

    def _at_version_before(self, deducted: Deducted) -> dict[str, object]:
        return {
            "TableName": self.name,
            "Item": encode_item(deducted_item(deducted)),
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": encode_item({":before": deducted.version - 1}),
        }


def open_checkout() -> CheckoutTable:
    """The stage's deductions."""
    return CheckoutTable(client(), settings().spending_table)
