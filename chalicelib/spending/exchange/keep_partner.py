"""Partners as staff keep them: written, changed, switched on and off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.connect.webhooks.address import Forbidden, target_of
from chalicelib.errors import Code, JifenError
from chalicelib.programme.stored import read_stored
from chalicelib.spending.checked import checked
from chalicelib.spending.documents import DocumentsTable, Kept
from chalicelib.spending.exchange.partner import Partner, faults_of

KIND = "PARTNERS"


def check_partner(document: Mapping[str, Any]) -> None:
    """Raise JifenError INVALID_REQUEST with the path of the first thing that is wrong with a partner's document."""
    checked(Partner, document, _all_faults, name="partner")


def _all_faults(partner: Partner) -> Iterator[tuple[str, str]]:
    try:
        target_of(f"https://{partner.host}/", is_local=False)
    except Forbidden:
        yield "host", "应为公开的域名"
    yield from faults_of(partner)


def standing_partner(table: DocumentsTable, partner_id: str) -> Kept:
    """A partner as it stands; raises PARTNER_NOT_FOUND."""
    found = table.one(partner_id)
    if found is None:
        raise JifenError(Code.PARTNER_NOT_FOUND)
    return found


def stored_partner(kept: Kept) -> Partner:
    """The partner of a document that was checked when it was written."""
    partner: Partner = read_stored(Partner, kept.document)
    return partner
