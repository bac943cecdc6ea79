"""A slice of the log through the deployed functions, the real stream, queue and nights of the embedded cloud."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from local.places import Places
from local.replay import deploy_stage, replay_slice
from local.stack import Cloud, Stack
from tests.cloud_fixtures import HOME_VARIABLE

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def replay_stage(cloud: Stack) -> Stack:
    """A stage of its own beside the run's: other tests publish other terms there."""
    home = Path(os.environ[HOME_VARIABLE])
    ports = json.loads((home / "ports").read_text())
    return deploy_stage(Cloud(Places(home, *ports), started=False), quiet=True)


def test_a_slice_agrees_to_the_point_and_bears_repeating(replay_stage: Stack, cdnow: Path) -> None:
    first = replay_slice(replay_stage, 8, file=cdnow)

    again = replay_slice(replay_stage, 8, file=cdnow)

    assert first == again
    assert first.outstanding == sum(first.issued.values()) - sum(first.expired.values())
