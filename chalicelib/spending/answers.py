"""Documents of the spending room as staff are told of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chalicelib.runtime.clock import in_zone
from chalicelib.spending.documents import Kept, Line


def kept_answer(kept: Kept, name: str, zone: str) -> dict[str, Any]:
    """A document under the name that its room gives it, and who changed it last."""
    return {
        "id": kept.id,
        "state": kept.state,
        "version": kept.version,
        "changed_by": kept.changed_by,
        "changed_at": in_zone(kept.changed_at, zone),
        name: kept.document,
    }


def history_answer(lines: Iterable[Line], zone: str) -> list[dict[str, Any]]:
    """A document's trail."""
    return [{**line._asdict(), "at": in_zone(line.at, zone)} for line in lines]
