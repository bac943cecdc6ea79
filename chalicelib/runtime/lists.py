"""Lists as the API asks for and answers them: `limit` in, `{list, next_cursor, has_more}` out."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from chalicelib.errors import Code, JifenError

T = TypeVar("T")

Place = tuple[int | str, ...]
"""Where something stands in a sorted list: what it is sorted by, and its id, so that no two stand at one place."""
PAGE = frozenset({"limit", "cursor"})
"""What a list with pages may be asked with."""
PAGE_DEFAULT, PAGE_MOST = 50, 100
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


def cursor_of(order: str, place: Place) -> str:
    """The cursor behind a place of a list that is sorted so."""
    return urlsafe_b64encode(json.dumps([order, *place], ensure_ascii=False).encode()).decode().rstrip("=")


def place_in(query: Mapping[str, str], order: str, *kinds: type[int] | type[str]) -> Place | None:
    """The place that the asked cursor stands for, with parts of these kinds; None at the beginning.

    Raises INVALID_CURSOR for what is none of a list that is sorted so.
    """
    cursor = query.get("cursor", "")
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        said, *place = json.loads(urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, TypeError, RecursionError):
        raise JifenError(Code.INVALID_CURSOR, field="cursor") from None
    if said != order or [type(part) for part in place] != [*kinds]:
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return tuple(place)


def page_of(
    found: Iterable[T], place_of: Callable[[T], Place], *, after: Place | None, limit: int
) -> tuple[list[T], Place | None]:
    """Up to `limit` of a list by their places, those behind one only, and the last one's place where more follow.

    A place is no number: what has left the list meanwhile, or came to it, moves nothing else.
    """
    behind = sorted((one for one in found if after is None or place_of(one) > after), key=place_of)
    page = behind[:limit]
    return page, place_of(page[-1]) if len(behind) > limit else None
