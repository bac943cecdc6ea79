"""Whatever the order in which a shop's news arrive, how often, and however late: the same points in the end (I12).

Orders with lines, refunds by line and at large, receipts of goods, under rules by amount, by line, with multipliers and
least amounts, in two versions of the terms. Left out is what depends on who came first by its meaning: caps, ladders,
tasks, rates by level, and policies that waive.

HYPOTHESIS_PROFILE=nightly (`make properties`) searches longer; HYPOTHESIS_SEED repeats a run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from chalicelib.earning.order import GoodsReceived, Line, Order, OrderFact, Paid, Refund, Refunded, RefundedLine
from chalicelib.earning.order_terms import ordered_of
from chalicelib.earning.settle_order import guard_key, settle_order
from chalicelib.ledger.model import business_on
from chalicelib.ledger.pending import activate_due
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.activity import Standing
from chalicelib.programme.award import decide, redecide
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms, TermsBook
from tests.earning.programmes import PENDING, a_rule, plain_document
from tests.ledger.reference_profiles import PROFILE, SEED
from tests.ledger.reference_store import MemoryDynamo
from tests.programme.builders import SINCE

MORNING = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
NEW_TERMS_AT = MORNING + timedelta(hours=20)
MEMBERS = ("m1", "m2")
SEARCH = settings(
    max_examples={"ci": 120, "nightly": 6000, "drill": 300}[PROFILE],
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class Plan(NamedTuple):
    """All that ever becomes known of one order."""

    member_id: str
    paid: Paid
    news: tuple[OrderFact, ...]

    @property
    def key(self) -> str:
        return f"{self.paid.platform}#{self.paid.order_no}"


class Step(NamedTuple):
    """A fact of a plan that arrives so many minutes after the last one."""

    plan: int
    fact: OrderFact
    minutes: int


# what is planned

roundings = st.sampled_from(["floor", "half_up", "ceiling"])
fens = st.integers(0, 9_999)
minutes = st.sampled_from([0, 1, 300, 2000, 12_000])


@st.composite
def books(draw: Callable[..., Any]) -> TermsBook:
    """Two versions of a programme that pays by the order, by the line, with a bonus and with multipliers."""
    versions = []
    for number, since in ((1, SINCE), (2, NEW_TERMS_AT)):
        amount = {"kind": "per_amount", "fen": draw(st.sampled_from([7, 100, 300])), "points": 1, "less": ["freight"]}
        of_line = {**amount, "points": 2, "rounding": draw(roundings)}
        rules = [
            a_rule("of_lamps", amount=of_line, when={"skus": ["lamp"]}, pending={"kind": "days", "days": 2}),
            a_rule("bonus", when={"min_fen": draw(fens)}, pending=PENDING if draw(st.booleans()) else None),
        ]
        for name, when in (("half_more", {"categories": ["bike"]}), ("whole_more", {"min_fen": draw(fens)})):
            bp = draw(st.sampled_from([11_000, 15_000, 20_000]))
            multiplier = {"kind": "multiplier", "bp": bp, "group": "activity", "rounding": draw(roundings)}
            rules.append(a_rule(name, amount=multiplier, when=when))
        stacking = {"activities": draw(st.sampled_from(["best_one", "add", "multiply"]))}
        document = plain_document(*rules[: draw(st.integers(0, len(rules)))], stacking=stacking, reversal="deficit")
        for rule in document["rules"]:
            if rule["id"] == "order":
                rule |= {"amount": {**amount, "rounding": draw(roundings)}, "pending": PENDING}
            if rule.get("pending") is None:
                rule.pop("pending", None)
        versions.append(Terms(number, since, read_programme(document)))
    return TermsBook(tuple(versions))


@st.composite
def plans(draw: Callable[..., Any], number: int) -> Plan:
    """An order of up to three lines with up to four refunds that fit it."""
    lines = tuple(
        Line(str(place), draw(st.sampled_from(["lamp", "bell"])), draw(st.sampled_from(["bike", "car"])), draw(fens))
        for place in range(draw(st.integers(0, 3)))
    )
    freight = draw(st.sampled_from([0, 800]))
    total = sum(line.paid_fen for line in lines) + freight if lines else draw(fens) + freight
    paid_at = MORNING + timedelta(minutes=draw(st.integers(0, 2400)))
    paid = Paid("tmall", str(number), "b1", paid_at, total, freight, lines=lines, is_pos=draw(st.booleans()))
    news: list[OrderFact] = [paid]
    rests, rest = {line.line_no: line.paid_fen for line in lines}, total
    for place in range(draw(st.integers(0, 4))):
        of_line = draw(st.sampled_from([None, *rests]))
        most = min(rest, rests[of_line]) if of_line else rest
        fen = draw(st.one_of(st.just(most), st.integers(0, most)))
        if fen:
            rest -= fen
            split = (RefundedLine(of_line, fen),) if of_line else ()
            if of_line:
                rests[of_line] -= fen
            refunded_at = paid_at + timedelta(hours=1 + place)
            news.append(Refund("tmall", paid.order_no, f"r{place}", fen, refunded_at, lines=split))
    if draw(st.booleans()):
        news.append(GoodsReceived("tmall", paid.order_no, paid_at + timedelta(days=1)))
    return Plan(draw(st.sampled_from(MEMBERS)), paid, tuple(news))


@st.composite
def stories(draw: Callable[..., Any]) -> tuple[TermsBook, list[Plan], list[Step], random.Random]:
    """Orders, and one way in which their news arrive, some more than once."""
    planned = [draw(plans(number)) for number in range(draw(st.integers(1, 3)))]
    facts = [(place, fact) for place, plan in enumerate(planned) for fact in plan.news]
    facts += draw(st.lists(st.sampled_from(facts), max_size=3))
    steps = [Step(place, fact, draw(minutes)) for place, fact in draw(st.permutations(facts))]
    return draw(books()), planned, steps, random.Random(draw(st.integers(0, 2**16)))


# what becomes of it


def told(order: Order, plan: Plan, fact: OrderFact, at: datetime) -> Order:
    """The order once a fact of it has arrived, as `record_orders` keeps it: what is known stands."""
    if isinstance(fact, Paid):
        return order if order.paid else order._replace(paid=fact, received_at=at)
    if isinstance(fact, GoodsReceived):
        if order.goods_received_at:
            return order
        return order._replace(goods_received_at=fact.received_at, goods_received_seen_at=at)
    if fact.refund_no in order.refunds:
        return order
    refunded = Refunded(fact.refund_no, fact.refunded_fen, fact.refunded_at, at, lines=fact.lines)
    return order._replace(refunds={**order.refunds, fact.refund_no: refunded})


def images_of(planned: Sequence[Plan], steps: Iterable[Step]) -> list[Order]:
    """An image of its order after each step: what the stream delivers."""
    known = {plan.key: Order(plan.key, None, plan.member_id) for plan in planned}
    at, images = MORNING + timedelta(days=3), []
    for step in steps:
        at += timedelta(minutes=step.minutes)
        plan = planned[step.plan]
        known[plan.key] = told(known[plan.key], plan, step.fact, at)
        images.append(known[plan.key])
    return images


def as_it_happens(planned: Sequence[Plan]) -> Iterator[Order]:
    """An image of its order for each fact in turn, heard of when it happened."""
    for plan in planned:
        order = Order(plan.key, None, plan.member_id)
        for fact in plan.news:
            order = told(order, plan, fact, _happened_at(fact))
            yield order


def _happened_at(fact: OrderFact) -> datetime:
    if isinstance(fact, Paid):
        return fact.paid_at
    return fact.refunded_at if isinstance(fact, Refund) else fact.received_at


Result = dict[str, Any]


def settled(planned: Sequence[Plan], images: Iterable[Order], book: TermsBook, *, nights: bool) -> Result:
    """What the members have, and what is left of each credit, once all images were delivered in this order."""
    store = MemoryDynamo("ledger", "journal")
    ledger = LedgerTable(store, "ledger", "journal", 2, pause=lambda _seconds: None, jitter=random.Random(1))
    now = MORNING
    for image in images:
        settle_order(image, ledger=ledger, book=book)
        now = max([now, *filter(None, (image.received_at, image.goods_received_seen_at))])
        if nights:
            terms = book.versions[-1].ledger
            for plan in planned:
                activate_due(plan.member_id, guard_key(plan.key), ledger=ledger, terms=terms, now=now)
    found: Result = {member_id: ledger.read(member_id).total_points for member_id in MEMBERS}
    for key, guard in ledger.guards([guard_key(plan.key) for plan in planned]).items():
        left = {credit.rule: credit.points - credit.reversed_points for credit in guard.credits}
        found[key.removeprefix("O#")] = {rule: points for rule, points in left.items() if points}
    return found


def by_the_terms(planned: Sequence[Plan], book: TermsBook) -> Result:
    """What the terms of each order's payment leave of it, all its refunds at once, without any ledger."""
    found: Result = dict.fromkeys(MEMBERS, 0)
    for plan in planned:
        order = Order(plan.key, None, plan.member_id)
        for fact in plan.news:
            order = told(order, plan, fact, MORNING)
        terms = book.at(plan.paid.paid_at)
        assert terms
        whole, rest = (ordered_of(order, plan.paid, some, terms.zone) for some in ((), order.refunds.values()))
        paid_on = business_on(plan.paid.paid_at, terms.zone)
        decision = decide(terms, whole, Standing(), on=paid_on, hour=0)
        chosen = [part.rule for award in decision.awards for part in award.breakdown if part.rule != award.rule]
        paid = {award.rule: award.points for award in decision.awards}
        kept = redecide(terms, rest, Standing(), paid, chosen=chosen)
        found[plan.key] = {rule: points for rule, points in kept.items() if points}
        found[plan.member_id] += sum(kept.values())
    return found


@seed(SEED)
@SEARCH
@given(story=stories(), nights=st.booleans())
def test_news_of_orders_in_any_order_and_again_come_to_the_same_points(
    story: tuple[TermsBook, list[Plan], list[Step], random.Random], nights: bool
) -> None:
    book, planned, steps, chance = story
    print(f"HYPOTHESIS_SEED={SEED} HYPOTHESIS_PROFILE={PROFILE} repeats this run")  # noqa: T201  # shown when it fails
    expected = by_the_terms(planned, book)
    images = images_of(planned, steps)
    delivered = [*images, *chance.sample(images, len(images) // 2)]
    chance.shuffle(delivered)

    at_once = settled(planned, as_it_happens(planned), book, nights=False)
    some_day = settled(planned, delivered, book, nights=nights)

    assert at_once == expected
    assert some_day == expected
