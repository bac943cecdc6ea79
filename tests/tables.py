"""The tables as the template deploys them, for moto and for the embedded cloud alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TAKEN = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "StreamSpecification")


def create_tables(dynamo: Any, prefix: str) -> dict[str, str]:
    """Create each table of .chalice/resources.json as `<prefix>-<name>`; answers {environment variable: table name}."""
    resources = json.loads((ROOT / ".chalice/resources.json").read_text())["Resources"]
    names = {}
    for logical, resource in resources.items():
        if resource.get("Type") != "AWS::DynamoDB::Table":
            continue
        wanted = {name: value for name, value in resource["Properties"].items() if name in TAKEN}
        if "StreamSpecification" in wanted:
            wanted["StreamSpecification"] = {**wanted["StreamSpecification"], "StreamEnabled": True}
        room = logical.removesuffix("Table").lower()
        dynamo.create_table(TableName=f"{prefix}-{room}", **wanted)
        names[f"{room.upper()}_TABLE"] = f"{prefix}-{room}"
    return names


QUEUES = (
    "EXPIRY_QUEUE_URL",
    "ORDERS_RETRY_QUEUE_URL",
    "BEHAVIOURS_QUEUE_URL",
    "ADJUSTMENTS_QUEUE_URL",
    "SIMULATIONS_QUEUE_URL",
    "REMINDERS_QUEUE_URL",
    "ENTRIES_RETRY_QUEUE_URL",
    "INBOUND_EVENTS_QUEUE_URL",
    "MALL_PAYMENTS_QUEUE_URL",
    "PAYMENT_GIFTS_QUEUE_URL",
    "WEBHOOKS_QUEUE_URL",
    "POINTS_BACK_QUEUE_URL",
)
"""The settings that name queues, for stages that have none."""
