"""A shop whose orders members claim by number: the tables, terms with claims, and the few verbs its tests need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.earning.claim_order import claim_order
from chalicelib.earning.claims_table import ClaimsTable
from chalicelib.earning.order import Order, order_key
from chalicelib.earning.order_claim import Asked, OrderClaim, State
from chalicelib.earning.settle_claims import LapseRun, lapse_claims, settle_claims
from chalicelib.earning.settle_order import settle_order
from chalicelib.programme.model import TermsBook
from tests.earning.conftest import Shop
from tests.earning.programmes import plain_book, plain_terms
from tests.ledger.builders import NOW

TMALL = {"platform": "tmall", "max_age_days": 30, "second_factor": "none", "wait_days": 3, "per_day": 5}
CLAIMS = [
    TMALL,
    {**TMALL, "platform": "jd", "second_factor": "amount"},
    {**TMALL, "platform": "pos", "second_factor": "phone_tail"},
    {**TMALL, "platform": "douyin", "second_factor": "either"},
]


def claim_book(*claims: Mapping[str, Any]) -> TermsBook:
    """The plain terms with orders of these platforms to claim, by default `CLAIMS`."""
    return plain_book(plain_terms(claims=list(claims or CLAIMS)))


@dataclass
class Desk:
    """Members claim, orders come, the stream and the night do their work."""

    shop: Shop
    book: TermsBook = field(default_factory=claim_book)

    @property
    def claims(self) -> ClaimsTable:
        return ClaimsTable(self.shop.ledger, self.shop.orders)

    def claim(
        self, member_id: str = "m7", order_no: str = "1", *, platform: str = "tmall", at: datetime = NOW, **given: Any
    ) -> OrderClaim:
        asked = Asked(member_id, platform, order_no, given.get("paid_fen"), given.get("phone_tail", ""))
        terms = self.book.at(at)
        assert terms
        return claim_order(asked, claims=self.claims, terms=terms, now=at)

    def order(self, order_no: str = "1", platform: str = "tmall") -> Order:
        (order,) = self.shop.orders.orders([order_key(platform, order_no)])
        return order

    def stream(self, order_no: str = "1", platform: str = "tmall", *, at: datetime = NOW) -> str:
        """What the stream does with the order's image and with the one that follows from it; whose claim came true."""
        claimant = settle_claims(self.order(order_no, platform), claims=self.claims, book=self.book, now=at)
        settle_order(self.order(order_no, platform), ledger=self.shop.ledger, book=self.book)
        return claimant

    def night(self, days: int = 4) -> LapseRun:
        """The night so many days later."""
        return lapse_claims(claims=self.claims, book=self.book, now=NOW + timedelta(days=days), has_time=lambda: True)

    def state(self, member_id: str = "m7", order_no: str = "1", platform: str = "tmall") -> State | None:
        found = self.claims.find([(member_id, order_key(platform, order_no))])
        return found[0].state if found else None

    def notices(self, member_id: str = "m7") -> list[dict[str, Any]]:
        return [item["facts"] for item in self.shop.ledger.listed(f"N#{member_id}", "", 10)]
