"""Claims meet their order: the first that fits it gets it, for ever; those that wait in vain lapse at night.

The order's image carries the claims that wait on it, so nothing is read to decide. That somebody else has the order,
that a claim states a wrong amount or that the order is too old changes nothing for its claimant: he waits as long as
for an order that nobody knows, and is then told the same.
"""

from __future__ import annotations

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
    today_on = _business_on(now, book)
    done = {"lapsed": 0, "owned": 0, "moved": 0, "failed": 0}

    def end(pair: tuple[OrderClaim, Order | None]) -> str:
        claim, order = pair
        try:
            if order and settle_claims(order, claims=claims, book=book, now=now) == claim.member_id:
                return "owned"
            return "moved" if claims.lapse(claim, order, now=now, on=today_on) else "lapsed"
        except Exception as error:  # noqa: BLE001  # one claim must not be in the way of the others
            log.defect("claim_not_lapsed", error, order=claim.order_key)
            return "failed"

    with ThreadPoolExecutor(WORKERS) as pool:
        for page in claims.due(today_on):
            for start in range(0, len(page), MAX_BATCH_GET):
                if not has_time():
                    return LapseRun(**done, finished=False)
                for outcome in pool.map(end, _pairs(page[start : start + MAX_BATCH_GET], claims)):
                    done[outcome] += 1
    return LapseRun(**done, finished=True)


def _pairs(keys: Sequence[tuple[str, str]], claims: ClaimsTable) -> list[tuple[OrderClaim, Order | None]]:
    """Claims that still wait, each with its order as it stands."""
    found = [claim for claim in claims.find(keys) if claim.state is State.WAITING]
    orders = {order.key: order for order in claims.orders.orders(sorted({claim.order_key for claim in found}))}
    return [(claim, orders.get(claim.order_key)) for claim in found]


def _business_on(now: datetime, book: TermsBook) -> date:
    terms = book.at(now)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    return business_on(now, terms.zone)
