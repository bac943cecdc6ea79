"""A log-in tells the ledger since when somebody is a member, and each day's first one may earn."""

from __future__ import annotations

from datetime import date, timedelta

from chalicelib.earning.refusals import RefusalsTable
from chalicelib.earning.session_opened import SessionOpened, session_of, session_opened
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Open
from chalicelib.ledger.model import Kind
from chalicelib.members.log_in import LoggedIn, session_message
from chalicelib.members.model import Session
from chalicelib.programme.model import Terms
from tests.earning.conftest import Shop, paid
from tests.earning.programmes import a_rule, plain_book, plain_terms
from tests.ledger.builders import NOW, TERMS, a_cause
from tests.programme.builders import SINCE

REGISTERED_AT = NOW - timedelta(days=3)


class Refused(RefusalsTable):
    """Nothing may be kept as refused here."""

    def put(self, *_: object) -> None:
        raise AssertionError("a log-in was refused")


def opened(shop: Shop, terms: Terms, days: int = 0) -> None:
    session = SessionOpened("m1", REGISTERED_AT, NOW + timedelta(days=days))
    session_opened(session, ledger=shop.ledger, refusals=Refused(None, ""), book=plain_book(terms))


def test_the_message_of_a_log_in_says_whose_and_since_when() -> None:
    session = Session("digest", "m1", opened_at=NOW, expires_at=NOW)

    told = session_of(session_message(LoggedIn("token", session, False, REGISTERED_AT)))

    assert told == SessionOpened("m1", REGISTERED_AT, NOW)
    assert session_of('{"event_id": "1"}') is None


def test_a_registration_is_booked_once_and_the_account_knows_its_day(shop: Shop) -> None:
    register = a_rule("register", "register", amount={"kind": "fixed", "points": 200}, when={"first": True})
    terms = plain_terms(1, SINCE, register)
    for days in (0, 0, 1, 30):
        opened(shop, terms, days)

    assert shop.ledger.read("m1").joined_on == date(2026, 11, 19)
    assert shop.points() == 200


def test_without_a_rule_the_registration_is_an_entry_of_nothing(shop: Shop) -> None:
    for _ in range(2):
        opened(shop, plain_terms())

    (entry,) = shop.ledger.entries("m1", before_key=None, limit=9)
    assert (entry.points, entry.text) == (0, "成为会员")
    assert shop.ledger.read("m1").joined_on == date(2026, 11, 19)


def test_the_first_log_in_of_a_day_earns_and_the_others_do_not(shop: Shop) -> None:
    terms = plain_terms(1, SINCE, a_rule("login", "login", amount={"kind": "fixed", "points": 5}))
    for days in (0, 0, 1, 1):
        opened(shop, terms, days)

    assert shop.points() == 10


def test_an_order_within_so_many_days_of_joining_is_known_by_it(shop: Shop) -> None:
    bonus = a_rule("welcome", when={"within_days_of_joining": 90})
    shop.book = plain_book(plain_terms(1, SINCE, bonus))
    shop.record(paid("0"), paid("1"))
    shop.settle("0")
    opened(shop, shop.book.versions[0])
    shop.settle("1")

    assert shop.points() == 12 + 12 + 100


def test_an_account_that_knows_since_when_asks_for_no_registration(shop: Shop) -> None:
    register = a_rule("register", "register", amount={"kind": "fixed", "points": 200})
    command = Open(a_cause(Kind.ADJUST), {}, 1, joined_on=date(2019, 5, 6))
    shop.ledger.post("m1", lambda seen: apply(seen.account, [command], TERMS, NOW))

    opened(shop, plain_terms(1, SINCE, register))

    assert shop.points() == 0
    assert shop.ledger.read("m1").joined_on == date(2019, 5, 6)
