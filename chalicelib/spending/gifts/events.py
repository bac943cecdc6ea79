"""What wakes the giving of gifts: the queue that verified notices of payments fill.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.ledger.model import business_on
from chalicelib.members.buyers import find_members
from chalicelib.members.model import Identity
from chalicelib.programme.table import terms_at
from chalicelib.runtime import clock, log, queue
from chalicelib.runtime.settings import settings
from chalicelib.spending.gifts.give_gift import note_told, paid, refunded
from chalicelib.spending.gifts.keep_plan import open_giving
from chalicelib.spending.gifts.table import Gift, GiftState
from chalicelib.spending.gifts.told import Refund, untold

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=5, name="give_payment_gifts")
def give_payment_gifts(event: SQSEvent) -> dict[str, Any]:
    """Payments and refunds that were told: what each payment brings its payer, once, and what of it goes back."""

    def handle(record: Mapping[str, Any]) -> None:
        told, now = untold(record["body"]), clock.utc_now()
        zone = terms_at(now).zone
        giving = open_giving(zone)
        if isinstance(told, Refund):
            found = refunded(told, giving=giving, now=now)
            log.outcome("payment_gift", what="refunded", state=str(found.state))
            return
        payer = Identity(told.platform, told.buyer_id)
        gift = paid(told, find_members([payer]).get(payer), giving=giving, now=now)
        log.outcome("payment_gift", what="paid", state=str(gift.state), plan=gift.plan_id or None)
        if gift.state is GiftState.GIVEN and not gift.is_told:
            queue.send(settings().reminders_queue_url, [_message(gift, business_on(now, zone).isoformat())])
            note_told(gift, gifts=giving.gifts)

    return queue.each_message(event.to_dict(), handle, "give_payment_gifts")


def _message(gift: Gift, on: str) -> str:
    """What the member is told of a gift, as RemindersQueue carries it."""
    facts = {"message": gift.message, "coupons": len(gift.codes)}
    told = {"kind": "payment_gift", "id": gift.payment.number, "page": gift.path, "on": on, "facts": facts}
    return json.dumps({**told, "member_id": gift.member_id}, ensure_ascii=False)
