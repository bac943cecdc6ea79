"""A deduction as it was promised (抵扣报价): what spending/quotes.py signs of it, both ways. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.ledger.model import stamp
from chalicelib.spending import quotes

KIND = "checkout"
MAX_CHARS = 1000


class Quote(NamedTuple):
    """So many points of a member pay so many fen of a basket."""

    id: str
    member_id: str
    points: int
    fen: int
    basket: str
    """The digest of what is paid for."""
    terms_version: int
    issued_at: datetime
    release_at: datetime
    """When points that were held by it go back, if nobody captured them."""
    platform: str = ""
    order_no: str = ""
    """The order it is for; both empty while it has no number yet."""

    @property
    def expires_at(self) -> datetime:
        """From then on it cannot be taken up any more."""
        return self.issued_at + quotes.GOOD_FOR

    @property
    def hold_id(self) -> str:
        """The hold that it makes, once."""
        return f"{KIND}.{self.id}"


def signed(quote: Quote, secret: str) -> str:
    """The quote as it travels."""
    facts = [
        quote.points,
        quote.fen,
        quote.basket,
        quote.terms_version,
        stamp(quote.release_at),
        quote.platform,
        quote.order_no,
    ]
    return quotes.signed(quotes.Quote(KIND, quote.id, quote.member_id, quote.issued_at, {"deduction": facts}), secret)


def read_quote(text: str, secrets: Sequence[str]) -> Quote:
    """The quote that a text carries; raises QUOTE_INVALID unless one of these secrets signed the very text.

    Whose it is, and whether it may still be taken up, is not asked here.
    """
    found = quotes.read(text, KIND, None, secrets)
    points, fen, basket, terms_version, release_at, platform, order_no = found.facts["deduction"]
    return Quote(
        found.id,
        found.member_id,
        points,
        fen,
        basket,
        terms_version,
        found.issued_at,
        datetime.fromisoformat(release_at),
        platform,
        order_no,
    )
