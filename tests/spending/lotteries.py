"""Campaigns for tests: the demo's wheel, with whatever a test is about changed; and a stage on which it runs."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Command
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import Terms
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.lottery import manage
from chalicelib.spending.lottery.campaign import Campaign
from chalicelib.spending.lottery.document import read_campaign
from chalicelib.spending.lottery.draw import Answer, Rooms, draw_once
from chalicelib.spending.lottery.model import Drawn
from chalicelib.spending.lottery.table import LotteryTable, forget
from tests.ledger.builders import a_cause, an_earn
from tests.programme.builders import ROOT, demo_terms
from tests.tables import create_tables

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Noon in Shanghai on the wheel's second day."""
TICKETS = {"p10": 0, "p20": 6000, "p50": 8500, "coupon": 9300, "p200": 9900, "bottle": 9990}
"""The first ticket of each of the wheel's prizes."""
THANKS = {"id": "thanks", "name": "谢谢参与", "weight": 9, "value_fen": 0, "gives": {"kind": "thanks"}}


def wheel(**given: Any) -> dict[str, Any]:
    """The demo's wheel."""
    return {**json.loads((ROOT / "local/wheel.json").read_text()), **given}


def with_prize(prize_id: str, document: Mapping[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """A wheel of which one prize is otherwise; None leaves a field out."""
    document = document or wheel()
    prizes = []
    for prize in document["prizes"]:
        changed = {**prize, **given} if prize["id"] == prize_id else prize
        prizes.append({name: value for name, value in changed.items() if value is not None})
    return {**document, "prizes": prizes}


def a_campaign(**given: Any) -> Campaign:
    return read_campaign(wheel(**given))


@dataclass
class Fair:
    """A ledger with a published lottery beside it."""

    ledger: LedgerTable
    lotteries: LotteryTable
    goods: GoodsTable
    terms: Terms = field(default_factory=demo_terms)
    id: str = ""
    now: datetime = NOON
    tags: dict[str, set[str]] = field(default_factory=dict)
    tags_asked: list[Sequence[str]] = field(default_factory=list)

    def tags_of(self, member_ids: Sequence[str]) -> frozenset[str]:
        """What a member with these ids is tagged as; every asking is noted."""
        self.tags_asked.append(member_ids)
        return frozenset().union(*(self.tags.get(one, ()) for one in member_ids))

    @property
    def rooms(self) -> Rooms:
        return Rooms(self.ledger, self.lotteries, self.goods, self.tags_of)

    def publish(self, document: Mapping[str, Any] | None = None, **given: Any) -> str:
        """A campaign written by one and published by another."""
        self.id = uuid.uuid4().hex[:16]
        document = document or wheel(**given)
        manage.create(self.lotteries, document, id=self.id, key=self.id, by="s-writer", now=self.now)
        self.release()
        return self.id

    def release(self) -> None:
        """What is drafted is published."""
        version = self.lotteries.head(self.id).version
        manage.publish(
            self.lotteries,
            self.goods,
            self.id,
            version=version,
            why="开张",
            by="s-reviewer",
            is_admin=False,
            terms=self.terms,
            now=self.now,
        )
        forget()

    def change(self, document: Mapping[str, Any]) -> None:
        """The next version, published."""
        version = self.lotteries.head(self.id).version
        manage.edit(self.lotteries, self.id, document, version=version, by="s-writer", now=self.now)
        self.release()

    def post(self, member_id: str, *commands: Command) -> None:
        self.ledger.post(member_id, lambda seen: apply(seen.account, commands, self.terms.ledger, self.now))

    def give(self, member_id: str = "m1", points: int = 100) -> None:
        self.post(member_id, an_earn(points, cause=a_cause(activity="gift")))

    def draw(self, member_id: str = "m1", key: str = "k1", *, ticket: int = 0, **given: Any) -> Answer:
        """A draw of a ticket that the test chooses."""
        values: dict[str, Any] = {"is_adult": True, "rooms": self.rooms, "terms": self.terms, "now": self.now}
        return draw_once(self.id, member_id, key=key, roll=lambda _total: ticket, **{**values, **given})

    def refused(self, *asked: Any, **given: Any) -> Code | None:
        try:
            self.draw(*asked, **given)
        except JifenError as refused:
            return refused.code
        return None

    def drawn(self) -> list[Drawn]:
        return [one for shard in "0123456789abcdef" for one in self.lotteries.draws(self.id, shard)]

    def through(self, dynamo: Any) -> Rooms:
        """The same rooms, the ledger's calls through another client."""
        return self.rooms._replace(ledger=replace(self.ledger, dynamo=dynamo))


def open_fair(dynamo: Any) -> Fair:
    forget()
    names = create_tables(dynamo, f"fair-{uuid.uuid4().hex[:8]}")
    spending = names["SPENDING_TABLE"]
    ledger = LedgerTable(
        dynamo,
        names["LEDGER_TABLE"],
        names["JOURNAL_TABLE"],
        8,
        pause=lambda _seconds: None,
        jitter=random.Random(7),
    )
    return Fair(ledger, LotteryTable(dynamo, spending), GoodsTable(dynamo, spending))
