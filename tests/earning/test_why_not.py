"""为什么没给我: all that gave nothing or not all, from the journal and from beside it, as one list, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.earning import why_not
from chalicelib.earning.behaviour_event import Event
from chalicelib.earning.check_in import check_in
from chalicelib.earning.order import Order, Paid
from chalicelib.earning.refusals import KEPT, NotPaid
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.why_not import Missed, why_not_page
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Cause, Entry, Kind, Part
from chalicelib.programme.award import Refused
from chalicelib.programme.model import Terms, TermsBook
from tests.earning.behaviours import Room, an_event, open_room, terms
from tests.earning.conftest import paid
from tests.earning.programmes import a_rule
from tests.earning.test_behave import Counting
from tests.ledger.builders import NOW

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    with open_room(monkeypatch) as opened:
        yield opened


def page(room: Room, cursor: str = "", limit: int = 50, now: datetime = NOW) -> tuple[list[Missed], str]:
    return why_not_page("m1", ledger=room.ledger, refusals=room.refusals, cursor=cursor, limit=limit, now=now)


def all_of(room: Room, limit: int = 50) -> list[Missed]:
    found, cursor = page(room, limit=limit)
    while cursor:
        more, cursor = page(room, cursor, limit)
        assert len(more) <= limit
        found += more
    return found


def said(room: Room) -> list[tuple[str, int, str]]:
    return [(one.activity, one.points, one.reason) for one in all_of(room)]


def use(room: Room, *rules: dict[str, object], **changes: object) -> Terms:
    used = terms(*rules, **changes)
    room.book = TermsBook((used,))
    return used


def buy(room: Room, order_no: str = "1", at: datetime = NOW, **given: object) -> None:
    order: Paid = paid(order_no, **{"paid_at": at, **given})
    settle_order(Order(f"tmall#{order_no}", order, "m1", at), ledger=room.ledger, book=room.book)


def told(event_id: str, minutes: int, indicator: str = "message") -> Event:
    at = NOW + minutes * MINUTE
    return an_event(event_id, indicator, occurred_at=at, received_at=at)


def test_what_gave_all_it_could_is_not_in_it(room: Room) -> None:
    room.behave(an_event(length=21))
    buy(room)

    assert all_of(room) == []


def test_refusals_beside_and_in_the_journal_are_one_list_newest_first(room: Room) -> None:
    used = use(room, caps=[{"id": "daily", "points": 2, "period": "day", "rules": ["check_in", "review"]}])
    check_in("m1", ledger=room.ledger, terms=used, now=NOW, source="mini_program")
    for minutes in range(3):
        room.behave(told(f"e{minutes}", minutes))
    room.behave(told("r", 4, "review"))
    room.behave(told("ride", 5, "ride"))
    buy(room, at=NOW + 6 * MINUTE, paid_fen=0)

    assert said(room) == [
        ("order", 0, "消费0.00元"),
        ("ride", 0, "一月三骑已完成1/3"),
        ("review", 0, "评价今日已达上限2分,明天起可再得;长评价再写21字可得5分"),
        ("message", 0, "发言今日已达上限2次,明天起可再得"),
    ]


def test_a_check_in_and_an_order_that_earned_nothing_say_why(room: Room) -> None:
    used = use(
        room,
        a_rule("gold", "order", name="金卡", when={"levels": ["gold"]}),
        caps=[{"id": "daily", "points": 1, "period": "ever", "rules": ["check_in", "order"]}],
    )
    check_in("m1", ledger=room.ledger, terms=used, now=NOW, source="mini_program")
    check_in("m1", ledger=room.ledger, terms=used, now=NOW + DAY, source="mini_program")
    buy(room, at=NOW + DAY + MINUTE)

    order, second, first = all_of(room)
    assert (order.reason, [one.rule for one in order.refused]) == (
        "消费累计已达上限1分;金卡当前等级不参加",
        ["order", "gold"],
    )
    assert (second.activity, second.points, second.reason) == ("check_in", 0, "签到累计已达上限1分")
    assert (first.points, first.reason) == (1, "超出累计1分上限不计")


def test_a_line_refused_beside_an_award_is_in_it_with_what_was_given(room: Room) -> None:
    room.behave(an_event(length=20))

    (one,) = all_of(room)
    assert (one.points, one.reason, one.source, one.terms_version) == (5, "长评价再写1字可得5分", "tmall", 1)
    assert [(part.rule, part.code) for part in one.refused] == [("review_long", None)]


def test_a_multiplier_that_was_missed_is_in_it(room: Room) -> None:
    double = {"kind": "multiplier", "bp": 20_000, "group": "activity"}
    used = use(room, a_rule("double", "order", name="会员日双倍", amount=double))
    room.book = TermsBook((replace(used, paused=frozenset({"double"})),))
    buy(room)

    assert said(room) == [("order", 12, "会员日双倍暂停中,恢复后可再得")]
    (entry,) = room.entries()
    assert entry.breakdown[-1] == Part("double", 0, "会员日双倍暂停中,恢复后可再得")
    (guard,) = room.ledger.guards(["O#tmall#1"]).values()
    assert "multipliers" not in guard.state


def test_a_registration_is_none_but_what_it_was_refused_is(room: Room) -> None:
    plain = terms()
    room.book = TermsBook((replace(plain, paused=frozenset({"register"})),))
    room.behave(an_event("r", "register", source="jifen"))
    assert said(room) == [("register", 0, "注册暂停中,恢复后可再得")]

    assert room.entries()[0].text == "成为会员"
    rules = [rule for rule in plain.programme.rules if rule.activity != "register"]
    room.book = TermsBook((replace(plain, programme=replace(plain.programme, rules=tuple(rules))),))
    room.behave(an_event("r2", "register", source="jifen", member_id="m2"))
    assert why_not_page("m2", ledger=room.ledger, refusals=room.refusals, cursor="", limit=9, now=NOW) == ([], "")


def test_what_is_older_than_half_a_year_is_left_out_of_both(room: Room) -> None:
    for minutes in range(3):
        room.behave(told(f"e{minutes}", minutes))
    room.behave(told("ride", 4, "ride"))

    assert len(page(room)[0]) == 2
    assert page(room, now=NOW + KEPT + DAY) == ([], "")


def test_a_page_costs_two_queries_however_long_the_journal_is(room: Room) -> None:
    for minutes in range(20):
        room.behave(told(f"ride{minutes}", minutes, "ride"))
    dynamo = Counting(room.ledger.dynamo)

    why_not_page(
        "m1",
        ledger=replace(room.ledger, dynamo=dynamo),
        refusals=replace(room.refusals, dynamo=dynamo),
        cursor="",
        limit=2,
        now=NOW,
    )

    assert dynamo.requests == 2


@pytest.mark.parametrize("cursor", ["x", "YQ==", "中", "MjAyNi0xMS0yMlQwNDowMDowMC4wMDBaIw=" * 20])
def test_a_cursor_that_is_none_of_ours_is_refused(room: Room, cursor: str) -> None:
    with pytest.raises(JifenError) as refused:
        page(room, cursor)

    assert refused.value.code is Code.INVALID_CURSOR


class Lists:
    """A journal and refusals of a member in memory, by minutes; True marks an entry that gave less."""

    def __init__(self, entries: dict[int, bool], lines: set[int]) -> None:
        self.read: list[Entry] = [an_entry(minute, entries[minute]) for minute in sorted(entries, reverse=True)]
        self.lines = [
            (f"{stamped(minute)}#message#e{minute}", a_line(minute)) for minute in sorted(lines, reverse=True)
        ]

    def entries(self, member_id: str, *, before_key: str | None, limit: int) -> list[Entry]:
        return [entry for entry in self.read if not before_key or entry.key < before_key][:limit]

    def page(self, member_id: str, *, before_key: str, limit: int, now: datetime) -> list[tuple[str, NotPaid]]:
        return [(key, one) for key, one in self.lines if not before_key or key < before_key][:limit]


def stamped(minute: int) -> str:
    return an_entry(minute, True).key[:24]


def an_entry(minute: int, gave_less: bool) -> Entry:
    at = NOW + minute * MINUTE
    cause = Cause(Kind.EARN, "review", f"r{minute}", at, at, "tmall", "tmall")
    parts = (Part("long", 0, "短"),) if gave_less else ()
    return Entry("m1", cause, 5, {}, 0, 0, 0, "", "", "", 1, parts, f"r{minute}", {}, (), 5, 0, 0, 0, at, 1)


def a_line(minute: int) -> NotPaid:
    at = NOW + minute * MINUTE
    return NotPaid("m1", at, "message", f"e{minute}", "tmall", 1, (Refused("message", "capped", f"e{minute}"),))


@given(
    st.dictionaries(st.integers(0, 60), st.booleans(), max_size=40),
    st.sets(st.integers(0, 60), max_size=40),
    st.integers(1, 7),
    st.integers(1, 9),
)
def test_page_by_page_everything_comes_once_in_order(
    entries: dict[int, bool], lines: set[int], limit: int, read: int
) -> None:
    lists = Lists(entries, lines)
    expected = sorted(
        [(minute, "review") for minute, gave_less in entries.items() if gave_less]
        + [(minute, "message") for minute in lines],
        key=lambda one: (-one[0], one[1] != "message"),
    )
    found: list[tuple[int, str]] = []
    cursor = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(why_not, "READ_ENTRIES", read)
        for _ in range(200):
            shown, cursor = why_not_page(
                "m1",
                ledger=lists,  # type: ignore[arg-type]
                refusals=lists,  # type: ignore[arg-type]
                cursor=cursor,
                limit=limit,
                now=NOW,
            )
            found += [(int((one.occurred_at - NOW) / MINUTE), one.activity) for one in shown]
            assert len(shown) <= limit
            if not cursor:
                break

    assert found == expected
