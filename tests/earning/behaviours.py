"""A room for behaviours on moto: its tables, a programme with a few indicators, a client that lets others go first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from moto import mock_aws

from chalicelib.earning.behave import Outcome, behave
from chalicelib.earning.behaviour_event import Event
from chalicelib.earning.refusals import NotPaid, RefusalsTable
from chalicelib.ledger.model import Account, Entry
from chalicelib.ledger.rebuild import rebuild
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.programme.tasks import done_and_lump, task_of
from chalicelib.runtime.dynamo import decode_item
from tests.earning.programmes import a_rule, plain_document
from tests.ledger.builders import NOW
from tests.moto_cloud import moto_client, moto_tables
from tests.programme.builders import SINCE

INDICATORS = [
    {"id": "review", "name": "评价", "dimension": "transaction"},
    {"id": "register", "name": "注册", "dimension": "login"},
    {"id": "add_to_cart", "name": "加购", "dimension": "activity"},
    {"id": "message", "name": "发言", "dimension": "activity"},
    {"id": "ride", "name": "骑行打卡", "dimension": "activity"},
    {"id": "malicious_review", "name": "恶意差评", "dimension": "transaction", "penalty": True},
]
RULES = [
    a_rule("review", "review", name="评价", points_class="behaviour", amount={"kind": "fixed", "points": 5}),
    a_rule(
        "review_long",
        "review",
        name="长评价",
        points_class="behaviour",
        amount={"kind": "by_length", "steps": [{"over": 20, "points": 5}]},
    ),
    a_rule("register", "register", name="注册", when={"first": True}, amount={"kind": "fixed", "points": 200}),
    a_rule(
        "add_to_cart",
        "add_to_cart",
        name="加购",
        amount={"kind": "fixed", "points": 5},
        points_class="behaviour",
        caps=[{"times": 1, "period": "day"}],
    ),
    a_rule(
        "message",
        "message",
        name="发言",
        amount={"kind": "fixed", "points": 1},
        points_class="behaviour",
        caps=[{"times": 2, "period": "day"}],
    ),
    a_rule("malicious_review", "malicious_review", name="恶意差评", amount={"kind": "fixed", "points": 30}),
]
TASK = {
    "id": "rides",
    "name": "一月三骑",
    "activity": "ride",
    "counts": "times",
    "goal": 3,
    "window": {"kind": "month"},
    "points": 50,
    "points_class": "activity",
    "validity": {"kind": "days", "days": 90, "until": "day"},
    "text": "本月再骑{n}次得{p}分",
}


def document(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The programme of these tests, with further rules and other parts of the document."""
    return plain_document(*RULES, *rules, **{"indicators": INDICATORS, "tasks": [TASK], **changes})


def terms(*rules: dict[str, Any], version: int = 1, since: datetime = SINCE, **changes: Any) -> Terms:
    return Terms(version, since, read_programme(document(*rules, **changes)))


def an_event(event_id: str = "e1", indicator: str = "review", member_id: str = "m1", **given: Any) -> Event:
    values: dict[str, Any] = {"source": "tmall", "occurred_at": NOW, "received_at": NOW}
    return Event(event_id=event_id, indicator=indicator, member_id=member_id, **{**values, **given})


@dataclass
class Room:
    """Ledger and refusals side by side, and the terms book that decides."""

    ledger: LedgerTable
    refusals: RefusalsTable
    book: TermsBook = field(default_factory=lambda: TermsBook((terms(),)))

    def behave(self, event: Event) -> Outcome:
        return behave(event, ledger=self.ledger, refusals=self.refusals, book=self.book)

    def meanwhile(self, act: Callable[[Room], object]) -> Room:
        """This room for one who has read, decided, and is then overtaken by `act` just before writing."""
        dynamo = Overtaken(self.ledger.dynamo, lambda: act(self))
        return Room(replace(self.ledger, dynamo=dynamo), self.refusals, self.book)

    def account(self, member_id: str = "m1") -> Account:
        return self.ledger.read(member_id)

    def rides(self) -> int:
        """What the account says is done of the task `rides`, over all its windows."""
        counters = self.account().counters
        return sum(done_and_lump(one.used)[0] for name, one in counters.items() if task_of(name) == "rides")

    def points(self, member_id: str = "m1") -> int:
        return self.account(member_id).total_points

    def entries(self, member_id: str = "m1") -> list[Entry]:
        """Oldest first, and proven to explain the account."""
        found = sorted(self.ledger.entries(member_id, before_key=None, limit=100), key=lambda entry: entry.sequence)
        account = self.account(member_id)
        rebuilt = rebuild(member_id, account.due_shard, found)
        assert (rebuilt.buckets, rebuilt.pending_points, rebuilt.deficit_points) == (
            account.buckets,
            account.pending_points,
            account.deficit_points,
        )
        return found

    def why_not(self, member_id: str = "m1") -> list[NotPaid]:
        return [one for _, one in self.refusals.page(member_id, before_key="", limit=50, now=NOW)]

    def guards(self) -> list[dict[str, Any]]:
        items = self.ledger.dynamo.scan(TableName=self.ledger.ledger)["Items"]
        return [found for found in map(decode_item, items) if found["sk"] == "G"]


class Overtaken:
    """A client whose first transaction comes second: `act` runs just before it."""

    def __init__(self, real: Any, act: Callable[[], object]) -> None:
        self.real, self.act = real, act

    def __getattr__(self, name: str) -> Any:
        if name == "transact_write_items" and self.act is not None:
            act, self.act = self.act, None  # type: ignore[assignment]
            act()
        return getattr(self.real, name)


@contextmanager
def open_room(monkeypatch: Any) -> Iterator[Room]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        dynamo = moto_client("dynamodb")
        names = moto_tables(dynamo, "room")
        ledger = LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, pause=lambda _seconds: None)
        yield Room(ledger, RefusalsTable(dynamo, names["REFUSALS_TABLE"]))
