"""Single laws of `apply` over any input, and what is known not to hold yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass, bucket_key, idle_bucket_key
from chalicelib.ledger.commands import Activate, Earn, Expire, Receive
from chalicelib.ledger.counters import Counted
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Account, Kind
from chalicelib.ledger.release import release
from chalicelib.ledger.table import LedgerTable
from tests.ledger import reference_profiles  # noqa: F401  # the profile it loads
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, a_redemption, a_reversal, an_account, an_earn, bucket
from tests.ledger.reference_store import MemoryDynamo

ZONES = ["Asia/Shanghai", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"]
NEAR = st.dates(date(2024, 2, 25), date(2028, 3, 5))
stocks = st.dictionaries(
    st.builds(bucket_key, st.none() | st.dates(date(2026, 11, 22), date(2027, 2, 1)), st.sampled_from(PointsClass)),
    st.integers(1, 1000),
    max_size=8,
)
IDLE = idle_bucket_key(PointsClass.CONSUMPTION)
IDLE_TERMS = TERMS._replace(idle_months=1)
LONG_AFTER = datetime(2027, 3, 1, tzinfo=UTC)


@given(last_on=NEAR, minutes=st.integers(-40 * 60, 40 * 60), zone=st.sampled_from(ZONES))
def test_a_point_can_be_spent_on_its_last_day_in_the_programmes_zone_and_on_no_day_after(
    last_on: date, minutes: int, zone: str
) -> None:
    now = datetime(last_on.year, last_on.month, last_on.day, 12, tzinfo=UTC) + timedelta(minutes=minutes)
    terms = TERMS._replace(zone=zone)
    account = an_account(buckets={bucket(last_on): 5})

    today_on = now.astimezone(ZoneInfo(zone)).date()
    if today_on <= last_on:
        assert apply(account, [a_redemption(5)], terms, now).account.buckets == {}
    else:
        with pytest.raises(JifenError) as refused:
            apply(account, [a_redemption(5)], terms, now)
        assert refused.value.code is Code.INSUFFICIENT_POINTS


@given(last_on=NEAR, zone=st.sampled_from(ZONES))
def test_the_expiry_of_a_bucket_is_booked_at_the_last_millisecond_of_its_last_day(last_on: date, zone: str) -> None:
    terms = TERMS._replace(zone=zone)
    midnight = datetime.combine(last_on + timedelta(days=1), datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    account = an_account(buckets={bucket(last_on): 5})

    before = apply(account, [Expire()], terms, midnight - timedelta(milliseconds=1))
    after = apply(account, [Expire()], terms, midnight)

    assert before.entries == ()
    assert after.entries[0].cause.at == midnight - timedelta(milliseconds=1)


@given(stock=stocks, asked=st.integers(0, 4000), order=st.permutations(list(PointsClass)))
def test_spending_empties_every_earlier_bucket_before_it_touches_a_later_one(
    stock: dict[str, int], asked: int, order: list[PointsClass]
) -> None:
    terms = TERMS._replace(class_order=tuple(order))
    if asked > sum(stock.values()):
        with pytest.raises(JifenError):
            apply(an_account(buckets=stock), [a_redemption(asked)], terms, NOW)
        return

    posting = apply(an_account(buckets=stock), [a_redemption(asked)], terms, NOW)

    def place(key: str) -> tuple[str, int]:
        return key[:3], [one.letter for one in order].index(key[3])

    taken = {key: -part for key, part in posting.entries[0].buckets.items()}
    assert sum(taken.values()) == asked
    latest = max(map(place, taken), default=("", 0))
    assert all(place(key) >= latest for key in posting.account.buckets)


@given(stock=stocks, asked=st.integers(0, 4000), charged=st.integers(0, 300))
def test_whatever_is_taken_back_is_taken_waived_kept_back_or_owed(
    stock: dict[str, int], asked: int, charged: int
) -> None:
    for policy in ("deficit", "waive", "pending_only", "charge_refund"):
        command = a_reversal(asked, policy=policy)._replace(charged_points=charged)

        posting = apply(an_account(buckets=stock), [command], TERMS, NOW)

        (entry,) = posting.entries
        kept = [int(entry.facts.get(name, 0)) for name in ("waived_points", "charged_points")]
        assert sum(kept) - entry.points == asked
        assert posting.account.deficit_points == entry.facts.get("deficit_points", 0)


def test_a_credit_that_is_over_already_cannot_be_spent_by_the_next_command_of_its_posting() -> None:
    over = an_earn(10, TODAY_ON - timedelta(days=1))

    with pytest.raises(JifenError):
        apply(an_account(), [over, a_redemption(10)], TERMS, NOW)


def test_a_refund_after_idle_points_have_ended_takes_nothing_twice() -> None:
    account = an_account(buckets={IDLE: 100, bucket(None): 100}, active_at=NOW)
    account = apply(account, [Expire()], IDLE_TERMS, LONG_AFTER).account
    refund = a_reversal(100)._replace(bucket=IDLE)

    assert apply(account, [refund], IDLE_TERMS, LONG_AFTER).account.buckets == {bucket(None): 100}


def test_idle_points_received_by_a_member_who_was_never_active_end_some_day() -> None:
    received = Receive(a_cause(Kind.TRANSFER, "t1"), {IDLE: 10}, 1)
    account = apply(an_account(), [received], IDLE_TERMS, NOW).account

    assert account.due_on is not None
    assert apply(account, [Expire()], IDLE_TERMS, LONG_AFTER).account.buckets == {}


def test_idle_points_that_become_available_are_not_gone_in_the_same_posting() -> None:
    account = an_account(pending_points=10, active_at=NOW)
    activation = Activate(a_cause(Kind.ACTIVATE, "a1"), 10, IDLE, "order", 1)

    assert apply(account, [activation], IDLE_TERMS, LONG_AFTER).account.buckets == {IDLE: 10}


def test_a_night_that_only_moves_a_date_opens_no_cap_for_what_is_heard_of_late() -> None:
    counted = Counted("order:pm", date(2026, 11, 30), 5)
    account = apply(an_account(), [an_earn(10, TODAY_ON, counts=(counted,))], TERMS, NOW).account
    account = apply(account, [a_redemption(10)], TERMS, NOW).account
    night = apply(account, [Expire()], TERMS, datetime(2026, 12, 1, tzinfo=UTC)).account
    assert night.due_on != account.due_on

    late = apply(night, [an_earn(1, counts=(counted,), cause=a_cause(id="2"))], TERMS, NOW + timedelta(days=1)).account

    assert late.counters["order:pm"].used == 10


def test_a_partial_capture_spends_the_classes_of_one_date_in_the_programmes_order() -> None:
    order = (PointsClass.CONSUMPTION, PointsClass.BEHAVIOUR, PointsClass.ACTIVITY)
    terms = TERMS._replace(class_order=order)
    ledger = _ledger()
    keys = [bucket(date(2027, 11, 30), one) for one in (PointsClass.ACTIVITY, PointsClass.CONSUMPTION)]
    for key in keys:
        earn = Earn(a_cause(id=key), 10, key, "r", 1)
        ledger.post("m1", lambda seen, earn=earn: apply(seen.account, [earn], terms, NOW))  # type: ignore[misc]
    _hold(ledger, 20)

    capture("m1", "h1", 10, actor="a", ledger=ledger, terms=terms, now=NOW)

    assert ledger.read("m1").buckets == {keys[0]: 10}


def test_a_hold_that_was_captured_for_nothing_cannot_be_released_again() -> None:
    ledger = _ledger()
    ledger.post("m1", lambda seen: apply(seen.account, [an_earn(10)], TERMS, NOW))
    _hold(ledger, 10)
    capture("m1", "h1", 0, actor="a", ledger=ledger, terms=TERMS, now=NOW)

    with pytest.raises(JifenError) as refused:
        release("m1", "h1", actor="a", ledger=ledger, terms=TERMS, now=NOW)
    assert refused.value.code is Code.HOLD_CLOSED


def _ledger() -> LedgerTable:
    return LedgerTable(MemoryDynamo("ledger", "journal"), "ledger", "journal", 8, pause=lambda _seconds: None)


def _hold(ledger: LedgerTable, points: int) -> Account | None:
    until = NOW + timedelta(days=1)
    return hold(
        "m1", "h1", points, release_at=until, activity="mall", actor="a", ledger=ledger, terms=TERMS, now=NOW
    ).account
