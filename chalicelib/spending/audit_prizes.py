"""The auditor's judgement of lotteries' prizes: what their stocks say beside the draws that took from them, and won
parcels beside the redemptions they became. Pure, of items as they are stored.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.ledger.audit import UNREADABLE, Finding
from chalicelib.programme.stored import read_stored
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.lottery.campaign import Campaign, stock_id
from chalicelib.spending.lottery.items import draw_key, drawn_of
from chalicelib.spending.lottery.model import claimed_as
from chalicelib.spending.mall.model import Redemption, RedemptionState


def key_of_draw(one: Redemption) -> Item:
    """Where the draw stands by which a redemption was won."""
    campaign_id, _, draw_id = one.draw.partition("#")
    return draw_key(campaign_id, draw_id)


def check_prize(one: Redemption, draw: Item | None, owner_ids: Sequence[str], table: str) -> Iterator[Finding]:
    """All that is wrong with a redemption that was won: it is its draw's, its winner's, and cost nothing.

    `owner_ids` are all ids of its member.
    """
    key = f"R#{one.id} R"
    if draw is None:
        yield Finding(table, key, "draw", f"the draw {one.draw} that won it", "none")
        return
    try:
        drawn = drawn_of(draw)
    except UNREADABLE as error:
        yield Finding(table, f"{draw['pk']} {draw['sk']}", "draw", "a readable draw", repr(error))
        return
    own = {
        "id": (claimed_as(drawn.id), one.id),
        "good": ("parcel", one.good),
        "won good": (drawn.kind, one.good),
        "stock": (stock_id(drawn.campaign_id, drawn.prize, drawn.place), one.stock_id),
        "quantity": ("1", str(one.quantity)),
        "points": ("0", str(one.points)),
    }
    for what, (wanted, stands) in own.items():
        if wanted != stands:
            yield Finding(table, key, what, wanted, stands)
    if drawn.member_id not in owner_ids:
        yield Finding(table, key, "member", f"the winner {drawn.member_id}", one.member_id)
    if "due_at" in draw:
        yield Finding(table, f"{draw['pk']} {draw['sk']}", "due_at", f"none, as R#{one.id} is there", draw["due_at"])
    if one.state is RedemptionState.UNPAID:
        yield Finding(table, key, "state", "one of what is paid", str(one.state))


@dataclass
class PrizeStocks:
    """Sums over the whole table: pieces that were published, taken, drawn, and those that came back."""

    published: dict[str, tuple[int, Campaign]] = field(default_factory=dict)
    """By campaign its newest version, with its number."""
    left: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    back: Counter[str] = field(default_factory=Counter)

    def add(self, item: Item) -> None:
        """Count one row of the table; most say nothing of prizes."""
        pk, sk = str(item["pk"]), str(item["sk"])
        if pk.startswith("DRAW#"):
            self.drawn[stock_id(pk.split("#")[1], item["prize"], item["place"])] += 1
        elif pk.startswith("CAMPAIGN#") and "#P#" in pk:
            self.left[pk] += item.get("left", 0)
            self.taken[pk] += item.get("taken", 0)
        elif pk.startswith("CAMPAIGN#") and sk.startswith("V#"):
            self._publish(pk.removeprefix("CAMPAIGN#"), int(sk.removeprefix("V#")), item)

    def _publish(self, campaign_id: str, number: int, item: Item) -> None:
        if number > self.published.get(campaign_id, (0, None))[0]:
            self.published[campaign_id] = number, read_stored(Campaign, json.loads(item["document"]))

    def add_redemption(self, one: Redemption) -> None:
        """Count the piece of a prize that lapsed, or was cancelled and came back."""
        if one.draw:
            self.back[one.stock_id] += one.quantity - one.pieces_out

    def findings(self, table: str) -> Iterator[Finding]:
        """Every stock of a prize that counts otherwise than what was published and drawn."""
        counts = self._counts()
        for stock in sorted({*self.taken, *counts}):
            out = self.drawn[stock] - self.back[stock]
            if self.taken[stock] != out:
                what = f"{out}: {self.drawn[stock]} drawn, {self.back[stock]} of them back"
                yield Finding(table, f"{stock} S#*", "taken", what, str(self.taken[stock]))
            there = self.left[stock] + self.taken[stock]
            if there != counts.get(stock, 0):
                what = f"{counts.get(stock, 0)}, the pieces that were published"
                yield Finding(table, f"{stock} S#*", "left and taken", what, str(there))
            if self.left[stock] < 0:
                yield Finding(table, f"{stock} S#*", "left", "0 or more", str(self.left[stock]))

    def _counts(self) -> dict[str, int]:
        return {
            stock_id(campaign_id, prize_id, place): count
            for campaign_id, (_, campaign) in self.published.items()
            for place in range(max(len(campaign.slices), 1))
            for prize_id, count in campaign.counts(place).items()
        }
