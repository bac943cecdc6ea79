"""The auditor's judgement of groups and offers: places beside their holds and redemptions, and what an offer's stock
has counted beside what was sold by it. Pure, of items as they are stored.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.ledger.audit import UNREADABLE, Finding, differences
from chalicelib.ledger.items import guard_of
from chalicelib.ledger.release import hold_key
from chalicelib.programme.stored import read_stored
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.audit import OFFERS
from chalicelib.spending.documents import ON
from chalicelib.spending.mall.model import Redemption
from chalicelib.spending.mall.redeem_item import hold_id_of
from chalicelib.spending.offers.group import Group, GroupState, Place, PlaceState
from chalicelib.spending.offers.group_items import PLACE, group_item, group_of, place_item, place_of
from chalicelib.spending.offers.join_group import HELD_AFTER
from chalicelib.spending.offers.offer import GroupBuy, Offer, scope

_MAY_BE = {
    GroupState.OPEN: frozenset({PlaceState.JOINED, PlaceState.LEFT}),
    GroupState.FORMED: frozenset(PlaceState),
    GroupState.FAILED: frozenset({PlaceState.JOINED, PlaceState.LEFT, PlaceState.RELEASED}),
}


def readable_group(
    item: Item, rows: Sequence[Item], table: str
) -> tuple[Group | None, tuple[Place, ...], list[Finding]]:
    """A group and its places, those that read as what they should be, and all in which they are stored otherwise."""
    found: list[Finding] = []
    try:
        group = group_of(item)
        found += differences(item, group_item(group), table)
    except UNREADABLE as error:
        return None, (), [Finding(table, f"{item['pk']} {item['sk']}", "group", "a readable group", repr(error))]
    places = []
    for row in rows:
        try:
            place = place_of(row)
            found += differences(row, place_item(group, place), table)
            places.append(place)
        except UNREADABLE as error:
            found.append(Finding(table, f"{row['pk']} {row['sk']}", "place", "a readable place", repr(error)))
    return group, tuple(places), found


def key_of_place_hold(place: Place) -> str:
    """The guard of the hold of a place's points."""
    return hold_key(hold_id_of(place.redemption_id))


def check_group(
    group: Group,
    places: Sequence[Place],
    holds: Mapping[str, Item],
    redemptions: Mapping[str, Item],
    now: datetime,
    table: str,
) -> Iterator[Finding]:
    """All that is wrong with a group: who has a place holds its points until it is decided, then has his redemption
    where it formed, and nothing where it failed. `holds` by guard, `redemptions` by id.
    """
    key = f"GROUP#{group.id} G"
    taken = sum(place.state is not PlaceState.LEFT for place in places)
    if group.taken != taken:
        yield Finding(table, key, "taken", f"{taken}, its places", str(group.taken))
    if group.is_full != (group.state is GroupState.FORMED):
        wanted = "formed, as it is full" if group.is_full else "not formed, as it is not full"
        yield Finding(table, key, "state", wanted, str(group.state))
    for place in places:
        yield from _check_place(place, group, holds, redemptions, now, table)


def _check_place(
    place: Place,
    group: Group,
    holds: Mapping[str, Item],
    redemptions: Mapping[str, Item],
    now: datetime,
    table: str,
) -> Iterator[Finding]:
    key = f"GROUP#{group.id} {PLACE}{place.member_id}"
    may_be = _MAY_BE[group.state] - ({PlaceState.JOINED} if group.is_settled else set())
    if place.state not in may_be:
        settled = " and settled" if group.is_settled else ""
        wanted = f"one of {', '.join(sorted(may_be))}, as its group is {group.state}{settled}"
        yield Finding(table, key, "state", wanted, str(place.state))
    made = redemptions.get(place.redemption_id)
    if place.state is PlaceState.GIVEN:  # whose points the redemption's own check looks at
        if made is None or made.get("group") != group.id:
            found = "none" if made is None else f"one of group {made.get('group', 'none')}"
            yield Finding(table, key, "redemption", f"R#{place.redemption_id} of this group", found)
        return
    if made is not None:
        yield Finding(table, key, "redemption", f"none, as it is {place.state}", f"R#{place.redemption_id}")
    yield from _check_hold(place, group, holds.get(key_of_place_hold(place)), now, table)


def _check_hold(place: Place, group: Group, hold: Item | None, now: datetime, table: str) -> Iterator[Finding]:
    key = f"GROUP#{group.id} {PLACE}{place.member_id}"
    if hold is None:
        yield Finding(table, key, "hold", f"the hold of {place.points} points", "none")
        return
    try:
        guard = guard_of(hold)
    except UNREADABLE as error:
        yield Finding(table, key, "hold", "a readable hold", repr(error))
        return
    held, spent = sum(guard.taken.values()), sum(guard.state.get("spent", {}).values())
    wanted = place.points if place.state is PlaceState.JOINED else 0
    if not held and group.deadline_at + HELD_AFTER <= now:
        wanted = 0  # the ledger gave them back by itself
    for what, should, stands in (("held points", wanted, held), ("spent points", 0, spent)):
        if should != stands:
            yield Finding(table, key, what, f"{should}, as it is {place.state}", str(stands))


@dataclass
class Tallies:
    """Sums over the whole table: what offers' stocks have counted by the hour, and what was sold by them."""

    now: datetime
    offers: dict[str, tuple[Offer, str]] = field(default_factory=dict)
    """By stock: an offer and its state."""
    pieces: Counter[str] = field(default_factory=Counter)
    """Left and taken."""
    counted: Counter[str] = field(default_factory=Counter)
    sold: Counter[str] = field(default_factory=Counter)
    """Whatever became of it afterwards."""

    def add(self, item: Item) -> None:
        """Count one row of the table; most say nothing of offers."""
        pk, sk = str(item["pk"]), str(item["sk"])
        if pk == OFFERS:
            offer: Offer = read_stored(Offer, json.loads(item["document"]))
            self.offers[f"STOCK#{scope(sk)}"] = offer, str(item["state"])
        elif pk.startswith(f"STOCK#{scope('')}"):
            self.pieces[pk] += item.get("left", 0) + item.get("taken", 0)
            self.counted[pk] += sum(count for name, count in item.items() if name[0] == "h" and name[1:].isdigit())
        elif pk.startswith("GROUP#") and sk.startswith(PLACE):
            self.sold[str(item.get("stock"))] += 1

    def add_redemption(self, one: Redemption) -> None:
        """Count what was sold by an offer; of groups their places say it."""
        if one.offer_id and not one.group_id:
            self.sold[f"STOCK#{scope(one.offer_id)}"] += one.quantity

    def findings(self, table: str) -> Iterator[Finding]:
        """Every offer whose tally is not what was sold, or whose pieces are not those it says while it sells."""
        for stock, (offer, state) in sorted(self.offers.items()):
            sold, counted = self.sold[stock], self.counted[stock]
            # Who left a group and came back has one place, and was counted each time.
            is_of_groups = isinstance(offer.template, GroupBuy)
            if counted < sold or (counted > sold and not is_of_groups):
                wanted = f"{sold}, the pieces sold" + (", or more" if is_of_groups else "")
                yield Finding(table, f"{stock} S#*", "tally", wanted, str(counted))
            if state == ON and self.now < offer.until_at and self.pieces[stock] != offer.pieces:
                wanted = f"{offer.pieces}, the offer's pieces"
                yield Finding(table, f"{stock} S#*", "left and taken", wanted, str(self.pieces[stock]))
