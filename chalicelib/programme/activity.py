"""What a member did that a rule may answer with points, and what a rule may look at of the member. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple
from unicodedata import category, combining, normalize

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Counters

MAX_ORDER_FEN = 10**9
"""Ten million yuan: more than any order; one point a fen still fits one operation."""
MAX_QUANTITY = 1000
"""How often one event may say it was done; the edge refuses more."""
CHECK_IN, ORDER = "check_in", "order"


class CheckedIn(NamedTuple):
    """A check-in on a business date; `days` already holds it."""

    on: date
    days: CheckInDays


class OrderLine(NamedTuple):
    """One line of an order: `paid_fen` is its part of the order's total before the order's own deductions."""

    line_no: str
    sku: str = ""
    category: str = ""
    paid_fen: int = 0
    refunded_fen: int = 0


class Ordered(NamedTuple):
    """A paid order, less what was refunded; amounts in fen.

    `paid_fen` is the whole total: the lines and the freight; coupon, points and stored value are the parts of it
    that were paid in that way. `refunded_fen` is everything refunded, that of the lines and `refunded_freight_fen`
    among it.
    """

    paid_fen: int
    freight_fen: int = 0
    coupon_fen: int = 0
    points_fen: int = 0
    stored_value_fen: int = 0
    refunded_fen: int = 0
    refunded_freight_fen: int = 0
    lines: tuple[OrderLine, ...] = ()
    platform: str = ""
    is_pos: bool = False
    paid_on: date | None = None
    """The business date of the payment; conditions are judged by it, by the credit's own date while it is unknown."""
    hour: int | None = None
    """The hour of the payment in the programme's zone, 0 to 23."""
    received_on: date | None = None
    """The business date on which the buyer confirmed the receipt of the goods, None while that is unknown."""


class Behaved(NamedTuple):
    """One event of an indicator: a review, a login, a friend who joined."""

    indicator: str
    on: date
    hour: int
    quantity: int = 1
    """How often it was done, 1 to MAX_QUANTITY; each time pays and counts."""
    fen: int = 0
    length: int = 0
    """The length of its text as `reader_length` counts."""
    platform: str = ""
    tags: frozenset[str] = frozenset()
    """What is known of this event itself, beside the member's own tags."""


Activity = CheckedIn | Ordered | Behaved


class Standing(NamedTuple):
    """What a rule may look at of the member, just before the activity."""

    level: str = ""
    counters: Counters = {}  # noqa: RUF012 - never changed
    tags: frozenset[str] = frozenset()
    joined_on: date | None = None
    member_id: str = ""
    gates: frozenset[str] = frozenset()
    """What the level lets the member enter."""


def activity_id(activity: Activity) -> str:
    """The name under which rules answer: `check_in`, `order`, or the indicator's id."""
    if isinstance(activity, CheckedIn):
        return CHECK_IN
    return ORDER if isinstance(activity, Ordered) else activity.indicator


def reader_length(text: str) -> int:
    """How long a reader finds a text: composed characters, no spaces, no marks or joiners that show nothing alone."""
    length, is_joined = 0, False
    for character in normalize("NFC", text):
        joins = character == "\u200d"
        shown = not (
            character.isspace() or combining(character) or category(character) in _UNSEEN or is_skin(character)
        )
        length += shown and not is_joined
        is_joined = joins
    return length


_UNSEEN = frozenset({"Cc", "Cf", "Me", "Mn", "Zl", "Zp", "Zs"})


def is_skin(character: str) -> bool:
    """Whether a character only tints the emoji before it."""
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def split(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`total` over `weights` pro rata, by largest remainder, the earlier of equals first: the shares sum to it exactly.

    A share never exceeds its weight while `total` does not exceed their sum; nothing is shared when all are 0.
    """
    whole = sum(weights)
    if len(weights) == 1:
        return (total if whole else 0,)
    if not whole or not total:
        return (0,) * len(weights)
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % whole))
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return tuple(shares)


def earning_fen(order: Ordered, less: Collection[str]) -> tuple[int, ...]:
    """The fen of each line that earn, then those of the freight; an order without lines is one line.

    Coupon, points and stored value named in `less` are split over the lines; freight named there never earns. A refund
    of a line is that line's own, one of the freight the freight's; any other falls on what is left of the lines, then
    on the freight. A line of which all the money came back earns nothing.
    """
    lines = order.lines
    named_fen = (
        (order.coupon_fen if "coupon" in less else 0)
        + (order.points_fen if "points" in less else 0)
        + (order.stored_value_fen if "stored_value" in less else 0)
    )
    earns_freight_fen = 0 if "freight" in less else min(order.freight_fen, order.paid_fen)
    if not lines and not order.refunded_fen:
        left_fen = max(0, order.paid_fen - order.freight_fen) - named_fen
        return max(0, left_fen), max(0, earns_freight_fen + min(0, left_fen))
    paid = [line.paid_fen for line in lines] if lines else [max(0, order.paid_fen - order.freight_fen)]
    goods_fen = sum(paid)
    taken_off = split(min(named_fen, goods_fen), paid)
    spilled_fen = max(0, named_fen - goods_fen)
    if order.refunded_fen:
        refunded, spilled_refund_fen = _refunded(order, paid)
        earning = [max(0, full - off - back) for full, off, back in zip(paid, taken_off, refunded, strict=True)]
        spilled_fen += spilled_refund_fen + order.refunded_freight_fen
    else:
        earning = [full - off for full, off in zip(paid, taken_off, strict=True)]
    return (*earning, max(0, earns_freight_fen - spilled_fen))


def _refunded(order: Ordered, paid: Sequence[int]) -> tuple[list[int], int]:
    """What each line gave back (all it paid, when all its money came back), and what went beyond the lines."""
    in_money = split(min(order.coupon_fen + order.points_fen, sum(paid)), paid)
    payable = [full - off for full, off in zip(paid, in_money, strict=True)]
    own = [line.refunded_fen for line in order.lines] or [0]
    left = [max(0, money - back) for money, back in zip(payable, own, strict=True)]
    at_large_fen = max(0, order.refunded_fen - order.refunded_freight_fen - sum(own))
    spread = split(min(at_large_fen, sum(left)), left)
    beyond_fen = max(0, at_large_fen - sum(left))
    is_all = at_large_fen > 0 and at_large_fen >= sum(left)
    refunded = []
    for full, money, line_fen, share_fen in zip(paid, payable, own, spread, strict=True):
        back_fen = line_fen + share_fen
        refunded.append(full if is_all or (back_fen and back_fen >= money) else back_fen)
    return refunded, beyond_fen


def money_fen(order: Ordered) -> tuple[int, ...]:
    """What was paid for each line in money (stored value is money), less what came back."""
    return earning_fen(order, _NO_MONEY)[:-1]


_NO_MONEY = ("freight", "coupon", "points")


def unrefunded(order: Ordered) -> Ordered:
    """The order as it was before any refund."""
    lines = tuple(line._replace(refunded_fen=0) for line in order.lines)
    return order._replace(refunded_fen=0, refunded_freight_fen=0, lines=lines)
