"""Tasks: progress within a window, one lump per window, and what a refund takes back."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Count, Counted, Counters, counted, running
from chalicelib.programme.activity import Activity, Behaved, CheckedIn, Ordered, Standing
from chalicelib.programme.award import Decision, decide
from chalicelib.programme.model import Terms
from chalicelib.programme.periods import through_on
from chalicelib.programme.regress import regress
from chalicelib.programme.tasks import LUMP_UNIT, counter_name, done_and_lump, tasks_shown
from tests.programme.builders import a_rule, after, terms_of

ON = date(2026, 11, 20)
MONTH_END = date(2026, 11, 30)
KEPT_ON = date(2027, 1, 14)
"""45 days after the month's end."""


def a_task(task_id: str = "task", **given: Any) -> dict[str, Any]:
    return {
        "id": task_id,
        "name": "三单",
        "activity": "order",
        "counts": "times",
        "goal": 3,
        "window": {"kind": "month"},
        "points": 50,
        "points_class": "activity",
        "validity": {"kind": "never"},
        **given,
    }


def one_task(**given: Any) -> Terms:
    return terms_of(a_rule("order", enabled=False), tasks=[a_task(**given)])


def counter(
    done: int, lump: int = 0, on: date = ON, last_on: date | None = None, task_id: str = "task"
) -> dict[str, Count]:
    """The counter of a month, as it stands on the account."""
    ends_on = through_on("month", on)
    assert ends_on is not None
    used = done * LUMP_UNIT + lump
    return {counter_name(task_id, ends_on): Count(ends_on + timedelta(days=45), used, last_on)}


def counted_one(add: int) -> Counted:
    """What an order counted in November."""
    return Counted(counter_name("task", MONTH_END), KEPT_ON, add * LUMP_UNIT)


def fallen(points: int) -> Counted:
    return Counted(counter_name("task", MONTH_END), KEPT_ON, -points)


def walk(terms: Terms, *activities: tuple[date, Activity]) -> tuple[list[int], dict[str, Count]]:
    """The lumps paid at each step, and the counters at the end."""
    counters: dict[str, Count] = {}
    lumps = []
    for on, activity in activities:
        decision = the_decision(terms, activity, counters, on)
        counters = after(counters, decision)
        lumps.append(sum(award.points for award in decision.awards if award.rule == "task"))
    return lumps, counters


def the_decision(terms: Terms, activity: Activity, counters: dict[str, Count], on: date = ON) -> Decision:
    return decide(terms, activity, Standing(counters=counters), on=on, hour=12)


def bought(yuan: int = 10, **given: Any) -> Ordered:
    return Ordered(yuan * 100, **given)


def test_the_goal_pays_its_lump_once_in_a_window_and_again_in_the_next() -> None:
    december = date(2026, 12, 1)

    lumps, counters = walk(one_task(), *[(ON, bought())] * 5, *[(december, bought())] * 3)

    assert lumps == [0, 0, 50, 0, 0, 0, 0, 50]
    assert counters == counter(5, 50) | counter(3, 50, december)


def test_money_counts_by_the_fen_and_may_pass_the_goal_in_one_step() -> None:
    lumps, _counters = walk(one_task(counts="fen", goal=10_000), (ON, bought(99)), (ON, bought(50)), (ON, bought(50)))

    assert lumps == [0, 50, 0]


def test_a_day_counts_once_however_often_something_is_done_on_it() -> None:
    tomorrow = ON + timedelta(days=1)

    lumps, counters = walk(
        one_task(counts="days", goal=2), (ON, bought()), (ON, bought()), (tomorrow, bought()), (ON, bought())
    )

    assert lumps == [0, 0, 50, 0]
    assert counters == counter(2, 50, last_on=tomorrow)


def test_a_task_counts_only_in_its_window_and_under_its_conditions() -> None:
    window = {"kind": "dates", "from_on": "2026-11-20", "until_on": "2026-11-22"}
    terms = one_task(window=window, when={"min_fen": 500})

    _lumps, counters = walk(terms, (date(2026, 11, 19), bought()), (ON, bought(4)), (date(2026, 11, 23), bought()))

    assert counters == {}
    kept_on = date(2027, 1, 6)
    assert walk(terms, (ON, bought(5)))[1] == {counter_name("task", date(2026, 11, 22)): Count(kept_on, LUMP_UNIT)}


def test_each_window_counts_for_itself_whatever_was_counted_in_another() -> None:
    december = counter(2, on=date(2026, 12, 1))

    assert the_decision(one_task(), bought(), december).progress == (counted_one(1),)


def test_check_ins_and_behaviours_are_tasks_too() -> None:
    days = CheckInDays().with_day(ON)
    check_in = terms_of(tasks=[a_task(activity="check_in", goal=1, counts="days")])
    review = terms_of(tasks=[a_task(activity="review", goal=4)])

    assert walk(check_in, (ON, CheckedIn(ON, days)))[0] == [50]
    assert walk(review, (ON, Behaved("review", ON, 12, quantity=4)))[0] == [50]


def test_a_member_sees_the_tasks_that_are_his_with_what_is_done() -> None:
    terms = terms_of(
        tasks=[
            a_task("mine"),
            a_task("gold", when={"levels": ["gold"]}),
            a_task("off", enabled=False),
            a_task("over", window={"kind": "dates", "from_on": "2026-01-01", "until_on": "2026-01-02"}),
        ]
    )
    standing = Standing(counters=counter(7, task_id="mine"))

    (shown,) = tasks_shown(terms, standing, ON)

    assert (shown.id, shown.done, shown.goal, shown.points, shown.ends_on) == ("mine", 3, 3, 50, MONTH_END)
    assert tasks_shown(terms, standing, date(2026, 12, 1))[0].done == 0


def refunded(yuan: int = 10) -> Ordered:
    return bought(yuan, refunded_fen=yuan * 100)


def test_a_refund_that_brings_the_task_below_its_goal_takes_the_lump_back_to_be_earned_again() -> None:
    terms = one_task()
    _lumps, counters = walk(terms, *[(ON, bought())] * 3)

    lowered = regress(terms, refunded(), [counted_one(1)], counters)

    assert lowered.counts == (counted_one(-1), fallen(50))
    assert lowered.lumps == {"task": 50}
    below = counted(counters, lowered.counts)
    assert [award.rule for award in the_decision(terms, bought(), below).awards] == ["task"]


def test_a_refund_above_the_goal_or_of_a_part_leaves_the_lump() -> None:
    terms = one_task()
    _lumps, counters = walk(terms, *[(ON, bought())] * 4)
    counts = [counted_one(1)]

    assert regress(terms, refunded(), counts, counters).lumps == {}
    assert regress(terms, bought(10, refunded_fen=999), counts, counters).progress == ()


def test_an_order_that_falls_below_the_least_amount_no_longer_counts() -> None:
    terms = one_task(when={"min_fen": 900})
    counts = [counted_one(1)]

    lowered = regress(terms, bought(10, refunded_fen=200), counts, counter(3, 50))

    assert lowered.lumps == {"task": 50}


def test_money_is_taken_back_by_what_was_refunded() -> None:
    terms = one_task(counts="fen", goal=1000)
    counts = [counted_one(1000)]

    lowered = regress(terms, bought(10, refunded_fen=400), counts, counter(1300, 50))

    assert lowered.counts == (counted_one(-400), fallen(50))
    assert lowered.lumps == {"task": 50}


def test_a_lump_falls_after_its_window_too_until_its_days_are_over() -> None:
    terms = one_task()
    _lumps, counters = walk(terms, *[(ON, bought())] * 3, *[(date(2026, 12, 1), bought())] * 3)
    november = [counted_one(1)]

    assert regress(terms, refunded(), november, running(counters, KEPT_ON)).lumps == {"task": 50}
    assert regress(terms, refunded(), november, running(counters, KEPT_ON + timedelta(days=1))).lumps == {}


def test_days_that_change_within_a_window_change_nothing_of_a_counter_that_stands() -> None:
    _lumps, counters = walk(one_task(refund_days=10), *[(ON, bought())] * 2)

    decision = the_decision(one_task(refund_days=60), bought(), counters)

    (after_it,) = after(counters, decision).values()
    assert (after_it.through_on, done_and_lump(after_it.used)) == (date(2026, 12, 10), (3, 50))


def test_a_goal_raised_within_the_window_pays_no_second_lump() -> None:
    lumps, counters = walk(one_task(goal=1), (ON, bought()))

    assert lumps == [50]
    for _ in range(4):
        decision = the_decision(one_task(goal=3), bought(), counters)
        counters = after(counters, decision)
        assert decision.awards == ()


def test_a_goal_lowered_below_what_is_done_pays_with_the_next_step() -> None:
    lumps, counters = walk(one_task(goal=5), *[(ON, bought())] * 3)
    assert lumps == [0, 0, 0]

    decision = the_decision(one_task(goal=2), bought(), counters)
    assert [award.points for award in decision.awards] == [50]
    assert the_decision(one_task(goal=2), bought(), after(counters, decision)).awards == ()


def test_what_was_never_paid_is_never_taken_back() -> None:
    counts = [counted_one(1)]
    over = one_task(goal=2, validity={"kind": "on_date", "on": "2026-11-19"})
    lumps, counters = walk(over, *[(ON, bought())] * 2)

    assert lumps == [0, 0]
    assert regress(over, refunded(), counts, counters).lumps == {}
    _lumps, below = walk(one_task(goal=5), *[(ON, bought())] * 2)
    assert regress(one_task(goal=2), refunded(), counts, below).lumps == {}


def test_a_lump_falls_once_and_by_the_points_it_was_paid_with() -> None:
    counts = [counted_one(1)]
    _lumps, counters = walk(one_task(points=20), *[(ON, bought())] * 3)

    first = regress(one_task(), refunded(), counts, counters)
    second = regress(one_task(), refunded(), counts, counted(counters, first.counts))

    assert (first.lumps, second.lumps) == ({"task": 20}, {})


def test_a_paused_task_neither_counts_nor_pays_and_goes_on_where_it_was() -> None:
    terms = one_task()
    paused = Terms(1, terms.effective_from, terms.programme, frozenset({"task"}))
    _lumps, two = walk(terms, *[(ON, bought())] * 2)

    assert the_decision(paused, bought(), two) == Decision()
    assert walk(paused, (ON, bought()))[1] == {}
    assert [award.points for award in the_decision(terms, bought(), two).awards] == [50]


def test_a_task_on_trial_counts_only_for_its_members() -> None:
    terms = one_task(trial={"members": ["m1"]}, goal=1)

    def awarded(member_id: str) -> list[int]:
        decision = decide(terms, bought(), Standing(member_id=member_id), on=ON, hour=12)
        return [award.points for award in decision.awards]

    assert (awarded("m1"), awarded("m2")) == ([50], [])
    assert [len(tasks_shown(terms, Standing(member_id=one), ON)) for one in ("m1", "m2")] == [1, 0]


def test_a_lump_draws_from_its_budget_and_is_refused_until_there_is_one_again() -> None:
    budget = {"id": "lumps", "points": 100, "period": "month", "rules": ["task"], "shards": 1}
    terms = terms_of(tasks=[a_task(goal=1)], budgets=[budget])

    spent = decide(terms, bought(), Standing(), on=ON, hour=12, spent_budgets=frozenset({"lumps"}))
    later = the_decision(terms, bought(), after({}, spent))

    assert [(one.rule, one.code, one.text) for one in spent.refused] == [
        ("task", "budget_spent", "三单本月名额已满,下月1日起恢复")
    ]
    assert spent.progress == (counted_one(1),)
    ((use,),) = [award.budgets for award in later.awards]
    assert (use.id, use.period_key, use.points) == ("lumps", "2026-11", 50)


def test_a_shared_cap_lets_through_what_it_still_has_of_a_lump_and_that_is_what_can_fall() -> None:
    cap = {"id": "all", "points": 60, "period": "month", "rules": ["order", "task"]}
    terms = terms_of(a_rule("order"), tasks=[a_task(goal=1)], caps=[cap])

    decision = the_decision(terms, bought(), {})

    assert [(award.rule, award.points) for award in decision.awards] == [("order", 10), ("task", 50)]
    tight = the_decision(terms, bought(20), {})
    assert [(award.rule, award.points) for award in tight.awards] == [("order", 20), ("task", 40)]
    assert regress(terms, refunded(20), tight.progress, after({}, tight)).lumps == {"task": 40}
    full = the_decision(terms, bought(60), {})
    assert [(one.rule, one.code) for one in full.refused] == [("task", "capped")]


FIRST_ON, LAST_ON = date(2026, 11, 24), date(2027, 1, 14)
"""A week before the end of November, and the last day on which its lump can fall."""


@given(st.data())
def test_a_lump_stands_exactly_while_what_is_left_of_its_window_meets_the_goal(data: st.DataObject) -> None:
    """Orders around the end of a month, refunds in parts until the days after it are over; nothing comes in order."""
    counts = data.draw(st.sampled_from(["times", "fen"]))
    goal = 3 if counts == "times" else 5000
    terms = one_task(counts=counts, goal=goal, when={"min_fen": 300})
    bought_on = [
        FIRST_ON + timedelta(days=one) for one in data.draw(st.lists(st.integers(0, 13), min_size=1, max_size=9))
    ]
    orders = [bought(data.draw(st.integers(1, 40)), paid_on=on) for on in bought_on]
    happens = [(on, place, False) for place, on in enumerate(bought_on)]
    for place, on in enumerate(bought_on):
        days = data.draw(st.lists(st.integers(0, (LAST_ON - on).days), max_size=3))
        happens += [(on + timedelta(days=one), place, True) for one in days]
    counters: Counters = {}
    left, progress = list(orders), dict[int, tuple[Counted, ...]]()
    stands = dict.fromkeys((MONTH_END, date(2026, 12, 31)), 0)

    for on, place, is_refund in sorted(happens):
        ends_on = through_on("month", bought_on[place])
        assert ends_on is not None
        if is_refund and place in progress:
            refunded_fen = data.draw(st.integers(left[place].refunded_fen, left[place].paid_fen))
            left[place] = left[place]._replace(refunded_fen=refunded_fen)
            lowered = regress(terms, left[place], progress[place], counters)
            progress[place] = less(progress[place], lowered.progress)
            counters = running(counted(counters, lowered.counts), on)
            stands[ends_on] -= sum(lowered.lumps.values())
        elif not is_refund:
            decision = the_decision(terms, left[place], dict(counters), on)
            progress[place] = decision.progress
            counters = running(after(counters, decision), on)
            stands[ends_on] += sum(award.points for award in decision.awards)
        for end, points in stands.items():
            done = [
                left[one].paid_fen - left[one].refunded_fen
                for one in progress
                if through_on("month", bought_on[one]) == end
            ]
            reached = sum(fen >= 300 if counts == "times" else fen * (fen >= 300) for fen in done)
            assert points == (50 if reached >= goal else 0)


def less(progress: tuple[Counted, ...], taken: tuple[Counted, ...]) -> tuple[Counted, ...]:
    return tuple(one._replace(add=one.add + sum(other.add for other in taken)) for one in progress)
