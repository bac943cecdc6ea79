"""What tests of the stand-in ask for: its admin, and a receiver of what it sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.stand_in.edge import Server
from tests.stand_in.outsiders import Admin, Receiver


@pytest.fixture
def admin(stand_in: Admin) -> Admin:
    """With the clock standing at noon of 2026-03-10 and the first seed."""
    return stand_in


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A callback of ours: keeps what arrives, answers as it is told."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def now_admin(stand_in_server: Server) -> Callable[[], Admin]:
    """An admin of a world in real time, for clients that read the machine's clock."""
    return lambda: Admin(stand_in_server.url)
