"""The mall under moto; whatever a test did there, points, goods and stocks agree at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.spending.audited import differences
from tests.spending.exchanges import Airport, open_airport
from tests.spending.malls import Mall, open_mall


@pytest.fixture
def mall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mall]:
    with open_mall(monkeypatch) as opened:
        yield opened
        assert differences() == []


@pytest.fixture
def airport(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airport]:
    with open_airport(monkeypatch) as opened:
        yield opened
        assert differences() == []
