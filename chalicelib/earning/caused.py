"""What an order caused elsewhere (its review, the inviter's reward) goes back once the order is refunded in full.

    C#<order key>   <guard key>   an event that names the order and was posted
    C#<order key>   R             that the order is refunded in full, and by which refund

An event's posting writes its line only while that mark is not there. Whoever settles a full refund sets the mark, then
reads the lines. So of an event and a refund that meet, one sees the other, whichever comes first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.behaviour_event import Event
from chalicelib.earning.behaviour_void import void_behaviour
from chalicelib.earning.order import Order, Paid, Refunded
from chalicelib.earning.order_terms import ordered_of
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also, Receipt, stamp
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.activity import money_fen
from chalicelib.programme.model import TermsBook
from chalicelib.runtime.dynamo import ConditionFailed, conditional, encode_item

ACTOR = "order_feed"
MARK = "R"
PAGE = 100


class Void(NamedTuple):
    """An event that is to be taken back because the order it names was refunded in full."""

    source: str
    event_id: str
    order_key: str
    refund_no: str
    at: datetime
    """When the refund was received, or the event, if that was later: the void's "now"."""


def lines_of(event: Event, ledger: LedgerTable) -> tuple[Also, ...]:
    """What the posting of an event that names an order writes with it: its line, while the order is not refunded."""
    if not event.order_key:
        return ()
    pk = _pk(event.order_key)
    refusal = JifenError(Code.ORDER_REFUNDED)
    unmarked = {
        "TableName": ledger.ledger,
        "Key": encode_item({"pk": pk, "sk": MARK}),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    line = {"TableName": ledger.ledger, "Item": encode_item({"pk": pk, "sk": event.guard_key})}
    return Also({"ConditionCheck": unmarked}, refusal), Also({"Put": line}, refusal)


def take_back_caused(order: Order, *, ledger: LedgerTable, send: Callable[[Sequence[str]], None]) -> int:
    """Queue a void of each event that names the order and still stands, once the order is refunded in full; how many.

    Called again it queues what was not voided meanwhile, so whatever fails on the way is made good by the next settling
    or reconciliation of the order. Raises what `send` raises.
    """
    refund = full_refund(order)
    if refund is None:
        return 0
    _mark(order.key, refund, ledger)
    keys = [str(item["sk"]) for item in ledger.listed(_pk(order.key), "", PAGE) if item["sk"] != MARK]
    messages: list[str] = []
    for start in range(0, len(keys), PAGE):
        for key, guard in ledger.guards(keys[start : start + PAGE]).items():
            if "voided_at" not in guard.state:
                at = max(refund.received_at, datetime.fromisoformat(guard.state["at"]))
                _, source, event_id = key.split("#", 2)
                messages.append(_message(Void(source, event_id, order.key, refund.refund_no, at)))
    send(messages)
    return len(messages)


def full_refund(order: Order) -> Refunded | None:
    """The refund after which nothing is left of the money paid for an order's goods; None while something is left.

    Freight does not count. An order that cost no money is refunded in full when all its goods' value was given back.
    """
    if order.paid is None:
        return None
    refunds = sorted(order.refunds.values(), key=lambda one: (one.received_at, one.refund_no))
    for count, refund in enumerate(refunds, 1):
        if not _left_fen(order, order.paid, refunds[:count]):
            return refund
    return None


def void_of(message: str) -> Void | None:
    """The void a message asks for, None when it is about something else."""
    told = json.loads(message)
    if "void_of" not in told:
        return None
    named = told["void_of"]
    at = datetime.fromisoformat(told["at"])
    return Void(named["source"], named["event_id"], told["order_key"], told["refund_no"], at)


def void_caused(void: Void, *, ledger: LedgerTable, book: TermsBook) -> Receipt:
    """Take back what the event earned, once; a repeat, also after a void by staff, returns the first receipt."""
    terms = book.at(void.at)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    _, receipt = void_behaviour(
        void.source,
        void.event_id,
        reason="所属订单已全额退款",
        actor=ACTOR,
        told_by=void.order_key.partition("#")[0],
        facts={"refund": f"{void.order_key}:{void.refund_no}"},
        ledger=ledger,
        terms=terms,
        now=void.at,
    )
    return receipt


def _left_fen(order: Order, paid: Paid, refunds: Sequence[Refunded]) -> int:
    """What is left of the money for the goods, of their value where they cost none."""
    # The zone only names the day of the payment, and money does not depend on it.
    if sum(money_fen(ordered_of(order, paid, (), "UTC"))):
        return sum(money_fen(ordered_of(order, paid, refunds, "UTC")))
    return paid.paid_fen - paid.freight_fen - sum(one.refunded_fen - one.freight_fen for one in refunds)


def _mark(order_key: str, refund: Refunded, ledger: LedgerTable) -> None:
    item = {"pk": _pk(order_key), "sk": MARK, "refund_no": refund.refund_no, "at": stamp(refund.received_at)}
    try:
        conditional(
            ledger.dynamo,
            "put_item",
            TableName=ledger.ledger,
            Item=encode_item(item),
            ConditionExpression="attribute_not_exists(pk)",
        )
    except ConditionFailed:
        return


def _message(void: Void) -> str:
    named = {"source": void.source, "event_id": void.event_id}
    rest = {"order_key": void.order_key, "refund_no": void.refund_no, "at": stamp(void.at)}
    return json.dumps({"void_of": named, **rest}, separators=(",", ":"))


def _pk(order_key: str) -> str:
    return f"C#{order_key}"
