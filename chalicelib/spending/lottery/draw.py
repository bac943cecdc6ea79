"""One draw (抽奖): paid, drawn and given in one transaction, once for each key of the member's.

The ticket is drawn once a call, before anything is judged, and goes through every lost race with it: nothing that the
member or another does leads to another ticket. The draw's own row is the guard: whoever asks again under the same key
is answered from it, whatever has changed since.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.due import spend
from chalicelib.ledger.model import Account, Posting
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.model import Terms
from chalicelib.programme.standing import NO_TAGS
from chalicelib.spending.goods.give import coupon_code
from chalicelib.spending.goods.good import Virtual
from chalicelib.spending.goods.model import PoolCode
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.lottery.campaign import Campaign
from chalicelib.spending.lottery.count_chances import count_chances
from chalicelib.spending.lottery.decide_draw import Asked, decide
from chalicelib.spending.lottery.model import Drawn, draw_id
from chalicelib.spending.lottery.standing import Cost, closed
from chalicelib.spending.lottery.table import LotteryTable
from chalicelib.spending.lottery.wheel import draw, total

ATTEMPTS = 3
"""How often other codes of a pool are picked when somebody else got the first ones."""
_MOST_COUPONS = 10

Roll = Callable[[int], int]
"""A whole number from 0 up to but not including this one, every one as likely."""
TagsOf = Callable[[Sequence[str]], frozenset[str]]
"""The tags of a member, who has these ids: a read."""


class Rooms(NamedTuple):
    """The tables that a draw touches, and who knows members' tags."""

    ledger: LedgerTable
    lotteries: LotteryTable
    goods: GoodsTable
    tags_of: TagsOf


class Answer(NamedTuple):
    """A draw as it stands; `replayed` when it was made before."""

    drawn: Drawn
    replayed: bool


def draw_once(
    campaign_id: str,
    member_id: str,
    *,
    key: str,
    is_adult: bool,
    rooms: Rooms,
    terms: Terms,
    now: datetime,
    cost: Cost | None = None,
    roll: Roll = lambda tickets: secrets.randbelow(tickets),
) -> Answer:
    """Draw in a campaign, paid with a chance while there is one, else with points; again under `key`: the first answer.
    Where `cost` is stated, it is paid with that or not made.

    Raises ADULTS_ONLY, LOTTERY_NOT_FOUND, LOTTERY_CLOSED, NOT_ELIGIBLE, DRAW_LIMIT, NO_CHANCE, DRAW_COST_CHANGED,
    INSUFFICIENT_POINTS, MEMBER_FROZEN, BUSY.
    """
    if not is_adult:
        raise JifenError(Code.ADULTS_ONLY, field="is_adult")
    id = draw_id(campaign_id, member_id, key)
    try:
        return _drawn(id, campaign_id, member_id, cost, rooms, terms, now, roll)
    except JifenError:
        standing = rooms.lotteries.drawn(campaign_id, id)
        if standing is None:
            raise
        return Answer(standing, replayed=True)


def _drawn(
    id: str,
    campaign_id: str,
    member_id: str,
    cost: Cost | None,
    rooms: Rooms,
    terms: Terms,
    now: datetime,
    roll: Roll,
) -> Answer:
    book = rooms.lotteries.book(campaign_id, now)
    version = book.at(now)
    if why := closed(book, version.campaign, now):
        raise JifenError(why.code, why.text)
    asked = Asked(
        id=id,
        campaign_id=campaign_id,
        version=version,
        ticket=roll(total(version.campaign.prizes)),
        earned=_earned(version.campaign, member_id, rooms.ledger, terms.zone),
        coupon_codes=tuple(coupon_code() for _ in range(_MOST_COUPONS)),
        picked=(),
        at=now,
        cost=cost,
    )
    for attempt in range(ATTEMPTS + 1):
        # Who is unlucky with every code of a pool gets the fallback, as if there were none: not another ticket.
        asked = asked._replace(picked=_picked(asked, rooms.goods) if attempt < ATTEMPTS else ())
        try:
            return _posted(asked, member_id, rooms, terms)
        except JifenError as error:
            if error.code is not Code.BUSY or not asked.picked or attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt answers or raises")


def _posted(asked: Asked, member_id: str, rooms: Rooms, terms: Terms) -> Answer:
    made: list[Drawn] = []

    def decided(seen: Seen) -> Posting:
        tags = tags_for(asked.campaign, seen.account, rooms.tags_of)
        posting, drawn = decide(asked, tags, rooms.lotteries, terms, seen)
        made[:] = [drawn]
        return posting

    receipt = spend(member_id, decided, ledger=rooms.ledger, terms=terms.ledger, now=asked.at)
    if receipt.replayed:  # its entry stands: so does its row
        raise JifenError(Code.KEY_REUSED)
    return Answer(made[0], replayed=False)


def tags_for(campaign: Campaign, account: Account, tags_of: TagsOf) -> frozenset[str]:
    """The member's tags, under all ids of his, where the campaign asks for tags; none is looked up else."""
    return tags_of(account.member_ids) if campaign.who.tags else NO_TAGS


def _earned(campaign: Campaign, member_id: str, ledger: LedgerTable, zone: str) -> int:
    if not campaign.grants:
        return 0
    return count_chances(campaign, ledger.read(member_id), ledger=ledger, zone=zone)


def _picked(asked: Asked, goods: GoodsTable) -> tuple[PoolCode, ...]:
    gives = draw(asked.ticket, asked.campaign.prizes).gives
    if not isinstance(gives, Virtual):
        return ()
    try:
        return goods.free_codes(gives.pool, 1)
    except JifenError as error:
        if error.code is not Code.SOLD_OUT:
            raise
        return ()
