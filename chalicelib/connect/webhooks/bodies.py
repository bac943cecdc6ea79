"""What staff send about webhook endpoints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from chalicelib.connect.webhooks.address import MAX_URL_CHARS
from chalicelib.connect.webhooks.kinds import EVENT_KINDS, EventKind
from chalicelib.runtime.edge import Body

Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2099, 12, 31, tzinfo=UTC))]


class EndpointBody(Body):
    """Where events of these kinds go."""

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARS)]
    kinds: Annotated[list[EventKind], Field(min_length=1, max_length=len(EVENT_KINDS))]
    description: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class EndpointEditBody(EndpointBody):
    """An endpoint as it shall be, at the version that was seen."""

    enabled: bool
    version: Annotated[int, Field(ge=1, le=999_999)]


class RotationBody(Body):
    """The version that was seen."""

    version: Annotated[int, Field(ge=1, le=999_999)]


class ReplayBody(Body):
    """One delivery, or all of a span."""

    delivery_id: Annotated[str | None, Field(min_length=1, max_length=120)] = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    only_dead: bool = True
