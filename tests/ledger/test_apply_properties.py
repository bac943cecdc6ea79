"""A state machine over `apply`: whatever is asked in whatever order, the invariants of the ledger hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib.errors import JifenError
from chalicelib.ledger.apply import Command, Expire, apply
from chalicelib.ledger.buckets import bucket_expires_on
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.model import Account, Entry, business_on
from chalicelib.ledger.rebuild import rebuild
from tests.ledger.builders import NOW, TERMS, a_redemption, a_reversal, an_account, an_earn

points = st.integers(0, 500)
months = st.integers(0, 14)


class Ledger(RuleBasedStateMachine):
    """Beside the account runs a model of three numbers: what was given, what was taken, what is owed or held."""

    @initialize(policy=st.sampled_from(["deficit", "waive"]))
    def open(self, policy: str) -> None:
        self.policy = policy
        self.account: Account = an_account()
        self.entries: list[Entry] = []
        self.now: datetime = NOW

    @rule(given=points, ahead=months)
    def earn(self, given: int, ahead: int) -> None:
        before = self.account.total_points
        expired = self._run(an_earn(given, self._month_end(ahead)))
        assert self.account.total_points == before + given - expired

    @rule(asked=points)
    def redeem(self, asked: int) -> None:
        before = self.account
        try:
            self._run(a_redemption(asked))
        except JifenError:
            assert self.account is before

    @rule(taken=points, ahead=months)
    def reverse(self, taken: int, ahead: int) -> None:
        self._run(a_reversal(taken, self._month_end(ahead), self.policy))
        if self.policy == "waive":
            assert self.account.deficit_points == 0

    @rule(days=st.integers(0, 70))
    def a_night_passes(self, days: int) -> None:
        self.now += timedelta(days=days)
        self._run(Expire())
        today_on = business_on(self.now, TERMS.zone)
        due = [key for key in self.account.buckets if (on := bucket_expires_on(key)) and on < today_on]
        assert due == []
        assert self.account.due_on is None or self.account.due_on > today_on

    @invariant()
    def nothing_is_owed_while_something_is_held(self) -> None:
        assert not (self.account.deficit_points and self.account.buckets)
        assert all(held > 0 for held in self.account.buckets.values())

    @invariant()
    def the_entries_sum_to_the_account(self) -> None:
        assert sum(entry.points for entry in self.entries) == self.account.total_points

    @invariant()
    def the_account_is_listed_before_anything_is_due(self) -> None:
        ends = [on for key in self.account.buckets if (on := bucket_expires_on(key))]
        assert not ends or (self.account.due_on is not None and self.account.due_on <= min(ends) + timedelta(days=1))

    def teardown(self) -> None:
        if not hasattr(self, "entries"):
            return
        rebuilt = rebuild("m1", "0003", self.entries)
        assert replace(rebuilt, version=self.account.version, due_on=self.account.due_on) == self.account
        assert self.account.check_ins == CheckInDays()

    def _run(self, command: Command) -> int:
        posting = apply(self.account, [command], TERMS, self.now)
        self.account = posting.account
        self.entries += posting.entries
        return -sum(entry.points for entry in posting.entries if entry.kind == "expire")

    def _month_end(self, ahead: int) -> date:
        month = self.now.year * 12 + self.now.month - 1 + ahead
        return date(month // 12, month % 12 + 1, 28)


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
