"""Draws on a ledger: paid, drawn and given at once or not at all; the same key, the same draw, for ever."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.errors import Code
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Freeze
from chalicelib.ledger.items import account_item
from chalicelib.ledger.model import Kind
from chalicelib.programme.account_size import UNIT_BYTES, largest_account_bytes
from chalicelib.runtime.dynamo import decode_item, encode_item
from chalicelib.spending.goods.items import code_item
from chalicelib.spending.goods.model import PoolCode
from chalicelib.spending.lottery import manage
from chalicelib.spending.lottery.draw import draw_once
from chalicelib.spending.lottery.figures import problems
from chalicelib.spending.lottery.model import READ_AGAIN
from chalicelib.spending.lottery.statistics import read_statistics
from chalicelib.spending.lottery.table import forget
from tests.ledger.builders import a_cause, an_earn, bucket
from tests.ledger.item_size import item_bytes
from tests.ledger.meetings import Interrupted, Meanwhile
from tests.ledger.merges import merge, rebuilt, stored
from tests.ledger.test_budgets import Counted
from tests.spending.lotteries import NOON, THANKS, TICKETS, Fair, open_fair, wheel, with_prize

POOL = {"kind": "virtual", "pool": "films"}


@pytest.fixture
def fair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fair]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield open_fair(boto3.client("dynamodb", region_name="cn-north-1"))


def entries(fair: Fair, member_id: str = "m1") -> list[tuple[str, int, str]]:
    found = fair.ledger.entries(member_id, before_key=None, limit=50)
    own = sorted((one for one in found if one.activity == "lottery"), key=lambda one: one.sequence)
    return [(one.kind.value, one.points, one.text) for one in own]


def bottles(fair: Fair) -> int:
    version = fair.lotteries.versions(fair.id)[-1]
    return fair.lotteries.taken([(f"CAMPAIGN#{fair.id}#P#bottle#0", version.shards["bottle"])]).popitem()[1]


def test_points_are_spent_and_won_in_one_posting_with_the_draws_row(fair: Fair) -> None:
    fair.publish()
    fair.give()

    drawn = fair.draw(ticket=TICKETS["p50"]).drawn

    assert (drawn.prize, drawn.points_spent, drawn.points_won, drawn.balance_after_points) == ("p50", 20, 50, 130)
    assert entries(fair) == [("redeem", -20, "大转盘:50积分"), ("earn", 50, "大转盘抽中50积分")]
    assert fair.drawn() == [drawn]
    assert (drawn.ticket, drawn.total, drawn.version, drawn.is_adult) == (8500, 10_000, 1, True)
    account = stored(fair.ledger, "m1")
    assert account.buckets[bucket(date(2026, 5, 31), PointsClass.ACTIVITY)] == 50
    assert rebuilt(fair.ledger, "m1").buckets == account.buckets
    assert rebuilt(fair.ledger, "m1").counters == account.counters


def test_the_entry_itself_says_ticket_version_and_prize(fair: Fair) -> None:
    fair.publish()
    fair.give()

    drawn = fair.draw(ticket=TICKETS["p20"]).drawn

    paid = next(one for one in fair.ledger.entries("m1", before_key=None, limit=9) if one.kind is Kind.REDEEM)
    assert dict(paid.facts) == {
        "draw": drawn.id,
        "version": 1,
        "ticket": 6000,
        "wheel_prize": "p20",
        "prize": "p20",
    }
    assert paid.cause.campaign == fair.id


def test_the_same_key_answers_the_first_draw_whatever_has_changed_since(fair: Fair) -> None:
    fair.publish(daily_draws=1)
    fair.give()
    first = fair.draw(ticket=TICKETS["p10"])
    balance = fair.ledger.read("m1").available_points

    again = fair.draw(ticket=TICKETS["p200"])
    tomorrow = fair.draw(ticket=TICKETS["p200"], now=NOON + timedelta(days=1))
    manage.pause(fair.lotteries, fair.id, reason="核查", by="s1", now=NOON)
    forget()
    paused = fair.draw(ticket=TICKETS["p200"])
    over = fair.draw(now=NOON + timedelta(days=200))

    assert not first.replayed
    assert {one.drawn for one in (again, tomorrow, paused, over)} == {first.drawn}
    assert all(one.replayed for one in (again, tomorrow, paused, over))
    assert fair.ledger.read("m1").available_points == balance
    assert len(fair.drawn()) == 1


def test_another_members_same_key_is_another_draw(fair: Fair) -> None:
    fair.publish()
    fair.give("m1")
    fair.give("m2")

    one, other = fair.draw("m1"), fair.draw("m2")

    assert one.drawn.id != other.drawn.id
    assert not other.replayed


def test_a_day_ends_at_midnight_in_shanghai(fair: Fair) -> None:
    fair.publish()
    fair.give()
    midnight = datetime(2026, 3, 2, 16, tzinfo=UTC)
    last = midnight - timedelta(milliseconds=1)

    before = [fair.refused(key=f"a{number}", now=last) for number in range(4)]
    after = fair.refused(key="b", now=midnight)

    assert before == [None, None, None, Code.DRAW_LIMIT]
    assert after is None


def test_who_asked_before_midnight_and_is_judged_after_it_draws_on_the_new_day(fair: Fair) -> None:
    fair.publish()
    fair.give(points=1000)
    midnight = datetime(2026, 3, 2, 16, tzinfo=UTC)
    last = midnight - timedelta(milliseconds=1)

    before = [fair.refused(key=f"a{number}", now=last) for number in range(3)]
    first = fair.refused(key="b", now=midnight)
    late = [fair.refused(key=f"c{number}", now=last) for number in range(3)]
    after = fair.refused(key="d", now=midnight)

    assert [*before, first] == [None] * 4
    assert late == [None, None, Code.DRAW_LIMIT]
    assert after is Code.DRAW_LIMIT


def test_nobody_draws_before_the_beginning_nor_at_the_end_nor_while_it_is_paused(fair: Fair) -> None:
    fair.publish()
    fair.give()
    campaign = fair.lotteries.versions(fair.id)[0].campaign

    early = fair.refused(now=campaign.from_at - timedelta(milliseconds=1))
    late = fair.refused(now=campaign.until_at)
    manage.pause(fair.lotteries, fair.id, reason="核查", by="s1", now=NOON)
    forget()
    paused = fair.refused()
    manage.resume(fair.lotteries, fair.id, reason="无误", by="s1", now=NOON)
    forget()

    assert [early, late, paused] == [Code.LOTTERY_CLOSED] * 3
    assert fair.refused() is None


def test_a_pause_is_heard_of_everywhere_within_half_a_minute(fair: Fair) -> None:
    fair.publish()
    fair.give()
    fair.draw()

    manage.pause(fair.lotteries, fair.id, reason="核查", by="s1", now=NOON)

    assert fair.refused(key="k2", now=NOON + READ_AGAIN - timedelta(milliseconds=1)) is None
    assert fair.refused(key="k3", now=NOON + READ_AGAIN) is Code.LOTTERY_CLOSED


def test_too_few_points_frozen_under_age_not_eligible(fair: Fair) -> None:
    fair.publish()
    fair.give("m1", 19)
    fair.give("m2", 100)
    fair.post("m2", Freeze(a_cause(Kind.ADJUST, "f"), True, 1))

    poor, frozen, young = fair.refused("m1"), fair.refused("m2"), fair.refused("m1", is_adult=False)
    fair.publish(who={"buyers": True})
    stranger = fair.refused("m1")

    assert [poor, frozen, young, stranger] == [
        Code.INSUFFICIENT_POINTS,
        Code.MEMBER_FROZEN,
        Code.ADULTS_ONLY,
        Code.NOT_ELIGIBLE,
    ]
    assert fair.drawn() == []


def test_who_is_not_tagged_draws_nothing_and_who_is_by_either_of_his_ids_does(fair: Fair) -> None:
    fair.publish(who={"tags": ["vip", "内测"]})
    fair.give()
    fair.tags["m2"] = {"内测"}

    barred = fair.refused()
    written = entries(fair), fair.drawn()
    merge(fair.ledger, "m2", "m1", terms=fair.terms.ledger, now=NOON)

    assert (barred, written) == (Code.NOT_ELIGIBLE, ([], []))
    assert [fair.refused(member_id, member_id) for member_id in ("m1", "m2")] == [None, None]


def test_who_loses_the_tag_while_his_draw_is_contended_draws_nothing(fair: Fair) -> None:
    fair.publish(who={"tags": ["vip"]})
    fair.give()
    fair.tags["m1"] = {"vip"}

    def meanwhile() -> None:
        fair.tags.clear()
        fair.post("m1", an_earn(1, cause=a_cause(id="another")))  # so that the account is read and judged anew

    rooms = fair.through(Meanwhile(fair.ledger.dynamo, meanwhile))

    assert fair.refused(rooms=rooms) is Code.NOT_ELIGIBLE
    assert (fair.drawn(), stored(fair.ledger, "m1").available_points) == ([], 101)


def test_tags_are_looked_up_only_where_a_lottery_asks_for_them(fair: Fair) -> None:
    fair.publish()
    fair.give()
    fair.draw()
    plain = list(fair.tags_asked)
    fair.tags["m1"] = {"vip"}
    fair.publish(who={"tags": ["vip"]})
    fair.draw()

    assert (plain, fair.tags_asked) == ([], [("m1",)])


def test_what_refuses_never_depends_on_the_ticket(fair: Fair) -> None:
    fair.publish(document=with_prize("bottle", count=1))
    fair.give("m1", 19)

    answers = {fair.refused(key=id, ticket=ticket) for id, ticket in TICKETS.items()}

    assert answers == {Code.INSUFFICIENT_POINTS}
    assert bottles(fair) == 0


def test_a_coupon_is_the_members_at_once(fair: Fair) -> None:
    fair.publish()
    fair.give()

    drawn = fair.draw(ticket=TICKETS["coupon"]).drawn

    (coupon,) = fair.goods.coupons(drawn.codes)
    assert (coupon.member_id, coupon.face_fen, coupon.source, coupon.source_id) == ("m1", 5000, "lottery", drawn.id)
    assert coupon.until_on == date(2026, 5, 30)
    assert [one["pk"] for one in fair.goods.owned("m1", "coupon")] == [f"COUPON#{drawn.codes[0]}"]


def test_the_last_piece_goes_once_and_then_the_declared_fallback(fair: Fair) -> None:
    fair.publish(document=with_prize("bottle", count=1))
    fair.give("m1")
    fair.give("m2")

    first = fair.draw("m1", ticket=TICKETS["bottle"]).drawn
    second = fair.draw("m2", ticket=TICKETS["bottle"]).drawn

    assert (first.prize, first.is_fallback, first.is_shown) == ("bottle", False, True)
    assert (second.wheel_prize, second.prize, second.points_won) == ("bottle", "p200", 200)
    assert second.is_fallback
    assert not second.is_shown
    assert bottles(fair) == 1
    assert [list(problems(one, fair.lotteries.versions(fair.id)[0].campaign)) for one in (first, second)] == [[], []]


def test_a_virtual_prize_gives_a_code_of_its_pool_and_the_fallback_when_it_is_empty(fair: Fair) -> None:
    prize = {"gives": POOL, "value_fen": 3000, "fallback": "p20"}
    codes = [PoolCode("films", f"{number:024x}", f"secret-{number}") for number in range(1)]
    for code in codes:
        fair.goods.add_codes([code], "STOCK#pool:films")
    fair.publish(document=with_prize("coupon", **prize))
    fair.give("m1")
    fair.give("m2")

    first = fair.draw("m1", ticket=TICKETS["coupon"]).drawn
    second = fair.draw("m2", ticket=TICKETS["coupon"]).drawn

    assert (first.kind, first.codes) == ("virtual", (codes[0].id,))
    assert fair.goods.pool_codes("films", first.codes)[0].given_to == "m1"
    assert (second.prize, second.is_fallback) == ("p20", True)


def test_who_loses_the_race_for_a_code_gets_another_by_the_same_ticket(fair: Fair) -> None:
    codes = [PoolCode("films", f"{number:024x}", f"secret-{number}") for number in range(2)]
    fair.goods.add_codes(codes, "STOCK#pool:films")
    fair.publish(document=with_prize("coupon", gives=POOL, value_fen=3000, fallback="p20"))
    fair.give("m1")

    def snatch() -> None:
        for code in codes[:1]:
            taken = code._replace(given_to="m9", source_id="x")
            fair.ledger.dynamo.put_item(TableName=fair.goods.name, Item=encode_item(code_item(taken)))

    rooms = fair.through(Meanwhile(fair.ledger.dynamo, snatch))
    drawn = fair.draw(
        ticket=TICKETS["coupon"], rooms=rooms._replace(goods=replace(fair.goods, start=lambda: "0"))
    ).drawn

    assert (drawn.prize, drawn.codes) == ("coupon", (codes[1].id,))


def test_thanks_cost_what_a_draw_costs_and_give_nothing(fair: Fair) -> None:
    fair.publish(prizes=[*wheel()["prizes"], THANKS])
    fair.give()

    drawn = fair.draw(ticket=10_000).drawn

    assert (drawn.prize, drawn.kind, drawn.balance_after_points) == ("thanks", "thanks", 80)
    assert entries(fair) == [("redeem", -20, "大转盘:谢谢参与")]


def test_two_draws_of_one_key_at_once_are_one(fair: Fair) -> None:
    fair.publish()
    fair.give()
    won: list[Any] = []
    rooms = fair.through(Meanwhile(fair.ledger.dynamo, lambda: won.append(fair.draw(ticket=TICKETS["p10"]))))

    loser = fair.draw(ticket=TICKETS["p200"], rooms=rooms)

    assert loser.replayed
    assert loser.drawn == won[0].drawn
    assert fair.ledger.read("m1").available_points == 90


def test_a_lost_race_keeps_its_ticket(fair: Fair) -> None:
    fair.publish()
    fair.give()
    rolled: list[int] = []

    def roll(total: int) -> int:
        rolled.append(total)
        return TICKETS["p50"]

    more = an_earn(5, cause=a_cause(id="tmall#2"))
    rooms = fair.through(Meanwhile(fair.ledger.dynamo, lambda: fair.post("m1", more)))
    answer = draw_once(fair.id, "m1", key="k1", is_adult=True, rooms=rooms, terms=fair.terms, now=NOON, roll=roll)

    assert rolled == [10_000]
    assert answer.drawn.prize == "p50"
    assert answer.drawn.balance_after_points == 135


def test_an_answer_that_was_lost_is_found_again(fair: Fair) -> None:
    fair.publish()
    fair.give()
    rooms = fair.through(Interrupted(fair.ledger.dynamo))

    with pytest.raises(ConnectionError):
        fair.draw(ticket=TICKETS["p10"], rooms=rooms)
    again = fair.draw(ticket=TICKETS["p200"])

    assert again.replayed
    assert again.drawn.prize == "p10"
    assert fair.ledger.read("m1").available_points == 90


def test_the_other_draw_of_the_last_chance_of_a_day_is_refused(fair: Fair) -> None:
    fair.publish(daily_draws=1)
    fair.give()
    rooms = fair.through(Meanwhile(fair.ledger.dynamo, lambda: fair.draw(key="first")))

    assert fair.refused(key="second", rooms=rooms) is Code.DRAW_LIMIT
    assert len(fair.drawn()) == 1


def test_a_merged_members_day_and_draws_are_the_survivors(fair: Fair) -> None:
    fair.publish(daily_draws=2)
    fair.give("m1")
    fair.give("m2")
    first = fair.draw("m2", "k1", ticket=TICKETS["p10"])
    fair.draw("m1", "k1", ticket=TICKETS["p10"])
    merge(fair.ledger, "m2", "m1", terms=fair.terms.ledger, now=NOON)

    again = fair.draw("m2", "k1", ticket=TICKETS["p200"])
    more = fair.refused("m2", "k2")
    tomorrow = fair.draw("m2", "k3", ticket=TICKETS["p10"], now=NOON + timedelta(days=1))

    assert (again.replayed, again.drawn) == (True, first.drawn)
    assert more is Code.DRAW_LIMIT
    assert tomorrow.drawn.member_id == "m1"
    assert fair.ledger.read("m1").available_points == 170


def test_each_slice_has_its_own_pieces(fair: Fair) -> None:
    slices = [
        {"from_at": start, "portions": [{"prize": "bottle", "count": 1}]}
        for start in ("2026-03-01T00:00:00+08:00", "2026-04-01T00:00:00+08:00")
    ]
    fair.publish(document={**with_prize("bottle", count=2), "slices": slices})
    fair.give()
    april = datetime(2026, 3, 31, 16, tzinfo=UTC)

    found = [
        fair.draw(key=str(number), ticket=TICKETS["bottle"], now=at).drawn
        for number, at in enumerate((NOON, NOON, april - timedelta(milliseconds=1), april))
    ]

    assert [one.prize for one in found] == ["bottle", "p200", "p200", "bottle"]
    assert [one.place for one in found] == [0, 0, 0, 1]


def test_a_changed_version_begins_when_every_function_knows_it(fair: Fair) -> None:
    fair.publish()
    fair.give()
    fair.change({**with_prize("bottle", count=60), "points": 10})

    now = [
        fair.draw(key=str(number), now=NOON + after).drawn for number, after in enumerate((timedelta(0), READ_AGAIN))
    ]

    assert [(one.version, one.points_spent) for one in now] == [(1, 20), (2, 10)]
    assert sum(item["left"] for item in _stock(fair)) == 60


def _stock(fair: Fair) -> list[dict[str, Any]]:
    found = fair.ledger.dynamo.query(
        TableName=fair.lotteries.name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"CAMPAIGN#{fair.id}#P#bottle#0"}},
    )
    return [decode_item(item) for item in found["Items"]]


def test_statistics_are_of_all_draws_and_find_one_that_was_tampered_with(fair: Fair) -> None:
    fair.publish(document={**with_prize("bottle", count=1), "daily_draws": 100})
    fair.give("m1", 1000)
    fair.give("m2", 1000)
    for number in range(20):
        fair.draw(f"m{1 + number % 2}", f"k{number}", ticket=number * 500)
    fair.draw("m1", "last", ticket=9_999)
    fair.draw("m2", "last", ticket=9_999)

    honest = read_statistics(fair.lotteries, fair.lotteries.book(fair.id, NOON))
    one = next(drawn for drawn in fair.drawn() if drawn.wheel_prize == "p10")
    fair.ledger.dynamo.update_item(
        TableName=fair.lotteries.name,
        Key=encode_item({"pk": f"DRAW#{fair.id}#{one.id[0]}", "sk": one.id}),
        UpdateExpression="SET prize = :best",
        ExpressionAttributeValues=encode_item({":best": "bottle"}),
    )
    rigged = read_statistics(fair.lotteries, fair.lotteries.book(fair.id, NOON))
    few = read_statistics(fair.lotteries, fair.lotteries.book(fair.id, NOON), most=1)

    assert (honest.sums.draws, honest.sums.members, honest.sums.points_spent) == (22, 2, 440)
    assert (honest.sums.fallbacks, honest.sums.given["bottle"], dict(honest.taken)) == (1, 1, {"bottle": 1})
    (fit,) = honest.sums.fits
    assert (fit.observed["p10"], fit.observed["bottle"], fit.degrees) == (12, 2, 5)
    assert (honest.is_whole, honest.sums.unexplained) == (True, ())
    assert rigged.sums.unexplained == (one.id,)
    assert not few.is_whole


@pytest.mark.parametrize("prize", ["p10", "coupon", "bottle"])
def test_a_draw_is_a_read_and_a_transaction_of_four(fair: Fair, prize: str) -> None:
    """Account, entry, draw; and the entry of points, a coupon, or a shard of the stock."""
    fair.publish()
    fair.give()
    fair.lotteries.book(fair.id, NOON)
    counted = Counted(fair.ledger.dynamo)

    fair.draw(ticket=TICKETS[prize], rooms=fair.through(counted))

    assert (counted.requests, counted.own_units) == (2, 8)


def test_the_wheel_leaves_the_demos_largest_account_below_a_kilobyte(fair: Fair) -> None:
    fair.publish()
    fair.give()
    bare = item_bytes(encode_item(account_item(stored(fair.ledger, "m1"))))
    for month in range(3):
        fair.draw(key=str(month), ticket=TICKETS["p50"], now=NOON + timedelta(days=30 * month))
    grown = item_bytes(encode_item(account_item(stored(fair.ledger, "m1")))) - bare

    assert largest_account_bytes(fair.terms.programme) + grown <= UNIT_BYTES


@pytest.mark.cloud
def test_of_all_who_win_the_last_bottle_at_once_one_gets_it(request: pytest.FixtureRequest) -> None:
    fair = open_fair(request.getfixturevalue("cloud").client("dynamodb"))
    fair.publish(document=with_prize("bottle", count=1))
    members = [f"m{number}" for number in range(6)]
    for member_id in members:
        fair.give(member_id)

    with ThreadPoolExecutor(len(members)) as pool:
        found = list(pool.map(lambda member_id: fair.draw(member_id, ticket=TICKETS["bottle"]).drawn, members))

    assert sorted(one.prize for one in found) == ["bottle"] + ["p200"] * 5
    assert bottles(fair) == 1


@pytest.mark.cloud
def test_of_many_calls_under_one_key_at_once_all_answer_one_draw(request: pytest.FixtureRequest) -> None:
    fair = open_fair(request.getfixturevalue("cloud").client("dynamodb"))
    fair.publish()
    fair.give()

    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(lambda ticket: fair.draw(ticket=ticket).drawn, TICKETS.values()))

    assert found == set(fair.drawn())
    assert len(found) == 1
