"""`make drill [ONLY=word]`: do the tests catch what they are there for?

Plants one fault after another (drill_faults.py) in a copy of the sources and runs the tests that must catch it; the
sources themselves are never touched. Exit code 0: every fault was caught; 1: one survived, or could not be planted or
tried.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from local import say
from local.drill_faults import FAULTS, Fault
from local.places import ROOT

COPIES = 2
"""Copies of the sources that are tried side by side: one a core."""
DEADLINE_S = 300
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".local", ".hypothesis", "dist", "docs", "__pycache__", "*.pyc")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::.+?)(?: - .*)?$", re.MULTILINE)


class Outcome(NamedTuple):
    """What became of one fault; `caught_by` is a test's name, empty when none failed."""

    fault: Fault
    caught_by: str
    seconds: float
    trouble: str = ""


def planted(source: str, fault: Fault) -> str:
    """The source with the fault; ValueError when its old text does not stand there exactly once."""
    count = source.count(fault.old)
    if count != 1:
        raise ValueError(f"{fault.file} has its text {count} times")
    return source.replace(fault.old, fault.new)


def drill(faults: Sequence[Fault], root: Path = ROOT) -> Iterator[Outcome]:
    """Try every fault, as many side by side as there are copies; outcomes in the faults' order."""
    with tempfile.TemporaryDirectory(prefix="drill-") as home, ThreadPoolExecutor(COPIES) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(COPIES):
            copies.put(shutil.copytree(root, Path(home) / str(number), ignore=LEFT_OUT))
        yield from pool.map(lambda fault: _try(fault, copies), faults)


def sound(faults: Sequence[Fault], root: Path = ROOT) -> str:
    """The test that fails without any fault, empty when all pass: a drill of broken tests would prove nothing."""
    tests = dict.fromkeys(test for fault in faults for test in fault.tests)
    _code, failed = _run(root, (*tests,), ())
    return failed


def _try(fault: Fault, copies: SimpleQueue[Path]) -> Outcome:
    copy = copies.get()
    began = time.monotonic()
    try:
        with _planted_in(copy, fault):
            code, failed = _run(copy, fault.tests, ("-x",))
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        return Outcome(fault, "", time.monotonic() - began, str(error))
    finally:
        copies.put(copy)
    trouble = "" if code in (0, 1) else f"the tests could not run: {failed or code}"
    return Outcome(fault, failed if code == 1 else "", time.monotonic() - began, trouble)


@contextmanager
def _planted_in(copy: Path, fault: Fault) -> Iterator[None]:
    file = copy / fault.file
    source = file.read_text()
    file.write_text(planted(source, fault))
    try:
        yield
    finally:
        file.write_text(source)


def _run(root: Path, tests: Sequence[str], options: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code in a tree of sources, and the first test that failed."""
    environment = {**os.environ, "HYPOTHESIS_PROFILE": "drill", "HYPOTHESIS_SEED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", *options, *tests],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    failed = FAILED.search(ran.stdout)
    if failed:
        return ran.returncode, failed.group(1)
    return ran.returncode, (ran.stdout + ran.stderr).strip()[-300:] if ran.returncode else ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.drill", description=__doc__)
    parser.add_argument("--only", default="", help="only the faults whose name or file has this word")
    chosen = parser.parse_args(arguments)
    faults = [fault for fault in FAULTS if chosen.only in fault.name or chosen.only in fault.file]
    began = time.monotonic()
    broken = sound(faults)
    if broken:
        say.trouble(f"without any fault the tests must pass: {broken}")
        return 1
    escaped = 0
    for number, outcome in enumerate(drill(faults), 1):
        escaped += not outcome.caught_by
        verdict = outcome.caught_by.partition("::")[2] if outcome.caught_by else outcome.trouble or "SURVIVED"
        say.line(f"  {number:2}  {outcome.seconds:5.1f} s  {outcome.fault.name}\n              {verdict}")
    say.line(f"  {len(faults) - escaped} of {len(faults)} faults caught in {time.monotonic() - began:.0f} s")
    return 1 if escaped or not faults else 0


if __name__ == "__main__":
    sys.exit(main())
