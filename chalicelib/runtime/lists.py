"""Lists as the API asks for and answers them: `limit` in, `{list, next_cursor, has_more}` out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.errors import Code, JifenError

_LIMIT = re.compile(r"[1-9][0-9]{0,2}")


def limit_of(query: Mapping[str, str], most: int, default: int = 20) -> int:
    """How many are asked for, 1 to `most`; refused when it is anything else."""
    text = query.get("limit", str(default))
    if not _LIMIT.fullmatch(text) or int(text) > most:
        raise JifenError(Code.INVALID_REQUEST, f"limit应为1至{most}", field="limit")
    return int(text)


def listing(shown: Sequence[Any], next_cursor: str | None = None) -> dict[str, Any]:
    """One page and the cursor of the next; without a cursor (or an empty one) it was the last."""
    return {"list": list(shown), "next_cursor": next_cursor or None, "has_more": bool(next_cursor)}
