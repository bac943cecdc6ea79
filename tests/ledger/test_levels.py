"""Levels over time: up on event, kept by a review, down after a grace, what refunds and trials do, and that the journal
rebuilds all of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Command, Expire, SetLevel
from chalicelib.ledger.ends import ends_on
from chalicelib.ledger.growth import grown, in_window, packed, recent, unpacked
from chalicelib.ledger.items import account_item, account_of, entry_item, entry_of
from chalicelib.ledger.levels import Level, LevelTerms, Tenure, level_on, settled
from chalicelib.ledger.model import Account, Entry, Kind, LedgerTerms, business_on
from chalicelib.ledger.rebuild import folded
from tests.ledger.builders import TERMS, a_cause, a_reversal, an_account, an_earn

LEVELS = LevelTerms(
    levels=(
        Level("normal", 0, 0),
        Level("gold", 500, 400),
        Level("platinum", 2000, 1600),
        Level("diamond", 5000, 4000),
    ),
    window_months=12,
    valid_months=12,
    grace_days=30,
    is_one_step=True,
    rechecks_refunds=False,
    warn_days=(30, 7),
)


def with_levels(**changes: object) -> LedgerTerms:
    return TERMS._replace(levels=LEVELS._replace(**changes))  # type: ignore[arg-type]


def noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 4, tzinfo=UTC)


class Member:
    """A member of a programme with levels, and all entries so far."""

    def __init__(self, terms: LedgerTerms | None = None) -> None:
        self.terms = terms or with_levels()
        self.account: Account = an_account()
        self.entries: list[Entry] = []
        self.causes = 0

    def does(self, on: date, *commands: Command) -> Member:
        posting = apply(self.account, commands, self.terms, noon(on))
        self.account = posting.account
        self.entries += posting.entries
        return self

    def grows(self, on: date, growth: int) -> Member:
        self.causes += 1
        command = an_earn(0, None, cause=a_cause(id=f"tmall#{self.causes}"))
        return self.does(on, command._replace(bucket="", growth=growth, growth_on=on))

    def loses(self, on: date, growth: int, counted_on: date) -> Member:
        return self.does(on, a_reversal(0)._replace(growth=-growth, growth_on=counted_on))

    def night(self, on: date) -> Member:
        return self.does(on, Expire())

    @property
    def tenure(self) -> Tenure:
        return self.account.tenure


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_growth_that_reaches_a_level_raises_it_in_the_same_entry_for_a_year() -> None:
    member = Member().grows(day("2026-03-10"), 499).grows(day("2026-03-11"), 1)

    (first, second) = member.entries
    assert (first.level_before, first.level_after) == ("", "")
    assert (second.level_before, second.level_after, second.growth) == ("", "gold", 1)
    assert member.tenure == Tenure("gold", day("2026-03-11"), day("2027-03-11"))


def test_one_large_order_passes_over_levels() -> None:
    member = Member().grows(day("2026-03-10"), 2_000)

    assert member.tenure.level == "platinum"
    assert member.tenure.prior == ""


def test_a_year_from_a_leap_day_ends_on_the_28th() -> None:
    member = Member().grows(day("2028-02-29"), 500)

    assert member.tenure.until_on == day("2029-02-28")


def test_reaching_the_same_level_again_does_not_lengthen_it() -> None:
    member = Member().grows(day("2026-03-10"), 500).grows(day("2026-06-10"), 600)

    assert member.tenure.until_on == day("2027-03-10")


def test_only_the_last_twelve_calendar_months_count() -> None:
    member = Member().grows(day("2026-03-31"), 400).grows(day("2027-02-28"), 99)
    assert in_window(member.account.growth, day("2027-02-28"), 12) == 499

    member.grows(day("2027-03-01"), 1)

    assert in_window(member.account.growth, day("2027-03-01"), 12) == 100
    assert member.tenure.level == ""


def test_the_keep_threshold_and_not_the_upgrade_threshold_renews_a_level() -> None:
    member = Member().grows(day("2026-03-10"), 500).grows(day("2026-09-01"), 400)

    member.night(day("2027-03-11"))

    (kept,) = [entry for entry in member.entries if entry.kind is Kind.LEVEL]
    assert (kept.text, kept.points, kept.level_after) == ("保级成功", 0, "gold")
    assert kept.cause.at == datetime(2027, 3, 10, 15, 59, 59, 999000, tzinfo=UTC)
    assert member.tenure == Tenure("gold", day("2026-03-10"), day("2028-03-10"))


def test_a_level_that_is_not_kept_stays_for_its_grace_and_then_falls_one_step() -> None:
    member = Member().grows(day("2026-03-10"), 2_000).grows(day("2026-05-01"), 1_000)
    # Of the window that ends in March 2027 only the 1,000 of May are left, and those of March itself.
    member.loses(day("2026-06-01"), 1_500, day("2026-03-10"))

    member.night(day("2027-03-11"))
    assert member.tenure.level == "platinum"
    assert member.account.due_on == day("2027-04-10")
    member.night(day("2027-04-09"))
    assert member.tenure.level == "platinum"
    member.night(day("2027-04-10"))

    assert member.tenure == Tenure("gold", day("2027-04-10"), day("2028-04-10"), "platinum")
    fallen = member.entries[-1]
    assert (fallen.kind, fallen.level_before, fallen.level_after) == (Kind.LEVEL, "platinum", "gold")


def test_growth_that_comes_within_the_grace_keeps_the_level_from_its_old_end() -> None:
    member = Member().grows(day("2026-03-10"), 500).night(day("2027-03-11"))
    member.loses(day("2026-04-01"), 0, day("2026-03-10"))

    member = Member().grows(day("2026-03-10"), 500).grows(day("2026-04-01"), 100)
    member.loses(day("2026-04-02"), 300, day("2026-03-10")).night(day("2027-03-11"))
    assert member.tenure.until_on == day("2027-03-10")
    member.grows(day("2027-03-20"), 300)

    assert member.tenure == Tenure("gold", day("2026-03-10"), day("2028-03-10"))


def test_an_operation_books_the_review_that_the_night_has_missed() -> None:
    member = Member().grows(day("2026-03-10"), 500).grows(day("2027-06-01"), 1)

    kinds = [entry.kind for entry in member.entries]
    assert kinds == [Kind.EARN, Kind.LEVEL, Kind.EARN]
    assert member.entries[1].level_after == "normal"
    assert member.tenure.until_on is None


def test_by_growth_a_level_falls_to_the_highest_that_growth_keeps() -> None:
    member = Member(with_levels(is_one_step=False)).grows(day("2026-03-10"), 5_000).grows(day("2026-12-01"), 450)

    member.night(day("2027-06-01"))

    assert member.tenure.level == "gold"


def test_a_review_years_late_takes_every_step_in_its_time() -> None:
    member = Member().grows(day("2026-03-10"), 5_000).night(day("2031-01-01"))

    assert [entry.level_after for entry in member.entries[1:]] == ["platinum", "gold", "normal"]
    assert member.tenure.level == "normal"


@pytest.mark.parametrize(("rechecks", "level"), [(False, "platinum"), (True, "gold")])
def test_what_a_refund_does_to_a_level_is_a_term(rechecks: bool, level: str) -> None:
    member = Member(with_levels(rechecks_refunds=rechecks)).grows(day("2026-03-10"), 2_000)

    member.loses(day("2026-03-20"), 1_500, day("2026-03-10"))

    assert member.tenure.level == level
    assert member.entries[-1].level_after == level
    assert in_window(member.account.growth, day("2026-03-20"), 12) == 500


@pytest.mark.parametrize(("growth", "taken", "level"), [(0, 1, "gold"), (399, 1, "gold"), (400, 1, "normal")])
def test_a_refund_takes_a_level_only_where_the_growth_before_it_would_have_kept_it(
    growth: int, taken: int, level: str
) -> None:
    """A level that staff gave, that was brought over, or that is in its grace, is not the refund's to take."""
    member = Member(with_levels(rechecks_refunds=True))
    member.does(day("2026-03-09"), SetLevel(a_cause(Kind.LEVEL, "k"), "gold", day("2026-12-31"), False, 1))
    if growth:
        member.grows(day("2026-03-10"), growth)

    member.loses(day("2026-03-20"), taken, day("2026-03-10"))

    assert member.tenure.level == level


def test_a_level_in_its_grace_stays_through_it_whatever_is_refunded() -> None:
    member = Member(with_levels(rechecks_refunds=True)).grows(day("2026-03-10"), 500).grows(day("2027-02-10"), 300)

    member.loses(day("2027-03-20"), 1, day("2027-02-10"))

    assert (member.tenure.level, member.tenure.until_on) == ("gold", day("2027-03-10"))


def test_a_refund_takes_growth_from_the_month_it_had_counted_in() -> None:
    member = Member().grows(day("2026-03-10"), 300).grows(day("2026-04-10"), 100)

    member.loses(day("2026-05-01"), 300, day("2026-03-10"))

    assert in_window(member.account.growth, day("2027-03-31"), 12) == 100


def test_a_trial_gives_the_level_until_its_last_day_and_ends_by_itself() -> None:
    member = Member().does(
        day("2026-03-10"), SetLevel(a_cause(Kind.LEVEL, "t1"), "gold", day("2026-03-16"), True, 1, "体验黄金7天")
    )

    assert level_on(member.tenure, day("2026-03-16"), LEVELS) == "gold"
    assert level_on(member.tenure, day("2026-03-17"), LEVELS) == "normal"
    assert member.account.due_on == day("2026-03-17")
    member.night(day("2026-03-17"))
    assert member.tenure.trial == ""
    assert member.entries[-1].text == "等级体验结束"
    assert member.account.due_on is None


def test_an_order_of_before_the_upgrade_is_judged_by_the_level_before_it() -> None:
    member = Member().grows(day("2026-03-10"), 500)

    assert level_on(member.tenure, day("2026-03-09"), LEVELS) == "normal"
    assert level_on(member.tenure, day("2026-03-10"), LEVELS) == "gold"


def test_the_end_of_a_level_is_told_only_where_it_would_not_be_kept() -> None:
    short = Member().grows(day("2026-03-10"), 500)
    enough = Member().grows(day("2026-03-10"), 500).grows(day("2026-09-10"), 500)
    assert short.account.due_on == enough.account.due_on == day("2027-02-08")

    told, silent = (apply(one.account, [Expire()], one.terms, noon(day("2027-02-08"))) for one in (short, enough))

    assert [notice.kind for notice in told.notices] == ["level_ending"]  # March 2026 will not count any more
    assert silent.notices == ()


def test_a_level_that_would_fall_is_told_with_its_end() -> None:
    member = Member().grows(day("2026-03-10"), 500).grows(day("2026-04-10"), 100)
    member.loses(day("2026-04-11"), 450, day("2026-03-10"))

    posting = apply(member.account, [Expire()], member.terms, noon(day("2027-02-08")))

    (notice,) = posting.notices
    assert (notice.kind, dict(notice.facts)) == ("level_ending", {"level": "gold", "until": "2027-03-10"})
    assert posting.account.due_on == day("2027-03-03")


def test_the_auditor_expects_an_account_under_the_day_after_its_level_and_then_after_its_grace() -> None:
    account = Member().grows(day("2026-03-10"), 500).account

    assert ends_on(account, with_levels(), day("2027-03-10")) == day("2027-03-11")
    assert ends_on(account, with_levels(), day("2027-03-11")) == day("2027-04-10")


def test_growth_is_packed_and_unpacked() -> None:
    growth = {24_315: 120, 24_317: -5, 24_320: 7}

    assert packed(growth) == "24315:120..-5...7"
    assert unpacked(packed(growth)) == growth
    assert unpacked(packed({})) == {}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(-900, 1500), st.integers(0, 80)),
        min_size=1,
        max_size=30,
    ),
    st.booleans(),
    st.booleans(),
)
def test_the_journal_rebuilds_growth_and_level_whatever_happens(
    steps: list[tuple[int, int, int]], is_one_step: bool, rechecks: bool
) -> None:
    member = Member(with_levels(is_one_step=is_one_step, rechecks_refunds=rechecks))
    on = day("2026-01-31")
    for ahead, growth, ago in steps:
        on += timedelta(days=ahead)
        if growth > 0:
            member.grows(on, growth)
        elif growth < 0:
            member.loses(on, -growth, on - timedelta(days=ago))
        else:
            member.night(on)

    if not member.entries:
        return
    rebuilt = an_account()
    for entry in member.entries:
        rebuilt = folded(rebuilt, entry_of({**entry_item(entry), "hash": b""}))
    then_on = business_on(member.account.posted_at, "Asia/Shanghai") if member.account.posted_at else on
    assert rebuilt.tenure == member.account.tenure
    assert recent(rebuilt.growth, then_on) == member.account.growth
    stored = member.account._replace(last_hash="00")
    assert account_of(account_item(stored)) == stored
    assert settled(member.tenure, member.account.growth, LEVELS, then_on) == member.tenure


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1200)), min_size=1, max_size=20), st.integers(0, 500))
def test_nights_that_ran_and_nights_that_did_not_lead_to_the_same_level(
    steps: list[tuple[int, int]], rest: int
) -> None:
    nightly, lazy = Member(), Member()
    on = day("2026-01-31")
    for ahead, growth in steps:
        for _ in range(ahead):
            on += timedelta(days=1)
            if nightly.account.due_on and nightly.account.due_on <= on:
                nightly.night(on)
        nightly.grows(on, growth)
        lazy.grows(on, growth)
    for _ in range(rest):
        on += timedelta(days=1)
        if nightly.account.due_on and nightly.account.due_on <= on:
            nightly.night(on)
    lazy.night(on)

    assert nightly.tenure == lazy.tenure
    assert [(one.kind, one.cause.at, one.level_after) for one in nightly.entries] == [
        (one.kind, one.cause.at, one.level_after) for one in lazy.entries
    ]


def test_growth_of_a_month_that_comes_to_nothing_is_forgotten() -> None:
    assert grown({24_315: 5}, -5, day("2026-04-01")) == {}
