"""Reading WeChat Pay's answers one field at a time: what is not as agreed is no answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.connect.outside import Unanswered


def part_of(answer: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object that an answer must have; raises Unanswered when it has none."""
    value = answer.get(name)
    if not isinstance(value, dict):
        raise Unanswered(f"no {name}")
    return value


def fen_of(amount: Mapping[str, Any], name: str) -> int:
    """An amount of money in fen, not below 0; raises Unanswered when there is none."""
    value = amount.get(name)
    if type(value) is not int or value < 0:
        raise Unanswered(f"no {name}")
    return value


def instant_of(answer: Mapping[str, Any], name: str) -> datetime:
    """An instant with its offset; raises Unanswered when there is none."""
    value = answer.get(name)
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise Unanswered(f"no {name}")
    return read
