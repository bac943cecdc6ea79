"""Plans of gifts as staff keep them: written, changed, switched on and off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.stored import read_stored
from chalicelib.runtime.bodies import invalid
from chalicelib.spending.documents import ON, DocumentsTable, Kept, open_documents
from chalicelib.spending.gifts.give_gift import Giving
from chalicelib.spending.gifts.plan import GiftPlan, faults_of
from chalicelib.spending.gifts.table import open_gifts
from chalicelib.spending.goods.table import open_goods

KIND = "PAYGIFTS"


@cache
def _adapter() -> TypeAdapter[GiftPlan]:
    return TypeAdapter(GiftPlan)


def check_plan(document: Mapping[str, Any]) -> None:
    """Raise JifenError INVALID_REQUEST with the path of the first thing that is wrong with a plan's document."""
    try:
        plan = _adapter().validate_json(json.dumps(document))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_REQUEST, document) from None
    for path, reason in faults_of(plan):
        raise JifenError(Code.INVALID_REQUEST, f"plan.{path}{reason}", field=f"plan.{path}")


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
