"""The operations that are measured, each as it runs in the product, with what must have happened before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.earning.behave import behave
from chalicelib.earning.behaviour_event import Event
from chalicelib.earning.check_in import check_in
from chalicelib.earning.order import Order, Refunded
from chalicelib.earning.refusals import RefusalsTable
from chalicelib.earning.settle_order import guard_key, settle_order
from chalicelib.insight.record_entries import record_entries
from chalicelib.insight.table import InsightTable
from chalicelib.ledger.adjust import approve, propose
from chalicelib.ledger.adjustment_items import timed_id
from chalicelib.ledger.adjustments import Change
from chalicelib.ledger.adjustments_table import AdjustmentsTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.chain import sealed
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.expire import expire_due
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Account, business_on
from chalicelib.ledger.pending import activate_due
from chalicelib.ledger.redeem import redeem, restore
from chalicelib.ledger.release import hold_key, release
from chalicelib.ledger.statement import balance_now, open_page, statement_page
from chalicelib.ledger.table import LedgerTable
from chalicelib.ledger.transfer import show_code, transfer
from chalicelib.members.migrate import open_member
from chalicelib.members.table import MembersTable
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.programme.standing import NO_TAGS
from chalicelib.runtime.dynamo import encode_item
from chalicelib.spending.documents import Kept
from chalicelib.spending.goods.good import Parcel
from chalicelib.spending.goods.shelves import Change as StockChange
from chalicelib.spending.goods.shelves import ShelvesTable
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.lottery import manage
from chalicelib.spending.lottery.draw import Rooms, draw_once
from chalicelib.spending.lottery.table import LotteryTable
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.item import MallItem, Price
from chalicelib.spending.mall.model import Delivery, ItemState, Listed
from chalicelib.spending.mall.quote_item import Offer, good_digest, quote_item
from chalicelib.spending.mall.redeem_item import redeem_item
from chalicelib.spending.mall.table import MallTable
from chalicelib.spending.quotes import Quote, signed
from tests.earning.conftest import paid
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn
from tests.members.migrations import a_basis, a_row, only_member
from tests.programme.builders import SINCE, demo_book, demo_document, demo_terms
from tests.spending.lotteries import TICKETS, wheel

NEXT_JAN_ON = date(2027, 1, 31)
NIGHT = datetime(2027, 1, 31, 16, 5, tzinfo=UTC)
STATEMENT_ROWS = 20
BATCH = 100
CODE = "a" * 32


class Stage(NamedTuple):
    """The tables that an operation works on."""

    ledger: LedgerTable
    refusals: RefusalsTable
    members: MembersTable
    insight: InsightTable
    mall: MallTable
    goods: GoodsTable
    lotteries: LotteryTable

    def over(self, dynamo: Any) -> Stage:
        """The same tables over another client."""
        return Stage._make(replace(table, dynamo=dynamo) for table in self)


Step = Callable[[Stage], object]


class Operation(NamedTuple):
    """What is measured, after which steps, and the design's budget for it: requests and write units."""

    name: str
    before: tuple[Step, ...]
    run: Step
    budget: str


class _Limits(NamedTuple):
    min_points: int = 10
    max_points_per_day: int = 1000
    times_per_day: int = 3


def _book_paying_at_once() -> TermsBook:
    document = demo_document()
    for rule in document["rules"]:
        rule.pop("pending", None)
    return TermsBook((Terms(1, SINCE, read_programme(document)),))


DEMO_TERMS, DEMO_BOOK, BOOK_PAYING_AT_ONCE = demo_terms(), demo_book(), _book_paying_at_once()


def _earn(points: int, id: str = "tmall#0", member_id: str = "m1") -> Step:
    command = an_earn(points, NEXT_JAN_ON, cause=a_cause(id=id))
    return lambda on: on.ledger.post(member_id, lambda seen: apply(seen.account, [command], TERMS, NOW))


def _order(book: TermsBook, *refunds: Refunded, order_no: str = "1") -> Step:
    known = Order(
        key=f"tmall#{order_no}",
        paid=paid(order_no),
        member_id="m1",
        received_at=NOW,
        refunds={one.refund_no: one for one in refunds},
    )
    return lambda on: settle_order(known, ledger=on.ledger, book=book)


def _large_order(on: Stage) -> object:
    """An order that crosses a level."""
    known = Order(key="tmall#9", paid=paid("9", 60_000), member_id="m1", received_at=NOW)
    return settle_order(known, ledger=on.ledger, book=DEMO_BOOK)


def _review(on: Stage) -> object:
    """The night after a level's validity and grace, which lowers it."""
    night = NOW + timedelta(days=400)
    return on.ledger.post("m1", lambda seen: apply(seen.account, [Expire()], DEMO_TERMS.ledger, night))


def _quiet_shard(on: Stage) -> object:
    """A night's look at one shard while nobody's level, and nothing else, is due."""
    night = NOW + timedelta(days=1)
    return expire_due(0, ledger=on.ledger, terms=DEMO_TERMS.ledger, now=night, has_time=lambda: True)


def _behave(indicator: str, event_id: str) -> Step:
    event = Event("tmall", event_id, indicator, "m1", NOW, NOW, length=30)
    return lambda on: behave(event, ledger=on.ledger, refusals=on.refusals, book=DEMO_BOOK)


def _check_in(on: Stage) -> object:
    return check_in("m1", ledger=on.ledger, terms=DEMO_TERMS, now=NOW, source="mini_program")


def _redeem(on: Stage) -> object:
    return redeem(
        "m1",
        "d1",
        3,
        activity="mall",
        at=NOW,
        source="mini_program",
        actor="m1",
        ledger=on.ledger,
        terms=TERMS,
        now=NOW,
    )


HAT = MallItem(name="骑行帽", good=Parcel(kind="parcel"), prices=(Price(id="points", points=3),))
SHIP = Delivery("ship", "小美", "13800000000", "上海市黄浦区人民大道1号")


def no_tags(_member_ids: Sequence[str]) -> frozenset[str]:
    """Nobody is tagged: nothing that is measured here asks for tags."""
    return NO_TAGS


def _desk(on: Stage) -> Desk:
    return Desk(on.mall, on.goods, on.ledger, DEMO_TERMS, no_tags)


def _open_mall(on: Stage) -> object:
    """One item on sale, with pieces enough, held by the process as it is between calls."""
    document = {"name": HAT.name, "good": {"kind": "parcel"}, "prices": [{"id": "points", "points": 3}]}
    on.mall.documents.save(Kept("hat", document, "on", 1, "s1", NOW), action="created")
    change = StockChange("STOCK#hat", 1, 1000, "s1", "首批", NOW)
    ShelvesTable(on.goods.dynamo, on.goods.name, pause=lambda _seconds: None).change(change, key="k1")
    return on.mall.catalogue(NOW)


def _quote(on: Stage) -> Offer:
    on_day = business_on(NOW, DEMO_TERMS.zone)
    offer = quote_item("m1", "hat", "points", 1, quote_id="0" * 24, desk=_desk(on), on=on_day, now=NOW)
    signed(offer.quote, CODE)
    return offer


def _redeem_item(on: Stage) -> object:
    facts = {"item": "hat", "price": ["points", 3, 0], "quantity": 1, "good": _GOOD}
    quote = Quote("mall", "0" * 24, "m1", NOW, facts)
    return redeem_item(quote, SHIP, desk=_desk(on), actor="m1", now=NOW)


_GOOD = good_digest(Listed("hat", HAT, ItemState.ON, 1, "s1", NOW))


WHEEL = "0" * 16
_TIMES = {
    "from_at": (NOW - timedelta(days=1)).isoformat(),
    "until_at": (NOW + timedelta(days=30)).isoformat(),
    "claim_until_at": (NOW + timedelta(days=60)).isoformat(),
}


def _open_lottery(on: Stage) -> object:
    """The demo's wheel, published, held by the process as it is between calls."""
    manage.create(on.lotteries, wheel(**_TIMES), id=WHEEL, key="k1", by="s1", now=NOW)
    manage.publish(
        on.lotteries, on.goods, WHEEL, version=1, why="开张", by="s2", is_admin=False, terms=DEMO_TERMS, now=NOW
    )
    return on.lotteries.book(WHEEL, NOW)


def _draw(prize: str) -> Step:
    """A draw of a prize of the wheel's: its ticket is chosen here."""
    return lambda on: draw_once(
        WHEEL,
        "m1",
        key="k1",
        is_adult=True,
        rooms=Rooms(on.ledger, on.lotteries, on.goods, no_tags),
        terms=DEMO_TERMS,
        now=NOW,
        roll=lambda _tickets: TICKETS[prize],
    )


def _hold(on: Stage) -> object:
    until = NOW + timedelta(hours=2)
    return hold(
        "m1", "h1", 40, release_at=until, activity="checkout", actor="m1", ledger=on.ledger, terms=TERMS, now=NOW
    )


def _capture(on: Stage) -> object:
    return capture("m1", "h1", 40, actor="m1", ledger=on.ledger, terms=TERMS, now=NOW)


def _release(on: Stage) -> object:
    return release("m1", "h1", actor="m1", ledger=on.ledger, terms=TERMS, now=NOW)


def _restore(on: Stage) -> object:
    return restore("m1", hold_key("h1"), "r1", 15, actor="m1", ledger=on.ledger, terms=TERMS, now=NOW)


def _activate(on: Stage) -> object:
    after = NOW + timedelta(days=23)
    return activate_due("m1", guard_key("tmall#1"), ledger=on.ledger, terms=DEMO_TERMS.ledger, now=after)


def _show_code(on: Stage) -> object:
    return show_code("m2", CODE, ledger=on.ledger, limits=_Limits(), now=NOW)


def _transfer(on: Stage) -> object:
    key = "K#transfer#" + "1" * 64
    return transfer("m1", CODE, 20, key=key, ledger=on.ledger, terms=TERMS, limits=_Limits(), now=NOW)


_ADJUSTMENT = timed_id("a", NOW, f"{1:012x}")


def _propose(on: Stage) -> object:
    return propose(
        AdjustmentsTable(on.ledger),
        Change("m1", 100, "物流延误补偿", PointsClass.ACTIVITY, NEXT_JAN_ON),
        evidence="工单 42",
        id=_ADJUSTMENT,
        key="K#adjustment#clerk",
        by="clerk",
        terms=TERMS,
        daily_points=1000,
        find_unknown=lambda _ids: set(),
        now=NOW,
    )


def _approve(on: Stage) -> object:
    table, after = AdjustmentsTable(on.ledger), NOW + timedelta(hours=1)
    return approve(table, _ADJUSTMENT, by="lead", terms=TERMS, daily_points=1000, now=after)


def _expire(on: Stage) -> object:
    return on.ledger.post("m1", lambda seen: apply(seen.account, [Expire()], TERMS, NIGHT))


def _balance(on: Stage) -> object:
    return balance_now(on.ledger.read("m1"), ledger=on.ledger, terms=TERMS, now=NOW)


def _statement(on: Stage) -> object:
    return statement_page("m1", ledger=on.ledger, cursor="", limit=STATEMENT_ROWS)


def _record(on: Stage) -> object:
    return record_entries(RECORDS, ledger=on.ledger, table=on.insight, book=DEMO_BOOK, token="t" * 16)


def _pending(on: Stage) -> object:
    return open_page("m1", ledger=on.ledger, cursor="", limit=STATEMENT_ROWS)


_BASIS = a_basis()
_MIGRATED = only_member(a_row(platform="tmall", buyer_id="b1", growth=700, level="黄金", level_until="2027-03-01"))


def _migrate(on: Stage) -> object:
    return open_member(_MIGRATED, _BASIS, table=on.members, ledger=on.ledger)


def _records() -> list[dict[str, Any]]:
    """A batch of the journal's stream: an order's credit of each of so many members."""
    images = []
    for number in range(BATCH):
        account = Account(member_id=f"m{number:024x}", due_shard="0001")
        _, items = sealed(apply(account, [an_earn(12, NEXT_JAN_ON)], TERMS, NOW))
        images += [encode_item(item) for item in items]
    return [{"eventName": "INSERT", "dynamodb": {"NewImage": image}} for image in images]


RECORDS = _records()
_REFUND = Refunded(refund_no="r1", refunded_fen=500, refunded_at=NOW, received_at=NOW)
_RICH = _earn(500)
_HISTORY = tuple(_earn(5, f"tmall#a{number}") for number in range(STATEMENT_ROWS + 5))
_CREDITS = tuple(_earn(5, f"tmall#b{number}") for number in range(100))
_ORDERS = tuple(_order(DEMO_BOOK, order_no=f"p{number}") for number in range(5))

OPERATIONS = (
    Operation("check-in", (_RICH,), _check_in, "2 / 4"),
    Operation("behaviour award", (_RICH,), _behave("ride", "e1"), "2 / 4 + 2 guard"),
    Operation("award with a budget shard", (_RICH,), _behave("invite", "e1"), "2 / 4 + 2 guard + 2 shard"),
    Operation("refused award", (_RICH, _behave("ride", "e0")), _behave("ride", "e1"), "2 / 1"),
    Operation("order credit, at once", (_RICH,), _order(BOOK_PAYING_AT_ONCE), "2 / 6"),
    Operation("order credit, pending", (_RICH,), _order(DEMO_BOOK), "2 / 6"),
    Operation("order that crosses a level", (_RICH,), _large_order, "2 / 6 + 2 for the log"),
    Operation("level review, per due member", (_large_order,), _review, "2 / 4 + 2 for the log + 2 for the notice"),
    Operation("level review: a night's shard, none due", (_large_order,), _quiet_shard, "1 / 0"),
    Operation("refund, credited", (_RICH, _order(BOOK_PAYING_AT_ONCE)), _order(BOOK_PAYING_AT_ONCE, _REFUND), "2 / 6"),
    Operation("refund, pending", (_RICH, _order(DEMO_BOOK)), _order(DEMO_BOOK, _REFUND), "2 / 6"),
    Operation("activation", (_RICH, _order(DEMO_BOOK)), _activate, "2 / 6"),
    Operation("redemption, no stock", (_RICH,), _redeem, "2 / 8 with stock"),
    Operation("redemption in the mall", (_RICH, _open_mall), _redeem_item, "2 / 8"),
    Operation("redemption after 100 credits", (*_CREDITS, _open_mall), _redeem_item, "2 / 8"),
    Operation("mall quote", (_RICH, _open_mall), _quote, "2 / 0"),
    Operation("lottery draw of a limited prize", (_RICH, _open_lottery), _draw("bottle"), "2 / 8"),
    Operation("lottery draw of points", (_RICH, _open_lottery), _draw("p10"), "2 / 6 + 2 for the points"),
    Operation("hold", (_RICH,), _hold, "2 / 10 with stock"),
    Operation("capture", (_RICH, _hold), _capture, "2 / 10 with stock"),
    Operation("release", (_RICH, _hold), _release, "2 / 10 with stock"),
    Operation("restore", (_RICH, _hold, _capture), _restore, "-"),
    Operation("transfer", (_RICH, _earn(5, "tmall#2", "m2"), _show_code), _transfer, "2 / 10 + 1 read of the code"),
    Operation("adjustment, approved", (_RICH, _propose), _approve, "-"),
    Operation("expiry of one account", (_RICH,), _expire, "2 / 4"),
    Operation("a member brought over", (), _migrate, "-"),
    Operation(f"{BATCH} entries recorded", (), _record, f"1 a batch of 25 + 1 / {BATCH} + 1"),
    Operation("balance", (_RICH,), _balance, "1 / 0"),
    Operation(f"statement page of {STATEMENT_ROWS}", _HISTORY, _statement, "1 / 0"),
    Operation("pending list of 5", _ORDERS, _pending, "-"),
)
