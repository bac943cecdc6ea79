"""A merge as arithmetic: nothing is lost or made, the journals alone tell it, nobody owes and holds at once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import PointsClass, bucket_key, idle_bucket_key
from chalicelib.ledger.carried import changes_by_class
from chalicelib.ledger.chain import sealed
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Count
from chalicelib.ledger.levels import Level, LevelTerms, Tenure
from chalicelib.ledger.merge import MOST_MERGED, merged
from chalicelib.ledger.model import Account, Credit, Guard, LedgerTerms, Policy, Posting
from chalicelib.ledger.rebuild import balances, folded
from tests.ledger.builders import NOW, TERMS, TODAY_ON, an_account, bucket

A_DAY = timedelta(days=1)
JAN, NOV = bucket(date(2027, 1, 31)), bucket(date(2027, 11, 30))
LEVELS = LevelTerms((Level("bronze", 0, 0), Level("silver", 100, 50), Level("gold", 300, 150)), 12, 12, 30, True, False)
LEVELLED = TERMS._replace(levels=LEVELS, idle_months=12)


def guard(pending: int = 0, held: int = 0, letter: str = "c", key: str = "O#1", member_id: str = "m2") -> Guard:
    points_class = {one.letter: one for one in PointsClass}[letter]
    credits = (Credit("order", points_class, pending, Policy.DEFICIT, 1, pending),) if pending else ()
    taken = {bucket(date(2027, 11, 30), points_class): held} if held else {}
    return Guard(key, member_id, credits=credits, taken=taken, release_at=NOW if held else None)


def an_old_account(**given: Any) -> Account:
    return an_account(**{"member_id": "m2", "version": 1, "posted_at": NOW - A_DAY, **given})


def joined(closing: Account, surviving: Account, *guards: Guard, terms: LedgerTerms = TERMS) -> tuple[Account, Account]:
    """(the closed account, the survivor's) after a merge, each as its entry alone makes it, too."""
    posting = merged(closing, surviving, guards, actor="s1", terms=terms, now=NOW)
    assert posting.other is not None
    for side in (posting, posting.other):
        assert follows(side) == side.account._replace(version=0, due_on=None)
    return posting.account, posting.other.account


def follows(side: Posting) -> Account:
    """The account before a posting with its entries folded in, as a rebuild does it."""
    account = side.before
    for entry in sealed(side)[0].entries:
        account = folded(account, entry)
        assert balances(account) == (
            entry.available_after,
            entry.pending_after,
            entry.held_after,
            entry.deficit_after,
        )
    return account._replace(version=0, due_on=None, last_hash=side.account.last_hash)


def test_all_buckets_pending_and_held_points_are_the_survivors() -> None:
    old = an_old_account(buckets={JAN: 5, NOV: 7}, pending_points=3, held_points=2)

    closed, survivor = joined(old, an_account(buckets={NOV: 1}), guard(pending=3, held=2))

    assert (closed.total_points, closed.buckets, closed.merged_into) == (0, {}, "m1")
    assert survivor.buckets == {JAN: 5, NOV: 8}
    assert (survivor.pending_points, survivor.held_points, survivor.merged) == (3, 2, ("m2",))


def test_points_that_come_pay_what_the_survivor_owes() -> None:
    _, survivor = joined(an_old_account(buckets={JAN: 5, NOV: 7}), an_account(deficit_points=6))

    assert (survivor.buckets, survivor.deficit_points) == ({NOV: 6}, 0)


@pytest.mark.parametrize(("debt", "buckets", "owed"), [(6, {NOV: 6}, 0), (20, {}, 8)])
def test_a_debt_that_comes_is_paid_from_the_survivors_points(debt: int, buckets: dict[str, int], owed: int) -> None:
    _, survivor = joined(an_old_account(deficit_points=debt), an_account(buckets={JAN: 5, NOV: 7}))

    assert (survivor.buckets, survivor.deficit_points) == (buckets, owed)


def test_what_has_ended_is_booked_where_it_was() -> None:
    old = an_old_account(buckets={bucket(TODAY_ON - A_DAY): 5, NOV: 7})

    posting = merged(old, an_account(), (), actor="s1", terms=TERMS, now=NOW)

    assert [entry.kind.value for entry in posting.entries] == ["expire", "transfer"]
    assert posting.other
    assert posting.other.account.buckets == {NOV: 7}


def test_the_entries_tell_pending_and_held_points_by_class() -> None:
    guards = (guard(pending=3), guard(held=2, letter="a", key="H#1"))
    posting = merged(
        an_old_account(pending_points=3, held_points=2), an_account(), guards, actor="", terms=TERMS, now=NOW
    )

    assert posting.other
    ((out,), (into,)) = posting.entries, posting.other.entries
    assert (changes_by_class(out, "pending"), changes_by_class(out, "held")) == ({"c": -3}, {"a": -2})
    assert (changes_by_class(into, "pending"), changes_by_class(into, "held")) == ({"c": 3}, {"a": 2})


@pytest.mark.parametrize("guards", [(), (guard(pending=2),), (guard(pending=3), guard(held=1, key="H#1"))])
def test_guards_that_do_not_explain_the_account_stop_it(guards: tuple[Guard, ...]) -> None:
    with pytest.raises(JifenError) as refused:
        merged(an_old_account(pending_points=3), an_account(), guards, actor="", terms=TERMS, now=NOW)

    assert refused.value.code is Code.BUSY


def test_more_accounts_than_an_account_may_take_in_are_refused() -> None:
    full = an_account(merged=tuple(f"x{number}" for number in range(MOST_MERGED)))

    with pytest.raises(JifenError) as refused:
        merged(an_old_account(), full, (), actor="", terms=TERMS, now=NOW)

    assert refused.value.code is Code.MERGE_REFUSED


def test_both_entries_are_the_newest_of_their_journals_and_of_one_day() -> None:
    later = NOW + 2 * A_DAY
    posting = merged(an_old_account(posted_at=later), an_account(posted_at=NOW), (), actor="", terms=TERMS, now=NOW)

    assert posting.other
    ((out,), (into,)) = posting.entries, posting.other.entries
    assert out.posted_at == into.posted_at > later
    assert out.key == into.key > f"{later.isoformat()[:23]}Z"


def test_the_due_line_of_a_closed_account_goes() -> None:
    closed, survivor = joined(an_old_account(buckets={JAN: 5}, due_on=date(2027, 2, 1)), an_account())

    assert closed.due_on is None
    assert survivor.due_on == date(2027, 2, 1)


def test_counters_of_one_period_are_summed_and_a_later_period_stays() -> None:
    on, later = TODAY_ON, TODAY_ON + A_DAY
    own = {"r:pd": Count(on, 3, on - A_DAY), "r:f": Count(None, 1), "t": Count(later, 1)}
    other = {"r:pd": Count(on, 4, on), "r:pm": Count(later, 9), "t": Count(on, 5), "over": Count(on - A_DAY, 5)}

    _, survivor = joined(an_old_account(counters=other), an_account(counters=own))

    assert survivor.counters == {
        "r:pd": Count(on, 7, on),
        "r:pm": Count(later, 9),
        "r:f": Count(None, 1),
        "t": Count(later, 1),
    }


def test_growth_of_both_may_raise_the_level() -> None:
    month = TODAY_ON.year * 12 + TODAY_ON.month - 1
    old = an_old_account(growth={month: 200, month - 1: 20})

    closed, survivor = joined(old, an_account(growth={month: 90}), terms=LEVELLED)

    assert survivor.growth == {month: 290, month - 1: 20}
    assert (survivor.tenure.level, survivor.tenure.since_on, closed.tenure.level) == ("gold", TODAY_ON, "")


SILVER = Tenure("silver", TODAY_ON - 9 * A_DAY, TODAY_ON + 90 * A_DAY, "bronze")
GOLD = Tenure("gold", TODAY_ON - 5 * A_DAY, TODAY_ON + 50 * A_DAY, "silver")


@pytest.mark.parametrize(
    ("own", "other", "after"),
    [
        (SILVER, GOLD, GOLD),
        (GOLD, SILVER, GOLD),
        (Tenure(), SILVER, SILVER._replace(prior="")),
        (GOLD, GOLD._replace(until_on=TODAY_ON + 60 * A_DAY), GOLD._replace(until_on=TODAY_ON + 60 * A_DAY)),
        (GOLD, GOLD._replace(until_on=TODAY_ON + 40 * A_DAY), GOLD),
        (GOLD, GOLD._replace(until_on=None), GOLD._replace(until_on=None)),
        (SILVER, Tenure(trial="gold", trial_until_on=TODAY_ON), SILVER._replace(trial="gold", trial_until_on=TODAY_ON)),
    ],
)
def test_the_higher_level_and_the_later_end_stay(own: Tenure, other: Tenure, after: Tenure) -> None:
    _, survivor = joined(an_old_account(tenure=other), an_account(tenure=own), terms=LEVELLED)

    assert survivor.tenure == after


def test_a_frozen_account_leaves_its_survivor_frozen() -> None:
    closed, survivor = joined(an_old_account(frozen=True), an_account())

    assert (closed.frozen, survivor.frozen) == (False, True)


def test_points_that_live_on_activity_keep_the_last_activity_and_do_not_begin_anew() -> None:
    idle = idle_bucket_key(PointsClass.BEHAVIOUR)
    old = an_old_account(buckets={idle: 5}, active_at=NOW - 30 * A_DAY)

    _, survivor = joined(old, an_account(active_at=NOW - 60 * A_DAY), terms=LEVELLED)

    assert survivor.active_at == NOW - 30 * A_DAY


def test_who_was_merged_before_goes_along() -> None:
    _, survivor = joined(an_old_account(merged=("m3", "m4")), an_account(merged=("m5",)))

    assert survivor.merged == ("m5", "m2", "m3", "m4")


dates = st.dates(date(2026, 8, 1), TODAY_ON)


@given(st.lists(dates, max_size=70), st.lists(dates, max_size=70))
def test_check_ins_of_both_are_all_days_and_one_run(own: list[date], other: list[date]) -> None:
    together = of_days(own).with_days(of_days(other))

    assert together.last_on == max([*own, *other], default=None)
    if together.last_on:
        back = [together.last_on - ago * A_DAY for ago in range(62)]
        assert [together.has(on) for on in back] == [on in {*own, *other} for on in back]
        run = next((ago for ago, on in enumerate(back) if on not in {*own, *other}), None)
        if run is not None:
            assert together.run_days == run


def of_days(days: list[date]) -> CheckInDays:
    found = CheckInDays()
    for on in sorted(set(days)):
        found = found.with_day(on)
    return found


@pytest.mark.parametrize("gap", [0, 1, 5])
def test_a_run_longer_than_the_map_goes_on_in_the_other_accounts_run(gap: int) -> None:
    recent = CheckInDays().with_run(TODAY_ON, 70)
    before = CheckInDays().with_run(TODAY_ON - (70 - gap) * A_DAY, 100)

    assert recent.with_days(before).run_days == before.with_days(recent).run_days == 170 - gap


def test_a_run_that_is_parted_from_the_other_by_a_day_does_not_go_on() -> None:
    recent = CheckInDays().with_run(TODAY_ON, 70)

    assert recent.with_days(CheckInDays().with_run(TODAY_ON - 71 * A_DAY, 100)).run_days == 70


POINTS = st.integers(0, 50)


@st.composite
def accounts(draw: st.DrawFn, member_id: str) -> tuple[Account, list[Guard]]:
    keys = [
        *(bucket_key(TODAY_ON + ahead * A_DAY, one) for one in PointsClass for ahead in (-1, 0, 9)),
        idle_bucket_key(PointsClass.ACTIVITY),
    ]
    buckets = {key: points for key in draw(st.sets(st.sampled_from(keys))) if (points := draw(POINTS))}
    letters = st.sampled_from("cba")
    guards = [
        guard(draw(POINTS), draw(POINTS), draw(letters), f"O#{member_id}.{number}", member_id)
        for number in range(draw(st.integers(0, 3)))
    ]
    month = TODAY_ON.year * 12 + TODAY_ON.month - 1
    given_days = st.one_of(st.none(), dates)
    account = an_account(
        member_id=member_id,
        version=1,
        posted_at=draw(st.sampled_from([None, NOW - 3 * A_DAY, NOW + A_DAY])),
        buckets=buckets,
        deficit_points=0 if buckets else draw(POINTS),
        pending_points=sum(one.pending_points for one in guards),
        held_points=sum(sum(one.taken.values()) for one in guards),
        growth={month - ago: draw(st.integers(-20, 400)) or 1 for ago in draw(st.sets(st.integers(0, 13)))},
        tenure=draw(st.sampled_from([Tenure(), SILVER, GOLD, SILVER._replace(trial="gold", trial_until_on=TODAY_ON)])),
        joined_on=draw(given_days),
        frozen=draw(st.booleans()),
        check_ins=of_days(draw(st.lists(dates, max_size=9))),
        counters={
            name: Count(draw(st.sampled_from([None, TODAY_ON, TODAY_ON - A_DAY])), draw(POINTS), draw(given_days))
            for name in draw(st.sets(st.sampled_from(["a", "b", "c"])))
        },
        active_at=draw(st.sampled_from([None, NOW - 400 * A_DAY, NOW - 9 * A_DAY])),
        idle_ended_at=draw(st.sampled_from([None, NOW - 500 * A_DAY])),
    )
    return account, guards


@given(accounts("m2"), accounts("m1"), st.booleans())
def test_nothing_is_lost_or_made_and_the_entries_alone_make_both_accounts(
    old: tuple[Account, list[Guard]], new: tuple[Account, list[Guard]], with_levels: bool
) -> None:
    terms = LEVELLED if with_levels else TERMS
    posting = merged(old[0], new[0], old[1], actor="s1", terms=terms, now=NOW)
    assert posting.other

    for side in (posting, posting.other):
        made = follows(side)
        kept_counters = side.account.counters.items() <= made.counters.items()
        assert kept_counters
        assert side.account.growth.items() <= made.growth.items()
        expected = side.account._replace(version=0, due_on=None)
        assert made._replace(counters=expected.counters, growth=expected.growth) == expected
    expired = sum(e.points for side in (posting, posting.other) for e in side.entries if e.kind.value == "expire")
    before, after = old[0].total_points + new[0].total_points, posting.other.account.total_points
    assert (after, posting.account.total_points) == (before + expired, 0)
    assert sum(e.points for side in (posting, posting.other) for e in side.entries if e.kind.value == "transfer") == 0
    assert not (posting.other.account.deficit_points and posting.other.account.buckets)
