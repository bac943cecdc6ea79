"""An order's image becomes points: its credit once, each refund taken back once, in whatever order they were heard of.

The order's image carries everything known of it, so settling means "bring the ledger to what this image says". An older
image, a repeat, a refund before its order change nothing that a newer one has done.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.earning.order import Order, Paid, Refunded
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import Command, Earn, Reverse, apply
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.model import Account, Cause, Guard, Kind, Posting, Receipt, business_on
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.activity import Ordered
from chalicelib.programme.award import Award, award
from chalicelib.programme.model import Rule, Terms, TermsBook

ACTIVITY = "order"


def guard_key(order_key: str) -> str:
    """The ledger's guard of an order: one owner, one credit, for ever."""
    return f"O#{order_key}"


def settle_order(order: Order, *, ledger: LedgerTable, book: TermsBook) -> Receipt | None:
    """Credit and claw back what `order` says and the ledger has not booked yet; None while it has no member or payment.

    The credit follows the terms in force when the order was paid, a refund those of its order. Its "now" is when the
    order (or refund) was received, never the wall clock. Raises TERMS_MISSING, BUSY, or KEY_REUSED when the
    order already belongs to another member; KeyError when `book` is older than the version that credited the order.
    """
    paid, received_at = order.paid, order.received_at
    if paid is None or received_at is None or not order.member_id:
        return None
    now = max([order.bound_at or received_at, *(refund.received_at for refund in order.refunds.values())])

    def decide(account: Account, guard: Guard | None) -> Posting:
        if guard is not None and guard.member_id != order.member_id:
            raise JifenError(Code.KEY_REUSED)
        state, commands = _commands(order, paid, received_at, guard.state if guard else None, book)
        if not commands:
            return Posting(account, account, ())
        posting = apply(account, commands, _terms_at(book, now).ledger, now)
        kept = Guard(guard_key(order.key), order.member_id, guard.version + 1 if guard else 1, state)
        return replace(posting, guard=kept)

    return ledger.post(order.member_id, decide, guard_key=guard_key(order.key))


def is_settled(order: Order, guard: Guard | None) -> bool:
    """Whether the ledger has booked everything the order's image says (or nothing can be booked yet)."""
    if order.paid is None or not order.member_id:
        return True
    return guard is not None and set(order.refunds) <= set(guard.state["refunds"])


def _commands(
    order: Order, paid: Paid, received_at: datetime, booked: Any, book: TermsBook
) -> tuple[dict[str, Any], list[Command]]:
    """What is still to be booked, and the guard's state after it.

    State: `terms` version and `rule` of the credit, `bucket`, `points` credited, `reversed` points, `refunds`
    {number: fen}.
    """
    commands: list[Command] = []
    if booked is None:
        terms = _terms_at(book, paid.paid_at)
        credited_on = business_on(order.bound_at or received_at, terms.zone)
        rule = terms.rule_for(ACTIVITY)
        decided = award(rule, _ordered(paid, 0), credited_on) if rule else None
        commands.append(_credit(order, paid, received_at, decided, terms))
        state: dict[str, Any] = {
            "terms": terms.version,
            "rule": decided.rule if decided else "",
            "bucket": bucket_key(
                decided.expires_on if decided else None, decided.points_class if decided else PointsClass.CONSUMPTION
            ),
            "points": decided.points if decided else 0,
            "reversed": 0,
            "refunds": {},
        }
    else:
        state = {**booked, "refunds": dict(booked["refunds"])}
    for refund in sorted(order.refunds.values(), key=lambda one: (one.received_at, one.refund_no)):
        if refund.refund_no not in state["refunds"]:
            commands.append(_claw_back(order, paid, refund, state, book.version(state["terms"])))
    return state, commands


def _credit(order: Order, paid: Paid, received_at: datetime, decided: Award | None, terms: Terms) -> Earn:
    cause = Cause(
        kind=Kind.EARN,
        activity=ACTIVITY,
        id=order.key,
        at=received_at,
        occurred_at=paid.paid_at,
        source=paid.platform,
        actor="order_feed",
        input={"paid_fen": paid.paid_fen, "order": order.key},
    )
    if decided is None:
        return Earn(
            cause=cause,
            points=0,
            points_class=PointsClass.CONSUMPTION,
            expires_on=None,
            rule="",
            terms_version=terms.version,
            text="当前方案没有消费积分规则",
        )
    return Earn(
        cause=cause,
        points=decided.points,
        points_class=decided.points_class,
        expires_on=decided.expires_on,
        rule=decided.rule,
        terms_version=terms.version,
        breakdown=decided.breakdown,
        text=decided.text,
        facts={"order_no": paid.order_no, "paid_fen": paid.paid_fen},
    )


def _claw_back(order: Order, paid: Paid, refund: Refunded, state: dict[str, Any], terms: Terms) -> Reverse:
    """Take back what the order would not have earned without the refunded part; books it into `state`."""
    state["refunds"][refund.refund_no] = refund.refunded_fen
    refunded_fen = sum(state["refunds"].values())
    rule = _rule(terms, state["rule"])
    credited_on = business_on(refund.received_at, terms.zone)
    kept = award(rule, _ordered(paid, refunded_fen), credited_on).points if rule else 0
    points = max(0, state["points"] - state["reversed"] - kept)
    state["reversed"] += points
    return Reverse(
        cause=Cause(
            kind=Kind.REVERSE,
            activity=ACTIVITY,
            id=f"{order.key}:{refund.refund_no}",
            at=refund.received_at,
            occurred_at=refund.refunded_at,
            source=paid.platform,
            actor="order_feed",
            input={"refunded_fen": refund.refunded_fen, "order": order.key},
        ),
        points=points,
        bucket=state["bucket"],
        policy=terms.programme.reversal,
        rule=state["rule"],
        terms_version=terms.version,
        text=f"订单退款{refund.refunded_fen // 100}.{refund.refunded_fen % 100:02d}元",
        facts={"order_no": paid.order_no, "refund_no": refund.refund_no, "refunded_fen": refund.refunded_fen},
    )


def _ordered(paid: Paid, refunded_fen: int) -> Ordered:
    return Ordered(
        paid_fen=paid.paid_fen,
        freight_fen=paid.freight_fen,
        coupon_fen=paid.coupon_fen,
        points_fen=paid.points_fen,
        stored_value_fen=paid.stored_value_fen,
        refunded_fen=refunded_fen,
    )


def _terms_at(book: TermsBook, instant: datetime) -> Terms:
    terms = book.at(instant)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING)
    return terms


def _rule(terms: Terms, rule_id: str) -> Rule | None:
    return next((rule for rule in terms.programme.rules if rule.id == rule_id), None)
