from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connect.stage import Outside, open_outside


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    with open_outside(monkeypatch) as opened:
        yield opened
