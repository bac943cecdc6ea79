"""A partner's business day held against its own file, and kept with who asked and when."""

from __future__ import annotations

from datetime import date, datetime

from chalicelib.errors import Code, JifenError
from chalicelib.spending.exchange.desk import Desk
from chalicelib.spending.exchange.keep_partner import standing_partner
from chalicelib.spending.exchange.model import Exchange
from chalicelib.spending.exchange.reconcile import MOST_KEPT, MOST_ROWS, Reconciliation, differences, rows_of


def day_of(partner_id: str, on: date, *, desk: Desk) -> list[Exchange]:
    """What a partner gave on a business day, by its own instants, in their order.

    Raises PARTNER_NOT_FOUND, INVALID_REQUEST for a day with more than MOST_ROWS, EXCHANGE_STATE where too many are
    uncharged.
    """
    standing_partner(desk.partners, partner_id)
    found = desk.exchanges.given_on(partner_id, on, limit=MOST_ROWS + 1)
    if len(found) > MOST_ROWS:
        raise JifenError(Code.INVALID_REQUEST, f"当天超过{MOST_ROWS}笔,不能以文件对账", field="on")
    return sorted(found, key=lambda one: (one.done_at or one.asked_at, one.id))


def check_day(
    partner_id: str, on: date, raw: bytes, *, check_id: str, by: str, desk: Desk, now: datetime
) -> Reconciliation:
    """Compare a partner's file of a day with ours, and keep what was found as one more line.

    Raises PARTNER_NOT_FOUND, and INVALID_REQUEST for a file that cannot be read.
    """
    given, rows = day_of(partner_id, on, desk=desk), rows_of(raw)
    known = {one.id: one for one in given}
    named = desk.exchanges.exchanges([row.id for row in rows if row.id not in known])
    known |= {one.id: one for one in named if one.partner_id == partner_id}
    found = differences(rows, known, on)
    kept = Reconciliation(check_id, on, now, by, len(rows), len(found), tuple(found[:MOST_KEPT]))
    desk.exchanges.keep_check(partner_id, kept)
    return kept
