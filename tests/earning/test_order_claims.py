"""Claims by order number: whatever comes first, one member has the order and nobody else learns of it."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from chalicelib.earning.assign_order import assign_order
from chalicelib.earning.order_claim import MAX_UNPROVEN_PER_DAY, MAX_WAITING, State, order_number
from chalicelib.earning.reconcile import Reconciliation
from chalicelib.earning.record_orders import release_waiting
from chalicelib.earning.settle_claims import settle_claims
from chalicelib.errors import Code, JifenError
from chalicelib.members.model import Identity
from chalicelib.members.phone import phone_identity
from tests.earning.claims import TMALL, Desk, claim_book
from tests.earning.conftest import Shop, paid, refund
from tests.earning.programmes import a_rule, plain_book, plain_terms
from tests.ledger.builders import NOW
from tests.programme.builders import SINCE

STRANGER: dict[str, Any] = {"buyer_id": "stranger"}


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk(shop)


@pytest.fixture
def moto_desk(moto_shop: Shop) -> Desk:
    return Desk(moto_shop)


def calls(desk: Desk) -> Counter[str]:
    """Counts the requests from now on."""
    seen: Counter[str] = Counter()
    desk.shop.orders.dynamo.meta.events.register(
        "before-call.dynamodb", lambda model, **_: seen.update([model.name]), unique_id="claims"
    )
    return seen


def rows(desk: Desk) -> list[Any]:
    dynamo, shop = desk.shop.orders.dynamo, desk.shop
    return [dynamo.scan(TableName=name)["Items"] for name in (shop.orders.name, shop.ledger.ledger)]


def test_an_order_that_waits_for_its_buyer_goes_to_whoever_claims_it(desk: Desk) -> None:
    desk.shop.record(paid(**STRANGER))

    claim = desk.claim()
    winner = desk.stream()

    assert claim.state is State.WAITING
    assert (winner, desk.state(), desk.shop.points("m7")) == ("m7", State.OWNED, 12)


def test_a_claim_before_its_order_waits_and_is_settled_when_it_comes(desk: Desk) -> None:
    desk.claim()
    assert desk.stream() == ""
    assert desk.state() is State.WAITING

    desk.shop.record(paid(**STRANGER), at=NOW + timedelta(days=1))
    desk.stream(at=NOW + timedelta(days=1))

    assert (desk.state(), desk.shop.points("m7")) == (State.OWNED, 12)


def test_claiming_again_answers_the_same_and_writes_nothing(desk: Desk) -> None:
    first = desk.claim()
    before = rows(desk)

    again = desk.claim(at=NOW + timedelta(hours=1))

    assert (again.claimed_at, again.waits_until_on, again.state) == (
        first.claimed_at,
        first.waits_until_on,
        first.state,
    )
    assert rows(desk) == before


def test_a_claim_that_came_true_stays_so_whatever_is_stated_later(desk: Desk) -> None:
    desk.shop.record(paid(**STRANGER))
    desk.claim()
    desk.stream()

    again = desk.claim(paid_fen=1, at=NOW + timedelta(days=9))

    assert again.state is State.OWNED


def test_the_order_is_credited_once_however_often_and_in_whatever_order_it_is_heard(moto_shop: Shop) -> None:
    for number, steps in enumerate(sorted(set(permutations(["claim", "order", "refund", "stream", "stream"])))):
        desk, order_no = Desk(moto_shop), str(number)
        for step in (*steps, "claim", "order", "refund", "stream", "stream"):
            match step:
                case "claim":
                    desk.claim(f"m{number}", order_no)
                case "order":
                    moto_shop.record(paid(order_no, **STRANGER))
                case "refund":
                    moto_shop.record(refund("r1", 300, order_no))
                case _ if moto_shop.orders.orders([f"tmall#{order_no}"]):
                    desk.stream(order_no)

        assert moto_shop.points(f"m{number}") == 9, steps
        assert len(moto_shop.ledger.entries(f"m{number}", before_key=None, limit=9)) == 2


@pytest.mark.parametrize(("platform", "points"), [("tmall", 12), ("douyin", 12 + 100), ("jd", 12)])
def test_what_a_claimed_order_is_worth_is_said_by_the_rules_of_its_platform(
    moto_shop: Shop, platform: str, points: int
) -> None:
    """`order` answers every platform, the demo's own example the orders of one."""
    rule = a_rule("douyin_order", when={"platforms": ["douyin"]})
    claims = [{**TMALL, "platform": name} for name in ("tmall", "douyin", "jd")]
    desk = Desk(moto_shop, plain_book(plain_terms(1, SINCE, rule, claims=claims)))
    moto_shop.record(paid(platform=platform, **STRANGER))

    desk.claim(platform=platform)
    desk.stream(platform=platform)

    assert moto_shop.points("m7") == points


def test_a_refund_after_the_claim_takes_back_as_for_any_order(desk: Desk) -> None:
    desk.shop.record(paid(**STRANGER))
    desk.claim()
    desk.stream()

    desk.shop.record(refund())
    desk.stream()

    assert desk.shop.points("m7") == 0


def test_the_credit_counts_from_the_claim_and_never_from_the_wall_clock(desk: Desk) -> None:
    desk.shop.record(paid(**STRANGER))
    desk.claim(at=NOW + timedelta(days=1))

    desk.stream(at=NOW + timedelta(days=3))

    assert desk.order().bound_at == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("platform", "stated", "wins"),
    [
        ("jd", {"paid_fen": 1299}, True),
        ("jd", {"paid_fen": 1298}, False),
        ("jd", {"paid_fen": 0}, False),
        ("jd", {"paid_fen": 1299, "phone_tail": "other"}, False),
        ("pos", {"phone_tail": "tail"}, True),
        ("pos", {"phone_tail": "other"}, False),
        ("douyin", {"phone_tail": "tail"}, True),
        ("douyin", {"paid_fen": 1299}, True),
        ("douyin", {"paid_fen": 1299, "phone_tail": "tail"}, True),
        ("tmall", {"paid_fen": 1}, False),
    ],
)
def test_what_a_claim_states_must_be_right_of_the_order(
    moto_desk: Desk, platform: str, stated: dict[str, Any], wins: bool
) -> None:
    moto_desk.shop.record(paid(platform=platform, phone_tail="tail", **STRANGER))

    moto_desk.claim(platform=platform, **stated)
    moto_desk.stream(platform=platform)

    assert moto_desk.state(platform=platform) is (State.OWNED if wins else State.WAITING)
    assert moto_desk.shop.points("m7") == (12 if wins else 0)


@pytest.mark.parametrize(
    ("platform", "stated", "field"),
    [
        ("jd", {}, "paid_fen"),
        ("jd", {"phone_tail": "tail"}, "paid_fen"),
        ("pos", {"paid_fen": 1}, "phone_tail"),
        ("douyin", {}, "paid_fen"),
    ],
)
def test_a_missing_second_factor_is_named_and_nothing_is_written(
    moto_desk: Desk, platform: str, stated: dict[str, Any], field: str
) -> None:
    before = rows(moto_desk)

    with pytest.raises(JifenError) as refused:
        moto_desk.claim(platform=platform, **stated)

    assert (refused.value.code, refused.value.field) == (Code.INVALID_REQUEST, field)
    assert rows(moto_desk) == before


def test_a_platform_without_an_entry_is_not_claimable(moto_desk: Desk) -> None:
    with pytest.raises(JifenError) as refused:
        moto_desk.claim(platform="youzan")

    assert (refused.value.code, refused.value.field) == (Code.CLAIM_OFF, "platform")


def test_a_wrong_amount_can_be_stated_anew_while_the_claim_waits(desk: Desk) -> None:
    desk.shop.record(paid(platform="jd", **STRANGER))
    desk.claim(platform="jd", paid_fen=99)
    desk.stream(platform="jd")

    desk.claim(platform="jd", paid_fen=1299, at=NOW + timedelta(minutes=1))
    desk.stream(platform="jd")

    assert (desk.state(platform="jd"), desk.shop.points("m7")) == (State.OWNED, 12)
    assert desk.order(platform="jd").waiting == ()


@pytest.mark.parametrize(("days_before", "wins"), [(30, True), (31, False)])
def test_an_order_past_the_age_limit_is_waited_for_in_vain(moto_desk: Desk, days_before: int, wins: bool) -> None:
    """The payment's business day counts, to its first minute."""
    start_at = NOW.replace(hour=16, minute=0, second=0, microsecond=0) - timedelta(days=1)  # midnight in the zone
    moto_desk.shop.record(paid(paid_at=start_at - timedelta(days=days_before), **STRANGER))

    moto_desk.claim()
    moto_desk.stream()
    moto_desk.night()

    assert moto_desk.state() is (State.OWNED if wins else State.LAPSED)


def foreign(desk: Desk) -> None:
    desk.shop.record(paid())  # buyer b1 is m1


def claimed_by_another(desk: Desk) -> None:
    desk.shop.record(paid(**STRANGER))
    desk.claim("m8")
    desk.stream()


def too_old(desk: Desk) -> None:
    desk.shop.record(paid(paid_at=NOW - timedelta(days=90), **STRANGER))


def of_another_amount(desk: Desk) -> None:
    desk.shop.record(paid(paid_fen=77, **STRANGER))


def unknown(desk: Desk) -> None:
    """Nothing has come."""


WRONG = [unknown, foreign, claimed_by_another, too_old, of_another_amount]


@pytest.mark.parametrize("order_is", WRONG)
def test_an_order_that_is_not_his_looks_like_one_that_nobody_knows(moto_desk: Desk, order_is: Any) -> None:
    """The same answer by the same requests at once, the same words and the same day at the end."""
    order_is(moto_desk)
    seen = calls(moto_desk)

    claim = moto_desk.claim(paid_fen=1299)
    asked = dict(seen)
    moto_desk.stream() if order_is is not unknown else None
    before = moto_desk.claims.find([("m7", "tmall#1")])
    too_early, night = moto_desk.night(3), moto_desk.night(4)

    assert asked == {"BatchGetItem": 1, "TransactWriteItems": 1}
    assert (claim.state, claim.claimed_at) == (State.WAITING, NOW)
    assert [one.state for one in before] == [State.WAITING]
    assert (too_early.lapsed, night.lapsed) == (0, 1)
    assert moto_desk.state() is State.LAPSED
    assert moto_desk.notices() == [{"platform": "tmall", "order_no": "1"}]
    assert moto_desk.shop.points("m7") == 0


def test_the_right_claim_costs_what_a_wrong_one_costs(moto_desk: Desk) -> None:
    moto_desk.shop.record(paid(**STRANGER))
    seen = calls(moto_desk)

    moto_desk.claim()

    assert dict(seen) == {"BatchGetItem": 1, "TransactWriteItems": 1}


def test_settling_costs_one_transaction_for_the_winner_and_nothing_for_the_others(moto_desk: Desk) -> None:
    foreign(moto_desk)
    moto_desk.claim()
    order = moto_desk.order()
    seen = calls(moto_desk)

    settle_claims(order, claims=moto_desk.claims, book=moto_desk.book, now=NOW)
    nothing = dict(seen)
    moto_desk.shop.record(paid("2", **STRANGER))
    moto_desk.claim(order_no="2")
    order = moto_desk.order("2")
    seen.clear()
    settle_claims(order, claims=moto_desk.claims, book=moto_desk.book, now=NOW)

    assert (nothing, dict(seen)) == ({}, {"TransactWriteItems": 1})


def test_recording_an_order_that_is_waited_for_costs_no_request_more(moto_desk: Desk) -> None:
    moto_desk.claim()
    seen = calls(moto_desk)

    moto_desk.shop.record(paid(**STRANGER))

    assert dict(seen) == {"UpdateItem": 1}


def test_a_night_costs_what_is_due(moto_desk: Desk) -> None:
    for number in range(3):
        moto_desk.claim(f"m{number}", str(number))
    seen = calls(moto_desk)

    early = moto_desk.night(3)
    early_calls = dict(seen)
    seen.clear()
    due = moto_desk.night(4)
    due_calls = dict(seen)
    seen.clear()
    again = moto_desk.night(5)

    assert (early.lapsed, due.lapsed, again.lapsed) == (0, 3, 0)
    assert early_calls == dict(seen) == {"Query": 4}
    assert due_calls["TransactWriteItems"] == 3
    assert due_calls["BatchGetItem"] <= 6
    assert "Scan" not in due_calls


def test_a_claim_that_lapsed_leaves_nothing_on_an_order_that_never_came(desk: Desk) -> None:
    desk.claim()

    desk.night()

    assert desk.shop.orders.orders(["tmall#1"]) == []


def test_several_claims_that_lapse_together_leave_nothing_either(moto_desk: Desk) -> None:
    for number in range(3):
        moto_desk.claim(f"m{number}")

    assert moto_desk.night().lapsed == 3
    assert moto_desk.shop.orders.orders(["tmall#1"]) == []


def test_a_claim_that_lapsed_may_be_made_again(desk: Desk) -> None:
    desk.claim()
    desk.night()
    desk.shop.record(paid(**STRANGER))

    again = desk.claim(at=NOW + timedelta(days=5))
    desk.stream(at=NOW + timedelta(days=5))

    assert again.state is State.WAITING
    assert (desk.state(), desk.shop.points("m7")) == (State.OWNED, 12)


def test_an_order_after_the_claim_lapsed_is_nobodys(desk: Desk) -> None:
    desk.claim()
    desk.night()

    desk.shop.record(paid(**STRANGER))

    assert desk.stream() == ""
    assert desk.shop.points("m7") == 0


def test_the_night_settles_what_the_stream_lost_before_it_ends_anything(desk: Desk) -> None:
    desk.shop.record(paid(**STRANGER))
    desk.claim()

    run = desk.night()

    assert (run.owned, run.lapsed) == (1, 0)
    assert (desk.state(), desk.notices()) == (State.OWNED, [])


def test_a_night_cut_short_goes_on_the_next_time(moto_desk: Desk) -> None:
    moto_desk.claim()
    from chalicelib.earning.settle_claims import lapse_claims

    cut = lapse_claims(
        claims=moto_desk.claims, book=moto_desk.book, now=NOW + timedelta(days=4), has_time=lambda: False
    )

    assert (cut.lapsed, cut.finished) == (0, False)
    assert moto_desk.night().lapsed == 1


def test_the_reconciliation_gives_a_claimed_order_that_the_stream_lost(moto_desk: Desk) -> None:
    moto_desk.shop.record(paid(**STRANGER))
    moto_desk.claim()

    def reconcile() -> Any:
        return Reconciliation(
            orders=moto_desk.shop.orders,
            ledger=moto_desk.shop.ledger,
            find_members=moto_desk.shop.find_members,
            book=moto_desk.book,
            now=NOW,
            zone="Asia/Shanghai",
            send=lambda _messages: None,
            tell=lambda _messages: None,
        ).run()

    first, second = reconcile(), reconcile()

    assert (first.bound, first.settled, second.bound, second.settled) == (1, 0, 0, 1)
    assert moto_desk.shop.points("m7") == 12


def test_the_owner_by_his_buyers_account_who_claims_is_told_that_it_is_his(desk: Desk) -> None:
    desk.shop.record(paid())
    desk.stream()

    desk.claim("m1", paid_fen=5)
    desk.stream()

    assert (desk.state("m1"), desk.shop.points("m1")) == (State.OWNED, 12)
    assert desk.order().waiting == ()


def test_a_binding_made_while_a_claim_waits_and_the_claim_have_one_owner(moto_desk: Desk) -> None:
    """Whichever writes first has it; the other changes nothing."""
    for number, binding_first in enumerate((True, False)):
        order_no = str(number)
        moto_desk.shop.record(paid(order_no, buyer_id=f"s{number}"))
        moto_desk.claim(order_no=order_no)
        seen_before = moto_desk.order(order_no)
        steps = [
            lambda number=number: release_waiting(
                Identity("tmall", f"s{number}"), "m9", orders=moto_desk.shop.orders, now=NOW, zone="Asia/Shanghai"
            ),
            lambda seen=seen_before: settle_claims(seen, claims=moto_desk.claims, book=moto_desk.book, now=NOW),
        ]
        for step in steps if binding_first else reversed(steps):
            step()
        moto_desk.stream(order_no)

        winner, loser = ("m9", "m7") if binding_first else ("m7", "m9")
        assert moto_desk.order(order_no).member_id == winner
        assert len(moto_desk.shop.ledger.entries(loser, before_key=None, limit=9)) == (0 if binding_first else 1)


def test_of_two_claims_the_earlier_has_the_order(moto_desk: Desk) -> None:
    moto_desk.claim("m8", at=NOW)
    moto_desk.claim("m7", at=NOW - timedelta(seconds=1))
    moto_desk.shop.record(paid(**STRANGER))

    moto_desk.stream()

    assert (moto_desk.state("m7"), moto_desk.state("m8")) == (State.OWNED, State.WAITING)


@pytest.mark.parametrize("first", ["m7", "m8"])
def test_two_workers_that_saw_different_claims_give_the_order_once(moto_desk: Desk, first: str) -> None:
    """Each worker holds an image with one of the claims; both write, in either order."""
    moto_desk.shop.record(paid(**STRANGER))
    images = {}
    for member_id in ("m7", "m8"):
        moto_desk.claim(member_id)
        order = moto_desk.order()
        own = tuple(one for one in order.waiting if one.member_id == member_id)
        images[member_id] = order._replace(waiting=own)
    second = "m8" if first == "m7" else "m7"

    winners = [
        settle_claims(images[one], claims=moto_desk.claims, book=moto_desk.book, now=NOW) for one in (first, second)
    ]
    moto_desk.stream()

    assert winners == [first, ""]
    assert (moto_desk.shop.points(first), moto_desk.shop.points(second)) == (12, 0)
    assert (moto_desk.state(first), moto_desk.state(second)) == (State.OWNED, State.WAITING)


def test_a_stale_image_gives_nothing_to_a_claim_that_was_stated_anew(moto_desk: Desk) -> None:
    moto_desk.shop.record(paid(**STRANGER))
    moto_desk.claim(paid_fen=1299)
    stale = moto_desk.order()
    moto_desk.claim(paid_fen=1, at=NOW + timedelta(minutes=1))

    assert settle_claims(stale, claims=moto_desk.claims, book=moto_desk.book, now=NOW) == ""
    assert (moto_desk.order().member_id, moto_desk.state()) == ("", State.WAITING)


ON_THE_CLOUD = pytest.mark.parametrize("shop", [pytest.param("cloud", marks=pytest.mark.cloud)], indirect=True)
"""moto's transactions are not atomic between threads."""


@ON_THE_CLOUD
def test_members_who_claim_at_once_have_one_winner(desk: Desk) -> None:
    members = [f"m{number:02d}" for number in range(8)]
    random.Random(7).shuffle(members)
    desk.shop.record(paid(**STRANGER))

    def race(member_id: str) -> str:
        desk.claim(member_id)
        order = desk.order()
        own = tuple(one for one in order.waiting if one.member_id == member_id)
        return settle_claims(order._replace(waiting=own), claims=desk.claims, book=desk.book, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        winners = [winner for winner in pool.map(race, members) if winner]
    desk.stream()

    assert len(winners) == 1
    assert [desk.shop.points(member_id) for member_id in members].count(12) == 1
    assert [desk.state(member_id) for member_id in members].count(State.OWNED) == 1
    assert desk.order().member_id == winners[0]


@ON_THE_CLOUD
def test_one_member_pressing_twice_at_once_has_one_claim(desk: Desk) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: desk.claim(), range(4)))

    assert {claim.state for claim in found} == {State.WAITING}
    (day,) = desk.shop.ledger.items([{"pk": "OC#m7", "sk": "~2026-11-22"}])
    assert (day["unproven"], day["t:tmall"]) == (1, 1)


def test_a_member_has_so_many_claims_of_a_platform_a_day(desk: Desk) -> None:
    for number in range(5):
        desk.claim(order_no=str(number))
    before = rows(desk)

    with pytest.raises(JifenError) as refused:
        desk.claim(order_no="5")

    assert (refused.value.code, refused.value.code.http_status) == (Code.CLAIM_LIMIT, 429)
    assert 0 < (refused.value.retry_after_seconds or 0) <= 86_400
    assert rows(desk) == before
    assert desk.claim(order_no="0").state is State.WAITING  # a repeat is no further one
    assert desk.claim("m8", "5").state is State.WAITING  # nor are they another member's
    assert desk.claim(order_no="5", at=NOW + timedelta(days=1)).state is State.WAITING


def test_stating_another_amount_counts_so_that_amounts_cannot_be_searched(moto_desk: Desk) -> None:
    for number in range(5):
        moto_desk.claim(platform="jd", paid_fen=number)

    with pytest.raises(JifenError) as refused:
        moto_desk.claim(platform="jd", paid_fen=5)

    assert refused.value.code is Code.CLAIM_LIMIT


def test_claims_that_nothing_proves_stop_for_the_day_and_proved_ones_do_not(moto_shop: Shop) -> None:
    many = [{**TMALL, "platform": name, "per_day": 100} for name in ("tmall", "jd")]
    desk = Desk(moto_shop, claim_book(*many))
    for number in range(MAX_UNPROVEN_PER_DAY):
        desk.claim(order_no=str(number), platform="tmall" if number % 2 else "jd")
    with pytest.raises(JifenError) as refused:
        desk.claim(order_no="one more")
    assert refused.value.code is Code.CLAIM_LIMIT

    moto_shop.record(paid("1", **STRANGER))
    desk.stream("1")

    assert desk.claim(order_no="one-more").state is State.WAITING


def test_an_order_carries_so_many_claims_and_those_beyond_wait_all_the_same(moto_desk: Desk) -> None:
    for number in range(MAX_WAITING):
        moto_desk.claim(f"m{number:03d}")

    last = moto_desk.claim("m999")

    assert (last.state, len(moto_desk.order().waiting)) == (State.WAITING, MAX_WAITING)
    assert moto_desk.claim("m999").claimed_at == last.claimed_at
    assert moto_desk.night().lapsed == MAX_WAITING + 1


def test_staff_give_an_order_that_nobody_has_with_their_reason(desk: Desk) -> None:
    desk.shop.record(paid(**STRANGER))
    desk.claim("m7", paid_fen=1)

    def assign(member_id: str) -> Any:
        return assign_order(
            "tmall#1", member_id, by="s1", why="出示了付款凭证", claims=desk.claims, zone="Asia/Shanghai", now=NOW
        )

    first, again = assign("m7"), assign("m7")
    desk.stream()

    assert (first.replayed, again.replayed) == (False, True)
    assert (desk.state("m7"), desk.shop.points("m7"), desk.order().waiting) == (State.OWNED, 12, ())
    (entry,) = desk.shop.ledger.entries("m7", before_key=None, limit=2)
    assert (entry.facts["bound_by"], entry.facts["bound_why"]) == ("s1", "出示了付款凭证")
    with pytest.raises(JifenError) as refused:
        assign("m8")
    assert refused.value.code is Code.ORDER_OWNED
    assert desk.shop.points("m8") == 0


@pytest.mark.parametrize("before", ["nothing", "a claim", "a refund"])
def test_staff_cannot_give_an_order_whose_payment_is_not_known(moto_desk: Desk, before: str) -> None:
    if before == "a claim":
        moto_desk.claim()
    if before == "a refund":
        moto_desk.shop.record(refund())

    with pytest.raises(JifenError) as refused:
        assign_order("tmall#1", "m7", by="s1", why="x", claims=moto_desk.claims, zone="Asia/Shanghai", now=NOW)

    assert refused.value.code is Code.ORDER_NOT_FOUND


def test_staff_and_a_claim_at_once_give_the_order_once(moto_desk: Desk) -> None:
    moto_desk.shop.record(paid(**STRANGER))
    moto_desk.claim("m8")
    seen = moto_desk.order()
    assign_order("tmall#1", "m7", by="s1", why="x", claims=moto_desk.claims, zone="Asia/Shanghai", now=NOW)

    winner = settle_claims(seen, claims=moto_desk.claims, book=moto_desk.book, now=NOW)
    moto_desk.stream()

    assert (winner, moto_desk.order().member_id) == ("", "m7")
    assert (moto_desk.shop.points("m7"), moto_desk.shop.points("m8")) == (12, 0)


def test_an_order_with_a_members_phone_is_his_without_a_claim(desk: Desk) -> None:
    digest = "d" * 64
    desk.shop.bound[phone_identity(digest).external_id] = "m5"

    desk.shop.record(paid(phone=digest, **STRANGER))
    desk.stream()

    assert desk.shop.points("m5") == 12


def test_the_buyers_account_goes_before_the_phone(moto_desk: Desk) -> None:
    moto_desk.shop.bound["d" * 64] = "m5"

    moto_desk.shop.record(paid(phone="d" * 64))

    assert moto_desk.order().member_id == "m1"


def test_orders_that_wait_are_their_members_when_the_phone_is_bound(desk: Desk) -> None:
    desk.shop.record(paid("1", phone="d" * 64, **STRANGER), paid("2", phone="e" * 64, **STRANGER))

    def bind() -> int:
        identity = phone_identity("d" * 64)
        return release_waiting(identity, "m5", orders=desk.shop.orders, now=NOW, zone="Asia/Shanghai")

    assert (bind(), bind()) == (1, 0)
    desk.stream("1")
    desk.stream("2")
    assert desk.shop.points("m5") == 12


def test_another_key_makes_a_repeated_order_no_other_one(moto_desk: Desk) -> None:
    moto_desk.shop.record(paid(phone="d" * 64, phone_tail="t", **STRANGER))

    (again,) = moto_desk.shop.record(paid(phone="e" * 64, phone_tail="u", **STRANGER))

    kept = moto_desk.order().paid
    assert kept
    assert (again.error, kept.phone) == (None, "d" * 64)


def test_the_store_and_the_guide_stand_on_the_order_and_in_all_its_entries(moto_desk: Desk) -> None:
    moto_desk.shop.record(paid(is_pos=True, store_id="SH-01", guide_id="g7"), refund("r1", 500))

    moto_desk.stream()

    order = moto_desk.order()
    assert order.paid
    assert (order.paid.store_id, order.paid.guide_id) == ("SH-01", "g7")
    entries = moto_desk.shop.ledger.entries("m1", before_key=None, limit=9)
    assert [(one.facts["store_id"], one.facts["guide_id"]) for one in entries] == [("SH-01", "g7")] * 2


def test_an_order_under_another_guide_is_another_order(moto_desk: Desk) -> None:
    _, changed = moto_desk.shop.record(paid(guide_id="g1"), paid(guide_id="g2"))

    assert changed.error
    assert changed.error.code is Code.ORDER_CHANGED


@pytest.mark.parametrize(
    ("pasted", "number"),
    [
        ("1234567890123456789", "1234567890123456789"),
        (" 1234 5678 ", "12345678"),
        ("１２３ＡＢ", "123AB"),
        ("12\u200b34\u00a05", "12345"),
        ("A\u201312", "A-12"),
        ("A－12", "A-12"),
        ("E20260302-01", "E20260302-01"),
        ("e20260302", "e20260302"),
        ("1" * 64, "1" * 64),
    ],
)
def test_a_number_is_read_as_people_paste_it(pasted: str, number: str) -> None:
    assert order_number(pasted) == number


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("1.23E+18", "表格软件"),
        ("1.23e18", "表格软件"),
        ("１．２３Ｅ＋１８", "表格软件"),
        ("1234567890.0", "表格软件"),
        ("", "1至64位"),
        ("   ", "1至64位"),
        ("1" * 65, "1至64位"),
        ("1" * 1000, "1至64位"),
        ("12#34", "1至64位"),
        ("-12", "1至64位"),
        ("一二三", "1至64位"),
        ("①②③", "1至64位"),
        ("١٢٣", "1至64位"),
        ("12\n34", "1至64位"),
    ],
)
def test_what_is_no_number_is_refused_by_name(pasted: str, words: str) -> None:
    with pytest.raises(JifenError, match=words) as refused:
        order_number(pasted)

    assert (refused.value.code, refused.value.field) == (Code.INVALID_REQUEST, "order_no")
