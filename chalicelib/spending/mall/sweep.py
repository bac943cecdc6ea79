"""What time does to redemptions: a parcel that left long ago counts as received, what was not paid is closed, money is
asked back until that has an end, and WeChat is told of what went out for money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat.api import WechatApi
from chalicelib.connect.wechat.shipping import Reported
from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.errors import JifenError
from chalicelib.runtime import log
from chalicelib.spending.mall.close_unpaid import close_unpaid
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.fulfil import receive_overdue
from chalicelib.spending.mall.give_money_back import give_money_back
from chalicelib.spending.mall.items import REFUNDS, REPORTS, SHIPPED_SHARDS, UNPAID_SHARDS, shipped_shard, unpaid_shard
from chalicelib.spending.mall.report_sent import report_sent
from chalicelib.spending.mall.settle_payment import WrongMoney
from chalicelib.spending.mall.table import MallTable
from chalicelib.spending.mall.turns import Swept
from chalicelib.spending.turned import turned

PAGE = 100
EVERY_S = 300
"""How often there is a sweep."""


class ReportsRefused(Exception):
    """WeChat takes no reports until a quota is renewed, or people have put the account in order."""


_FORESEEN = (Declined, Unreached, Unanswered, WrongMoney, ReportsRefused)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep as of `now` that stops when `has_time` says so. What fails is logged and left to the next one; gone on
    with, it leaves out what it has `seen`.
    """

    now: datetime
    has_time: Callable[[], bool]
    seen: set[tuple[str, str]] = field(default_factory=set)
    """(part, id)."""

    def receive(self, mall: MallTable) -> Swept:
        """Whatever is due to count as received."""
        shards = map(shipped_shard, turned(SHIPPED_SHARDS, self.now, every_s=EVERY_S))
        due = (id for shard in shards for id in mall.shipped_until(shard, self.now))
        return self._each("received", due, lambda id: not receive_overdue(id, mall=mall, now=self.now).replayed)

    def close(self, desk: Desk, api: PayApi | None) -> Swept:
        """Whatever was not paid in time; `api` is None where no merchant is connected."""
        shards = map(unpaid_shard, turned(UNPAID_SHARDS, self.now, every_s=EVERY_S))
        due = (id for shard in shards for id in desk.mall.unpaid_until(shard, self.now))

        def act(id: str) -> bool:
            close_unpaid(id, desk=desk, api=api, now=self.now)
            return True

        return self._each("closed", due, act)

    def refund(self, desk: Desk, api: PayApi) -> Swept:
        """All money that is on its way back."""

        def act(id: str) -> bool:
            found = desk.mall.redemption(id)
            if found is not None:
                give_money_back(found, desk=desk, api=api)
            return True

        return self._each("refunds", _work(desk.mall, REFUNDS), act)

    def report(self, mall: MallTable, mchid: str, api: WechatApi) -> Swept:
        """All that WeChat is to be told of. Once it takes none, that counts as failed, and it is told no other."""

        def act(id: str) -> bool:
            outcome = report_sent(id, mchid=mchid, mall=mall, api=api)
            if outcome is Reported.LATER:
                raise ReportsRefused
            return outcome in (Reported.REPORTED, Reported.ALREADY)

        return self._each("reports", _work(mall, REPORTS), act)

    def _each(self, part: str, ids: Iterator[str], act: Callable[[str], bool]) -> Swept:
        """Act on each; `act` says whether it changed something."""
        done = failed = 0
        for id in ids:
            if not self.has_time():
                return Swept(done, failed, finished=False)
            if (part, id) in self.seen:
                continue
            self.seen.add((part, id))
            try:
                done += act(id)
            except Exception as fault:  # noqa: BLE001  # one that fails must not be in the way of the others
                failed += 1
                _tell(id, fault)
                if isinstance(fault, ReportsRefused):
                    return Swept(done, failed, finished=False, is_stopped=True)
        return Swept(done, failed)


def _tell(id: str, fault: Exception) -> None:
    """A line for what was foreseen, with its reason; else with where it was raised."""
    if isinstance(fault, JifenError):
        log.outcome("redemption_sweep_failed", redemption=id, why=fault.code.name)
    elif isinstance(fault, _FORESEEN):
        log.outcome("redemption_sweep_failed", redemption=id, why=type(fault).__name__)
    else:
        log.defect("redemption_sweep_failed", fault, redemption=id)


def _work(mall: MallTable, kind: str) -> Iterator[str]:
    """Everything on a work list, a page at a time: what fails on one page does not keep the next from its turn."""
    after = ""
    while places := mall.work(kind, after=after, limit=PAGE):
        yield from (id for _, id in places)
        after = places[-1][0]
