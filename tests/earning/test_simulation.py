"""A month that members really lived, judged anew by drafts: figures by hand, and what a simulation cannot know."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.earning import simulation
from chalicelib.earning.order import Line
from chalicelib.earning.simulation import forecast_of
from chalicelib.earning.simulation_history import begun
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Open, SetLevel
from chalicelib.ledger.model import Kind
from chalicelib.programme.drafts import delete_draft, publish_draft, replace_draft
from tests.earning.programmes import a_rule
from tests.earning.simulations import DECEMBER, Brand, noon, open_brand, sides, standing_document
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, an_account, an_earn


@pytest.fixture
def brand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Brand]:
    with open_brand(monkeypatch) as opened:
        opened.publish(standing_document())
        yield opened


def changed(rule_id: str, **given: Any) -> dict[str, Any]:
    """The standing document with one rule changed."""
    document = standing_document()
    for rule in document["rules"]:
        if rule["id"] == rule_id:
            rule |= {**given, "amount": {**rule["amount"], **given.get("amount", {})}}
    return document


def code_of(act: Any) -> Code:
    with pytest.raises(JifenError) as refused:
        act()
    return refused.value.code


def is_unchanged(result: dict[str, Any]) -> bool:
    lines = [*result["rules"], *result["levels"]]
    return all(line["before"] == line["after"] for line in lines) and result["before"] == result["after"]


def test_orders_and_refunds_of_the_window_before_and_after(brand: Brand) -> None:
    brand.order("0", 99_900, noon(30, 10))
    brand.order("1", 12_900, noon(2))  # a Monday: 129
    brand.order("2", 10_000, noon(7))  # a Saturday: 100 + 50
    brand.refund("2", 4_000, noon(9))  # 60 + 30 stay
    brand.order("3", 5_000, noon(10), member_id="m2")  # 50, and 50 for the first

    result = brand.simulate(changed("order", amount={"points": 2}))

    assert sides(result, "order") == (129 + 60 + 50, 2 * (129 + 60 + 50))
    assert sides(result, "weekend") == (30, 60)
    assert sides(result, "first_order") == (50, 50)
    assert sides(result, "orders") == (30, 30)
    (line,) = (one for one in result["rules"] if one["rule"] == "order")
    assert line == {
        "rule": "order",
        "name": "消费",
        "before": {"times": 3, "points": 239, "fen": 239, "members": 2},
        "after": {"times": 3, "points": 478, "fen": 478, "members": 2},
        "unmet_points": 0,
    }
    assert (result["days"], result["members"]) == (30, 2)
    assert result["before"]["points_per_member_month"] == (239 + 30 + 50 + 30) // 2
    assert result["not_simulated"] == {"growth_before_window": 1}


def test_the_other_value_of_a_point_changes_the_money_alone(brand: Brand) -> None:
    brand.order("1", 12_900, noon(2))

    result = brand.simulate(standing_document(point_value={"points": 100, "fen": 50}))

    assert (result["before"]["points"], result["after"]["points"]) == (179, 179)
    assert (result["before"]["fen"], result["after"]["fen"]) == (179, 89)


def test_check_ins_go_on_from_before_the_window(brand: Brand) -> None:
    for day in (28, 29, 30, 31):
        brand.check_in(day, month=10)
    for day in (1, 2, 3, 5, 6):
        brand.check_in(day)
    brand.make_up(4, today=6)

    result = brand.simulate(standing_document())
    doubled = brand.simulate(changed("check_in", amount={"points": 4}))

    # The seventh day in a row is 3 November; the repair makes no other one. The month's third and fifth day pay too:
    # the fifth by the check-in of the 6th, so that the repair, then the sixth, reaches nothing.
    assert is_unchanged(result)
    assert sides(result, "check_in") == (5 * 2 + 10, 5 * 2 + 10)
    assert sides(result, "month") == (60, 60)
    assert sides(doubled, "check_in") == (20, 5 * 4 + 10)


def test_a_repair_that_reaches_a_reward_is_replayed(brand: Brand) -> None:
    earn = an_earn(100, cause=a_cause(id="gift", at=noon(1, 10)))
    brand.ledger.post("m1", lambda seen: apply(seen.account, [earn], TERMS, noon(1, 10)))
    for day in (1, 2, 3, 5, 6, 7):
        brand.check_in(day)
    brand.make_up(4, today=7)

    result = brand.simulate(standing_document())
    without = brand.simulate(changed("check_in", amount={"make_up": None}))

    assert is_unchanged(result)
    assert sides(result, "check_in") == (12 + 10, 12 + 10)
    assert sides(without, "check_in") == (22, 12)


def test_rewards_claimed_by_hand_are_claimed_again(brand: Brand) -> None:
    document = standing_document()
    next(rule for rule in document["rules"] if rule["id"] == "month")["amount"]["claim"] = "by_hand"
    brand.publish(document, version=2, since=noon(1, 10) + timedelta(days=1))
    for day in (1, 2, 3):
        brand.check_in(day)
    brand.claim("month", 3, today=3)

    dearer = deepcopy(document)
    next(rule for rule in dearer["rules"] if rule["id"] == "month")["amount"]["rewards"][0]["points"] = 25

    assert sides(brand.simulate(dearer), "month") == (20, 25)


def test_a_higher_cap_pays_what_was_refused_before(brand: Brand) -> None:
    for no in range(4):
        brand.behave(f"e{no}", "message", noon(2, minutes=no))
    brand.behave("again", "message", noon(2, minutes=9))

    result = brand.simulate(changed("message", caps=[{"times": 4, "period": "day"}]))

    assert sides(result, "message") == (2, 4)
    assert is_unchanged(brand.simulate(standing_document()))


def test_a_behaviour_that_earned_when_it_was_told_again_counts_once(brand: Brand) -> None:
    for no in range(3):
        brand.behave(f"e{no}", "message", noon(2, minutes=no))
    brand.behave("e2", "message", noon(3))

    assert sides(brand.simulate(changed("message", caps=[])), "message") == (3, 3)


def test_a_voided_behaviour_is_voided_again(brand: Brand) -> None:
    brand.behave("e1", "review", noon(2))
    brand.behave("e2", "review", noon(3))
    brand.void("e1", noon(4))

    assert sides(brand.simulate(changed("review", amount={"points": 8})), "review") == (5, 8)


def test_what_the_draft_asks_of_an_event_is_read_from_its_entry(brand: Brand) -> None:
    brand.behave("e1", "review", noon(2), length=30)
    brand.behave("e2", "login", noon(2))
    long = a_rule("long", "review", amount={"kind": "by_length", "steps": [{"over": 20, "points": 5}]})
    document = standing_document()
    document["rules"].append(long)

    result = brand.simulate(document)

    assert result["not_simulated"] == {}
    assert sides(result, "long")[0] == 0


def test_how_often_an_event_was_done_is_read_from_its_counters(brand: Brand) -> None:
    brand.behave("e1", "message", noon(2), quantity=2)
    brand.behave("e2", "ride", noon(2), quantity=1)

    assert sides(brand.simulate(changed("message", amount={"points": 3})), "message") == (2, 6)


def test_presents_and_refunds_of_earlier_orders_are_on_neither_side(brand: Brand) -> None:
    brand.order("0", 10_000, noon(30, 10))
    brand.order("1", 10_000, noon(2))
    brand.refund("0", 10_000, noon(3))
    gift = an_earn(77, rule="", cause=a_cause(id="g1", at=noon(4), activity="lottery"))
    brand.ledger.post("m1", lambda seen: apply(seen.account, [gift], TERMS, noon(4)))

    result = brand.simulate(standing_document())

    assert result["not_simulated"] == {"refund_of_earlier_order": 1, "lottery": 1, "growth_before_window": 1}
    assert sides(result, "order") == (100, 100)


def test_a_lost_order_is_left_out_on_both_sides(brand: Brand) -> None:
    brand.order("1", 10_000, noon(2))
    brand.order("2", 20_000, noon(3))
    brand.orders.dynamo.delete_item(TableName=brand.orders.name, Key={"pk": {"S": "tmall#1"}})

    result = brand.simulate(standing_document())

    assert result["not_simulated"] == {"order": 1}
    assert sides(result, "order") == (200, 200)


def test_a_member_whose_journal_has_a_gap_is_not_judged(brand: Brand) -> None:
    for day in (1, 2, 3):
        brand.check_in(day)
        brand.check_in(day, member_id="m2")
    (entry,) = [one for one in brand.ledger.entries("m1", before_key=None, limit=9) if one.sequence == 2]
    brand.ledger.dynamo.delete_item(TableName=brand.ledger.journal, Key={"pk": {"S": "M#m1"}, "sk": {"S": entry.key}})

    result = brand.simulate(standing_document())

    assert result["not_simulated"] == {"incomplete_journal": 1}
    assert (result["members"], sides(result, "check_in")) == (1, (6, 6))


def test_lines_of_an_order_are_judged_by_the_drafts_conditions(brand: Brand) -> None:
    lines = (Line("1", "shoe", "shoes", 6_000), Line("2", "hat", "hats", 4_000))
    brand.order("1", 10_000, noon(2), lines=lines)

    assert sides(brand.simulate(changed("order", when={"categories": ["hats"]})), "order") == (100, 40)


def test_a_budget_of_the_draft_is_honoured_over_all_members_and_the_forecast_warns(brand: Brand) -> None:
    for day, member_id in ((2, "m1"), (3, "m2"), (4, "m3")):
        brand.order(f"o{day}", 10_000, noon(day), member_id=member_id)
    budget = {"id": "orders", "points": 250, "period": "month", "rules": ["order"], "shards": 1}

    result = brand.simulate(standing_document(budgets=[budget], tasks=[]))

    assert sides(result, "order") == (300, 200)
    assert next(line for line in result["rules"] if line["rule"] == "order")["unmet_points"] == 100
    assert result["forecast"]["points_by_rule"]["order"] == 300
    assert [(one["path"], one["code"]) for one in result["warnings"]] == [("budgets.0.points", "over_budget")]


def test_a_sample_holds_the_same_members_each_time_and_is_multiplied_up(brand: Brand) -> None:
    for number in range(40):
        brand.check_in(2, member_id=f"m{number}")

    half = brand.simulate(standing_document(), sample_percent=50)

    assert half == brand.simulate(standing_document(), sample_percent=50)
    assert (half["is_extrapolated"], half["sample_percent"]) == (True, 50)
    assert 0 < half["members"] < 80
    assert half["members"] % 2 == 0
    assert sides(half, "check_in") == (2 * half["members"],) * 2
    assert is_unchanged(half)


def live(brand: Brand, seed: int) -> None:
    """Some members' October and November, as chance has it."""
    chance = random.Random(seed)
    orders: list[tuple[str, int]] = []
    for month, day in [(10, day) for day in range(27, 32)] + [(11, day) for day in range(1, 16)]:
        for member_id in ("m1", "m2"):
            if chance.random() < 0.7:
                brand.check_in(day, member_id, month)
            for place, indicator in enumerate(("review", "message", "message", "login", "ride", "register")):
                if chance.random() < 0.25:
                    at = noon(day, month, minutes=place)
                    brand.behave(f"{place}{at}{member_id}", indicator, at, member_id)
            if chance.random() < 0.2:
                orders.append((f"{month}{day}{member_id}", chance.randrange(500, 50_000)))
                brand.order(*orders[-1], noon(day, month, hours=1), member_id)
        if orders and month == 11 and chance.random() < 0.4:
            refund(brand, *orders.pop(chance.randrange(len(orders))), day, chance)


def refund(brand: Brand, no: str, paid_fen: int, day: int, chance: random.Random) -> None:
    """Two refunds at once, of less than the half each."""
    for refund_no in ("r1", "r2"):
        brand.refund(no, chance.randrange(1, paid_fen // 2), noon(day, hours=2), refund_no)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_draft_like_the_standing_terms_changes_nothing(brand: Brand, seed: int) -> None:
    live(brand, seed)

    result = brand.simulate(standing_document())
    ample = {"id": "all", "points": 10**9, "period": "month", "rules": ["order", "check_in"]}

    assert result["before"]["points"] > 300
    assert [line for line in result["rules"] if line["before"] != line["after"]] == []
    assert brand.simulate(standing_document(budgets=[ample]))["rules"] == result["rules"]
    later = brand.simulate(standing_document(), from_on=date(2026, 11, 5), to_on=date(2026, 11, 11))
    lines = [*result["levels"], *later["rules"], *later["levels"]]
    assert [line for line in lines if line["before"] != line["after"]] == []


def test_a_published_version_can_be_simulated(brand: Brand) -> None:
    brand.check_in(2)
    asked, _ = brand.ask(version=1)

    done = brand.run(asked.id)

    assert (done.state, done.segments) == ("done", 100)
    assert is_unchanged(dict(done.result or {}))
    assert code_of(lambda: brand.ask(version=2)) is Code.VERSION_NOT_FOUND


@pytest.mark.parametrize(
    ("from_on", "to_on"),
    [
        (date(2026, 11, 30), date(2026, 11, 1)),
        (date(2026, 11, 1), date(2026, 12, 3)),
        (date(2027, 1, 1), date(2027, 1, 31)),
        (date(2025, 11, 1), date(2026, 11, 2)),
    ],
)
def test_windows_that_are_no_past_year_are_refused(brand: Brand, from_on: date, to_on: date) -> None:
    assert code_of(lambda: brand.ask(version=1, from_on=from_on, to_on=to_on)) is Code.WINDOW_REFUSED
    assert brand.sent == []


def test_a_whole_leap_year_up_to_yesterday_is_allowed(brand: Brand) -> None:
    asked, _ = brand.ask(version=1, from_on=date(2025, 12, 2), to_on=date(2026, 12, 2))

    assert asked.window.days == 366


def test_asking_twice_with_one_key_asks_once_and_queues_what_still_waits(brand: Brand) -> None:
    draft_id = brand.draft(standing_document())
    first, replayed = brand.ask(draft_id, key="k")
    again, replayed_again = brand.ask(draft_id, key="k")

    assert (replayed, replayed_again) == (False, True)
    assert again == first
    assert len(brand.sent) == 2  # the first message may have been lost with its request
    brand.run(first.id)
    delete_draft(brand.programme, draft_id, by="s1", now=DECEMBER)
    late, _ = brand.ask(draft_id, key="k")
    assert (late.id, late.state, len(brand.sent)) == (first.id, "done", 2)
    assert code_of(lambda: brand.ask(version=1, key="k")) is Code.KEY_REUSED


def test_a_draft_that_is_wrong_or_deleted_is_refused_at_once(brand: Brand) -> None:
    wrong = brand.draft({"name": "x"})
    gone = brand.draft(standing_document())
    delete_draft(brand.programme, gone, by="s1", now=DECEMBER)

    assert code_of(lambda: brand.ask(wrong)) is Code.INVALID_TERMS
    assert code_of(lambda: brand.ask(gone)) is Code.DRAFT_NOT_FOUND


def test_a_draft_that_is_deleted_or_changed_meanwhile_fails_the_run_and_says_so(brand: Brand) -> None:
    gone, other = brand.draft(standing_document()), brand.draft(standing_document())
    (first, _), (second, _) = brand.ask(gone), brand.ask(other)
    delete_draft(brand.programme, gone, by="s1", now=DECEMBER)
    replace_draft(brand.programme, other, "d", standing_document(tasks=[]), version=1, by="s1", now=DECEMBER)

    assert (brand.run(first.id).state, brand.run(first.id).failure) == ("failed", "draft_deleted")
    assert brand.run(second.id).failure == "draft_changed"


def test_a_draft_that_is_published_meanwhile_is_simulated_all_the_same(brand: Brand) -> None:
    draft_id = brand.draft(standing_document())
    asked, _ = brand.ask(draft_id)
    publish_draft(brand.programme, draft_id, version=1, effective_from=DECEMBER, note="", by="s1", now=DECEMBER)

    assert brand.run(asked.id).state == "done"


def test_a_run_that_has_no_time_left_says_so(brand: Brand) -> None:
    brand.check_in(2)
    asked, _ = brand.ask(version=1)

    assert brand.run(asked.id, has_time=lambda: False).failure == "out_of_time"


def test_more_than_a_worker_can_hold_says_so_only_where_members_meet(
    brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "MAX_HELD_EVENTS", 1)
    brand.check_in(2)
    brand.check_in(3)
    budget = {"id": "b", "points": 100, "period": "month", "rules": ["check_in"]}
    held, _ = brand.ask(brand.draft(standing_document(budgets=[budget])))
    free, _ = brand.ask(version=1)

    assert brand.run(held.id).failure == "too_much"
    assert brand.run(free.id).state == "done"


class Broken(Exception):
    pass


class Cut:
    """A client that is cut off at its first scan."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        if name == "scan":
            raise Broken
        return getattr(self.real, name)


def test_a_run_that_was_cut_off_begins_anew_and_gives_up_after_three(brand: Brand) -> None:
    brand.check_in(2)
    cut = replace(brand.past, dynamo=Cut(brand.ledger.dynamo))
    (once, _), (always, _) = brand.ask(version=1), brand.ask(version=1)

    for asked in (once, always, always, always):
        with pytest.raises(Broken):
            brand.run(asked.id, past=cut)

    assert brand.run(once.id).state == "done"
    assert brand.run(always.id).failure == "interrupted"
    assert brand.run(always.id, past=cut).failure == "interrupted"


class Doubled:
    """A client at whose first scan a second worker runs the same simulation to its end."""

    def __init__(self, real: Any, act: Any) -> None:
        self.real, self.act = real, act

    def __getattr__(self, name: str) -> Any:
        if name == "scan" and self.act:
            act, self.act = self.act, None
            act()
        return getattr(self.real, name)


def test_two_workers_at_once_keep_the_first_result(brand: Brand) -> None:
    brand.check_in(2)
    asked, _ = brand.ask(version=1)
    firsts: list[Any] = []
    doubled = Doubled(brand.ledger.dynamo, lambda: firsts.append(brand.run(asked.id)))

    done = brand.run(asked.id, past=replace(brand.past, dynamo=doubled))

    assert firsts[0].state == "done"
    assert done == firsts[0] == brand.simulations.read(asked.id)


def test_progress_is_told_while_it_runs(brand: Brand) -> None:
    brand.check_in(2)
    asked, _ = brand.ask(version=1)
    seen: list[int] = []

    def look() -> bool:
        seen.append(brand.simulations.read(asked.id).segments)
        return True

    for number in range(30):
        brand.check_in(3, member_id=f"m{number + 2}")
    brand.run(asked.id, has_time=look)

    assert seen == sorted(seen)
    assert {0, 50, 90} & set(seen)
    assert len(set(seen)) > 3


def test_a_simulation_writes_nothing_but_itself(brand: Brand) -> None:
    brand.check_in(2)
    brand.order("1", 10_000, noon(2))
    dynamo = brand.ledger.dynamo
    tables = (brand.ledger.ledger, brand.ledger.journal, brand.orders.name, brand.refusals.name)
    before = [dynamo.scan(TableName=name)["Items"] for name in tables]

    brand.simulate(standing_document())

    assert [dynamo.scan(TableName=name)["Items"] for name in tables] == before


def test_the_newest_simulation_of_a_draft_is_its_forecast(brand: Brand) -> None:
    brand.order("1", 10_000, noon(2))
    draft_id = brand.draft(standing_document())

    assert forecast_of(brand.simulations, draft_id, 1) is None
    asked, _ = brand.ask(draft_id)
    brand.run(asked.id)
    expected = forecast_of(brand.simulations, draft_id, 1)
    assert expected is not None
    assert (expected.days, expected.points_by_rule["order"]) == (30, 100)
    assert forecast_of(brand.simulations, draft_id, 2) is None


def test_the_list_has_the_newest_first_and_no_results(brand: Brand) -> None:
    ids = [brand.ask(version=1)[0].id for _ in range(3)]
    brand.run(ids[1])

    found = brand.simulations.newest(limit=2)

    assert [(one.id, one.state, one.result) for one in found] == [(ids[2], "queued", None), (ids[1], "done", None)]
    assert [one.id for one in brand.simulations.newest(below=ids[1], limit=2)] == [ids[0]]


def test_a_run_of_check_ins_brought_from_elsewhere_goes_on_in_a_simulation() -> None:
    command = Open(a_cause(Kind.ADJUST), {}, 1, checked_in_on=TODAY_ON, run_days=100, joined_on=TODAY_ON)
    entries = apply(an_account(), [command], TERMS, NOW).entries

    found = begun("m1", entries, NOW + timedelta(days=1), NOW + timedelta(days=2))

    assert found.check_ins.with_day(TODAY_ON + timedelta(days=1)).run_days == 101


def held(result: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Members by level before and after, levels that nobody holds left out."""
    return {one["level"]: (one["before"], one["after"]) for one in result["levels"] if one["before"] or one["after"]}


def levels_with(**given: Any) -> dict[str, Any]:
    """The standing document with other terms of levels; `gold` is the growth that reaches and keeps gold."""
    document = standing_document()
    gold = given.pop("gold", None)
    if gold is not None:
        document["levels"]["levels"][1] |= {"from_growth": gold, "keep_growth": min(gold, 400)}
    document["levels"] |= given
    return document


def test_members_by_level_before_and_after_under_other_thresholds(brand: Brand) -> None:
    brand.order("1", 60_000, noon(2))
    brand.order("2", 30_000, noon(3), member_id="m2")
    brand.check_in(4, "m3")

    lower, higher = brand.simulate(levels_with(gold=300)), brand.simulate(levels_with(gold=700))

    assert held(lower) == {"normal": (2, 1), "gold": (1, 2)}
    assert held(higher) == {"normal": (2, 3), "gold": (1, 0)}
    assert [line["name"] for line in lower["levels"]] == ["普通", "黄金", "铂金", "钻石"]


def test_growth_of_before_the_window_counts_as_it_was_booked_and_is_said_to(brand: Brand) -> None:
    brand.order("0", 40_000, noon(30, 10))
    brand.order("1", 20_000, noon(2))
    doubled = levels_with()
    doubled["growth"]["order"]["growth"] = 2

    result = (
        brand.simulate(levels_with(gold=650)),
        brand.simulate(doubled | {"levels": levels_with(gold=800)["levels"]}),
    )

    assert [held(one) for one in result] == [{"gold": (1, 0), "normal": (0, 1)}, {"gold": (1, 1)}]
    assert [one["not_simulated"] for one in result] == [{"growth_before_window": 1}] * 2


def test_a_refund_takes_the_drafts_growth_and_the_level_only_where_the_draft_rechecks(brand: Brand) -> None:
    brand.order("1", 60_000, noon(2))
    brand.refund("1", 60_000, noon(3))

    assert held(brand.simulate(levels_with())) == {"gold": (1, 1)}
    assert held(brand.simulate(levels_with(refunds="recheck"))) == {"gold": (1, 0), "normal": (0, 1)}


def test_a_refund_of_an_earlier_order_takes_its_growth_on_both_sides(brand: Brand) -> None:
    brand.order("0", 40_000, noon(30, 10))
    brand.refund("0", 40_000, noon(2))
    brand.order("1", 20_000, noon(3))

    assert held(brand.simulate(levels_with(gold=400))) == {"normal": (1, 1)}


def test_a_member_whose_level_was_set_by_hand_is_of_no_level_on_either_side(brand: Brand) -> None:
    brand.order("1", 60_000, noon(2))
    command = SetLevel(a_cause(Kind.LEVEL, "k", activity="level_set"), "diamond", date(2027, 11, 1), False, 1)
    brand.ledger.post("m1", lambda seen: apply(seen.account, [command], brand.book.at(noon(3)).ledger, noon(3)))

    result = brand.simulate(levels_with())

    assert (held(result), result["not_simulated"]) == ({}, {"level_set": 1})


def test_a_draft_without_levels_says_nothing_of_them(brand: Brand) -> None:
    brand.order("1", 60_000, noon(2))

    assert brand.simulate(standing_document(levels=None, stages=None))["levels"] == []
