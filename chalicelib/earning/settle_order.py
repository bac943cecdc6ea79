"""An order's image becomes points: its credits once, each refund taken back once, its receipt moving what is pending.

The order's image carries everything known of it, so settling means "bring the ledger to what this image says". An older
image, a repeat, a refund before its order change nothing that a newer one has done.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.order import Order, Paid
from chalicelib.earning.order_terms import ordered_of, state_of
from chalicelib.earning.reward import refused_parts, reward
from chalicelib.earning.take_back import take_back
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.commands import Command, Earn
from chalicelib.ledger.model import Budget, Cause, Credit, Guard, Kind, Posting, Receipt, business_on, digest
from chalicelib.ledger.pending import activation
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.award import decide
from chalicelib.programme.buyers import bought
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.programme.standing import standing_of

ACTIVITY = "order"


def guard_key(order_key: str) -> str:
    """The ledger's guard of an order: one owner, one settlement, for ever."""
    return f"O#{order_key}"


def settle_order(order: Order, *, ledger: LedgerTable, book: TermsBook) -> Receipt | None:
    """Bring the ledger to what `order` says; None while it has no member or payment.

    The credit follows the terms in force when the order was paid, and the member's standing at its credit; refunds and
    receipt follow those of the credit. Its "now" is when the order (refund, receipt) was received, never the wall
    clock. Raises TERMS_MISSING, BUSY, or KEY_REUSED when the order already belongs to another member; KeyError when
    `book` is older than the version that credited the order.
    """
    paid, received_at = order.paid, order.received_at
    if paid is None or received_at is None or not order.member_id:
        return None
    heard = [order.bound_at or received_at, *(refund.received_at for refund in order.refunds.values())]
    if order.goods_received_seen_at:
        heard.append(order.goods_received_seen_at)
    now = max(heard)

    def settle(seen: Seen) -> Posting:
        known = seen.guard
        if known is not None and not seen.account.is_of(known.member_id):
            raise JifenError(Code.KEY_REUSED)
        if known is None:
            settled = _credited(order, paid, received_at, seen, _terms_at(book, paid.paid_at))
        else:
            settled = _Settled([], known._replace(state={**known.state, "refunds": dict(known.state["refunds"])}), ())
        guard = _with_receipt(order, paid, settled.guard, book)
        guard = take_back(order, paid, guard, seen.account, settled.commands, book)
        if not settled.commands and known is not None and guard == known:
            return Posting(seen.account, seen.account, ())
        posting = activation(
            seen.account, guard, settled.commands, _terms_at(book, now).ledger, now, source=paid.platform
        )
        version = known.version + 1 if known else 1
        kept = posting.guard._replace(version=version) if posting.guard else None
        return posting._replace(guard=kept, budgets=settled.budgets)

    receipt = ledger.post(order.member_id, settle, guard_key=guard_key(order.key))
    while receipt.guard is not None and not receipt.replayed and not is_settled(order, receipt.guard):
        more = ledger.post(order.member_id, settle, guard_key=guard_key(order.key))
        receipt = more._replace(entries=receipt.entries + more.entries)
    return receipt


def is_settled(order: Order, guard: Guard | None) -> bool:
    """Whether the ledger has booked everything the order's image says (or nothing can be booked yet)."""
    if order.paid is None or not order.member_id:
        return True
    if guard is None or not set(order.refunds) <= set(guard.state["refunds"]):
        return False
    return order.goods_received_at is None or "received_on" in guard.state


class _Settled(NamedTuple):
    """What is to be booked so far, the guard after it, and what it draws from budgets."""

    commands: list[Command]
    guard: Guard
    budgets: tuple[Budget, ...]


def _credited(order: Order, paid: Paid, received_at: datetime, seen: Seen, terms: Terms) -> _Settled:
    """The order's first settlement: its awards by the terms of its payment and the member's standing now."""
    credited_on = business_on(order.bound_at or received_at, terms.zone)
    ordered = ordered_of(order, paid, (), terms.zone)
    # The level is that of the payment, as far as the account remembers: the one before its last change.
    standing = standing_of(seen.account, terms, business_on(paid.paid_at, terms.zone))
    # Counters of a period that is over may be forgotten: an order settled late counts in the period that runs.
    posted_at = seen.account.posted_at
    counted_on = max(credited_on, business_on(posted_at, terms.zone)) if posted_at else credited_on
    decision = decide(terms, ordered, standing, on=counted_on, hour=ordered.hour or 0, spent_budgets=seen.spent)
    cause = Cause(
        kind=Kind.EARN,
        activity=ACTIVITY,
        id=order.key,
        at=received_at,
        occurred_at=paid.paid_at,
        source=paid.platform,
        actor="order_feed",
        input_hash=digest({"paid_fen": paid.paid_fen, "order": order.key}),
    )
    rewarded = reward(decision, ordered, cause, terms=terms, credited_on=credited_on)
    named: dict[str, str | int] = {"order_no": paid.order_no}
    named |= {name: value for name in ("store_id", "guide_id") if (value := getattr(paid, name))}
    by = {"bound_by": order.bound_by, "bound_why": order.bound_why} if order.bound_by else {}
    facts = {**named, "paid_fen": paid.paid_fen, **{name: value for name, value in by.items() if value}}
    commands: list[Earn] = [command._replace(facts=facts) for command in rewarded.commands]
    credits: tuple[Credit, ...] = rewarded.credits
    if not commands:
        refused = refused_parts(decision)
        text = ";".join(part.why for part in refused) or "当前方案没有消费积分规则"
        zero = Earn(cause, 0, "", "", terms.version, refused, text, facts, decision.progress)
        commands.append(zero._replace(growth=decision.growth, growth_on=credited_on if decision.growth else None))
    commands[0] = commands[0]._replace(counts=(*commands[0].counts, *bought(ordered)))
    state = {**state_of(terms, standing, decision, credited_on), "facts": named}
    guard = Guard(guard_key(order.key), order.member_id, ACTIVITY, order.key, credits=credits, state=state)
    return _Settled([*commands], guard, rewarded.budgets)


def _with_receipt(order: Order, paid: Paid, guard: Guard, book: TermsBook) -> Guard:
    """The guard once the goods have come: what waited for them becomes available so many days after."""
    if order.goods_received_at is None or "received_on" in guard.state:
        return guard
    terms = book.version(guard.state["terms"])
    received_on = business_on(order.goods_received_at, terms.zone)
    ordered = ordered_of(order, paid, (), terms.zone)._replace(received_on=received_on)
    credited_on = business_on(order.bound_at or order.received_at or paid.paid_at, terms.zone)
    credits = []
    for credit in guard.credits:
        rule = terms.rule(credit.rule)
        if credit.pending_points and rule is not None and rule.pending is not None:
            credit = credit._replace(activate_on=rule.pending.activate_on(ordered, credited_on))
        credits.append(credit)
    return guard._replace(credits=tuple(credits), state={**guard.state, "received_on": received_on.isoformat()})


def _terms_at(book: TermsBook, instant: datetime) -> Terms:
    terms = book.at(instant)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    return terms
