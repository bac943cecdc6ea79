"""An exchange begins: the points held, limits counted and the exchange's row written, all or nothing. Nobody outside
has been asked yet (settle_exchange.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from chalicelib.connect.partner.api import open_partner
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import hold
from chalicelib.ledger.model import Account, Also, business_on
from chalicelib.ledger.redeem import Purchase
from chalicelib.spending.documents import ON
from chalicelib.spending.exchange.desk import Desk
from chalicelib.spending.exchange.items import limit_key
from chalicelib.spending.exchange.keep_partner import standing_partner, stored_partner
from chalicelib.spending.exchange.model import ACTIVITY, FIRST_LOOK, HELD_FOR, Exchange
from chalicelib.spending.exchange.partner import Partner, amounts, is_account
from chalicelib.spending.exchange.table import Room


class Wish(NamedTuple):
    """What a member asks for."""

    partner_id: str
    account: str
    points: int


class Begun(NamedTuple):
    """An exchange as it stands, and whether it had been begun before."""

    exchange: Exchange
    replayed: bool


def begin_exchange(member_id: str, exchange_id: str, wish: Wish, *, desk: Desk, now: datetime) -> Begun:
    """Begin an exchange, once for each id; again answers what stands.

    Raises PARTNER_NOT_FOUND, ACTIVITY_OFF, NOT_CONNECTED, INVALID_REQUEST for an account of another form,
    EXCHANGE_TOO_SMALL, EXCHANGE_LIMIT, INSUFFICIENT_POINTS, MEMBER_FROZEN, KEY_REUSED when the id is another exchange.
    """
    if standing := desk.exchanges.exchange(exchange_id):
        return _again(standing, wish)
    row, partner = _wanted(member_id, exchange_id, wish, desk, now)
    written = row

    def buy(account: Account) -> Purchase:
        nonlocal written
        written = row._replace(member_id=account.member_id)
        return Purchase((desk.exchanges.new(written), *_counted(written, partner, account, desk)))

    try:
        receipt = hold(
            member_id,
            row.hold_id,
            row.points,
            release_at=now + HELD_FOR,
            activity=ACTIVITY,
            actor=member_id,
            ledger=desk.ledger,
            terms=desk.terms.ledger,
            now=now,
            text=f"兑换{row.units}{row.unit}({row.name})",
            buy=buy,
        )
    except JifenError as refused:
        # Of two at once the second finds the first one's hold, which ends at another instant than its own would.
        standing = desk.exchanges.exchange(exchange_id) if refused.code is Code.KEY_REUSED else None
        if standing is None:
            raise
        return _again(standing, wish)
    standing = desk.exchanges.exchange(exchange_id) if receipt.replayed else written
    if standing is None:
        raise AssertionError("points were held without their exchange")
    return Begun(standing, receipt.replayed)


def _again(standing: Exchange, wish: Wish) -> Begun:
    if (standing.partner_id, standing.account, standing.wished_points) != wish:
        raise JifenError(Code.KEY_REUSED)
    return Begun(standing, True)


def _wanted(member_id: str, exchange_id: str, wish: Wish, desk: Desk, now: datetime) -> tuple[Exchange, Partner]:
    """The row of a new exchange, and its partner; what can be refused before the member is read is refused."""
    kept = standing_partner(desk.partners, wish.partner_id)
    if kept.state != ON:
        raise JifenError(Code.ACTIVITY_OFF)
    partner = stored_partner(kept)
    if not is_account(partner, wish.account):
        raise JifenError(Code.INVALID_REQUEST, f"账号格式不对:{partner.account_hint}", field="account")
    found = amounts(partner, wish.points)
    if found is None:
        raise JifenError(Code.EXCHANGE_TOO_SMALL, f"每次至少兑换{partner.least_points}积分", field="points")
    open_partner(kept.id, partner.host, partner.root, now)
    row = Exchange(
        id=exchange_id,
        member_id=member_id,
        partner_id=kept.id,
        name=partner.name,
        unit=partner.unit,
        account=wish.account,
        wished_points=wish.points,
        points=found.points,
        units=found.units,
        asked_at=now,
        on=business_on(now, desk.terms.zone),
        counts_for_all=partner.all_points_per_day is not None,
        look_at=now + FIRST_LOOK,
    )
    return row, partner


def _counted(row: Exchange, partner: Partner, account: Account, desk: Desk) -> Iterator[Also]:
    """The writes that count an exchange against its day; what was had under merged ids takes its room."""
    had, _ = desk.exchanges.limit_used(row.partner_id, row.on, account.merged) if account.merged else ((0, 0), None)
    room = Room(
        _room(partner.member_points_per_day, row.points + had[0]), _room(partner.member_times_per_day, 1 + had[1])
    )
    yield desk.exchanges.counted(
        limit_key(row.partner_id, row.on, row.member_id),
        row.points,
        room,
        row.on,
        JifenError(Code.EXCHANGE_LIMIT, _told(partner)),
    )
    if partner.all_points_per_day is not None:
        refusal = JifenError(Code.EXCHANGE_LIMIT, "今天的兑换总额度已用完,请明天再试")
        room = Room(_room(partner.all_points_per_day, row.points), None)
        yield desk.exchanges.counted(limit_key(row.partner_id, row.on), row.points, room, row.on, refusal)


def _room(most: int | None, wanted: int) -> int | None:
    """What may have been counted before; below 0 there is no room at all, and it is refused at once."""
    if most is None:
        return None
    if most < wanted:
        raise JifenError(Code.EXCHANGE_LIMIT)
    return most - wanted


def _told(partner: Partner) -> str:
    """A member's limits of a day in words."""
    points, times = partner.member_points_per_day, partner.member_times_per_day
    parts = [f"{points}积分"] if points else []
    parts += [f"{times}次"] if times else []
    return f"每人每天最多兑换{'、'.join(parts)}" if parts else Code.EXCHANGE_LIMIT.msg
