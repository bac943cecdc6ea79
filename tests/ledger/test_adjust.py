"""Adjustments: asked for by one, decided by another, posted once, within a day's limit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.adjust import Decided, approve, decline, propose
from chalicelib.ledger.adjustment_items import open_months, timed_id
from chalicelib.ledger.adjustments import Change, Proposal, State
from chalicelib.ledger.adjustments_table import AdjustmentsTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Command, Freeze
from chalicelib.ledger.model import Kind, Policy, business_on
from chalicelib.ledger.rebuild import rebuild
from chalicelib.ledger.table import LedgerTable
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, a_redemption, a_reversal, an_earn, bucket
from tests.ledger.meetings import Interrupted, Meanwhile

NEXT_YEAR_ON = date(2027, 11, 30)
LATER = NOW + timedelta(hours=1)


def known(_ids: Collection[str]) -> set[str]:
    return set()


def a_change(points: int = 100, member_id: str = "m1", **given: Any) -> Change:
    values: dict[str, Any] = {"reason": "物流延误补偿"}
    if points > 0:
        values |= {"points_class": PointsClass.ACTIVITY, "expires_on": NEXT_YEAR_ON}
    return Change(member_id, points, **{**values, **given})


def asked(
    table: AdjustmentsTable,
    change: Change | None = None,
    *,
    key: str = "k1",
    by: str = "clerk",
    number: int = 1,
    daily_points: int = 1000,
    now: Any = NOW,
    find_unknown: Any = known,
) -> tuple[Proposal, bool]:
    return propose(
        table,
        change or a_change(),
        evidence="工单 42",
        id=timed_id("a", now, f"{number:012x}"),
        key=f"K#adjustment#{by}{key}",
        by=by,
        terms=TERMS,
        daily_points=daily_points,
        find_unknown=find_unknown,
        now=now,
    )


def approved(
    table: AdjustmentsTable, id: str, *, by: str = "boss", daily_points: int = 1000, now: Any = LATER
) -> Decided:
    return approve(table, id, by=by, terms=TERMS, daily_points=daily_points, now=now)


def declined(table: AdjustmentsTable, id: str, *, by: str = "boss", note: str = "证据不足") -> Decided:
    return decline(table, id, by=by, note=note, now=LATER)


def post(ledger: LedgerTable, *commands: Command, member_id: str = "m1") -> None:
    ledger.post(member_id, lambda seen: apply(seen.account, commands, TERMS, NOW))


@pytest.fixture
def table(ledger: LedgerTable) -> AdjustmentsTable:
    return AdjustmentsTable(ledger)


@pytest.fixture
def moto_table(moto_ledger: LedgerTable) -> AdjustmentsTable:
    return AdjustmentsTable(moto_ledger)


def test_a_proposal_posts_nothing_until_another_person_approves_it(table: AdjustmentsTable) -> None:
    proposal, replayed = asked(table)
    before = table.ledger.read("m1").total_points

    done = approved(table, proposal.id)

    assert (before, replayed, done.replayed) == (0, False, False)
    assert table.ledger.read("m1").buckets == {bucket(NEXT_YEAR_ON, PointsClass.ACTIVITY): 100}
    assert table.proposal(proposal.id) == done.proposal
    assert done.entry is not None
    assert (done.entry.kind, done.entry.activity, done.entry.text) == (Kind.ADJUST, "adjustment", "物流延误补偿")


def test_both_persons_and_the_reason_stand_on_the_entry_and_on_the_proposal(table: AdjustmentsTable) -> None:
    proposal, _ = asked(table)

    done = approved(table, proposal.id)

    assert done.entry is not None
    assert done.entry.cause.actor == "boss"
    assert done.entry.facts == {"adjustment": proposal.id, "proposed_by": "clerk", "approved_by": "boss"}
    review = table.proposal(proposal.id).review
    assert (review.proposed_by, review.proposed_at, review.decided_by, review.decided_at) == (
        "clerk",
        NOW,
        "boss",
        LATER,
    )
    assert table.proposal(proposal.id).evidence == "工单 42"


def test_the_same_key_and_change_again_is_the_first_proposal(table: AdjustmentsTable) -> None:
    first, _ = asked(table)

    again, replayed = asked(table, number=2, now=NOW + timedelta(days=400))

    assert (again, replayed) == (first, True)
    assert [one.id for one in table.proposals(["2026-11"], "", after_id="", limit=9)] == [first.id]


def test_the_same_key_with_another_change_is_refused_and_another_persons_key_is_his_own(
    table: AdjustmentsTable,
) -> None:
    asked(table)

    with pytest.raises(JifenError) as refused:
        asked(table, a_change(101), number=2)
    other, replayed = asked(table, a_change(101), by="other", number=3)

    assert refused.value.code is Code.KEY_REUSED
    assert (other.change.points, replayed) == (101, False)


def test_two_proposals_of_one_key_at_once_are_one(moto_table: AdjustmentsTable) -> None:
    meanwhile = Meanwhile(moto_table.ledger.dynamo, lambda: asked(moto_table, number=7))

    proposal, replayed = asked(AdjustmentsTable(replace(moto_table.ledger, dynamo=meanwhile)), number=8)

    assert (proposal.id[-1], replayed) == ("7", True)
    assert len(moto_table.proposals(["2026-11"], "", after_id="", limit=9)) == 1


def test_nobody_approves_his_own_proposal(table: AdjustmentsTable) -> None:
    proposal, _ = asked(table)

    with pytest.raises(JifenError) as refused:
        approved(table, proposal.id, by="clerk")

    assert refused.value.code is Code.NOT_ALLOWED
    assert table.ledger.read("m1").total_points == 0


def test_an_approval_again_is_answered_with_its_entry_and_another_persons_is_refused(table: AdjustmentsTable) -> None:
    proposal, _ = asked(table)
    first = approved(table, proposal.id)

    again = approved(table, proposal.id, now=LATER + timedelta(days=40))
    with pytest.raises(JifenError) as refused:
        approved(table, proposal.id, by="other")

    assert (again.replayed, again.entry) == (True, first.entry)
    assert refused.value.code is Code.ADJUSTMENT_STATE
    assert table.ledger.read("m1").available_points == 100


def test_of_two_approvals_at_once_one_posts(moto_table: AdjustmentsTable) -> None:
    proposal, _ = asked(moto_table)
    meanwhile = Meanwhile(moto_table.ledger.dynamo, lambda: approved(moto_table, proposal.id, by="other"))

    with pytest.raises(JifenError) as refused:
        approved(AdjustmentsTable(replace(moto_table.ledger, dynamo=meanwhile)), proposal.id)

    assert refused.value.code is Code.ADJUSTMENT_STATE
    assert moto_table.ledger.read("m1").available_points == 100


def test_an_approval_sent_twice_at_once_answers_the_first_to_both(moto_table: AdjustmentsTable) -> None:
    proposal, _ = asked(moto_table)
    meanwhile = Meanwhile(
        moto_table.ledger.dynamo, lambda: approved(moto_table, proposal.id, now=LATER - timedelta(seconds=1))
    )

    done = approved(AdjustmentsTable(replace(moto_table.ledger, dynamo=meanwhile)), proposal.id)

    assert done.replayed
    assert done.entry == moto_table.ledger.entries("m1", before_key=None, limit=1)[0]
    assert moto_table.ledger.read("m1").available_points == 100


def test_a_deduction_approved_twice_at_once_is_not_called_beyond_the_balance(moto_table: AdjustmentsTable) -> None:
    post(moto_table.ledger, an_earn(100))
    proposal, _ = asked(moto_table, a_change(-100))
    meanwhile = Meanwhile(
        moto_table.ledger.dynamo, lambda: approved(moto_table, proposal.id, now=LATER - timedelta(seconds=1))
    )

    done = approved(AdjustmentsTable(replace(moto_table.ledger, dynamo=meanwhile)), proposal.id)

    assert done.replayed
    assert moto_table.ledger.read("m1").available_points == 0


def test_approved_while_it_is_being_declined_it_is_approved_and_the_other_is_told(moto_table: AdjustmentsTable) -> None:
    proposal, _ = asked(moto_table)
    meanwhile = Meanwhile(moto_table.ledger.dynamo, lambda: approved(moto_table, proposal.id))

    with pytest.raises(JifenError) as refused:
        declined(AdjustmentsTable(replace(moto_table.ledger, dynamo=meanwhile)), proposal.id, by="other")

    assert refused.value.code is Code.ADJUSTMENT_STATE
    assert moto_table.proposal(proposal.id).review.state is State.APPROVED
    assert moto_table.ledger.read("m1").available_points == 100


def test_declined_while_it_is_being_approved_nothing_is_posted(moto_table: AdjustmentsTable) -> None:
    proposal, _ = asked(moto_table)
    meanwhile = Meanwhile(moto_table.ledger.dynamo, lambda: declined(moto_table, proposal.id, by="other"))

    with pytest.raises(JifenError) as refused:
        approved(AdjustmentsTable(replace(moto_table.ledger, dynamo=meanwhile)), proposal.id)

    assert refused.value.code is Code.ADJUSTMENT_STATE
    assert moto_table.ledger.read("m1").version == 0
    assert moto_table.ledger.entries("m1", before_key=None, limit=9) == []


def test_an_approval_whose_answer_was_lost_is_found_again(moto_table: AdjustmentsTable) -> None:
    proposal, _ = asked(moto_table, a_change(100))
    interrupted = Interrupted(moto_table.ledger.dynamo)

    with pytest.raises(ConnectionError):
        approved(AdjustmentsTable(replace(moto_table.ledger, dynamo=interrupted)), proposal.id)
    done = approved(moto_table, proposal.id, now=LATER + timedelta(minutes=5))

    assert done.replayed
    assert done.entry is not None
    assert moto_table.ledger.read("m1").available_points == 100


def test_a_declined_proposal_stays_declined_with_its_reason(table: AdjustmentsTable) -> None:
    proposal, _ = asked(table)

    first = declined(table, proposal.id)
    again = declined(table, proposal.id)
    refusals = []
    for late in (lambda: approved(table, proposal.id), lambda: declined(table, proposal.id, by="other")):
        with pytest.raises(JifenError) as refused:
            late()
        refusals.append(refused.value.code)

    assert (first.replayed, again.replayed, again.proposal.review.note) == (False, True, "证据不足")
    assert refusals == [Code.ADJUSTMENT_STATE] * 2
    assert table.ledger.read("m1").total_points == 0


def test_a_day_of_one_persons_proposals_has_a_limit_whoever_approves_them(table: AdjustmentsTable) -> None:
    post(table.ledger, an_earn(1000))
    ids = [asked(table, a_change(points), key=f"k{points}", number=abs(points))[0].id for points in (600, -350, 51)]
    approved(table, ids[0])
    approved(table, ids[1], by="other")

    with pytest.raises(JifenError) as refused:
        approved(table, ids[2], now=LATER + timedelta(days=1))
    raised = approved(table, ids[2], daily_points=1001)

    assert refused.value.code is Code.ADJUSTMENT_LIMIT
    assert not raised.replayed
    assert table.ledger.read("m1").available_points == 1000 + 600 - 350 + 51


def test_another_person_and_another_day_have_limits_of_their_own(table: AdjustmentsTable) -> None:
    tomorrow = NOW + timedelta(days=1)
    proposals = [
        asked(table, a_change(1000))[0],
        asked(table, a_change(1000), by="other", number=2)[0],
        asked(table, a_change(1000), key="k2", number=3, now=tomorrow)[0],
    ]

    for proposal in proposals:
        approved(table, proposal.id, now=tomorrow)

    assert table.ledger.read("m1").available_points == 3000


def test_of_two_approvals_at_once_for_one_days_last_points_one_is_refused(moto_table: AdjustmentsTable) -> None:
    first, second = (asked(moto_table, a_change(600, f"m{n}"), key=f"k{n}", number=n)[0].id for n in (1, 2))
    meanwhile = Meanwhile(moto_table.ledger.dynamo, lambda: approved(moto_table, first))

    with pytest.raises(JifenError) as refused:
        approved(AdjustmentsTable(replace(moto_table.ledger, dynamo=meanwhile)), second)

    assert refused.value.code is Code.ADJUSTMENT_LIMIT
    assert [moto_table.ledger.read(member_id).total_points for member_id in ("m1", "m2")] == [600, 0]
    assert moto_table.proposal(second).review.state is State.PROPOSED


def test_more_than_a_day_allows_is_not_even_proposed(table: AdjustmentsTable) -> None:
    with pytest.raises(JifenError) as refused:
        asked(table, a_change(1001))

    assert refused.value.code is Code.ADJUSTMENT_LIMIT
    assert table.proposals(["2026-11"], "", after_id="", limit=9) == []


def test_a_deduction_beyond_the_balance_is_refused_with_what_there_is_and_stays_open(table: AdjustmentsTable) -> None:
    post(table.ledger, an_earn(30))
    proposal, _ = asked(table, a_change(-31))

    with pytest.raises(JifenError) as refused:
        approved(table, proposal.id)

    assert refused.value.code is Code.INSUFFICIENT_POINTS
    assert refused.value.msg == "会员可用积分只有30分,不能扣减31分"
    assert table.proposal(proposal.id).review.state is State.PROPOSED
    assert table.ledger.read("m1").available_points == 30


def test_a_member_who_owes_has_nothing_to_deduct_and_a_credit_pays_the_debt_first(table: AdjustmentsTable) -> None:
    post(table.ledger, an_earn(30))
    post(table.ledger, a_redemption(30))
    post(table.ledger, a_reversal(30, policy=Policy.DEFICIT))
    take, give = (asked(table, a_change(points), key=str(points), number=abs(points))[0].id for points in (-1, 100))

    with pytest.raises(JifenError) as refused:
        approved(table, take)
    done = approved(table, give)

    assert refused.value.code is Code.INSUFFICIENT_POINTS
    assert done.entry is not None
    assert done.entry.facts["repaid_points"] == 30
    assert table.ledger.read("m1").available_points == 70


def test_a_deduction_takes_the_batch_it_names_first_and_else_the_earliest(table: AdjustmentsTable) -> None:
    post(table.ledger, an_earn(50, date(2026, 12, 31)))
    post(table.ledger, an_earn(50, cause=a_cause(id="tmall#2")))
    named = a_change(-60, points_class=PointsClass.CONSUMPTION, expires_on=NEXT_YEAR_ON)
    first, second = (asked(table, change, key=str(n), number=n)[0].id for n, change in enumerate((named, a_change(-1))))

    approved(table, first)
    after_named = table.ledger.read("m1").buckets
    approved(table, second)

    assert after_named == {bucket(date(2026, 12, 31)): 40}
    assert table.ledger.read("m1").buckets == {bucket(date(2026, 12, 31)): 39}


def test_a_frozen_member_is_adjusted_both_ways(table: AdjustmentsTable) -> None:
    post(table.ledger, an_earn(50))
    post(table.ledger, Freeze(a_cause(Kind.ADJUST, "f"), True, 1))

    for number, points in enumerate((10, -20)):
        approved(table, asked(table, a_change(points), key=str(points), number=number)[0].id)

    assert table.ledger.read("m1").available_points == 40


def test_validity_counts_from_the_approval(table: AdjustmentsTable) -> None:
    change = a_change(expires_on=None, validity={"kind": "days", "days": 10, "until": "day"})
    proposal, _ = asked(table, change)

    approved(table, proposal.id, now=NOW + timedelta(days=5))

    assert table.ledger.read("m1").buckets == {bucket(TODAY_ON + timedelta(days=15), PointsClass.ACTIVITY): 100}


def test_what_has_ended_before_its_approval_is_refused(table: AdjustmentsTable) -> None:
    post(table.ledger, an_earn(50))
    changes = [
        a_change(expires_on=TODAY_ON),
        a_change(-5, points_class=PointsClass.CONSUMPTION, expires_on=TODAY_ON),
    ]
    ids = [asked(table, change, key=str(n), number=n)[0].id for n, change in enumerate(changes)]

    codes = []
    for id in ids:
        with pytest.raises(JifenError) as refused:
            approved(table, id, now=NOW + timedelta(days=1))
        codes.append(refused.value.code)

    assert codes == [Code.VALIDITY_OVER] * 2
    assert table.ledger.read("m1").available_points == 50


def test_what_waited_longer_than_thirty_days_may_only_be_declined(table: AdjustmentsTable) -> None:
    proposal, _ = asked(table)

    with pytest.raises(JifenError) as refused:
        approved(table, proposal.id, now=NOW + timedelta(days=30, seconds=1))
    done = declined(table, proposal.id)

    assert refused.value.code is Code.ADJUSTMENT_LAPSED
    assert done.proposal.review.state is State.DECLINED


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (a_change(0), "points"),
        (a_change(points_class=None), "points_class"),
        (a_change(expires_on=None), "expires_on"),
        (a_change(validity={"kind": "never"}), "expires_on"),
        (a_change(expires_on=TODAY_ON - timedelta(days=1)), "expires_on"),
        (a_change(expires_on=date(2097, 9, 25)), "expires_on"),
        (a_change(expires_on=None, validity={"kind": "on_date", "on": "2026-11-21"}), "validity"),
        (a_change(expires_on=None, validity={"kind": "fixed_day", "month": 2, "day": 30}), "validity"),
        (a_change(-1, points_class=PointsClass.ACTIVITY), "expires_on"),
        (a_change(-1, expires_on=NEXT_YEAR_ON), "expires_on"),
        (a_change(-1, points_class=PointsClass.ACTIVITY, validity={"kind": "months", "months": 1}), "validity"),
    ],
)
def test_what_cannot_be_asked_names_its_field(moto_table: AdjustmentsTable, change: Change, field: str) -> None:
    with pytest.raises(JifenError) as refused:
        asked(moto_table, change)

    assert (refused.value.code, refused.value.field) == (Code.INVALID_REQUEST, field)


def test_points_may_be_given_for_ever_and_taken_from_there(table: AdjustmentsTable) -> None:
    never: dict[str, Any] = {"points_class": PointsClass.ACTIVITY, "expires_on": None, "validity": {"kind": "never"}}
    post(table.ledger, an_earn(5))
    for number, points in enumerate((100, -30)):
        approved(table, asked(table, a_change(points, **never), key=str(points), number=number)[0].id)

    assert table.ledger.read("m1").buckets == {bucket(None, PointsClass.ACTIVITY): 70, bucket(NEXT_YEAR_ON): 5}


def test_a_stranger_is_not_credited(table: AdjustmentsTable) -> None:
    with pytest.raises(JifenError) as refused:
        asked(table, find_unknown=set)

    assert refused.value.code is Code.MEMBER_NOT_FOUND


def test_proposals_are_listed_newest_first_by_state_page_by_page(table: AdjustmentsTable) -> None:
    days = [NOW - timedelta(days=days) for days in (29, 20, 3, 2, 1)]
    ids = [asked(table, key=str(n), number=n, now=day)[0].id for n, day in enumerate(days)]
    declined(table, ids[3])
    months = open_months(NOW)

    first = table.proposals(months, "proposed", after_id="", limit=2)
    rest = table.proposals(months, "proposed", after_id=first[-1].id, limit=9)

    assert [one.id for one in [*first, *rest]] == [ids[4], ids[2], ids[1], ids[0]]
    assert [one.id for one in table.proposals(["2026-11"], "declined", after_id="", limit=9)] == [ids[3]]


def test_the_open_months_reach_back_as_far_as_a_proposal_lives() -> None:
    assert open_months(NOW) == ["2026-11", "2026-10"]
    assert open_months(NOW.replace(month=3, day=1)) == ["2026-03", "2026-02", "2026-01"]
    assert open_months(NOW.replace(day=30, hour=23)) == ["2026-11", "2026-10"]


def test_the_journal_of_adjustments_makes_the_account(table: AdjustmentsTable) -> None:
    for number, points in enumerate((300, -120, 7)):
        approved(table, asked(table, a_change(points), key=str(points), number=number)[0].id)

    account = table.ledger.read("m1")
    entries = sorted(table.ledger.entries("m1", before_key=None, limit=9), key=lambda entry: entry.sequence)
    rebuilt = rebuild("m1", account.due_shard, entries)

    assert (rebuilt.buckets, rebuilt.last_hash) == (account.buckets, account.last_hash)
    assert account.active_at is None
    assert business_on(NOW, TERMS.zone) == TODAY_ON
