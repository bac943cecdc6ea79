"""Every fault of the drill can still be planted, and the drill itself tells caught from survived."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from local.drill import drill, planted, sound
from local.drill_faults import FAULTS, Fault
from local.places import ROOT

SOURCE = "def doubled(number: int) -> int:\n    return number * 2\n"
TESTS = """
from thing import doubled

def test_two_is_four() -> None:
    assert doubled(2) == 4

def test_it_is_a_number() -> None:
    assert isinstance(doubled(3), int)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "thing.py").write_text(SOURCE)
    (root / "test_thing.py").write_text(TESTS)
    return root


def a_fault(old: str = "number * 2", new: str = "number + 3", test: str = "test_two_is_four") -> Fault:
    return Fault("a fault", "thing.py", old, new, (f"test_thing.py::{test}",))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_still_be_planted_and_its_tests_are_there(fault: Fault) -> None:
    source = (ROOT / fault.file).read_text()

    assert planted(source, fault) != source
    for test in fault.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text()


def test_no_two_faults_are_the_same() -> None:
    assert len({(fault.file, fault.new, fault.old) for fault in FAULTS}) == len(FAULTS) >= 15


def test_a_fault_that_a_test_catches_is_caught_by_that_test(tree: Path) -> None:
    (outcome,) = drill([a_fault()], tree)

    assert outcome.caught_by == "test_thing.py::test_two_is_four"
    assert (tree / "thing.py").read_text() == SOURCE


def test_a_fault_that_no_test_sees_survives(tree: Path) -> None:
    (outcome,) = drill([a_fault(test="test_it_is_a_number")], tree)

    assert (outcome.caught_by, outcome.trouble) == ("", "")


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        (a_fault(old="number * 3"), "0 times"),
        (a_fault(old="number"), "2 times"),
        (a_fault(new="number *"), "could not run"),
        (a_fault(test="test_gone"), "could not run"),
    ],
)
def test_what_cannot_be_planted_or_tried_is_trouble_and_not_caught(tree: Path, fault: Fault, trouble: str) -> None:
    (outcome,) = drill([fault], tree)

    assert outcome.caught_by == ""
    assert trouble in outcome.trouble


def test_tests_that_fail_without_a_fault_prove_nothing(tree: Path) -> None:
    assert sound([a_fault()], tree) == ""
    shutil.copy(tree / "test_thing.py", tree / "kept.py")
    (tree / "thing.py").write_text(SOURCE.replace("* 2", "* 5"))

    assert sound([a_fault()], tree) == "test_thing.py::test_two_is_four"
