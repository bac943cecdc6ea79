"""The floor under an order: the same DynamoDB requests with items of the same size, sent by a bare boto3 client.

An order costs one conditional update of its item, one strong read of account and guard, and one transaction of account,
guard and entry. They run against tables of their own, side by side like the replay's writers, with no code of ours and
no function in between; what is left of an order's time above this is ours and the functions'.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.stack import Stack

ORDERS = 400
WORKERS = 8
NAMES = ("jifen-floor-state", "jifen-floor-journal")


def seconds_per_order(stack: Stack) -> float:
    """Wall time of ORDERS such orders with WORKERS at once, divided by ORDERS."""
    dynamo = stack.client("dynamodb")
    for name in NAMES:
        dynamo.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            began = time.perf_counter()
            list(pool.map(lambda number: _order(dynamo, number), range(ORDERS)))
            return (time.perf_counter() - began) / ORDERS
    finally:
        for name in NAMES:
            dynamo.delete_table(TableName=name)


def _order(dynamo: Any, number: int) -> None:
    state, journal = NAMES
    dynamo.update_item(
        TableName=state,
        Key={"pk": {"S": f"order-{number}"}},
        UpdateExpression="SET facts = :facts",
        ConditionExpression="attribute_not_exists(facts)",
        ExpressionAttributeValues={":facts": {"S": "x" * 400}},
    )
    keys = [{"pk": {"S": f"{kind}-{number}"}} for kind in ("account", "guard")]
    dynamo.batch_get_item(RequestItems={state: {"Keys": keys, "ConsistentRead": True}})
    writes = [(state, f"account-{number}", 350), (state, f"guard-{number}", 150), (journal, f"entry-{number}", 800)]
    dynamo.transact_write_items(TransactItems=[_put(table, key, size) for table, key, size in writes])


def _put(table: str, key: str, size: int) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": table,
            "Item": {"pk": {"S": key}, "facts": {"S": "x" * size}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }
