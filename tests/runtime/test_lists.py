"""Pages of sorted lists: behind a place, whatever left the list or came to it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.runtime.lists import Place, cursor_of, page_of, place_in


def place(one: tuple[int, str]) -> Place:
    return one


def cursor(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


def test_pages_have_everything_once_in_order() -> None:
    found = [(rank, name) for rank in (3, 1, 2) for name in "ba"]
    shown, after = [], None
    for _ in range(3):
        page, after = page_of(found, place, after=after, limit=2)
        shown += page

    assert (shown, after) == (sorted(found), None)


def test_what_a_cursor_stands_at_may_be_gone() -> None:
    found = [(1, "a"), (1, "b"), (2, "a")]
    _, after = page_of(found, place, after=None, limit=2)

    assert page_of([(0, "new"), (1, "a"), (2, "a")], place, after=after, limit=2) == ([(2, "a")], None)


def test_a_cursor_leads_back_to_its_place() -> None:
    assert place_in({"cursor": cursor_of("points", (-7, 3, "hat"))}, "points", int, int, str) == (-7, 3, "hat")
    assert place_in({"cursor": cursor_of("stores", ("上海", "sh01"))}, "stores", str, str) == ("上海", "sh01")
    assert place_in({}, "points", int) is None


@pytest.mark.parametrize(
    "text",
    [
        "7",
        "甲",
        "=",
        "a" * 4001,
        cursor(7),
        cursor([]),
        cursor("points"),
        cursor({"points": 1}),
        cursor(["rank", 1, "hat"]),
        cursor(["points", "1", "hat"]),
        cursor(["points", True, "hat"]),
        cursor(["points", 1.5, "hat"]),
        cursor(["points", 1]),
        cursor(["points", 1, "hat", 2]),
        cursor(["points", [1], "hat"]),
        urlsafe_b64encode(b"[" * 3000).decode(),
    ],
)
def test_what_is_no_cursor_of_the_list_is_refused(text: str) -> None:
    with pytest.raises(JifenError) as refused:
        place_in({"cursor": text}, "points", int, str)

    assert refused.value.code is Code.INVALID_CURSOR
