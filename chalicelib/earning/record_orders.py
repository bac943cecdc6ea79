"""Facts of orders come in, by signed feed or by file: each is kept once, given to its member if the buyer is bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from chalicelib.earning.order import OrderFact, Paid, Refund, order_key
from chalicelib.earning.table import OrdersTable
from chalicelib.errors import JifenError
from chalicelib.ledger.model import business_on
from chalicelib.members.model import Identity
from chalicelib.members.phone import PHONE_PROVIDER, phone_identity

FindMembers = Callable[[Sequence[Identity]], Mapping[Identity, str]]
"""The members room's answer to "whose are these?"; who is bound to nobody is left out."""
WRITERS = 8
"""How many records of one call are written side by side; the connection pool holds them."""


class Result(StrEnum):
    """What became of one record."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Recorded(NamedTuple):
    """The answer to one record; `error` only when it was refused."""

    result: Result
    error: JifenError | None = None


class Received(NamedTuple):
    """One fact and the instant the edge (or, in a replay of history, its own date) gives it."""

    fact: OrderFact
    received_at: datetime


def record_orders(
    received: Sequence[Received], *, orders: OrdersTable, find_members: FindMembers, zone: str
) -> list[Recorded]:
    """Keep each fact, in any order and any number of times; the answers stand in the order of the facts.

    Records of one order are written one after another, those of different orders side by side.
    """
    asked = {identity for one in received if isinstance(one.fact, Paid) for identity in identities_of(one.fact)}
    owners = find_members(sorted(asked))
    lanes: dict[str, list[int]] = {}
    for place, one in enumerate(received):
        lanes.setdefault(order_key(one.fact.platform, one.fact.order_no), []).append(place)
    answers: dict[int, Recorded] = {}

    def write(places: list[int]) -> None:
        for place in places:
            answers[place] = _record(received[place], owners, orders, zone)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, lanes.values()))
    return [answers[place] for place in range(len(received))]


def _record(one: Received, owners: Mapping[Identity, str], orders: OrdersTable, zone: str) -> Recorded:
    received_on = business_on(one.received_at, zone)
    fact = one.fact
    try:
        if isinstance(fact, Paid):
            member_id = owner_of(fact, owners)
            if not orders.put_paid(fact, member_id, one.received_at, received_on):
                return Recorded(Result.DUPLICATE)
            return Recorded(Result.ACCEPTED if member_id else Result.WAITING)
        if isinstance(fact, Refund):
            new = orders.put_refund(fact, one.received_at, received_on)
        else:
            new = orders.put_goods_received(fact, one.received_at, received_on)
        return Recorded(Result.ACCEPTED if new else Result.DUPLICATE)
    except JifenError as error:
        return Recorded(Result.REFUSED, error)


def identities_of(paid: Paid) -> tuple[Identity, ...]:
    """By whom an order finds its member: its buyer first, then the phone it came with."""
    buyer = Identity(paid.platform, paid.buyer_id)
    return (buyer, phone_identity(paid.phone)) if paid.phone else (buyer,)


def owner_of(paid: Paid, owners: Mapping[Identity, str]) -> str:
    """The member an order is of by those bindings, empty for nobody."""
    return next((owners[one] for one in identities_of(paid) if one in owners), "")


def release_waiting(identity: Identity, member_id: str, *, orders: OrdersTable, now: datetime, zone: str) -> int:
    """Give a newly bound member the orders that waited for this buyer or phone; answers how many there were."""
    released = 0
    is_phone = identity.provider == PHONE_PROVIDER
    waiting = orders.phone_keys if is_phone else partial(orders.waiting_keys, identity.provider)
    for page in waiting(identity.external_id):
        for key in page:
            orders.bind(key, member_id, now, business_on(now, zone))
            released += 1
    return released
