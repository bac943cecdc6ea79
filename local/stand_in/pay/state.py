"""The state of WeChat Pay: its key, its orders, and how the next refunds end."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.stand_in.clock import SECOND
from local.stand_in.pay.keys import PlatformKey
from local.stand_in.pay.orders import Orders
from local.stand_in.pay.shapes import ABNORMAL, DONE, REFUND_CLOSED
from local.stand_in.wire import Unknown

REFUND_TAKES = 5 * SECOND
REFUND_EVENTS = {
    DONE: ("REFUND.SUCCESS", "退款成功"),
    ABNORMAL: ("REFUND.ABNORMAL", "退款异常"),
    REFUND_CLOSED: ("REFUND.CLOSED", "退款关闭"),
}


@dataclass(slots=True)
class Pay:
    key: PlatformKey
    orders: Orders
    planned: list[str] = field(default_factory=list)
    """How the next refunds end."""

    def plan(self, status: str) -> None:
        """Raises Unknown."""
        if status not in REFUND_EVENTS:
            raise Unknown(f"a refund ends with {', '.join(REFUND_EVENTS)}")
        self.planned.append(status)
