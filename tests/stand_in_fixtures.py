"""A stand-in for the systems outside, for any test that asks for one: its own server, seed and clock each time.

Named in tests/conftest.py as `pytest_plugins`. `stand_in.url` is what `OUTSIDE_URL` would be.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.stand_in.apis import stand_in as new_stand_in
from local.stand_in.edge import Server
from tests.stand_in.outsiders import Admin

NOON = "2026-03-10T12:00:00+08:00"
"""A Tuesday; where the clock of `stand_in` stands."""


@contextmanager
def serving_stand_in() -> Iterator[Server]:
    """A stand-in of its own, in real time until somebody resets it."""
    serving = Server(0, new_stand_in())
    thread = threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield serving
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture
def stand_in_server() -> Iterator[Server]:
    """In real time until somebody resets it."""
    with serving_stand_in() as serving:
        yield serving


@pytest.fixture
def stand_in(stand_in_server: Server) -> Admin:
    """Its admin, with the clock standing at NOON and the first seed."""
    made = Admin(stand_in_server.url)
    made.post("/reset", {"at": NOON})
    return made
