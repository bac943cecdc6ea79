"""Plans of gifts as staff keep them: written, changed, switched on and off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.stored import read_stored
from chalicelib.spending.checked import checked
from chalicelib.spending.documents import ON, DocumentsTable, Kept, open_documents
from chalicelib.spending.gifts.give_gift import Giving
from chalicelib.spending.gifts.plan import GiftPlan, faults_of
from chalicelib.spending.gifts.table import open_gifts
from chalicelib.spending.goods.table import open_goods

KIND = "PAYGIFTS"


def check_plan(document: Mapping[str, Any]) -> None:
    """Raise JifenError INVALID_REQUEST with the path of the first thing that is wrong with a plan's document."""
    checked(GiftPlan, document, faults_of, name="plan")


def standing_plan(table: DocumentsTable, plan_id: str) -> Kept:
    """A plan as it stands; raises GIFT_PLAN_NOT_FOUND."""
    found = table.one(plan_id)
    if found is None:
        raise JifenError(Code.GIFT_PLAN_NOT_FOUND)
    return found


def open_giving(zone: str) -> Giving:
    """The stage's gifts, with the plans that are switched on."""
    plans = [(kept.id, read_stored(GiftPlan, kept.document)) for kept in open_documents(KIND).all() if kept.state == ON]
    ledger = open_ledger()
    return Giving(
        open_gifts(),
        open_goods(),
        plans,
        zone,
        merged_of=lambda member_id: ledger.read(member_id).merged,
    )
