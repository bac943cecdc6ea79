"""Orders as outside systems tell them: each record checked and kept as the signed feed's are, whoever brought it. Opens
the stage's own tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.earning.order_feed import order_fact
from chalicelib.earning.record_orders import Received, Recorded, Result, record_orders
from chalicelib.earning.table import open_orders
from chalicelib.errors import JifenError
from chalicelib.members.buyers import find_members, phone_key
from chalicelib.programme.table import terms_at


def take_orders(records: Sequence[Mapping[str, Any]], now: datetime) -> list[Recorded]:
    """What became of each record, in the order given; raises TERMS_MISSING before any programme is published."""
    answers: dict[int, Recorded] = {}
    received: dict[int, Received] = {}
    for place, record in enumerate(records):
        try:
            received[place] = Received(order_fact(record, now, phone_key=lambda: phone_key(now)), now)
        except JifenError as error:
            answers[place] = Recorded(Result.REFUSED, error)
    recorded = record_orders(
        list(received.values()), orders=open_orders(), find_members=find_members, zone=terms_at(now).zone
    )
    answers |= zip(received, recorded, strict=True)
    return [answers[place] for place in range(len(records))]
