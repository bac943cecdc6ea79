"""Everything outside, as one state: who is registered, what they did, what is still to happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from local.stand_in.accounts import Accounts
from local.stand_in.agenda import Agenda, Task
from local.stand_in.clock import Clock
from local.stand_in.courier import Courier
from local.stand_in.duiba.exchanges import Duiba
from local.stand_in.faults import Faults
from local.stand_in.ids import Ids
from local.stand_in.logins import Logins
from local.stand_in.official.state import Official, new_official
from local.stand_in.partner.state import Partner
from local.stand_in.pay.keys import PlatformKey, of_this_process
from local.stand_in.pay.orders import Orders
from local.stand_in.pay.state import Pay
from local.stand_in.quotas import Quotas
from local.stand_in.received import Received
from local.stand_in.shops.state import Shops
from local.stand_in.subscriptions import Subscriptions
from local.stand_in.tokens import Tokens
from local.stand_in.unreliable import Unreliable
from local.stand_in.wecom.state import WeCom, new_wecom
from local.stand_in.wire import Unknown


@dataclass(slots=True)
class World:
    """`lock` is held while state is read or changed, never while something is being sent."""

    clock: Clock
    ids: Ids
    lock: threading.RLock
    agenda: Agenda
    courier: Courier
    accounts: Accounts
    tokens: Tokens
    logins: Logins
    official: Official
    wecom: WeCom
    pay: Pay
    duiba: Duiba
    partner: Partner = field(default_factory=Partner)
    faults: Faults = field(default_factory=Faults)
    quotas: Quotas = field(default_factory=Quotas)
    received: Received = field(default_factory=Received)
    shops: Shops = field(default_factory=Shops)
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    unreliable: dict[str, Unreliable] = field(default_factory=lambda: {"wechat": Unreliable(), "wecom": Unreliable()})
    """How events get lost, by the system that sends them."""
    _running: threading.Lock = field(default_factory=threading.Lock)

    def at(self, when: int, task: Task) -> None:
        """Let something happen to the state at an instant."""

        def locked(now: int) -> None:
            with self.lock:
                task(now)

        with self.lock:
            self.agenda.add(when, locked)

    def catch_up(self) -> None:
        """Let happen what is due by now."""
        self._run_until(None)

    def advance_to(self, at: int) -> None:
        """Move the clock to an instant; everything on the way happens in order, each at its own instant.

        Raises Unknown for one in the past.
        """
        if at < self.clock.now():
            raise Unknown("the clock does not go back: reset the stand-in instead")
        self._run_until(at)

    def advance(self, by: int) -> None:
        """Move the clock by so many milliseconds, likewise."""
        self._run_until(self.clock.now() + by)

    def _run_until(self, until: int | None) -> None:
        with self._running:
            while True:
                with self.lock:
                    due = self.agenda.pop(self.clock.now() if until is None else until)
                    if due is None:
                        break
                    self.clock.move_to(due[0])
                    now = self.clock.now()
                due[1](now)
            if until is not None:
                with self.lock:
                    self.clock.move_to(until)


def new_world(
    *,
    seed: int = 1,
    stands_at: int | None = None,
    real: Callable[[], float] = time.time,
    pay_key: PlatformKey | None = None,
    callback_base: str = "",
) -> World:
    """A world at its beginning. The same seed and the same calls give the same ids.

    `pay_key`: what WeChat Pay signs with, else one made for this process. `callback_base`: where addresses of other
    machines are sent instead.
    """
    lock, agenda, ids = threading.RLock(), Agenda(), Ids(seed)

    def later(at: int, task: Task) -> None:
        with lock:
            agenda.add(at, task)

    return World(
        clock=Clock(real, stands_at=stands_at),
        ids=ids,
        lock=lock,
        agenda=agenda,
        courier=Courier(later, lock, callback_base),
        accounts=Accounts(),
        tokens=Tokens(ids),
        logins=Logins(ids),
        official=new_official(ids),
        wecom=new_wecom(ids),
        pay=Pay(pay_key or of_this_process(), Orders(ids)),
        duiba=Duiba(ids),
    )
