"""The auditor's judgement of redemptions: do their points, coupons, codes and stocks agree with what they say? Pure.

Every redemption is some points held, or spent, or neither, by its state; a stock counts as taken what its redemptions
have out. It reads items as they are stored, so that also one that no longer reads as what it should be is named.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from chalicelib.ledger.audit import UNREADABLE, Finding
from chalicelib.ledger.items import entry_of, guard_of
from chalicelib.ledger.redeem import redemption_cause, redemption_key
from chalicelib.ledger.release import hold_key
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.goods.items import code_of, coupon_of
from chalicelib.spending.goods.model import CouponState
from chalicelib.spending.mall.item import own_stock, pool_stock
from chalicelib.spending.mall.items import CATALOGUE, redemption_item, redemption_of
from chalicelib.spending.mall.model import ACTIVITY, Money, Redemption, RedemptionState
from chalicelib.spending.mall.redeem_item import hold_id_of
from chalicelib.spending.offers.group import PlaceState
from chalicelib.spending.offers.group_items import PLACE
from chalicelib.spending.offers.offer import scope

OFFERS = "OFFERS"
GIVEN_BACK = (RedemptionState.LAPSED, RedemptionState.CANCELLED)
_WENT_BACK = frozenset({Money.REFUNDING, Money.REFUNDED, Money.STUCK})
_MONEY = {
    RedemptionState.UNPAID: frozenset({Money.AWAITED}),
    RedemptionState.LAPSED: _WENT_BACK | {Money.AWAITED},
    RedemptionState.CANCELLED: _WENT_BACK,
}
"""How the money of a redemption may stand, where its price has any; in every other state it is paid."""


class Keys(NamedTuple):
    """Where what belongs to a redemption stands."""

    entry: str
    hold: str
    restoring: str


class Beside(NamedTuple):
    """What stands there, as stored; coupons and codes by their keys."""

    entry: Item | None
    hold: Item | None
    restoring: Item | None
    goods: Mapping[str, Item]


def keys_of(one: Redemption) -> Keys:
    """The keys of its entry and of its two guards, of which it has one or more."""
    return Keys(
        redemption_cause(one.id, activity=ACTIVITY, at=one.quoted_at).key,
        hold_key(hold_id_of(one.id)),
        redemption_key(one.id, activity=ACTIVITY, at=one.quoted_at),
    )


def readable(item: Item, table: str) -> tuple[Redemption | None, list[Finding]]:
    """The redemption of a row, if it reads as one, and every attribute that is not as its state has it."""
    try:
        one = redemption_of(item)
        expected = redemption_item(one)
    except UNREADABLE as error:
        return None, [Finding(table, _key(item), "redemption", "a readable redemption", repr(error))]
    return one, [
        Finding(table, _key(item), name, str(expected.get(name)), str(item.get(name)))
        for name in sorted({*item, *expected})
        if item.get(name) != expected.get(name)
    ]


def check_redemption(one: Redemption, beside: Beside, table: str) -> list[Finding]:
    """All that is wrong with a redemption beside what it was paid with and what it gave, and with its money."""
    key = f"R#{one.id} R"
    if beside.entry is None and beside.hold is None:
        return [Finding(table, key, "entry", f"the entry or the hold of {one.points} points", "none")]
    try:
        held, spent = _points(beside)
    except UNREADABLE as error:
        return [Finding(table, key, "points", "a readable entry and readable guards", repr(error))]
    expected = _expected(one)
    found = [
        Finding(table, key, what, f"{wanted}, as it is {one.state}", str(stands))
        for what, wanted, stands in (("held points", expected[0], held), ("spent points", expected[1], spent))
        if wanted != stands
    ]
    may_stand = _MONEY.get(one.state, frozenset({Money.PAID})) if one.cash_fen else frozenset({Money.NONE})
    if one.money not in may_stand:
        wanted = f"one of {', '.join(sorted(may_stand))}, as it is {one.state}"
        found.append(Finding(table, key, "money", wanted, str(one.money)))
    found += _given(one, table)
    return [*found, *(_codes(one, beside, table) if one.pool else _coupons(one, beside, table))]


def _given(one: Redemption, table: str) -> Iterator[Finding]:
    """Coupons and codes are promised while their money is awaited, and given once it is there."""
    if one.good not in ("coupon", "bundle", "virtual"):
        return
    key, is_awaited = f"R#{one.id} R", one.money is Money.AWAITED
    if bool(one.promised) is not is_awaited:
        wanted = f"{'a promise' if is_awaited else 'none'}, as its money is {one.money or 'none'}"
        yield Finding(table, key, "promised", wanted, one.promised or "none")
    if is_awaited and one.codes:
        yield Finding(table, key, "codes", "none, as its money is awaited", str(len(one.codes)))
    if not is_awaited and one.state not in GIVEN_BACK and len(one.codes) < one.quantity:
        yield Finding(table, key, "codes", f"{one.quantity} or more, as it is {one.state}", str(len(one.codes)))


def _expected(one: Redemption) -> tuple[int, int]:
    """(held, spent) points of a redemption in its state."""
    if one.state in GIVEN_BACK:
        return 0, 0
    return (one.points, 0) if one.state is RedemptionState.UNPAID else (0, one.points)


def _points(beside: Beside) -> tuple[int, int]:
    """(held, spent and not given back) as ledger and journal have them."""
    hold = guard_of(beside.hold) if beside.hold else None
    held = sum(hold.taken.values()) if hold else 0
    spent = sum(hold.state.get("spent", {}).values()) if hold else 0
    if beside.restoring:
        spent += sum(guard_of(beside.restoring).state["spent"].values())
    elif beside.entry:
        spent -= entry_of(beside.entry).points
    return held, spent


def _coupons(one: Redemption, beside: Beside, table: str) -> Iterator[Finding]:
    """Each coupon is there, is this redemption's, and is good for nothing once the points went back."""
    for code in one.codes:
        key, item = f"COUPON#{code} COUPON", beside.goods.get(f"COUPON#{code}")
        if item is None:
            yield Finding(table, key, "coupon", f"the coupon that R#{one.id} names", "none")
            continue
        try:
            coupon = coupon_of(item)
        except UNREADABLE as error:
            yield Finding(table, key, "coupon", "a readable coupon", repr(error))
            continue
        if coupon.source_id != one.id:
            yield Finding(table, key, "source_id", one.id, coupon.source_id)
        if one.state in GIVEN_BACK and coupon.state is not CouponState.CANCELLED:
            yield Finding(table, key, "state", f"cancelled, as R#{one.id} is {one.state}", str(coupon.state))


def _codes(one: Redemption, beside: Beside, table: str) -> Iterator[Finding]:
    """Each code is this redemption's while it stands, and not once its points went back."""
    for id in one.codes:
        key, item = f"POOL#{one.pool} C#{id}", beside.goods.get(f"C#{id}")
        try:
            owner = code_of(item).source_id if item else "none"
        except UNREADABLE as error:
            yield Finding(table, key, "code", "a readable code", repr(error))
            continue
        if (owner == one.id) == (one.state in GIVEN_BACK):
            wanted = f"not {one.id}" if one.state in GIVEN_BACK else one.id
            yield Finding(table, key, "source_id", wanted, owner or "free")


@dataclass
class Stocks:
    """Sums over the whole table, of what stocks say and of what is out of them."""

    items: set[str] = field(default_factory=set)
    pools: dict[str, str] = field(default_factory=dict)
    """Of items that are virtual goods, the stock of their pool."""
    offers: dict[str, str] = field(default_factory=dict)
    """The item that each offer's stock came from."""
    left: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    out: Counter[str] = field(default_factory=Counter)
    free: Counter[str] = field(default_factory=Counter)
    reserved: Counter[str] = field(default_factory=Counter)
    """Pieces of places in groups that are not resolved, and of pools those that wait for their money."""

    def add(self, item: Item) -> None:
        """Count one row of the table; most say nothing of stocks."""
        pk, sk = str(item["pk"]), str(item["sk"])
        if pk == CATALOGUE:
            self.items.add(sk)
            good = json.loads(item["document"])["good"]
            if good["kind"] == "virtual":
                self.pools[sk] = pool_stock(good["pool"])
        elif pk == OFFERS:
            self.offers[f"STOCK#{scope(sk)}"] = json.loads(item["document"])["item"]
        elif pk.startswith("GROUP#") and sk.startswith(PLACE) and item.get("state") == PlaceState.JOINED:
            self.reserved[item["stock"]] += 1
        elif pk.startswith("STOCK#"):
            self.left[pk] += item.get("left", 0)
            self.taken[pk] += item.get("taken", 0)
        elif pk.startswith("POOL#") and sk.startswith("C#"):
            stock = pool_stock(pk.removeprefix("POOL#"))
            (self.out if "given_to" in item else self.free)[stock] += 1

    def add_redemption(self, one: Redemption) -> None:
        """Count the pieces that a redemption has out; of pools their codes say it once paid, of prizes their draws."""
        if one.pool and one.state is RedemptionState.UNPAID:
            self.reserved[one.stock_id] += one.quantity
        elif not one.pool and not one.draw:
            self.out[one.stock_id] += one.pieces_out - one.shelf_pieces
            if one.shelf_pieces:
                self.out[own_stock(one.item_id)] += one.shelf_pieces

    def findings(self, table: str) -> list[Finding]:
        """Every stock of an item, an offer or a pool that counts otherwise than what is out of it."""
        found = []
        self._pool()
        for stock in sorted({*self.taken, *self.out, *self.free, *self.reserved}):
            name = stock.removeprefix("STOCK#")
            is_pool = stock.startswith(pool_stock(""))
            if name not in self.items and not is_pool and stock not in self.offers and stock not in self.out:
                continue  # a lottery's prize, or another room's
            out = self.out[stock] + self.reserved[stock]
            if self.taken[stock] != out:
                what = f"{out}, the pieces that are out"
                found.append(Finding(table, f"{stock} S#*", "taken", what, str(self.taken[stock])))
            free = self.free[stock] - self.reserved[stock]
            if is_pool and self.left[stock] != free:
                what = f"{free}, the codes that are free"
                found.append(Finding(table, f"{stock} S#*", "left", what, str(self.left[stock])))
            if self.left[stock] < 0:
                found.append(Finding(table, f"{stock} S#*", "left", "0 or more", str(self.left[stock])))
        return found

    def _pool(self) -> None:
        """Pieces of a pool that an offer has are counted with the pool's own: its codes are in one place."""
        for stock, item_id in self.offers.items():
            if pool := self.pools.get(item_id):
                for sums in (self.left, self.taken, self.reserved):
                    sums[pool] += sums.pop(stock, 0)


def _key(item: Item) -> str:
    return f"{item.get('pk', '?')} {item.get('sk', '?')}"
