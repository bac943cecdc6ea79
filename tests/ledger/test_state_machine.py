"""Everything the ledger can be asked, in any order, at any time, beside a model that was written from the design.

The real code runs whole: commands, holds, pending credits, the gate with its conditions, sealing, item shapes, the
due index. Only DynamoDB is a dictionary. After each step balances, buckets, guards and refusals must be the model's,
and the entries must keep the invariants of docs/proof.md.

HYPOTHESIS_PROFILE=ci (default), nightly (`make properties`) or drill; HYPOTHESIS_SEED repeats a run.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.adjustments_table import AdjustmentsTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.audit import Tables, check_guard, check_member, guard_keys
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Earn, Expire, Freeze, Receive, Redeem, Reverse
from chalicelib.ledger.counters import Counted, running, used
from chalicelib.ledger.due import spend
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.items import HOLD_SHARDS, entry_of
from chalicelib.ledger.model import (
    Account,
    Also,
    Budget,
    Cause,
    Credit,
    Entry,
    Guard,
    Kind,
    LedgerTerms,
    Policy,
    Posting,
    Receipt,
    digest,
)
from chalicelib.ledger.pending import activate_due, change_pending, taken_back
from chalicelib.ledger.rebuild import followed
from chalicelib.ledger.redeem import redeem, redemption_key, restore
from chalicelib.ledger.release import hold_key, release, release_overdue
from chalicelib.ledger.statement import balance_now
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.ledger.validity import validity_of
from chalicelib.runtime.dynamo import decode_item
from tests.ledger import reference_model as reference
from tests.ledger.reference_model import IDLE, NEVER, Lot, Model, Refused, business_day, month_end, part
from tests.ledger.reference_profiles import PARTS, PROFILE, SEED, SEQUENCES
from tests.ledger.reference_store import MemoryDynamo

MEMBERS = ("a", "b")
CLASSES = [points_class.value for points_class in PointsClass]
POLICIES = [policy.value for policy in Policy]
STARTS = [
    datetime(2026, 11, 22, 4, 0, tzinfo=UTC),
    datetime(2026, 12, 31, 15, 59, 59, 999000, tzinfo=UTC),
    datetime(2028, 2, 27, 20, 0, tzinfo=UTC),
]
DAILY_POINTS = 500
"""What one operator may change of pending points on a day."""
BUDGET = Budget("b1", "ever", limit_points=1000, shards=2, points=0)


def _quarter_end(on: date) -> date:
    return month_end(on, 2 - (on.month - 1) % 3)


def _end_of_february(on: date) -> date:
    this_year = month_end(date(on.year, 2, 1))
    return this_year if on <= this_year else month_end(date(on.year + 1, 2, 1))


VALIDITIES: list[tuple[dict[str, Any], Callable[[date], date | str]]] = [
    ({"kind": "months", "months": 2}, lambda on: month_end(on, 2)),
    ({"kind": "months", "months": 0}, month_end),
    ({"kind": "days", "days": 0, "until": "day"}, lambda on: on),
    ({"kind": "days", "days": 3, "until": "day"}, lambda on: on + timedelta(days=3)),
    ({"kind": "days", "days": 30, "until": "month_end"}, lambda on: month_end(on + timedelta(days=30))),
    ({"kind": "year_end", "years": 0}, lambda on: date(on.year, 12, 31)),
    ({"kind": "quarter", "quarters": 0}, _quarter_end),
    ({"kind": "fixed_day", "month": 2, "day": 29}, _end_of_february),
    ({"kind": "never"}, lambda on: NEVER),
    ({"kind": "idle"}, lambda on: IDLE),
]
PERIODS: dict[str, Callable[[date], date | None]] = {"d": lambda on: on, "m": month_end, "e": lambda on: None}

members = st.sampled_from(MEMBERS)
points = st.integers(0, 600)
some_points = st.integers(1, 200)
few_points = st.integers(0, 60)
classes = st.sampled_from(CLASSES)
policies = st.sampled_from(POLICIES)
validities = st.sampled_from([*range(len(VALIDITIES)), 2, 3, 3, len(VALIDITIES) - 1])
dated_validities = st.sampled_from([*range(len(VALIDITIES) - 1), 3, 3])
"""Orders and pending points are not given points that live on activity: test_apply_properties.py has those cases."""
days_late = st.sampled_from([0, 0, 0, 1, 40])
any_of = st.integers(0, 1000)
sometimes = st.sampled_from([False, False, False, True])

Call = Callable[[datetime], Receipt]
REPEAT = "answered as the first time"


def plain_bucket(key: str) -> tuple[date | str, str]:
    """A bucket's key as the model names it."""
    of = {letter[0]: letter for letter in CLASSES}[key[3]]
    if key[:3] in ("zzz", "zzy"):
        return (NEVER if key[:3] == "zzz" else IDLE), of
    return date(1970, 1, 1) + timedelta(days=int(key[:3], 36)), of


class Ledger(RuleBasedStateMachine):
    @initialize(
        class_order=st.permutations(CLASSES),
        idle_months=st.sampled_from([0, 1, 3]),
        grace_days=st.sampled_from([0, 30]),
        now=st.sampled_from(STARTS),
    )
    def open(self, class_order: list[str], idle_months: int, grace_days: int, now: datetime) -> None:
        self.store = MemoryDynamo("ledger", "journal")
        self.ledger = LedgerTable(
            self.store, "ledger", "journal", 2, pause=lambda _seconds: None, jitter=random.Random(1)
        )
        order = tuple(PointsClass(one) for one in class_order)
        self.terms = LedgerTerms(1, "Asia/Shanghai", order, idle_months=idle_months, grace_days=grace_days)
        self.model = Model(tuple(class_order), idle_months, grace_days)
        self.now = self.floor = now
        self.ids = 0
        self.calls: list[tuple[Call, Receipt]] = []
        self.conflicts: list[Call] = []
        self.orders: dict[str, tuple[str, list[reference.Credit]]] = {}
        self.spent_of_budget = 0
        self.read = 0
        self.accounts: dict[str, Account] = {}
        self.compared: dict[str, Any] = {}
        self.rebuilt: dict[str, Account] = {}
        self.given: Counter[tuple[str, str]] = Counter()
        self.clawed: Counter[tuple[str, str]] = Counter()
        self.held: Counter[str] = Counter()
        self.transferred: Counter[str] = Counter()
        self.spent: Counter[str] = Counter()
        self.changed: Counter[date] = Counter()
        self.booked_due = False

    # time

    @rule(hours=st.sampled_from([0, 7, 24, 100, 100, 20 * 24, 100 * 24]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours, milliseconds=1)

    @rule(month=st.booleans(), after=st.booleans())
    def the_day_or_month_ends(self, month: bool, after: bool) -> None:
        today = business_day(self.now)
        last = month_end(today) if month else today
        first_of_next = datetime(last.year, last.month, last.day, 16, tzinfo=UTC)
        self.now = first_of_next if after else first_of_next - timedelta(milliseconds=1)

    @rule(which=any_of, after=st.booleans())
    def time_comes_to_the_end_of_some_points(self, which: int, after: bool) -> None:
        lots = [lot for mine in self.model.members.values() for lot in mine.lots]
        lots += [lot for one in self.model.holds.values() for lot in one.held + one.spent]
        lots += [lot for one in self.model.redemptions.values() for lot in one.spent]
        ends = [lot.ends for lot in lots if isinstance(lot.ends, date) and lot.ends >= business_day(self.now)]
        if ends:
            last = ends[which % len(ends)]
            midnight = datetime(last.year, last.month, last.day, 16, tzinfo=UTC)
            self.now = midnight if after else midnight - timedelta(milliseconds=1)

    @rule(days=st.integers(1, 40))
    def time_goes_back(self, days: int) -> None:
        """A late event: its now is earlier than the account's. Not before the last night."""
        self.now = max(self.floor, self.now - timedelta(days=days))

    @rule()
    def a_night(self) -> None:
        now, today = self.now, business_day(self.now)
        for shard in range(self.ledger.due_shards):
            for line in [line for page in self.ledger.due(shard, today) for line in page]:
                if line.guard_key:
                    self._activate(line.member_id, line.guard_key)
                else:
                    receipt = self.ledger.post(line.member_id, lambda seen: self._apply(seen.account, [Expire()], now))
                    assert bool(receipt.entries) == self.model.night(line.member_id, now)
        for shard in range(HOLD_SHARDS):
            for line in [line for page in self.ledger.due_holds(shard, now) for line in page]:
                self._release_overdue(line.member_id, line.guard_key)
        self.floor = now
        assert not [page for shard in range(2) for page in self.ledger.due(shard, today) if page]
        assert not [page for shard in range(HOLD_SHARDS) for page in self.ledger.due_holds(shard, now) if page]
        for mine in self.model.members.values():
            assert not [lot for lot in mine.lots if isinstance(lot.ends, date) and lot.ends < today]
        for _member, credits in self.orders.values():
            assert not [one for one in credits if one.pending and one.activate_on and one.activate_on <= today]
        assert not [one for one in self.model.holds.values() if one.held and one.release_at <= now]

    # credits

    @rule(
        member=members,
        given=points,
        of=classes,
        validity=validities,
        late=days_late,
        period=st.sampled_from([None, None, *PERIODS]),
        add=st.integers(-3, 5),
        checks_in=st.booleans(),
        joins=st.sampled_from([False, False, True]),
        kind=st.sampled_from([Kind.EARN, Kind.EARN, Kind.ADJUST]),
    )
    def earn(
        self,
        member: str,
        given: int,
        of: str,
        validity: int,
        late: int,
        period: str | None,
        add: int,
        checks_in: bool,
        joins: bool,
        kind: Kind,
    ) -> None:
        on = business_day(self.now) - timedelta(days=late)
        command = self._earn(kind, given, of, validity, on)
        if checks_in:
            command = command._replace(checked_in_on=on)
        if joins:
            command = command._replace(joined_on=on)
        if period:
            command = command._replace(counts=(Counted(f"c:{period}", PERIODS[period](on), add),))

        def expect() -> None:
            with self.model.at(member, self.now, active=kind is Kind.EARN) as mine:
                self.model.give(mine, [Lot(given, VALIDITIES[validity][1](on), of)])
                if checks_in:
                    mine.checked_in.add(on)
                if joins:
                    mine.joined_on = on
                if period:
                    self.model.count(mine, f"c:{period}", PERIODS[period](on), add)

        self._ask(expect, self._posting(member, command))
        other = command._replace(cause=command.cause._replace(input_hash=digest({"points": -1})))
        self.conflicts.append(self._posting(member, other))

    @rule(member=members, given=st.integers(1, 400))
    def earn_from_a_budget(self, member: str, given: int) -> None:
        budget = BUDGET._replace(points=given)
        on = business_day(self.now)
        command = self._earn(Kind.EARN, given, CLASSES[0], 0, on)

        def decide(seen: Seen, now: datetime) -> Posting:
            if budget.id in seen.spent:
                return self._apply(seen.account, [command._replace(points=0)], now)
            return self._apply(seen.account, [command], now)._replace(budgets=(budget,))

        receipt = self.ledger.post(member, lambda seen: decide(seen, self.now))
        (paid,) = [entry.points for entry in receipt.entries if entry.kind is Kind.EARN]
        with self.model.at(member, self.now, active=True) as mine:
            self.model.give(mine, [Lot(paid, VALIDITIES[0][1](on), CLASSES[0])])
        self.spent_of_budget += paid
        left = BUDGET.limit_points - self.spent_of_budget
        assert left >= 0
        assert paid or left < given * BUDGET.shards
        self.calls.append((lambda now: self.ledger.post(member, lambda seen: decide(seen, now)), receipt))

    @rule(
        member=members,
        parts=st.lists(
            st.tuples(points, classes, dated_validities, policies, st.sampled_from([None, None, 1, 15])),
            min_size=1,
            max_size=2,
        ),
    )
    def earn_of_an_order(self, member: str, parts: Sequence[tuple[int, str, int, str, int | None]]) -> None:
        order = self._id("o")
        made = [self._credit(order, place, *part) for place, part in enumerate(parts)]
        commands, credits, expected = zip(*made, strict=True)

        def settle(by: str, now: datetime) -> Receipt:
            def decide(seen: Seen) -> Posting:
                if seen.guard is not None and seen.guard.member_id != by:
                    raise JifenError(Code.KEY_REUSED)
                if seen.guard is not None:
                    return Posting(seen.account, seen.account, ())
                guard = Guard(f"O#{order}", by, "order", order, credits=credits, state={"refunds": {}})
                return self._apply(seen.account, commands, now)._replace(guard=guard)

            return self.ledger.post(by, decide, guard_key=f"O#{order}")

        def expect() -> None:
            with self.model.at(member, self.now, active=True) as mine:
                for one in expected:
                    mine.pending += one.pending
                    if not one.pending:
                        self.model.give(mine, [Lot(one.points, one.ends, one.of)])

        self._ask(expect, lambda now: settle(member, now))
        self.orders[order] = (member, [*expected])
        self.conflicts.append(lambda now: settle(MEMBERS[member == "a"], now))

    @precondition(lambda self: self.orders)
    @rule(order=any_of, rule_no=any_of, asked=st.integers(0, 400), charged=st.sampled_from([0, 0, 50]))
    def refund(self, order: int, rule_no: int, asked: int, charged: int) -> None:
        name, member, mine_of = self._order(order, rule_no)
        key, refund_no = f"O#{name}", self._id("f")
        cause = self._cause(Kind.REVERSE, f"{name}:{refund_no}", "order", asked)

        def take_back(now: datetime) -> Receipt:
            def decide(seen: Seen) -> Posting:
                guard = seen.guard
                assert guard
                if refund_no in guard.state["refunds"]:
                    return Posting(seen.account, seen.account, ())
                (credit,) = [one for one in guard.credits if one.rule == mine_of.rule]
                command, left = taken_back(credit, asked, cause, "退款", charged_points=charged)
                credits = tuple(left if one.rule == left.rule else one for one in guard.credits)
                state = {**guard.state, "refunds": {**guard.state["refunds"], refund_no: asked}}
                after = guard._replace(credits=credits, version=guard.version + 1, state=state)
                return self._apply(seen.account, [command], now)._replace(guard=after)

            return self.ledger.post(member, decide, guard_key=key)

        points = min(asked, mine_of.points - mine_of.reversed)
        outcome = {}

        def expect() -> None:
            own = Lot(0, mine_of.ends, mine_of.of) if mine_of.ends else None
            with self.model.at(member, self.now) as mine:
                outcome.update(
                    self.model.reverse(mine, points, mine_of.policy, pending=mine_of.pending, charged=charged, own=own)
                )
            mine_of.pending -= min(points, mine_of.pending)
            mine_of.reversed += points

        receipt = self._ask(expect, take_back)
        assert receipt
        (entry,) = [one for one in receipt.entries if one.cause.id == cause.id]
        assert {name: entry.facts.get(name, 0) for name in outcome} == outcome
        self._same_order(name)

    @precondition(lambda self: self.orders)
    @rule(
        order=any_of,
        rule_no=any_of,
        change=st.sampled_from(["activate", "adjust", "cancel"]),
        to=st.one_of(few_points, points),
        by_other=sometimes,
    )
    def change_what_is_pending(self, order: int, rule_no: int, change: str, to: int, by_other: bool) -> None:
        name, member, mine_of = self._order(order, rule_no)
        asked_of = MEMBERS[member == "a"] if by_other else member
        change_id, now = self._id("p"), self.now

        def expect() -> None:
            if by_other or not mine_of.pending:
                raise Refused("PENDING_CLOSED")
            if change == "adjust" and to > mine_of.pending:
                raise Refused("INVALID_REQUEST")
            changed = mine_of.pending - (to if change == "adjust" else 0)
            if self.changed[business_day(now)] + changed > DAILY_POINTS:
                raise Refused("ADJUSTMENT_LIMIT")
            self.changed[business_day(now)] += changed
            with self.model.at(member, now) as mine:
                if change == "activate":
                    self._activated(mine, mine_of, business_day(now))
                elif change == "cancel":
                    self.model.reverse(mine, mine_of.pending, mine_of.policy, pending=mine_of.pending)
                    mine_of.reversed += mine_of.pending
                    mine_of.pending = 0
                else:
                    mine.pending += to - mine_of.pending
                    mine_of.points += to - mine_of.pending
                    mine_of.pending = to

        def call(now: datetime) -> Receipt:
            return change_pending(
                asked_of,
                f"O#{name}",
                mine_of.rule,
                change=change,
                points=to,
                change_id=change_id,
                reason="核对",
                actor="s1",
                count=lambda changed: self._counted(changed, now),
                ledger=self.ledger,
                terms=self.terms,
                now=now,
            )

        self._ask(expect, call)
        self._same_order(name)

    # spending

    @rule(member=members, asked=st.one_of(few_points, points), makes_up=st.sampled_from([None, None, 1, 3]))
    def redeem(self, member: str, asked: int, makes_up: int | None) -> None:
        """Without a guard, as a make-up card is paid."""
        on = business_day(self.now) - timedelta(days=makes_up) if makes_up else None
        expect, _ = self._redemption(member, asked, on)
        command = Redeem(self._cause(Kind.REDEEM, self._id("r")), asked, 1, checked_in_on=on)

        def call(now: datetime) -> Receipt:
            return self._spend(member, lambda seen: self._apply(seen.account, [command], now), now)

        self._ask(lambda: self._with_what_is_due(member, expect), call)

    @rule(member=members, which=any_of, after=st.booleans(), beyond=st.sampled_from([0, 0, 1]))
    def spend_all_there_is_when_something_becomes_due(self, member: str, which: int, after: bool, beyond: int) -> None:
        """To the last point, in the first millisecond that allows it, or in the one before."""
        if self._by_right(member).available:
            self.hold(member, 1 + which % self._by_right(member).available, 1)
        moments = [(one.member, one.release_at) for one in self.model.holds.values() if one.held]
        days = [(by, one.activate_on) for by, credits in self.orders.values() for one in credits if one.pending]
        moments += [(by, datetime(on.year, on.month, on.day, tzinfo=UTC) - timedelta(hours=8)) for by, on in days if on]
        if not moments:
            return
        member, at = moments[which % len(moments)]
        self.now = max(self.now, at if after else at - timedelta(milliseconds=1))
        self.redeem_with_a_way_back(member, self._by_right(member).available + beyond)

    @rule(member=members, asked=st.one_of(few_points, points))
    def redeem_with_a_way_back(self, member: str, asked: int) -> None:
        id, at = self._id("x"), self.now

        def ask_for(asked: int, by: str, now: datetime) -> Receipt:
            return redeem(
                by,
                id,
                asked,
                activity="mall",
                at=at,
                source="test",
                actor=by,
                ledger=self.ledger,
                terms=self.terms,
                now=now,
            )

        def expect() -> None:
            if not asked:
                raise Refused("INVALID_REQUEST")
            with self.model.at(member, self.now, active=True) as mine:
                taken = self.model.spend(mine, asked)
            self.model.redemptions[redemption_key(id, activity="mall", at=at)] = reference.Redemption(member, taken)

        if self._ask(lambda: self._with_what_is_due(member, expect), lambda now: ask_for(asked, member, now)):
            self.conflicts.append(lambda now: ask_for(asked + 1, member, now))

    @rule(member=members)
    def look_at_the_balance(self, member: str) -> None:
        """What is due counts as booked, nothing is written. Of more than a look shows the rest waits to be booked."""
        written = len(self.store.written)

        shown, still_open = balance_now(self.ledger.read(member), ledger=self.ledger, terms=self.terms, now=self.now)

        assert len(self.store.written) == written
        mine = self._by_right(member)
        if still_open.next_cursor:
            assert sum(one.credit.pending_points for one in still_open.pending) <= shown.pending_points
            assert shown.pending_points >= mine.pending
            assert shown.held_points >= mine.held
            return
        assert sum(sum(guard.taken.values()) for guard in still_open.holds) == mine.held
        assert sum(one.credit.pending_points for one in still_open.pending) == mine.pending
        assert (shown.available_points, shown.pending_points) == (mine.available, mine.pending)
        assert (shown.held_points, shown.deficit_points) == (mine.held, mine.deficit)

    @rule(member=members, asked=points, inner=st.sampled_from(["earn", "redeem", "night"]), also=points)
    def two_at_once(self, member: str, asked: int, inner: str, also: int) -> None:
        """Another operation commits after the redemption was decided, just before it would be written."""
        now, on = self.now, business_day(self.now)
        expect, call = self._redemption(member, asked, None)

        def other() -> None:
            if inner == "earn":
                self._posting(member, self._earn(Kind.EARN, also, CLASSES[0], 0, on))(now)
                with self.model.at(member, now, active=True) as mine:
                    self.model.give(mine, [Lot(also, VALIDITIES[0][1](on), CLASSES[0])])
            elif inner == "night":
                self.ledger.post(member, lambda seen: self._apply(seen.account, [Expire()], now))
                self.model.night(member, now)
            else:
                self._ask(*self._redemption(member, also, None))

        before = self.model.members.get(member)
        self.store.before_commit = other
        receipt, answer, expected = None, "", ""
        try:
            receipt = call(now)
        except JifenError as error:
            answer = error.code.name
        came_first = self.store.before_commit is None
        self.store.before_commit = None
        assert came_first or self.model.members.get(member) is before
        try:
            expect()
        except Refused as refusal:
            expected = str(refusal)
        assert answer == expected
        if receipt:
            self.calls.append((call, receipt))

    @rule(member=members, asked=st.one_of(few_points, points), policy=policies)
    def deduct(self, member: str, asked: int, policy: str) -> None:
        command = Reverse(self._cause(Kind.ADJUST, self._id("d")), asked, Policy(policy), 1)

        def expect() -> None:
            with self.model.at(member, self.now) as mine:
                self.model.reverse(mine, asked, policy)

        self._ask(expect, self._posting(member, command))

    @rule(giver=members, asked=some_points)
    def transfer(self, giver: str, asked: int) -> None:
        taker, id = MEMBERS[giver == "a"], self._id("t")
        cause = self._cause(Kind.TRANSFER, id)

        def call(now: datetime) -> Receipt:
            def decide(seen: Seen) -> Posting:
                assert seen.other
                out = self._apply(seen.account, [Redeem(cause, asked, 1, credit="other_member")], now)
                given = {key: -part for key, part in out.entries[-1].buckets.items()}
                into = self._apply(seen.other, [Receive(cause._replace(id=f"{id}:in"), given, 1)], now)
                return out._replace(other=into)

            return self._spend(giver, decide, now, taker)

        def expect() -> None:
            with self.model.at(taker, self.now) as theirs, self.model.at(giver, self.now) as mine:
                self.model.give(theirs, self.model.spend(mine, asked))

        self._ask(lambda: self._with_what_is_due(giver, expect), call)

    @rule(member=members, frozen=st.sampled_from([True, False, False]))
    def freeze_or_thaw(self, member: str, frozen: bool) -> None:
        def expect() -> None:
            with self.model.at(member, self.now) as mine:
                mine.frozen = frozen

        self._ask(expect, self._posting(member, Freeze(self._cause(Kind.ADJUST, self._id("z")), frozen, 1)))

    # holds

    @rule(member=members, asked=some_points, hours=st.sampled_from([0, 1, 1, 30, 160]))
    def hold(self, member: str, asked: int, hours: int) -> None:
        id, release_at = self._id("h"), self.now + timedelta(hours=hours)

        def ask_for(asked: int, by: str, now: datetime) -> Receipt:
            return hold(
                by,
                id,
                asked,
                release_at=release_at,
                activity="mall",
                actor="a1",
                ledger=self.ledger,
                terms=self.terms,
                now=now,
            )

        def expect() -> None:
            if not hours:
                raise Refused("INVALID_REQUEST")
            with self.model.at(member, self.now, active=True) as mine:
                taken = self.model.spend(mine, asked)
                mine.held += asked
            self.model.holds[id] = reference.Hold(member, release_at, taken)

        if self._ask(lambda: self._with_what_is_due(member, expect), lambda now: ask_for(asked, member, now)):
            self.conflicts.append(lambda now: ask_for(asked + 1, member, now))
            self.conflicts.append(lambda now: ask_for(asked, MEMBERS[member == "a"], now))

    @precondition(lambda self: self.model.holds)
    @rule(which=any_of, asked=some_points, all_of_it=st.booleans(), by_other=sometimes)
    def capture(self, which: int, asked: int, all_of_it: bool, by_other: bool) -> None:
        id, mine_of = self._hold(which)
        held = sum(lot.points for lot in mine_of.held)
        asked = held if all_of_it and held else asked
        who = MEMBERS[mine_of.member == "a"] if by_other else mine_of.member

        def expect() -> None:
            if by_other or mine_of.is_released:
                raise Refused("HOLD_CLOSED")
            if mine_of.asked is not None:
                raise Refused(REPEAT if asked == mine_of.asked else "KEY_REUSED")
            if self.now >= mine_of.release_at:
                raise Refused("HOLD_CLOSED")
            if asked > held:
                raise Refused("INSUFFICIENT_POINTS")
            with self.model.at(mine_of.member, self.now, active=True) as mine:
                spent, rest = part(sorted(mine_of.held, key=self.model.order), asked)
                mine.held -= held
                self.model.give_back(mine, rest)
            mine_of.held, mine_of.spent, mine_of.asked = [], spent, asked

        def call(now: datetime) -> Receipt:
            return capture(who, id, asked, actor="a1", ledger=self.ledger, terms=self.terms, now=now)

        if self._ask(expect, call) and asked > 1:
            self.conflicts.append(
                lambda now: capture(who, id, 1, actor="a1", ledger=self.ledger, terms=self.terms, now=now)
            )

    @precondition(lambda self: self.model.holds)
    @rule(which=any_of, by_other=sometimes)
    def release(self, which: int, by_other: bool) -> None:
        id, mine_of = self._hold(which)
        who = MEMBERS[mine_of.member == "a"] if by_other else mine_of.member

        def expect() -> None:
            if by_other or mine_of.asked is not None:
                raise Refused("HOLD_CLOSED")
            if mine_of.is_released:
                raise Refused(REPEAT)
            self._released(mine_of)

        def call(now: datetime) -> Receipt:
            return release(who, id, actor="a1", ledger=self.ledger, terms=self.terms, now=now)

        self._ask(expect, call)

    @precondition(lambda self: self.model.holds or self.model.redemptions)
    @rule(which=any_of, asked=few_points, all_of_it=sometimes, by_other=sometimes)
    def restore(self, which: int, asked: int, all_of_it: bool, by_other: bool) -> None:
        spenders: dict[str, reference.Hold | reference.Redemption] = {
            **{hold_key(id): one for id, one in self.model.holds.items()},
            **self.model.redemptions,
        }
        key = list(spenders)[which % len(spenders)]
        mine_of = spenders[key]
        spent = sum(lot.points for lot in mine_of.spent)
        asked = spent if all_of_it and spent else asked
        restore_id = self._id("b")
        who = MEMBERS[mine_of.member == "a"] if by_other else mine_of.member

        def ask_for(asked: int, now: datetime) -> Receipt:
            return restore(who, key, restore_id, asked, actor="a1", ledger=self.ledger, terms=self.terms, now=now)

        def expect() -> None:
            if by_other or not mine_of.spent:
                raise Refused("NOTHING_TO_RESTORE")
            if not asked:
                raise Refused("INVALID_REQUEST")
            if asked > spent:
                raise Refused("INSUFFICIENT_POINTS")
            with self.model.at(mine_of.member, self.now) as mine:
                kept, given = part(sorted(mine_of.spent, key=self.model.order), spent - asked)
                self.model.give_back(mine, given)
            mine_of.spent = kept

        if self._ask(expect, lambda now: ask_for(asked, now)):
            self.conflicts.append(lambda now: ask_for(asked + 1, now))

    # repeats

    @precondition(lambda self: self.calls)
    @rule(which=any_of)
    def the_same_again(self, which: int) -> None:
        call, first = self.calls[which % len(self.calls)]
        written = len(self.store.written)

        again = call(self.now)

        assert len(self.store.written) == written
        assert not again.entries or (again.replayed and again.entries[0] in first.entries)

    @precondition(lambda self: self.conflicts)
    @rule(which=any_of)
    def the_same_key_with_other_input(self, which: int) -> None:
        written = len(self.store.written)

        with pytest.raises(JifenError) as refused:
            self.conflicts[which % len(self.conflicts)](self.now)

        assert refused.value.code is Code.KEY_REUSED
        assert len(self.store.written) == written

    # what must hold after every step

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        if not hasattr(self, "store"):
            return
        for table, item in self.store.written[self.read :]:
            if table == "journal":
                self._check(entry_of(decode_item(item)))
        self.read = len(self.store.written)
        for name, mine in self.model.members.items():
            item = self.store.tables["ledger"].get((f"M#{name}", "A"))
            if item is None:
                assert (mine.available, mine.pending, mine.held, mine.deficit) == (0, 0, 0, 0)
            elif self.compared.get(name) is not item:
                self._compare(name, mine)
                self.compared[name] = item

    def teardown(self) -> None:
        """The auditor, asked about the tables as they are left, names nothing."""
        if not hasattr(self, "store"):
            return
        items = self.store.items("ledger")
        journal = self.store.items("journal")
        shards = {item["pk"][2:]: item["due_shard"] for item in items if item["sk"] == "A"}
        tables, today = Tables("ledger", "journal"), business_day(self.now)
        for item in items:
            if item["sk"] == "G":
                assert check_guard(item, shards[item["member_id"]], "ledger") == []
        for name in shards:
            entries = [entry for entry in journal if entry["pk"] == f"M#{name}"]
            account = next(item for item in items if item["pk"] == f"M#{name}")
            guards = [item for item in items if item["sk"] == "G" and item["member_id"] == name]
            assert {item["pk"] for item in guards} >= {*guard_keys(entries)}
            assert check_member(name, account, entries, guards, self.terms, today, tables) == []

    def _check(self, entry: Entry) -> None:
        """The invariants of one entry; the chain, the numbers and the stated balances are checked by `followed`."""
        before = self.rebuilt.get(entry.member_id)
        if before is None:
            before = Account(entry.member_id, self.ledger.fresh(entry.member_id).due_shard)
        after = self.rebuilt[entry.member_id] = followed(before, entry)
        taken = [key for key, change in entry.buckets.items() if change < 0]
        today = business_day(entry.posted_at)
        held_in = entry.pending_points + entry.held_points - entry.deficit_points
        assert entry.points == sum(entry.buckets.values()) + held_in
        outside = [leg for leg in (entry.debit, entry.credit) if leg not in ("member", "pending", "held")]
        assert entry.points <= 0 or entry.debit in outside
        assert entry.points >= 0 or entry.credit in outside
        if before.frozen and after.available_points < before.available_points:
            assert entry.kind in (Kind.EXPIRE, Kind.REVERSE, Kind.ADJUST)
            assert entry.credit in ("expired", "issuer:order", "issuer:other")
        if entry.kind in (Kind.REDEEM, Kind.HOLD, Kind.TRANSFER) and taken:
            last = max(self._place(key) for key in taken)
            assert not [key for key in after.buckets if self._place(key) < last]
            assert not [key for key in taken if self._is_over(key, today)]
        if entry.kind is Kind.EXPIRE:
            assert taken
            assert all(self._is_over(key, today) or self._is_idle_over(key, before, today) for key in taken)
        self._check_sums(entry)

    def _check_sums(self, entry: Entry) -> None:
        """No order gives back more than it gave, no hold is resolved twice, no transfer makes or loses a point."""
        cause = entry.cause
        if cause.activity == "order":
            of = (cause.id.partition("~")[0].partition(":")[0], entry.rule)
            if entry.kind is Kind.REVERSE:
                facts = [int(entry.facts.get(name, 0)) for name in ("waived_points", "charged_points")]
                self.clawed[of] += sum(facts) - entry.points
            elif entry.kind in (Kind.EARN, Kind.ADJUST):
                self.given[of] += entry.points
            assert self.clawed[of] <= self.given[of]
        if entry.kind in (Kind.HOLD, Kind.CAPTURE, Kind.RELEASE):
            id = cause.id.partition(":")[0]
            assert (entry.kind is Kind.HOLD) == (id not in self.held)
            self.held[id] += entry.held_points
            assert self.held[id] >= 0
        if entry.kind in (Kind.REDEEM, Kind.CAPTURE):
            self.spent[f"{'R' if entry.kind is Kind.REDEEM else 'H'}#{cause.id}"] -= entry.points
        if entry.kind is Kind.REVERSE and cause.activity == "mall":
            key = cause.id.rpartition(":")[0]
            self.spent[key] -= entry.points
            assert self.spent[key] >= 0
        if entry.kind is Kind.TRANSFER:
            id = cause.id.partition(":")[0]
            self.transferred[id] += entry.points
            assert entry.points < 0 or self.transferred[id] == 0

    def _compare(self, name: str, mine: reference.Member) -> None:
        account = self.ledger.read(name)
        assert {plain_bucket(key): held for key, held in account.buckets.items()} == mine.by_bucket()
        assert (account.pending_points, account.held_points) == (mine.pending, mine.held)
        assert (account.deficit_points, account.frozen) == (mine.deficit, mine.frozen)
        assert (account.posted_at, account.joined_on) == (mine.clock, mine.joined_on)
        assert (business_day(account.active_at) if account.active_at else None) == mine.active_on
        assert not (account.deficit_points and account.buckets)
        assert mine.clock
        today = business_day(max(self.now, mine.clock))
        for counter, (through, count) in mine.counters.items():
            assert used(account.counters, counter, today) == (count if through is None or through >= today else 0)
        last = account.check_ins.last_on
        assert last == max(mine.checked_in, default=None)
        for ago in range(62 if last else 0):
            assert last
            on = last - timedelta(days=ago)
            assert account.check_ins.has(on) == (on in mine.checked_in)
        rebuilt = self.rebuilt[name]
        plain = {"version": 0, "due_on": None}
        assert account._replace(**plain, counters=running(account.counters, today)) == rebuilt._replace(
            counters=running(rebuilt.counters, today)
        )
        ends = [lot.ends for lot in mine.lots if isinstance(lot.ends, date)]
        if self.terms.idle_months and mine.active_on and any(lot.ends == IDLE for lot in mine.lots):
            ends.append(month_end(mine.active_on, self.terms.idle_months))
        assert not ends or (account.due_on is not None and account.due_on <= min(ends) + timedelta(days=1))

    # helpers

    def _ask(self, expect: Callable[[], None], call: Call) -> Receipt | None:
        """The model's answer and the ledger's must be the same; a refusal changes nothing."""
        written, expected, answer, receipt = len(self.store.written), "", "", None
        try:
            expect()
        except Refused as refusal:
            expected = str(refusal)
        try:
            receipt = call(self.now)
        except JifenError as refusal:
            answer = refusal.code.name
        assert answer == expected.removeprefix(REPEAT)
        booked_due, self.booked_due = self.booked_due, False
        if expected:
            new = [decode_item(item) for table, item in self.store.written[written:] if table == "journal"]
            assert bool(new) == booked_due == (len(self.store.written) > written)
            assert {item["kind"] for item in new} <= {Kind.ACTIVATE, Kind.RELEASE, Kind.EXPIRE}
            assert receipt is None or (expected == REPEAT and receipt.replayed)
            return None
        assert receipt
        assert not receipt.replayed
        self.calls.append((call, receipt))
        return receipt

    def _apply(self, account: Account, commands: Sequence[Any], now: datetime) -> Posting:
        return apply(account, commands, self.terms, now)

    def _posting(self, member: str, command: Any) -> Call:
        return lambda now: self.ledger.post(member, lambda seen: self._apply(seen.account, [command], now))

    def _redemption(self, member: str, asked: int, on: date | None) -> tuple[Callable[[], None], Call]:
        command = Redeem(self._cause(Kind.REDEEM, self._id("r")), asked, 1, checked_in_on=on)

        def expect() -> None:
            with self.model.at(member, self.now, active=True) as mine:
                self.model.spend(mine, asked)
                if on:
                    mine.checked_in.add(on)

        return expect, self._posting(member, command)

    def _earn(
        self, kind: Kind, given: int, of: str, validity: int, on: date, id: str = "", activity: str = "other"
    ) -> Earn:
        bucket = validity_of(VALIDITIES[validity][0]).bucket(PointsClass(of), on)
        return Earn(self._cause(kind, id or self._id("e"), activity, given), given, bucket, "r", 1)

    def _cause(self, kind: Kind, id: str, activity: str = "other", asked: int = 0) -> Cause:
        return Cause(kind, activity, id, self.now, self.now, "test", "test", input_hash=digest({"points": asked}))

    def _id(self, letter: str) -> str:
        self.ids += 1
        return f"{letter}{self.ids}"

    def _credit(
        self, order: str, place: int, given: int, of: str, validity: int, policy: str, days: int | None
    ) -> tuple[Earn, Credit, reference.Credit]:
        """One credit of an order, now or so many days later: the command, the guard's line and the model's."""
        on, (plain, ends_from) = business_day(self.now), VALIDITIES[validity]
        activate_on = on + timedelta(days=days) if days and given else None
        command = self._earn(Kind.EARN, given, of, validity, on, f"{order}~r{place}" if place else order, "order")
        command = command._replace(bucket="" if activate_on else command.bucket, rule=f"r{place}")
        mine = reference.Credit(f"r{place}", given, of, policy, ends_from)
        credit = Credit(f"r{place}", PointsClass(of), given, Policy(policy), 1, bucket=command.bucket)
        if activate_on:
            mine.pending, mine.activate_on = given, activate_on
            return command, credit._replace(pending_points=given, validity=plain, activate_on=activate_on), mine
        mine.ends = ends_from(on)
        return command, credit, mine

    def _order(self, order: int, rule_no: int) -> tuple[str, str, reference.Credit]:
        name = list(self.orders)[order % len(self.orders)]
        member, credits = self.orders[name]
        return name, member, credits[rule_no % len(credits)]

    def _hold(self, which: int) -> tuple[str, reference.Hold]:
        id = list(self.model.holds)[which % len(self.model.holds)]
        return id, self.model.holds[id]

    def _spend(
        self, member: str, decide: Callable[[Seen], Posting], now: datetime, other_id: str | None = None
    ) -> Receipt:
        return spend(member, decide, ledger=self.ledger, terms=self.terms, now=now, other_id=other_id)

    def _with_what_is_due(self, member: str, expect: Callable[[], None]) -> None:
        """Who has too little gets what is due first, and only then an answer."""
        try:
            expect()
        except Refused as refusal:
            if str(refusal) != "INSUFFICIENT_POINTS" or not self._book_due(member):
                raise
            self.booked_due = True
            expect()

    def _book_due(self, member: str) -> bool:
        """All that is due of a member, in the order of the ledger's index: what comes first pays what is owed."""
        orders = [f"O#{name}" for name, (by, _credits) in self.orders.items() if by == member and self._due_of(name)]
        holds = {
            hold_key(id): one
            for id, one in self.model.holds.items()
            if one.member == member and one.held and one.release_at <= self.now
        }
        listed = [guard.key for guard in self.ledger.open_guards(self.ledger.read(member), 100)]
        due = sorted([*orders, *holds], key=listed.index)
        for key in due:
            if key in holds:
                self._released(holds[key])
            else:
                self._activated_due(member, key)
        return bool(due)

    def _by_right(self, member: str) -> reference.Member:
        """The member as he were with all that is due booked."""
        model, orders = self.model, self.orders
        self.model, self.orders = deepcopy(model), deepcopy(orders)
        self._book_due(member)
        with self.model.at(member, self.now) as mine:
            pass
        self.model, self.orders = model, orders
        return mine

    def _counted(self, changed: int, now: datetime) -> tuple[Also, ...]:
        over = JifenError(Code.ADJUSTMENT_LIMIT)
        if changed > DAILY_POINTS:
            raise over
        write = AdjustmentsTable(self.ledger).counted("s1", business_day(now), changed, DAILY_POINTS)
        return (Also(write, over),) if changed else ()

    def _due_of(self, name: str) -> list[reference.Credit]:
        today = business_day(self.now)
        return [one for one in self.orders[name][1] if one.pending and one.activate_on and one.activate_on <= today]

    def _activate(self, member: str, key: str) -> None:
        activate_due(member, key, ledger=self.ledger, terms=self.terms, now=self.now)
        self._activated_due(member, key)
        self._same_order(key[2:])

    def _activated_due(self, member: str, key: str) -> None:
        due = self._due_of(key[2:])
        if due:
            with self.model.at(member, self.now) as mine:
                for one in due:
                    assert one.activate_on
                    self._activated(mine, one, one.activate_on)

    def _activated(self, mine: reference.Member, one: reference.Credit, on: date) -> None:
        one.ends = one.ends_from(on)
        mine.pending -= one.pending
        self.model.give(mine, [Lot(one.pending, one.ends, one.of)])
        one.pending = 0

    def _release_overdue(self, member: str, key: str) -> None:
        release_overdue(member, key, ledger=self.ledger, terms=self.terms, now=self.now)
        self._released(self.model.holds[key.removeprefix(hold_key(""))])

    def _released(self, mine_of: reference.Hold) -> None:
        with self.model.at(mine_of.member, self.now) as mine:
            mine.held -= sum(lot.points for lot in mine_of.held)
            self.model.give_back(mine, mine_of.held)
        mine_of.held, mine_of.is_released = [], True

    def _same_order(self, name: str) -> None:
        guard = self.ledger.guards([f"O#{name}"])[f"O#{name}"]
        for credit, mine in zip(guard.credits, self.orders[name][1], strict=True):
            assert (credit.points, credit.pending_points, credit.reversed_points) == (
                mine.points,
                mine.pending,
                mine.reversed,
            )

    def _place(self, key: str) -> tuple[int, date, int]:
        ends, of = plain_bucket(key)
        return self.model.order(Lot(0, ends, of))

    def _is_over(self, key: str, today: date) -> bool:
        ends, _of = plain_bucket(key)
        return isinstance(ends, date) and ends < today

    def _is_idle_over(self, key: str, before: Account, today: date) -> bool:
        if plain_bucket(key)[0] != IDLE or not self.terms.idle_months or not before.active_at:
            return False
        return month_end(business_day(before.active_at), self.terms.idle_months) < today


@pytest.mark.parametrize("part_of_the_run", range(PARTS))
def test_the_ledger_does_what_the_model_does(part_of_the_run: int) -> None:
    """In parts, so that cores can share them."""
    print(f"HYPOTHESIS_SEED={SEED} HYPOTHESIS_PROFILE={PROFILE} repeats this run")  # noqa: T201  # shown when it fails
    machine = seed(SEED + 1_000_003 * part_of_the_run)(type("Ledger", (Ledger,), {}))
    run_state_machine_as_test(machine, settings=SEQUENCES[PROFILE])
