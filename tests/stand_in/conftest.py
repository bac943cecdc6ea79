"""A stand-in of its own for each test, its admin, a receiver of what it sends, and real clients pointed at it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from local.stand_in.apis import stand_in
from local.stand_in.edge import Server
from tests.stand_in.outsiders import Admin, Receiver

NOON = "2026-03-10T12:00:00+08:00"
"""A Tuesday; where the clock stands in most tests."""


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server(0, stand_in())
    thread = threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield serving
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture
def admin(server: Server) -> Admin:
    """With the clock standing at NOON and the first seed."""
    made = Admin(server.url)
    made.post("/reset", {"at": NOON})
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A callback of ours: keeps what arrives, answers as it is told."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def now_admin(server: Server) -> Callable[[], Admin]:
    """An admin of a world in real time, for clients that read the machine's clock."""
    return lambda: Admin(server.url)
