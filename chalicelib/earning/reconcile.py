"""The safety net under the stream: any recent order without its entry is settled, any waiting one whose buyer is
bound is given over.

Streams keep 24 hours and the embedded cloud loses records over a restart; this does not depend on either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.earning.caused import take_back_caused
from chalicelib.earning.claims_table import ClaimsTable
from chalicelib.earning.order import Order
from chalicelib.earning.points_back import tell_refunds
from chalicelib.earning.record_orders import FindMembers, identities_of, owner_of
from chalicelib.earning.settle_claims import settle_claims
from chalicelib.earning.settle_order import guard_key, is_settled, settle_order
from chalicelib.earning.table import OrdersTable
from chalicelib.ledger.model import Guard, business_on
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import TermsBook
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import MAX_BATCH_GET

DAYS = 3
"""How many business dates a run looks back: the stream's day, and two for a run that did not happen."""


@dataclass(slots=True)
class Reconciled:
    """What a run found: orders seen, settled now, given to a member now, not settleable."""

    seen: int = 0
    settled: int = 0
    bound: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Everything a run needs; `now` is the run's own time."""

    orders: OrdersTable
    ledger: LedgerTable
    find_members: FindMembers
    book: TermsBook
    now: datetime
    zone: str
    send: Callable[[Sequence[str]], None]
    """To the queue of behaviours."""
    tell: Callable[[Sequence[str]], None]
    """To the queue of refunds that may give points back."""

    def run(self) -> Reconciled:
        """Compare every order that changed on the last days with its guard, and settle what is missing."""
        done = Reconciled()
        today_on = business_on(self.now, self.zone)
        for days_back in range(DAYS):
            for page in self.orders.changed_keys(today_on - timedelta(days=days_back)):
                for start in range(0, len(page), MAX_BATCH_GET):
                    self._page(page[start : start + MAX_BATCH_GET], done)
        return done

    def _page(self, keys: list[str], done: Reconciled) -> None:
        found = self.orders.orders(keys)
        done.seen += len(keys)
        done.failed += len(keys) - len(found)
        guards = self.ledger.guards([guard_key(order.key) for order in found])
        owners = self._owners(found)
        for order in found:
            try:
                self._bring_up_to_date(order, guards.get(guard_key(order.key)), owners.get(order.key), done)
            except Exception as error:  # noqa: BLE001  # one bad order must not hide the others
                log.defect("reconcile_failed", error, order=order.key)
                done.failed += 1

    def _bring_up_to_date(self, order: Order, guard: Guard | None, owner: str | None, done: Reconciled) -> None:
        if owner:
            # The stream hears of the binding and credits it, as it would have at once.
            self.orders.bind(order.key, owner, self.now, business_on(self.now, self.zone))
            done.bound += 1
        elif settle_claims(order, claims=ClaimsTable(self.ledger, self.orders), book=self.book, now=self.now):
            done.bound += not order.member_id
        elif not is_settled(order, guard):
            settle_order(order, ledger=self.ledger, book=self.book)
            done.settled += 1
        # Of a settled order, too: whoever settled it may have stopped before this.
        take_back_caused(order, ledger=self.ledger, send=self.send)
        tell_refunds(order, self.tell)

    def _owners(self, found: list[Order]) -> dict[str, str]:
        """Members of waiting orders whose buyer was bound meanwhile, by order key."""
        unbound = {order.key: order.paid for order in found if order.paid and not order.member_id}
        asked = {identity for paid in unbound.values() for identity in identities_of(paid)}
        members = self.find_members(sorted(asked)) if asked else {}
        return {key: owner for key, paid in unbound.items() if (owner := owner_of(paid, members))}
