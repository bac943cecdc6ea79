"""What members and staff may send to the ledger: the request bodies and their limits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints

from chalicelib.ledger.adjustment_csv import MAX_REASON_CHARS
from chalicelib.ledger.adjustments import Change
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.model import MAX_POINTS
from chalicelib.ledger.validity import Validity, stored
from chalicelib.runtime.bodies import Body

_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"

Reason = Annotated[str, StringConstraints(min_length=1, max_length=MAX_REASON_CHARS, pattern=_ONE_LINE)]
Evidence = Annotated[str, StringConstraints(max_length=500, pattern=_ONE_LINE)]
MemberId = Annotated[str, StringConstraints(pattern=r"^m[0-9a-f]{24}$")]
Points = Annotated[int, Field(ge=0, le=MAX_POINTS)]


class AdjustmentIn(Body):
    """Points to add or take. The reason is shown to the member, the evidence is not.

    Points to add name their class and either `expires_on` or `validity` (counted from the approval); points to take may
    name class and end of the batch to take first.
    """

    member_id: MemberId
    points: Annotated[int, Field(ge=-MAX_POINTS, le=MAX_POINTS)]
    points_class: PointsClass | None = None
    expires_on: date | None = None
    validity: Annotated[Validity, Discriminator("kind")] | None = None
    reason: Reason
    evidence: Evidence = ""

    def change(self) -> Change:
        """The change these fields ask for."""
        validity: dict[str, Any] | None = stored(self.validity) if self.validity else None
        return Change(self.member_id, self.points, self.reason, self.points_class, self.expires_on, validity)


class BatchIn(Body):
    """A file as text, with a name for those who decide on it."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=_ONE_LINE)]
    csv: Annotated[str, StringConstraints(min_length=1)]


class FileIn(Body):
    """A file as text, only to be looked at."""

    csv: Annotated[str, StringConstraints(min_length=1)]


class ReasonIn(Body):
    """Why."""

    reason: Reason


class PendingChangeIn(Body):
    """What becomes of one pending credit; `points` is what `adjust` leaves of it."""

    cause: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]
    rule: Annotated[str, StringConstraints(max_length=40)]
    change: Literal["activate", "adjust", "cancel"]
    points: Points | None = None
    reason: Reason


class TransferIn(Body):
    """The code the receiver shows, and how many points."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{10}$")]
    points: Annotated[int, Field(ge=1, le=MAX_POINTS)]
