"""What a person at the terminal sees while something takes its time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(what: str, *, quiet: bool = False) -> Iterator[None]:
    """Print `what`, a dot every two seconds while it lasts, then how long it took."""
    if quiet:
        yield
        return
    began = time.monotonic()
    over = threading.Event()
    print(f"  {what} ", end="", flush=True)
    dots = threading.Thread(target=_dots, args=(over,), daemon=True)
    dots.start()
    try:
        yield
    except BaseException:
        over.set()
        print(" failed", flush=True)
        raise
    over.set()
    dots.join()
    print(f" {time.monotonic() - began:.1f} s", flush=True)


def line(text: str = "") -> None:
    print(text, flush=True)


def trouble(text: str) -> None:
    print(f"\n  {text}\n", file=sys.stderr, flush=True)


def _dots(over: threading.Event) -> None:
    while not over.wait(2):
        print(".", end="", flush=True)
