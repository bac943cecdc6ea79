"""A lottery campaign (抽奖活动), as staff write it and members may read it. Pure: sense is asked in sense.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from chalicelib.ledger.document import Discriminator, Ge, Le, Len, document
from chalicelib.ledger.model import digest
from chalicelib.ledger.validity import Validity
from chalicelib.programme.caps import Id
from chalicelib.programme.conditions import EVERYTHING, When
from chalicelib.spending.goods.good import Bundle, Coupon, Parcel, Virtual

Name = Annotated[str, Len(1, 40)]
Count = Annotated[int, Ge(1), Le(10**7)]
ALWAYS_SHOWN_ABOVE_FEN = 50_000
"""Who wins more than this is shown to everybody, whatever the campaign says."""


@document
class Points:
    """Points of the class activity, with a validity of their own."""

    kind: Literal["points"]
    points: Annotated[int, Ge(1), Le(10**6)]
    validity: Annotated[Validity, Discriminator("kind")]


@document
class Thanks:
    """谢谢参与: nothing was won. A campaign without it lets everybody win."""

    kind: Literal["thanks"]


@document
class Prize:
    """What `weight` of all tickets win."""

    id: Id
    name: Name
    gives: Annotated[Points | Thanks | Coupon | Bundle | Virtual | Parcel, Discriminator("kind")]
    weight: Annotated[int, Ge(1), Le(10**7)]
    value_fen: Annotated[int, Ge(0), Le(10**9)]
    """What one is worth in money."""
    count: Count | None = None
    """How many there are; None: as many as are won."""
    fallback: Id | None = None
    """What its ticket wins once all are gone: a prize of this campaign, points or thanks, that never runs out."""


@document
class Grant:
    """What a member did gives chances: each cause of `activity` once, and none that was taken back since."""

    activity: Id
    """`order`, `check_in`, or an indicator of the programme: a friend who registered, a review."""
    rules: Annotated[tuple[Id, ...], Len(0, 20)] = ()
    """Only what one of these rules paid for; all of the activity when none is named."""
    chances: Annotated[int, Ge(1), Le(100)]
    most_per_day: Annotated[int, Ge(1), Le(1000)] | None = None
    most: Annotated[int, Ge(1), Le(1000)] | None = None
    """In the whole campaign."""


@document
class Portion:
    """How many of a prize a slice holds."""

    prize: Id
    count: Count


@document
class Slice:
    """A part of the time with its own part of the prizes; what is left of it does not go on into the next."""

    from_at: datetime
    portions: Annotated[tuple[Portion, ...], Len(1, 20)]


@document
class Campaign:
    """All that a lottery promises. Published it is frozen: whoever has it can compute its checksum."""

    name: Name
    organiser: Annotated[str, Len(1, 60)]
    rules: Annotated[str, Len(1, 2000)]
    claim: Annotated[str, Len(1, 1000)]
    """How and until when prizes are claimed."""
    from_at: datetime
    until_at: datetime
    """No draw at this instant or later."""
    claim_until_at: datetime | None = None
    """What is sent is claimed before this instant, or lapses; every campaign with such a prize has one."""
    points: Annotated[int, Ge(1), Le(10**6)] | None = None
    """What a draw costs where no chance is left; None: chances alone."""
    grants: Annotated[tuple[Grant, ...], Len(0, 10)] = ()
    daily_draws: Annotated[int, Ge(1), Le(1000)]
    """Most draws of a member on a business day, however they are paid."""
    who: When = EVERYTHING
    """Conditions on the member alone."""
    prizes: Annotated[tuple[Prize, ...], Len(2, 20)]
    shown_above_fen: Annotated[int, Ge(0), Le(ALWAYS_SHOWN_ABOVE_FEN)] = ALWAYS_SHOWN_ABOVE_FEN
    """Winners of prizes worth more are shown to everybody, their ids masked."""
    slices: Annotated[tuple[Slice, ...], Len(0, 60)] = ()
    """None at all: every prize is there from the beginning."""

    def prize(self, prize_id: str) -> Prize:
        """One of its prizes; KeyError for none."""
        for prize in self.prizes:
            if prize.id == prize_id:
                return prize
        raise KeyError(prize_id)

    def slice_at(self, at: datetime) -> int:
        """The number of the slice that an instant lies in, 0 where the campaign has none."""
        return max(sum(one.from_at <= at for one in self.slices) - 1, 0)

    def counts(self, place: int) -> Mapping[str, int]:
        """How many of each limited prize a slice holds, or the whole campaign where it has none."""
        if self.slices:
            return {portion.prize: portion.count for portion in self.slices[place].portions}
        return {prize.id: prize.count for prize in self.prizes if prize.count is not None}


def checksum(document: Mapping[str, object]) -> str:
    """SHA-256 over the document's canonical JSON: sorted keys, no spaces, UTF-8."""
    return digest(document)


def stock_id(campaign_id: str, prize_id: str, place: int) -> str:
    """The stock of a limited prize in a slice."""
    return f"CAMPAIGN#{campaign_id}#P#{prize_id}#{place}"
