"""A member's claim to an order by its number (订单认领), and the number as it is kept. Pure.

What a claim answers never depends on the order: it is accepted, then decided when and if the order is there
(settle_claims.py). So whoever asks learns nothing of an order that is not his.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from chalicelib.earning.order import Waiting, order_key
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on, digest, start_of
from chalicelib.programme.claims import Claimable
from chalicelib.programme.model import Terms
from chalicelib.sheets.cells import is_ruined

MAX_WAITING = 40
"""Claims that one order's item carries; later ones wait without it, for customer service to settle."""
MAX_UNPROVEN_PER_DAY = 20
"""Claims of all platforms that a member may submit a day without one of them having been proved right."""

_FULL_WIDTH = {0xFF01 + place: chr(0x21 + place) for place in range(94)} | {0x3000: " "}
_BLANKS = dict.fromkeys(map(ord, " \u00a0\u2002\u2003\u2009\u200b\u200c\u200d\u2060\ufeff"))
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")
_DECIMAL = re.compile(r"[0-9]+\.0*")


class State(StrEnum):
    """How far a claim has come."""

    WAITING = "waiting"
    OWNED = "owned"
    LAPSED = "lapsed"


class Asked(NamedTuple):
    """What a member claims, read and checked; `order_no` as `order_number` gives it."""

    member_id: str
    platform: str
    order_no: str
    paid_fen: int | None = None
    phone_tail: str = ""
    """The digest of the last four digits, see members/phone.py."""


class OrderClaim(NamedTuple):
    """A claim as it stands: one for a member and an order."""

    member_id: str
    platform: str
    order_no: str
    state: State
    claimed_at: datetime
    claimed_on: date
    waits_until_on: date
    """The last business day on which it waits for its order."""
    input_hash: str
    """Of what it states beside the number: stated otherwise, it is another attempt."""
    is_placed: bool = True
    """Whether it stands on the order's item."""

    @property
    def order_key(self) -> str:
        return order_key(self.platform, self.order_no)


def order_number(text: str) -> str:
    """An order number as people copy it, in the form in which shops deliver it.

    Full-width characters become plain ones, blanks go, typographic dashes become hyphens. Letters keep their case and
    hyphens stay: numbers that differ in these are different orders. Raises INVALID_REQUEST, field `order_no`, for what
    is no number, and for one that a spreadsheet has ruined.
    """
    plain = text.translate(_FULL_WIDTH).translate(_BLANKS).translate(_DASHES)
    if is_ruined(plain) or _DECIMAL.fullmatch(plain):
        raise _refused("order_no", "已被表格软件改成数字格式,原号码已丢失,请从订单页面重新复制")
    if not _NUMBER.fullmatch(plain):
        raise _refused("order_no", "应为1至64位字母或数字,可含连字符、下划线和点")
    return plain


def claimable(terms: Terms, platform: str) -> Claimable:
    """How orders of a platform are claimed now; raises CLAIM_OFF when they cannot be."""
    found = terms.claimable(platform)
    if found is None:
        raise JifenError(Code.CLAIM_OFF, field="platform")
    return found


def require_factor(asked: Asked, how: Claimable) -> None:
    """Refuse a claim that does not state what its platform asks for; whether it is right is decided later."""
    has_amount, has_tail = asked.paid_fen is not None, bool(asked.phone_tail)
    if how.second_factor == "amount" and not has_amount:
        raise _refused("paid_fen", "必填:请填写订单的实付金额")
    if how.second_factor == "phone_tail" and not has_tail:
        raise _refused("phone_tail", "必填:请填写下单手机号的后四位")
    if how.second_factor == "either" and not (has_amount or has_tail):
        raise _refused("paid_fen", "与phone_tail须填写一项:订单的实付金额,或下单手机号的后四位")


def new_claim(asked: Asked, how: Claimable, zone: str, now: datetime) -> OrderClaim:
    """A fresh claim, which waits."""
    claimed_on = business_on(now, zone)
    return OrderClaim(
        member_id=asked.member_id,
        platform=asked.platform,
        order_no=asked.order_no,
        state=State.WAITING,
        claimed_at=now,
        claimed_on=claimed_on,
        waits_until_on=claimed_on + timedelta(days=how.wait_days),
        input_hash=digest({"fen": asked.paid_fen, "tail": asked.phone_tail}),
    )


def waiting_of(asked: Asked, how: Claimable, zone: str, now: datetime) -> Waiting:
    """The same as it stands on the order, with what is held against the order."""
    claimed_on = business_on(now, zone)
    return Waiting(
        member_id=asked.member_id,
        claimed_at=now,
        claimed_on=claimed_on,
        since=start_of(claimed_on - timedelta(days=how.max_age_days), zone),
        paid_fen=asked.paid_fen,
        phone_tail=asked.phone_tail,
    )


def _refused(field: str, reason: str) -> JifenError:
    return JifenError(Code.INVALID_REQUEST, field + reason, field=field)
