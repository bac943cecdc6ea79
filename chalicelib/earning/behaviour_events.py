"""What wakes the posting of behaviours: the queue that the signed feed, log-ins and full refunds of orders fill.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.earning.behave import behave, keep_refusal
from chalicelib.earning.behaviour_event import event_of
from chalicelib.earning.caused import void_caused, void_of
from chalicelib.earning.refusals import open_refusals
from chalicelib.earning.session_opened import session_of, session_opened
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.award import Refused
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime import log, queue

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=10, name="settle_behaviours")
def settle_behaviours(event: SQSEvent) -> dict[str, Any]:
    """Events become points, one by one; the batch goes on when one of them fails."""

    def handle(record: Mapping[str, Any]) -> None:
        ledger, refusals = open_ledger(), open_refusals()
        session = session_of(record["body"])
        if session is not None:
            session_opened(session, ledger=ledger, refusals=refusals, book=terms_book())
            return
        void = void_of(record["body"])
        if void is not None:
            void_caused(void, ledger=ledger, book=terms_book())
            log.outcome("behaviour_voided", source=void.source, event_id=void.event_id, order=void.order_key)
            return
        told = event_of(record["body"])
        try:
            outcome = behave(told, ledger=ledger, refusals=refusals, book=terms_book())
        except JifenError as error:
            if error.code not in (Code.KEY_REUSED, Code.ORDER_REFUNDED):
                raise
            # Another's event, the same one told otherwise, or one whose order came back: trying again changes nothing,
            # the member learns why.
            reasons = (Refused("", error.code.name.lower(), error.msg),)
            keep_refusal(told, reasons, refusals=refusals, terms=terms_at(told.occurred_at))
            log.outcome("behaviour_refused", source=told.source, event_id=told.event_id, code=error.code.number)
            return
        posted = outcome.receipt is not None
        log.outcome("behaviour_settled", indicator=told.indicator, posted=int(posted))

    return queue.each_message(event.to_dict(), handle, "settle_behaviours")
