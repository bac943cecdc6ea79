"""A batch of the orders stream: members side by side, one member's orders one after another, bad records set aside.

The embedded cloud drops the rest of a batch that reports a partial failure, and AWS blocks a shard on it; so a
record that cannot be posted goes to the retry queue with its payload and counts as done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from chalicelib.earning.items import order_of
from chalicelib.earning.order import Order
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import decode_item
from chalicelib.runtime.queue import MAX_MESSAGE_BYTES

LANES = 8


@dataclass(frozen=True, slots=True)
class BatchRun:
    """What a batch did; `set_aside` are the retry queue's messages."""

    settled: int
    set_aside: tuple[str, ...]


def settle_batch(records: Sequence[Mapping[str, Any]], settle: Callable[[Order], object]) -> BatchRun:
    """Settle each order once, by the fullest of its images in the batch: an order only ever becomes known better."""
    images: dict[str, Mapping[str, Any]] = {}
    orders: dict[str, Order] = {}
    set_aside: list[str] = []
    for record in records:
        try:
            image = record["dynamodb"].get("NewImage")
            if image is None or image.get("kind") != {"S": "order"}:
                continue
            order = order_of(decode_item(image))
        except Exception as error:  # noqa: BLE001  # a poison record of any shape is set aside, the rest goes on
            log.defect("order_record_unreadable", error)
            set_aside.append(_message(record))
            continue
        if order.key not in orders or _known(order) >= _known(orders[order.key]):
            images[order.key], orders[order.key] = record, order
    unreadable = len(set_aside)
    lanes: dict[str, list[Order]] = {}
    for order in orders.values():
        lanes.setdefault(order.member_id or order.key, []).append(order)

    def run(lane: list[Order]) -> list[str]:
        return [_message(images[order.key]) for order in lane if not _settled(order, settle)]

    with ThreadPoolExecutor(LANES) as pool:
        for messages in pool.map(run, lanes.values()):
            set_aside += messages
    failed = len(set_aside) - unreadable
    return BatchRun(len(orders) - failed, tuple(set_aside))


def _known(order: Order) -> int:
    return (order.paid is not None) + bool(order.member_id) + bool(order.goods_received_at) + len(order.refunds)


def _settled(order: Order, settle: Callable[[Order], object]) -> bool:
    try:
        settle(order)
    except Exception as error:  # noqa: BLE001  # whatever it is, the order goes to the retry queue and the lane goes on
        log.defect("order_not_settled", error, order=order.key)
        return False
    return True


def _message(record: Any) -> str:
    """The retry queue's message: the order's key, when it can be read, and the record as it came."""
    try:
        key = str(record["dynamodb"]["Keys"]["pk"]["S"])
    except (KeyError, TypeError):
        key = ""
    text = json.dumps({"order": key, "record": record}, ensure_ascii=False, default=str)
    return text if len(text.encode()) <= MAX_MESSAGE_BYTES else json.dumps({"order": key})
