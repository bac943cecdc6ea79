"""Where a page of redemptions begins: a place as `<instant>#<id>`, checked before it is looked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chalicelib.errors import Code, JifenError

_PLACE = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{12}Z#[0-9a-f]{24}")


def place_of(query: Mapping[str, str]) -> str:
    """The cursor of a list of redemptions, empty at its beginning; raises INVALID_CURSOR."""
    cursor = query.get("cursor", "")
    if cursor and not _PLACE.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR)
    return cursor
