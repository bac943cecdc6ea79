"""What every act of an exchange works with."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.connect.partner.api import PartnerApi, open_partner
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.programme.model import Terms
from chalicelib.programme.table import terms_at
from chalicelib.spending.documents import DocumentsTable, open_documents
from chalicelib.spending.exchange.keep_partner import KIND, standing_partner, stored_partner
from chalicelib.spending.exchange.table import ExchangeTable, open_exchanges


class Desk(NamedTuple):
    """The tables, and the terms in force."""

    exchanges: ExchangeTable
    partners: DocumentsTable
    ledger: LedgerTable
    terms: Terms

    def api(self, partner_id: str, now: datetime) -> PartnerApi:
        """A partner's door, where its document says it is now; raises PARTNER_NOT_FOUND, NOT_CONNECTED."""
        partner = stored_partner(standing_partner(self.partners, partner_id))
        return open_partner(partner_id, partner.host, partner.root, now)


def open_desk(now: datetime) -> Desk:
    """The stage's exchanges under the terms in force."""
    return Desk(open_exchanges(), open_documents(KIND), open_ledger(), terms_at(now))
