"""A merge anywhere among what two members do: nothing is lost, made or done twice, and the audit agrees at the end.

The real gate runs whole over a store in memory. Some steps land in the middle of the merge, as a transaction that
comes first; after it everything goes on under either id, and at the end all of it is asked for again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.audit import Tables, check_closed, check_guard, check_member
from chalicelib.ledger.expire import expire_due, release_due
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Account, Cause, Kind, Policy, Posting, Receipt
from chalicelib.ledger.pending import taken_back
from chalicelib.ledger.redeem import redeem, redemption_key, restore
from chalicelib.ledger.release import release
from chalicelib.ledger.table import LedgerTable, Seen
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, an_earn
from tests.ledger.merges import NEW, OLD, merge, wait
from tests.ledger.reference_store import MemoryDynamo

IDS = (OLD, NEW)
Act = Callable[[str], Receipt]
"""One cause, asked for under an id."""


class World:
    """Two members in a store in memory; `acts` are the causes that were booked."""

    def __init__(self) -> None:
        self.store = MemoryDynamo("ledger", "journal")
        jitter = random.Random(1)
        self.ledger = LedgerTable(self.store, "ledger", "journal", 2, pause=lambda _seconds: None, jitter=jitter)
        self.now = NOW
        self.booked: list[tuple[Act, str]] = []
        self.names = 0
        self.redeemed: dict[str, str] = {}

    def common(self) -> dict[str, Any]:
        return {"ledger": self.ledger, "terms": TERMS, "now": self.now}

    def do(self, act: Act, id: str) -> None:
        """Ask for something; what is refused leaves nothing behind."""
        written = len(self.store.written)
        try:
            receipt = act(id)
        except JifenError:
            assert not self.store.before_commit or len(self.store.written) == written
            return
        if receipt.entries:
            self.booked.append((act, id))

    def an_act(self, kind: str, points: int, which: int) -> Act:
        """Something new, or something to an earlier hold, redemption or order."""
        self.names += 1
        name, now = str(self.names), self.now
        other = str(which % self.names)
        common = self.common()
        if kind == "gift":
            command = an_earn(points, TODAY_ON + timedelta(days=which % 5), cause=self.cause(name))
            return lambda id: self.ledger.post(id, lambda seen: apply(seen.account, [command], TERMS, now))
        if kind == "order":
            return lambda id: self.an_order(id, points, name)
        if kind == "refund":
            return lambda id: self.a_refund(id, points, other, name, now)
        if kind == "hold":
            at = now + timedelta(hours=which % 3 + 1)
            return lambda id: hold(id, name, points, release_at=at, activity="mall", actor="s", **common)
        if kind == "capture":
            return lambda id: capture(id, other, points, actor="s", **common)
        if kind == "release":
            return lambda id: release(id, other, actor="s", **common)
        if kind == "redeem":
            self.redeemed[name] = redemption_key(name, activity="mall", at=now)
            return lambda id: redeem(id, name, points, activity="mall", at=now, source="x", actor="s", **common)
        spent = self.redeemed.get(other) or redemption_key(other, activity="mall", at=now)
        return lambda id: restore(id, spent, name, points, actor="s", **common)

    def cause(self, name: str, kind: Kind = Kind.EARN) -> Cause:
        return a_cause(kind, name, activity="gift", at=self.now, occurred_at=self.now)

    def an_order(self, id: str, points: int, name: str) -> Receipt:
        account = self.ledger.read(id)
        if self.ledger.guards([f"O#{name}"]):
            return Receipt((), account)
        wait(self.ledger, points, name, member_id=id)
        return Receipt((self.ledger.read(id).sequence and ("booked",)) or (), account)  # type: ignore[arg-type]

    def a_refund(self, id: str, points: int, order: str, name: str, now: datetime) -> Receipt:
        def decide(seen: Seen) -> Posting:
            guard = seen.guard
            if guard is None or name in guard.state or not seen.account.is_of(guard.member_id):
                return Posting(seen.account, seen.account, ())
            credit = guard.credits[0]._replace(policy=Policy.DEFICIT)
            cause = a_cause(Kind.REVERSE, f"{order}:{name}", at=now, occurred_at=now)
            command, left = taken_back(credit, points, cause, "退款")
            state = {**guard.state, name: 1}
            after = guard._replace(credits=(left,), state=state, version=guard.version + 1)
            return apply(seen.account, [command], TERMS, now)._replace(guard=after)

        return self.ledger.post(id, decide, guard_key=f"O#{order}")

    def night(self) -> None:
        for shard in range(self.ledger.due_shards):
            run = expire_due(shard, has_time=lambda: True, **self.common())
            assert not run.failed
        assert not release_due(has_time=lambda: True, **self.common()).failed

    def entries(self) -> list[dict[str, Any]]:
        return self.store.items("journal")

    def account(self, id: str) -> Account:
        return self.ledger.read(id)


KINDS = ["gift", "gift", "gift", "order", "order", "refund", "hold", "hold", "capture", "release", "redeem", "restore"]
a_step = st.tuples(st.sampled_from(KINDS), st.sampled_from(IDS), st.integers(1, 60), st.integers(0, 40))
steps = st.lists(st.one_of(a_step, st.just("night")), max_size=14)


@given(steps, st.one_of(st.none(), a_step), st.sampled_from([(OLD, NEW), (NEW, OLD)]), steps, st.data())
def test_a_merge_anywhere_loses_nothing_and_lets_nothing_be_done_twice(
    before: Any, meeting: Any, ids: tuple[str, str], after: Any, data: st.DataObject
) -> None:
    world = World()
    run(world, before)
    met = a_meeting(world, meeting)

    merge(world.ledger, *ids, now=world.now)

    assert met() or meeting is None
    assert world.account(OLD) == world.account(NEW)
    run(world, after)
    world.night()
    whole = len(world.store.written)
    for act, id in world.booked:
        again(act, id)
    assert len(world.store.written) == whole
    judged(world, *ids)


def a_meeting(world: World, meeting: Any) -> Callable[[], bool]:
    """Let a step land just before the merge's transaction; whether it did."""
    happened: list[bool] = []
    if meeting is not None:
        kind, id, points, which = meeting
        act = world.an_act(kind, points, which)

        def happen() -> None:
            happened.append(True)
            world.do(act, id)

        world.store.before_commit = happen
    return lambda: bool(happened)


def run(world: World, steps: Any) -> None:
    for step in steps:
        world.now += timedelta(minutes=41)
        if step == "night":
            world.now += timedelta(days=1)
            world.night()
        else:
            kind, id, points, which = step
            world.do(world.an_act(kind, points, which), id)


def again(act: Act, id: str) -> None:
    """What was booked, asked for once more under the very id it was asked for under."""
    try:
        receipt = act(id)
    except JifenError:
        return
    assert receipt.replayed or not receipt.entries


def judged(world: World, closed_id: str, survivor_id: str) -> None:
    """Accounts, guards and sums as the auditor looks at them."""
    items, journal = world.store.items("ledger"), world.entries()
    accounts = {item["pk"][2:]: item for item in items if item["sk"] == "A"}
    guards = [
        item for item in items if item["sk"] == "G" and (item["pk"].startswith(("O#", "H#")) or "open_of" in item)
    ]
    of = {id: [entry for entry in journal if entry["pk"] == f"M#{id}"] for id in (closed_id, survivor_id)}
    names, on = Tables("ledger", "journal"), TODAY_ON
    found = check_member(
        survivor_id, accounts[survivor_id], of[survivor_id], guards, TERMS, on, names, {closed_id: of[closed_id]}
    )
    found += check_member(closed_id, accounts[closed_id], of[closed_id], [], TERMS, on, names)
    found += check_closed(accounts[closed_id], accounts[survivor_id], "ledger")
    for guard in guards:
        found += check_guard(guard, accounts[guard["member_id"]]["due_shard"], "ledger")
    assert found == []
    assert world.account(closed_id).total_points == sum(entry["points"] for entry in journal)
    assert sum(entry["points"] for entry in journal if entry["kind"] == "transfer") == 0
