"""The check-in calendar: what today pays, how the run stands, what the next rewards need, what can be made up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.earning.check_in import check_in
from chalicelib.earning.check_in_calendar import Calendar, check_in_days, month_calendar, todays_entry
from chalicelib.earning.make_up import make_up
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms
from tests.earning.conftest import Shop
from tests.earning.programmes import a_rule, plain_document, plain_terms
from tests.programme.builders import SINCE

ZONE = "Asia/Shanghai"


def at(on: date, hour: int = 12, minute: int = 0) -> datetime:
    """A time of day in Shanghai."""
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def sign(shop: Shop, on: date, terms: Terms, hour: int = 12) -> None:
    check_in("m1", ledger=shop.ledger, terms=terms, now=at(on, hour), source="mini_program")


def seen(shop: Shop, now: datetime, terms: Terms) -> Calendar:
    """The calendar as the route shows it."""
    account = shop.ledger.read("m1")
    first_on = now.astimezone(ZoneInfo(ZONE)).date().replace(day=1)
    days = check_in_days(account, first_on=first_on, ledger=shop.ledger, zone=ZONE)
    today = todays_entry(account, ledger=shop.ledger, terms=terms, now=now)
    return month_calendar(account, days, terms=terms, now=now, today=today)


def only(*rules: dict[str, Any], paused: frozenset[str] = frozenset()) -> Terms:
    """Terms of these check-in rules alone."""
    return Terms(1, SINCE, read_programme({**plain_document(), "rules": list(rules)}), paused)


def a_streak(rule_id: str = "row", cycle: str = "run", day: int = 3, points: int = 10, **given: Any) -> dict[str, Any]:
    card = {"price_points": 0, "look_back_days": 7, "per_month": 3}
    rewards = [{"day": day, "points": points}]
    amount = {"kind": "streak", "points": 2, "cycle": cycle, "repeats": False, "rewards": rewards, "make_up": card}
    return a_rule(rule_id, "check_in", points_class="behaviour", amount=amount, **given)


def a_count(rule_id: str = "count", cycle: str = "month", claim: str = "auto", **given: Any) -> dict[str, Any]:
    rewards = [{"days": 2, "points": 20}, {"days": 4, "points": 40}]
    amount = {"kind": "cumulative", "cycle": cycle, "rewards": rewards, "claim": claim}
    return a_rule(rule_id, "check_in", points_class="behaviour", amount=amount, **given)


SUNDAY = date(2026, 11, 22)


def test_today_is_judged_by_the_hour_of_the_programmes_zone(shop: Shop) -> None:
    terms = only(a_streak(name="晨签", when={"hours": [[6, 9]]}))

    early, late = seen(shop, at(SUNDAY, 7, 30), terms), seen(shop, at(SUNDAY, 15), terms)

    assert (early.today_points, early.today_reason) == (2, "每日签到")
    assert (late.today_points, late.today_reason) == (0, "晨签仅限6点至9点")


def test_a_day_that_is_done_shows_what_it_paid(shop: Shop) -> None:
    capped = only(a_streak(name="签到", caps=[{"points": 2, "period": "month"}]))
    sign(shop, SUNDAY - timedelta(days=1), capped)
    sign(shop, SUNDAY, capped)

    calendar = seen(shop, at(SUNDAY, 13), capped)

    assert (calendar.checked_in_today, calendar.today_points) == (True, 0)
    assert calendar.today_reason == "签到本月已达上限2分,下月1日起可再得"


def test_a_day_that_is_done_shows_what_it_paid_under_the_terms_of_then(shop: Shop) -> None:
    sign(shop, SUNDAY, plain_terms(check_in={"points": 5}))

    assert seen(shop, at(SUNDAY, 13), plain_terms()).today_points == 5


def test_points_of_another_class_count_into_what_today_paid(shop: Shop) -> None:
    terms = only(a_streak(), a_rule("gift", "check_in", amount={"kind": "fixed", "points": 7}))

    before = seen(shop, at(SUNDAY), terms)
    sign(shop, SUNDAY, terms)

    assert [one.today_points for one in (before, seen(shop, at(SUNDAY, 13), terms))] == [9, 9]


def test_a_reward_to_be_claimed_shows_within_its_hours_and_says_so_outside_them(shop: Shop) -> None:
    terms = only(a_streak(), a_count(claim="by_hand", name="累签", when={"hours": [[6, 9]]}))
    for day in (20, 22):
        sign(shop, date(2026, 11, day), terms)

    early, late = seen(shop, at(SUNDAY, 7, 30), terms), seen(shop, at(SUNDAY, 15), terms)

    assert [(one.days, one.state, one.text) for one in early.by_hand] == [
        (2, "open", "累计签到2天,可领取20分"),
        (4, "not_reached", "再签到2天可领取40分"),
    ]
    assert (late.by_hand[0].state, late.by_hand[0].text) == ("closed", "累签仅限6点至9点")


def test_a_reward_on_trial_for_others_is_not_shown(shop: Shop) -> None:
    terms = only(a_streak(), a_count(claim="by_hand", trial={"members": ["m2"]}))

    assert seen(shop, at(SUNDAY), terms).by_hand == ()


def coming(shop: Shop, on: date, terms: Terms) -> list[tuple[str, int, int, str]]:
    found = seen(shop, at(on), terms).coming
    return [(one.rule.id, one.days, one.points, one.text) for one in found]


def test_each_rule_says_its_next_reward_soonest_first(shop: Shop) -> None:
    terms = only(a_streak(day=3), a_count())
    sign(shop, date(2026, 11, 20), terms)

    assert coming(shop, date(2026, 11, 20), terms) == [
        ("count", 1, 20, "再签1天得20分"),
        ("row", 2, 10, "再签2天得10分"),
    ]


def test_rewards_of_one_day_are_told_together(shop: Shop) -> None:
    calendar = seen(shop, at(SUNDAY), only(a_streak(day=2), a_count()))

    assert calendar.next_reward == (2, 30)


def test_a_reward_to_be_claimed_is_said_to_be_claimed(shop: Shop) -> None:
    assert coming(shop, SUNDAY, only(a_streak(day=9), a_count(claim="by_hand"))) == [
        ("count", 2, 20, "再签2天可领取20分"),
        ("row", 9, 10, "再签9天得10分"),
    ]


def test_a_month_that_is_too_short_for_its_reward_looks_to_the_next_one(shop: Shop) -> None:
    terms = only(a_count())

    assert coming(shop, date(2028, 2, 28), terms) == [("count", 2, 20, "再签2天得20分")], "28 and 29 February"
    assert coming(shop, date(2027, 2, 28), terms) == [("count", 3, 20, "再签3天得20分")], "28 February, 1 and 2 March"


def test_a_week_ends_on_sunday(shop: Shop) -> None:
    terms = only(a_streak(cycle="week", day=2), a_count(cycle="week"))
    sign(shop, date(2026, 11, 21), terms)

    assert coming(shop, SUNDAY, terms) == [("row", 1, 10, "再签1天得10分"), ("count", 1, 20, "再签1天得20分")]
    sign(shop, SUNDAY, terms)
    monday = date(2026, 11, 23)
    assert seen(shop, at(monday), terms).streak_days == 0, "nothing that today goes on with"
    assert coming(shop, monday, terms) == [("row", 2, 10, "再签2天得10分"), ("count", 2, 20, "再签2天得20分")]


def test_rewards_that_the_member_would_not_be_paid_are_not_promised(shop: Shop) -> None:
    terms = only(
        a_streak("theirs", trial={"members": ["m2"]}),
        a_streak("over", when={"until_on": "2026-11-23"}),
        a_streak("gold", when={"levels": ["gold"]}),
        a_streak("stopped"),
        a_streak("mine", when={"until_on": "2026-11-24", "hours": [[6, 9]]}),
        paused=frozenset({"stopped"}),
    )

    assert coming(shop, SUNDAY, terms) == [("mine", 3, 10, "再签3天得10分")]


def test_a_cap_used_up_promises_nothing_before_its_period_ends(shop: Shop) -> None:
    terms = only(a_streak(caps=[{"points": 2, "period": "month"}]))
    sign(shop, SUNDAY, terms)

    assert coming(shop, SUNDAY, terms) == []
    sign(shop, date(2026, 11, 29), terms)
    assert coming(shop, date(2026, 11, 29), terms) == [("row", 2, 10, "再签2天得10分")], "1 December"


def offered(shop: Shop, on: date, terms: Terms) -> tuple[int, list[str], str]:
    shown = seen(shop, at(on), terms).make_up
    assert shown is not None
    return shown.left_this_month, [day.isoformat()[5:] for day in shown.days], shown.text


def test_days_that_can_be_made_up_reach_over_a_month_end_and_a_leap_day(shop: Shop) -> None:
    terms = only(a_streak())
    sign(shop, date(2028, 2, 28), terms)

    assert offered(shop, date(2028, 3, 2), terms) == (
        3,
        ["02-24", "02-25", "02-26", "02-27", "02-29", "03-01"],
        "补签一天0分,本月还可补签3次",
    )


def test_a_monthly_and_a_weekly_run_offer_only_days_of_their_own_cycle(shop: Shop) -> None:
    assert offered(shop, date(2028, 3, 2), only(a_streak(cycle="month")))[1] == ["03-01"]
    assert offered(shop, date(2028, 3, 1), only(a_streak(cycle="month")))[1] == []
    assert offered(shop, date(2026, 11, 25), only(a_streak(cycle="week")))[1] == ["11-23", "11-24"]
    assert offered(shop, date(2026, 11, 23), only(a_streak(cycle="week")))[1] == []


def test_cards_are_counted_by_the_calendar_month_they_are_used_in(shop: Shop) -> None:
    terms = only(a_streak())
    for day in (25, 26, 27):
        make_up("m1", date(2026, 11, day), ledger=shop.ledger, terms=terms, now=at(date(2026, 11, 30)), source="x")

    assert offered(shop, date(2026, 11, 30), terms) == (0, [], "本月补签3次已用完")
    assert offered(shop, date(2026, 12, 1), terms)[:2] == (3, ["11-24", "11-28", "11-29", "11-30"])
