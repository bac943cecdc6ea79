"""What staff send about any document of the spending room."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from chalicelib.errors import Code, JifenError
from chalicelib.runtime.bodies import Body
from chalicelib.runtime.lists import PAGE_DEFAULT, PAGE_MOST, limit_of

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=ONE_LINE)]
Version = Annotated[int, Field(ge=1)]
_ANY_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class StateIn(Body):
    """Switch what a document describes on or off, at the version that was seen."""

    version: Version
    state: Literal["on", "off"]
    reason: Reason


def asked_page(query: Mapping[str, str]) -> tuple[str, int]:
    """Behind which id a page of documents begins, and of how many. Raises INVALID_CURSOR, INVALID_REQUEST."""
    cursor = query.get("cursor", "")
    if cursor and not _ANY_ID.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return cursor, limit_of(query, PAGE_MOST, PAGE_DEFAULT)
