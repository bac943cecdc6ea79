"""How far a long run has come: one bar on a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import sys
import time

BAR_CHARS = 30
LINE_SECONDS = 10.0


class Progress:
    """`advance(done)` as often as you like; it prints only what a reader can follow."""

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self._what = what
        self._total = max(total, 1)
        self._first = done
        self._began = time.monotonic()
        self._printed = 0.0
        self._is_terminal = sys.stdout.isatty()

    def advance(self, done: int, note: str = "") -> None:
        """Say that `done` of the total are done; the last one is always said."""
        now = time.monotonic()
        pause = 0.1 if self._is_terminal else LINE_SECONDS
        if now - self._printed < pause and done < self._total:
            return
        self._printed = now
        rate = (done - self._first) / max(now - self._began, 0.001)
        left = f", {round((self._total - done) / rate)} s left" if rate and done < self._total else ""
        text = f"{done * 100 // self._total:3d} %  {done:,} of {self._total:,}{left} {note}".rstrip()
        if not self._is_terminal:
            print(f"  {self._what} {text}", flush=True)
            return
        filled = "█" * (done * BAR_CHARS // self._total)
        print(f"\r  {self._what} {filled:·<{BAR_CHARS}} {text}\x1b[K", end="", flush=True)
        if done >= self._total:
            print(flush=True)
