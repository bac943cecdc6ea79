"""What a system told is kept as orders, and what became of it is logged by count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.earning.record_orders import Result
from chalicelib.earning.take_orders import take_orders
from chalicelib.errors import Code
from chalicelib.runtime import log


def keep(system: str, records: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Keep records of the order feed that `system` told.

    What an order as it stands refuses for good is logged and acknowledged: told again it would be refused again. What
    cannot be read is raised once all others are kept: the sender tells it again, which leaves time to mend it.
    """
    if not records:
        return
    taken = take_orders(records, now)
    log.outcome("orders_told", system=system, **Counter(one.result.value for one in taken))
    for record, one in zip(records, taken, strict=True):
        if one.result is Result.REFUSED and one.error is not None:
            log.outcome("told_order_refused", system=system, kind=record["kind"], code=one.error.code.number)
    for one in taken:
        if one.error is not None and one.error.code is Code.INVALID_REQUEST:
            raise one.error
