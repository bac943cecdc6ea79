"""docs/proof.md names only what is there: a proof that cites a test nobody runs proves nothing."""

from __future__ import annotations

import re

import pytest

from local.drill_faults import FAULTS
from local.places import ROOT

PAGE = (ROOT / "docs/proof.md").read_text()
LAWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| law", "| command", "| ---"))
]
SOURCES = {
    path.name: path.read_text()
    for folder in ("tests", "chalicelib/ledger")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
NAMES = sorted(set(re.findall(r"`([a-z_0-9.…]+)`", "\n".join(LAWS)) + re.findall(r"`(test_[a-z_0-9.…]+)`", PAGE)))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_on_the_page_stands_in_the_sources(name: str) -> None:
    if name.endswith(".py"):
        assert name in SOURCES
    else:
        start = f"def {name.removesuffix('…')}" + ("" if name.endswith("…") else "(")
        assert any(start in source for source in SOURCES.values())


def test_each_law_says_where_it_is_held() -> None:
    laws = [line for line in LAWS if "`make" not in line]

    assert len(laws) > 15
    assert [line for line in laws if "`" not in line.split("|")[2]] == []


def test_the_page_knows_how_many_faults_are_planted() -> None:
    assert f"plants {len(FAULTS)} faults" in PAGE


def test_nothing_is_expected_to_fail() -> None:
    assert "xfail" not in PAGE
    assert [name for name, source in SOURCES.items() if name != "test_proof.py" and "xfail" in source] == []
