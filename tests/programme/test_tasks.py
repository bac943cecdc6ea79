"""Tasks: progress within a window, one lump per window, and what a refund takes back."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Count, Counted, counted
from chalicelib.programme.activity import Activity, Behaved, CheckedIn, Ordered, Standing
from chalicelib.programme.award import Decision, decide
from chalicelib.programme.model import Terms
from chalicelib.programme.tasks import task_regress, tasks_shown
from tests.programme.builders import a_rule, after, terms_of

ON = date(2026, 11, 20)
MONTH_END = date(2026, 11, 30)


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
    year_end = date(2026, 12, 31)
    assert counters == {"task": Count(year_end, 3), "task:x": Count(year_end, 50)}


def test_money_counts_by_the_fen_and_may_pass_the_goal_in_one_step() -> None:
    lumps, _counters = walk(one_task(counts="fen", goal=10_000), (ON, bought(99)), (ON, bought(50)), (ON, bought(50)))

    assert lumps == [0, 50, 0]


def test_a_day_counts_once_however_often_something_is_done_on_it() -> None:
    tomorrow = ON + timedelta(days=1)

    lumps, counters = walk(
        one_task(counts="days", goal=2), (ON, bought()), (ON, bought()), (tomorrow, bought()), (ON, bought())
    )

    assert lumps == [0, 0, 50, 0]
    assert counters == {"task": Count(MONTH_END, 2, tomorrow), "task:x": Count(MONTH_END, 50)}


def test_a_task_counts_only_in_its_window_and_under_its_conditions() -> None:
    window = {"kind": "dates", "from_on": "2026-11-20", "until_on": "2026-11-22"}
    terms = one_task(window=window, when={"min_fen": 500})

    _lumps, counters = walk(terms, (date(2026, 11, 19), bought()), (ON, bought(4)), (date(2026, 11, 23), bought()))

    assert counters == {}
    assert walk(terms, (ON, bought(5)))[1] == {"task": Count(date(2026, 11, 22), 1)}


def test_an_order_heard_of_after_its_window_counts_nowhere() -> None:
    december = {"task": Count(date(2026, 12, 31), 2)}

    assert the_decision(one_task(), bought(), december) == Decision()


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
    standing = Standing(counters={"mine": Count(MONTH_END, 7)})

    (shown,) = tasks_shown(terms, standing, ON)

    assert (shown.id, shown.done, shown.goal, shown.points, shown.ends_on) == ("mine", 3, 3, 50, MONTH_END)
    assert tasks_shown(terms, standing, date(2026, 12, 1))[0].done == 0


def with_lump(done: int) -> dict[str, Count]:
    return {"task": Count(MONTH_END, done), "task:x": Count(MONTH_END, 50)}


def refunded(yuan: int = 10) -> Ordered:
    return bought(yuan, refunded_fen=yuan * 100)


def test_a_refund_that_brings_the_task_below_its_goal_takes_the_lump_back_to_be_earned_again() -> None:
    terms = one_task()
    _lumps, counters = walk(terms, *[(ON, bought())] * 3)

    regress = task_regress(terms, refunded(), [Counted("task", MONTH_END, 1)], counters)

    assert regress.progress == (Counted("task", MONTH_END, -1), Counted("task:x", MONTH_END, -50))
    assert regress.lumps == {"task": 50}
    below = counted(counters, regress.progress)
    assert [award.rule for award in the_decision(terms, bought(), below).awards] == ["task"]


def test_a_refund_above_the_goal_or_of_a_part_leaves_the_lump() -> None:
    terms = one_task()
    _lumps, counters = walk(terms, *[(ON, bought())] * 4)
    counts = [Counted("task", MONTH_END, 1)]

    assert task_regress(terms, refunded(), counts, counters).lumps == {}
    assert task_regress(terms, bought(10, refunded_fen=999), counts, counters).progress == ()


def test_an_order_that_falls_below_the_least_amount_no_longer_counts() -> None:
    terms = one_task(when={"min_fen": 900})
    counts = [Counted("task", MONTH_END, 1)]

    regress = task_regress(terms, bought(10, refunded_fen=200), counts, with_lump(3))

    assert regress.lumps == {"task": 50}


def test_money_is_taken_back_by_what_was_refunded() -> None:
    terms = one_task(counts="fen", goal=1000)
    counts = [Counted("task", MONTH_END, 1000)]

    regress = task_regress(terms, bought(10, refunded_fen=400), counts, with_lump(1300))

    assert regress.progress == (Counted("task", MONTH_END, -400), Counted("task:x", MONTH_END, -50))
    assert regress.lumps == {"task": 50}


def test_once_the_window_is_forgotten_a_refund_takes_no_lump_back() -> None:
    terms = one_task()
    counts = [Counted("task", MONTH_END, 1)]
    december = {"task": Count(date(2026, 12, 31), 3)}

    assert task_regress(terms, refunded(), counts, december).lumps == {}
    assert task_regress(terms, refunded(), counts, {}).lumps == {}
    next_window = {**december, "task:x": Count(date(2026, 12, 31), 50)}
    assert task_regress(terms, refunded(), counts, next_window).lumps == {}


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
    counts = [Counted("task", MONTH_END, 1)]
    over = one_task(goal=2, validity={"kind": "on_date", "on": "2026-11-19"})
    lumps, counters = walk(over, *[(ON, bought())] * 2)

    assert lumps == [0, 0]
    assert task_regress(over, refunded(), counts, counters).lumps == {}
    _lumps, below = walk(one_task(goal=5), *[(ON, bought())] * 2)
    assert task_regress(one_task(goal=2), refunded(), counts, below).lumps == {}


def test_a_lump_falls_once_and_by_the_points_it_was_paid_with() -> None:
    counts = [Counted("task", MONTH_END, 1)]
    _lumps, counters = walk(one_task(points=20), *[(ON, bought())] * 3)

    first = task_regress(one_task(), refunded(), counts, counters)
    second = task_regress(one_task(), refunded(), counts, counted(counters, first.progress))

    assert (first.lumps, second.lumps) == ({"task": 20}, {})


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.data())
def test_refunds_in_any_order_end_as_if_the_refunded_orders_had_never_counted(
    amounts: list[int], data: st.DataObject
) -> None:
    terms = one_task(counts="fen", goal=5000)
    _lumps, counters = walk(terms, *[(ON, bought(yuan)) for yuan in amounts])
    has_lump = counters["task"].used >= 5000
    gone = data.draw(st.lists(st.sampled_from(range(len(amounts))), unique=True))
    for place in gone:
        counts = [Counted("task", MONTH_END, amounts[place] * 100)]
        regress = task_regress(terms, refunded(amounts[place]), counts, counters)
        counters = counted(counters, regress.progress)
        has_lump = has_lump and not regress.lumps

    left_fen = sum(yuan * 100 for place, yuan in enumerate(amounts) if place not in gone)
    assert counters["task"].used == left_fen
    assert has_lump == (left_fen >= 5000)
