"""What staff may send about the programme: the request bodies and their limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from chalicelib.runtime.edge import Body

DOCUMENT_BODY_LIMIT_BYTES = 512 * 1024
"""The largest document that can be stored, written out or with many of its characters as JSON escapes."""

_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"

Instant = Annotated[
    AwareDatetime, Field(strict=False, ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(2099, 12, 31, tzinfo=UTC))
]
Note = Annotated[str, StringConstraints(max_length=200, pattern=_ONE_LINE)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_ONE_LINE)]
DraftName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_ONE_LINE)]
Version = Annotated[int, Field(ge=1, le=1_000_000_000)]


class VersionIn(Body):
    """A version to publish. `version` is the number it must get; the document is the programme itself."""

    version: Annotated[int, Field(ge=1, le=999_999)]
    effective_from: Instant
    document: dict[str, Any]
    note: Note = ""


class DraftBody(Body):
    """A draft under a name of its own; the document may still be anything."""

    name: DraftName
    document: dict[str, Any]


class DraftEditBody(DraftBody):
    """A whole new draft for the version that its author saw."""

    version: Version


class DraftPublishBody(Body):
    """The version of the draft that was read, and from when it is in force."""

    version: Version
    effective_from: Instant
    note: Note = ""


class PauseBody(Body):
    """Why: for the history, and for whoever wonders."""

    reason: Reason
