"""What a replay reads back: the journal's totals, by member or whole, and whether a run may go on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from chalicelib.earning.order import Paid, order_key
from chalicelib.earning.record_orders import Received, record_orders
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import open_orders
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.table import open_ledger
from chalicelib.members.buyers import find_members
from chalicelib.members.model import Identity
from chalicelib.members.register import register
from chalicelib.members.table import open_members
from chalicelib.members.tokens import new_member_id
from chalicelib.programme.table import open_programme
from local.cdnow import read_log
from local.cdnow_totals import recompute
from local.replay_run import EVERY, Run, periods, remaining
from local.replay_steps import BEGINS_AT, ZONE
from local.replay_totals import journal_totals, members_of

LOG = """customer date cds value
1 19970101 1 11.77
1 19971231 2 0.00
2 19970315 5 77.99
3 19980630 5 8.00
"""

pytestmark = pytest.mark.usefixtures("stage")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.txt"
    file.write_text(LOG)
    return file


def buyers(orders: Sequence[Paid]) -> list[Identity]:
    return [Identity(paid.platform, paid.buyer_id) for paid in orders]


def settle(orders: Sequence[Paid]) -> None:
    """What edge and stream do, without either."""
    for buyer in buyers(orders):
        register(open_members(), buyer, new_member_id(), BEGINS_AT)
    received = [Received(paid, paid.paid_at) for paid in orders]
    record_orders(received, orders=open_orders(), find_members=find_members, zone=ZONE)
    for order in open_orders().orders([order_key(paid.platform, paid.order_no) for paid in orders]):
        settle_order(order, ledger=open_ledger(), book=open_programme().book())


def pass_last_night(members: frozenset[str]) -> None:
    terms = open_programme().book().version(1).ledger
    now = datetime(1998, 12, 31, 16, 5, tzinfo=UTC)
    for member_id in members:
        open_ledger().post(member_id, lambda seen: apply(seen.account, [Expire()], terms, now))


def test_the_journal_by_member_and_whole_says_the_same(log: Path) -> None:
    orders = read_log(log)
    settle(orders)
    members = members_of(buyers(orders))
    pass_last_night(members)

    asked, scanned = journal_totals(members, ZONE), journal_totals(members, ZONE, few=0)

    expected = recompute(log)
    assert asked == scanned
    assert asked.issued == expected.issued
    assert asked.outstanding == expected.outstanding == 8


def test_other_members_of_the_stage_do_not_count(log: Path) -> None:
    orders = read_log(log)
    settle(orders)
    first = members_of(buyers(orders[:1]))

    assert journal_totals(first, ZONE, few=0) == journal_totals(first, ZONE)
    assert sum(journal_totals(first, ZONE).issued.values()) == 11


def test_a_run_goes_on_after_its_last_night(log: Path) -> None:
    course = periods(read_log(log), EVERY)
    settle(course[0].orders)

    left = remaining(course, Run(night="1997-01-05", orders=1))

    assert left[0].night_on == date(1997, 1, 6)


def test_a_cloud_that_lost_its_data_begins_anew(log: Path) -> None:
    course = periods(read_log(log), EVERY)
    run = Run(night="1997-01-05", orders=1, order_seconds=3)

    left = remaining(course, run)

    assert left == course
    assert (run.night, run.orders, run.order_seconds) == ("", 0, 0)
