"""What staff send about any document of the spending room."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from chalicelib.runtime.bodies import Body

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=ONE_LINE)]
Version = Annotated[int, Field(ge=1)]


class StateIn(Body):
    """Switch what a document describes on or off, at the version that was seen."""

    version: Version
    state: Literal["on", "off"]
    reason: Reason
