"""What members and staff may send about exchanges."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from chalicelib.ledger.model import MAX_POINTS
from chalicelib.runtime.bodies import Body
from chalicelib.spending.bodies import Id, Reason, Version


class ExchangeIn(Body):
    """Points for units of a partner's, on an account of the member's there."""

    partner: Id
    account: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    points: Annotated[int, Field(ge=1, le=MAX_POINTS)]


class PartnerIn(Body):
    """A new partner: its id for ever, and its document."""

    id: Id
    partner: dict[str, Any]


class PartnerEditIn(Body):
    """A partner's document as it shall be, at the version that was seen."""

    version: Version
    partner: dict[str, Any]


class ReconciliationIn(Body):
    """A partner's file of a business day, its bytes in base64."""

    on: date
    file: Annotated[str, StringConstraints(min_length=1)]


class ClosingIn(Body):
    """How an uncharged exchange ends, and why."""

    how: Literal["charge", "waive"]
    reason: Reason
