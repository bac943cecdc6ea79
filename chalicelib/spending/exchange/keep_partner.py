"""Partners as staff keep them: written, changed, switched on and off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chalicelib.connect.webhooks.address import Forbidden, target_of
from chalicelib.errors import Code, JifenError
from chalicelib.programme.stored import read_stored
from chalicelib.runtime.bodies import invalid
from chalicelib.spending.documents import DocumentsTable, Kept
from chalicelib.spending.exchange.partner import Partner, faults_of

KIND = "PARTNERS"


@cache
def _adapter() -> TypeAdapter[Partner]:
    return TypeAdapter(Partner)


def check_partner(document: Mapping[str, Any]) -> None:
    """Raise JifenError INVALID_REQUEST with the path of the first thing that is wrong with a partner's document."""
    try:
        partner = _adapter().validate_json(json.dumps(document))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_REQUEST, document) from None
    try:
        target_of(f"https://{partner.host}/", is_local=False)
    except Forbidden:
        raise JifenError(Code.INVALID_REQUEST, "partner.host应为公开的域名", field="partner.host") from None
    for path, reason in faults_of(partner):
        raise JifenError(Code.INVALID_REQUEST, f"partner.{path}{reason}", field=f"partner.{path}")


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
