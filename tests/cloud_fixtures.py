"""One embedded cloud for a whole test run, with the stage `test` deployed; started when the first test asks for it.

Named in tests/conftest.py as `pytest_plugins = ["tests.cloud_fixtures"]`. The process that was started first (the
controller under pytest-xdist) picks a directory and ends the cloud; whichever worker needs it first starts it there.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from local.package import Package, package
from local.places import Places
from local.process import free_port
from local.stack import PACKAGES, Cloud, Stack, start

HOME_VARIABLE = "JIFEN_TEST_CLOUD"
STAGE = "test"
NOBODY = "http://127.0.0.1:9"
"""No outside world: nothing of WeChat is connected here. It lets webhooks reach a receiver on loopback."""
PARAMETERS = {"Schedules": "DISABLED", "OrdersRetrySeconds": "2", "ExpiryRetrySeconds": "5", "OutsideUrl": NOBODY}


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and HOME_VARIABLE not in os.environ:
        os.environ[HOME_VARIABLE] = tempfile.mkdtemp(prefix="jifen-test-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or HOME_VARIABLE not in os.environ:
        return
    home = Path(os.environ.pop(HOME_VARIABLE))
    places = _places(home)
    if places is not None:
        Cloud(places, started=False).stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def cloud() -> Stack:
    """The stage `test`: a Stack. Tables are shared by all tests of the run, so use keys of your own."""
    home = Path(os.environ[HOME_VARIABLE])
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        places = _places(home) or _choose_ports(home)
        running = start(places, quiet=True)
        return running.stack(STAGE) or running.deploy(STAGE, PARAMETERS, quiet=True)


@pytest.fixture(scope="session")
def packaged() -> Package:
    """The deployable package of the sources as they are."""
    return package(PACKAGES)


def _places(home: Path) -> Places | None:
    ports = home / "ports"
    if not ports.exists():
        return None
    cloud_port, front_port = json.loads(ports.read_text())
    return Places(home, cloud_port, front_port)


def _choose_ports(home: Path) -> Places:
    ports = [free_port(), free_port()]
    (home / "ports").write_text(json.dumps(ports))
    return Places(home, *ports)
