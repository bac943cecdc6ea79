"""How events get lost on their way: dropped, doubled, late, or after the one that followed them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.stand_in.clock import SECOND
from local.stand_in.courier import Errand
from local.stand_in.wire import Unknown

COUNTS = ("drop", "duplicate", "reorder")


@dataclass(slots=True)
class Unreliable:
    """One channel; `drop`, `duplicate` and `reorder` are how many of the next events meet that."""

    drop: int = 0
    duplicate: int = 0
    reorder: int = 0
    delay: int = 0
    _held: Errand | None = None

    def set(self, asked: Mapping[str, Any]) -> None:
        """`{"drop"?, "duplicate"?, "reorder"?, "delay"?}`, the last in seconds; raises Unknown."""
        for name in (*COUNTS, "delay"):
            value = asked.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise Unknown(f"{name} is a whole number")
        self.drop, self.duplicate, self.reorder = (asked.get(name, 0) for name in COUNTS)
        self.delay = asked.get("delay", 0) * SECOND

    def leaves(self, event: Errand) -> list[Errand]:
        """What goes out now that this event happened; an event held back follows the next one."""
        if self.drop:
            self.drop -= 1
            return []
        if self.reorder and self._held is None:
            self.reorder -= 1
            self._held = event
            return []
        out = [event]
        if self.duplicate:
            self.duplicate -= 1
            out.append(event)
        if self._held is not None:
            out.append(self._held)
            self._held = None
        return out
