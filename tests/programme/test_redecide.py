"""What an order keeps of its points after a refund, at its own terms."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.counters import Count
from chalicelib.programme.activity import Ordered, OrderLine, Standing
from chalicelib.programme.award import decide, redecide
from chalicelib.programme.model import Terms
from tests.programme.builders import a_rule, demo_terms, terms_of

ON = date(2026, 11, 20)


def paid(terms: Terms, order: Ordered, standing: Standing) -> dict[str, int]:
    decision = decide(terms, order, standing, on=ON, hour=12)
    return {award.rule: award.points for award in decision.awards}


def kept(terms: Terms, before: Ordered, after: Ordered, **given: Any) -> dict[str, int]:
    standing = given.pop("standing", Standing(joined_on=ON))
    points = {rule: points for rule, points in paid(terms, before, standing).items() if terms.rule(rule)}
    return redecide(terms, after, standing, points, **given)


def bought(*lines: tuple[str, int], **given: Any) -> Ordered:
    made = tuple(OrderLine(str(place), "s", category, fen) for place, (category, fen) in enumerate(lines))
    return Ordered(sum(fen for _category, fen in lines), lines=made, paid_on=ON, hour=12, **given)


def back(order: Ordered, place: int, fen: int) -> Ordered:
    lines = list(order.lines)
    lines[place] = lines[place]._replace(refunded_fen=fen)
    return order._replace(lines=tuple(lines), refunded_fen=order.refunded_fen + fen)


def test_a_line_takes_its_own_share_with_the_level_as_it_was() -> None:
    gold = Standing(level="gold", joined_on=ON)
    order = bought(("hats", 10_000), ("caps", 5_000))

    assert kept(demo_terms(), order, back(order, 0, 10_000), standing=gold) == {"order": 55, "first_orders": 100}


def test_the_bonus_of_the_second_order_goes_with_the_whole_order_and_not_before() -> None:
    second = Standing(counters={"first_orders:le": Count(None, 1)}, joined_on=ON)
    order = bought(("hats", 10_000))

    assert kept(demo_terms(), order, back(order, 0, 9_999), standing=second) == {"order": 0, "first_orders": 200}
    assert kept(demo_terms(), order, back(order, 0, 10_000), standing=second) == {"order": 0, "first_orders": 0}


def test_below_the_least_amount_everything_is_lost() -> None:
    terms = terms_of(a_rule("order", when={"min_fen": 5000}))
    order = bought(("hats", 6000))

    assert kept(terms, order, back(order, 0, 1000)) == {"order": 50}
    assert kept(terms, order, back(order, 0, 1001)) == {"order": 0}


def test_the_multiplier_that_was_best_at_the_payment_stays_chosen() -> None:
    def times(rule_id: str, bp: int, category: str) -> dict[str, Any]:
        amount = {"kind": "multiplier", "bp": bp, "group": "activity"}
        return a_rule(rule_id, amount=amount, when={"categories": [category]})

    terms = terms_of(a_rule("order"), times("hats", 30_000, "hats"), times("caps", 20_000, "caps"))
    order = bought(("hats", 10_000), ("caps", 15_000))

    assert paid(terms, order, Standing()) == {"order": 250 + 200}
    assert kept(terms, order, back(order, 0, 10_000)) == {"order": 150}
    assert kept(terms, order, back(order, 0, 10_000), chosen=["caps"]) == {"order": 300}


def test_what_a_cap_let_through_is_kept_as_long_as_the_rest_still_earns_it() -> None:
    terms = terms_of(a_rule("order", caps=[{"points": 30, "period": "day"}]))
    order = bought(("hats", 5000))

    assert kept(terms, order, back(order, 0, 2000)) == {"order": 30}
    assert kept(terms, order, back(order, 0, 2100)) == {"order": 29}


def test_a_rule_paused_since_then_still_keeps_what_it_paid() -> None:
    order = bought(("hats", 5000))
    terms = terms_of(a_rule("order"), paused=frozenset({"order"}))

    assert redecide(terms, order, Standing(), {"order": 50, "a task": 9}) == {"order": 50}


def test_freight_that_earns_is_kept_when_only_the_goods_come_back() -> None:
    rule = a_rule("order")
    rule["amount"] |= {"less": []}
    order = Ordered(1500, freight_fen=500)

    assert kept(terms_of(rule), order, order._replace(refunded_fen=1000)) == {"order": 5}


@given(
    st.lists(st.tuples(st.sampled_from(["hats", "caps"]), st.integers(0, 50_000)), min_size=1, max_size=4),
    st.data(),
)
def test_refunds_never_give_and_all_of_them_leave_nothing(goods: list[tuple[str, int]], data: st.DataObject) -> None:
    gold = Standing(level="gold", joined_on=ON)
    order = bought(*goods, coupon_fen=data.draw(st.integers(0, 5000)))
    points = {rule: won for rule, won in paid(demo_terms(), order, gold).items() if rule != "three_orders"}
    after, last = order, points
    for place, (_category, fen) in enumerate(goods):
        after = back(after, place, fen)
        now = redecide(demo_terms(), after, gold, points)
        assert all(0 <= now[rule] <= last[rule] for rule in points)
        last = now

    if sum(fen for _category, fen in goods):
        assert set(last.values()) <= {0}


def times(rule_id: str, bp: int, group: str, **given: Any) -> dict[str, Any]:
    rounding = given.pop("rounding", "floor")
    return a_rule(rule_id, amount={"kind": "multiplier", "bp": bp, "group": group, "rounding": rounding}, **given)


BP = st.integers(10_000, 40_000)
ROUNDING = st.sampled_from(["floor", "half_up", "ceiling"])


@st.composite
def multiplied_terms(draw: st.DrawFn) -> Terms:
    """A level's multiplier and up to three of activities, for some lines, from some amount on, stacked anyhow."""
    activities = [
        times(
            f"activity_{place}",
            draw(BP),
            "activity",
            rounding=draw(ROUNDING),
            when={"categories": draw(st.sampled_from([[], ["hats"], ["caps"]])), "min_fen": draw(st.integers(0, 3000))},
        )
        for place in range(draw(st.integers(0, 3)))
    ]
    stacking = {
        "activities": draw(st.sampled_from(["best_one", "add", "multiply"])),
        "ceiling_bp": draw(st.integers(40_000, 60_000)),
    }
    base = a_rule("order", when={"min_fen": draw(st.integers(0, 500))})
    base["amount"] |= {"rounding": draw(ROUNDING), "points": draw(st.integers(1, 3))}
    bonus = a_rule("bonus", amount={"kind": "fixed", "points": 5}, when={"min_fen": 1})
    level = times("gold", draw(BP), "level", rounding=draw(ROUNDING), when={"levels": ["gold"]})
    return terms_of(base, level, *activities, bonus, stacking=stacking)


@given(multiplied_terms(), st.data())
def test_refunds_by_line_come_to_the_same_however_they_are_split_and_in_whatever_order(
    terms: Terms, data: st.DataObject
) -> None:
    gold = Standing(level="gold", joined_on=ON)
    fens = data.draw(st.lists(st.integers(1, 4000), min_size=1, max_size=4))
    order = bought(
        *((data.draw(st.sampled_from(["hats", "caps"])), fen) for fen in fens),
        coupon_fen=data.draw(st.integers(0, 300)),
        freight_fen=0,
    )
    decision = decide(terms, order, gold, on=ON, hour=12)
    points = {award.rule: award.points for award in decision.awards}
    chosen = [part.rule for award in decision.awards for part in award.breakdown if part.rule != award.rule]
    parts = []
    for place, fen in enumerate(fens):
        cut = data.draw(st.integers(0, fen))
        is_whole = data.draw(st.booleans())
        parts += [(place, cut), (place, fen - cut)] if is_whole else [(place, cut)]

    def taken(refunds: list[tuple[int, int]]) -> dict[str, int]:
        """What is taken back, refund by refund: never less than before."""
        after, left = order, dict(points)
        for place, fen in refunds:
            own = after.lines[place].refunded_fen + fen
            lines = [*after.lines[:place], after.lines[place]._replace(refunded_fen=own), *after.lines[place + 1 :]]
            after = after._replace(lines=tuple(lines), refunded_fen=after.refunded_fen + fen)
            now = redecide(terms, after, gold, points, chosen=chosen)
            left = {rule: min(left[rule], now[rule]) for rule in left}
            assert all(now[rule] == left[rule] for rule in left), "a further refund gives nothing back"
        return {rule: points[rule] - left[rule] for rule in points}

    one_way = taken(parts)
    assert one_way == taken(data.draw(st.permutations(parts)))
    assert all(0 <= one_way[rule] <= points[rule] for rule in points)
    whole = [(place, fen) for place, fen in enumerate(fens)]
    assert taken(whole) == points


def test_a_multiplier_that_added_no_whole_point_is_missed_by_no_refund() -> None:
    seventh = {"kind": "per_amount", "fen": 7, "points": 1, "rounding": "half_up", "less": []}
    rise = {"kind": "multiplier", "group": "activity"}
    terms = terms_of(
        a_rule("order", amount=seventh),
        a_rule("tenth", amount={**rise, "bp": 11_000, "rounding": "floor"}),
        a_rule("double", amount={**rise, "bp": 20_000, "rounding": "ceiling"}),
        stacking={"activities": "multiply"},
    )
    (award,) = decide(terms, bought(("bike", 12)), Standing(), on=ON, hour=12).awards
    chosen = [part.rule for part in award.breakdown if part.rule != award.rule]

    left = redecide(terms, bought(("bike", 12)), Standing(), {"order": award.points}, chosen=chosen)

    assert (award.points, left) == (4, {"order": 4})
