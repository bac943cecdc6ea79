"""Claims meet their order: the first that fits it gets it, for ever; those that wait in vain lapse at night.

The order's image carries the claims that wait on it, so nothing is read to decide. That somebody else has the order,
that a claim states a wrong amount or that the order is too old changes nothing for its claimant: he waits as long as
for an order that nobody knows, and is then told the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.earning.claims_table import ClaimsTable
from chalicelib.earning.order import Order
from chalicelib.earning.order_claim import OrderClaim, State
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.programme.model import TermsBook
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import MAX_BATCH_GET

WORKERS = 8


class LapseRun(NamedTuple):
    """What a night did with claims whose time was over; `finished` is False when it ran out of its own."""

    lapsed: int
    owned: int
    moved: int
    """Settled or stated anew by somebody else meanwhile."""
    failed: int
    finished: bool


def settle_claims(order: Order, *, claims: ClaimsTable, book: TermsBook, now: datetime) -> str:
    """Give the order to the first waiting claim that fits it; the member whose claim came true, empty for nobody's.

    The order's write brings it back through the stream, which credits it as of the later of its receipt and the claim.
    A member who has the order already is told so. Costs nothing unless a claim comes true.
    """
    if order.paid is None or order.received_at is None or not order.waiting:
        return ""
    on = _business_on(now, book)
    for waiting in order.waiting:
        if order.member_id:
            if waiting.member_id == order.member_id:
                claims.own(order, waiting, now=now)
                return waiting.member_id
            continue
        if not waiting.fits(order.paid):
            continue
        bound_at = max(order.received_at, waiting.claimed_at)
        failed = claims.give(order, waiting, bound_at, now=now, on=on)
        if not failed:
            return waiting.member_id
        if "order" in failed:
            return ""  # somebody was faster; the image that tells so is on its way
    return ""


def lapse_claims(*, claims: ClaimsTable, book: TermsBook, now: datetime, has_time: Callable[[], bool]) -> LapseRun:
    """End every claim whose last day is over, until done or `has_time` says no: what is done leaves the index.

    One whose order is there after all is settled instead.
    """
    night = _Night(claims, book, now, _business_on(now, book))
    outcomes: Counter[str] = Counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        for page in claims.due(night.today_on):
            for start in range(0, len(page), MAX_BATCH_GET):
                if not has_time():
                    return _run(outcomes, finished=False)
                for ended in pool.map(night.end, night.lanes(page[start : start + MAX_BATCH_GET])):
                    outcomes.update(ended)
    return _run(outcomes, finished=True)


def _run(outcomes: Counter[str], *, finished: bool) -> LapseRun:
    counts = {name: outcomes[name] for name in ("lapsed", "owned", "moved", "failed")}
    return LapseRun(**counts, finished=finished)


class _Lane(NamedTuple):
    """An order as it stands, if it does, and its claims that are over: ended one after another."""

    order: Order | None
    claims: list[OrderClaim]


class _Night(NamedTuple):
    """One run over what is due."""

    claims: ClaimsTable
    book: TermsBook
    now: datetime
    today_on: date

    def lanes(self, keys: Sequence[tuple[str, str]]) -> list[_Lane]:
        """The index may lag: a claim that came true or was made anew has other dates by now."""
        lanes: dict[str, list[OrderClaim]] = {}
        for claim in self.claims.find(keys):
            if claim.state is State.WAITING and claim.waits_until_on < self.today_on:
                lanes.setdefault(claim.order_key, []).append(claim)
        orders = {order.key: order for order in self.claims.orders.orders(sorted(lanes))}
        return [_Lane(orders.get(key), found) for key, found in lanes.items()]

    def end(self, lane: _Lane) -> list[str]:
        """What became of each claim of one order."""
        outcomes, order = [], lane.order
        for claim in lane.claims:
            outcomes.append(self._end(claim, order))
            if order and outcomes[-1] == "lapsed":
                left = tuple(one for one in order.waiting if one.member_id != claim.member_id)
                order = order._replace(waiting=left)
        return outcomes

    def _end(self, claim: OrderClaim, order: Order | None) -> str:
        try:
            if order and settle_claims(order, claims=self.claims, book=self.book, now=self.now) == claim.member_id:
                return "owned"
            return "moved" if self.claims.lapse(claim, order, now=self.now, on=self.today_on) else "lapsed"
        except Exception as error:  # noqa: BLE001  # one claim must not be in the way of the others
            log.defect("claim_not_lapsed", error, order=claim.order_key)
            return "failed"


def _business_on(now: datetime, book: TermsBook) -> date:
    terms = book.at(now)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    return business_on(now, terms.zone)
