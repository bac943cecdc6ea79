"""The runner's own judgement: which nights were missed, which processes are ours, what a reader is told to mend."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local import process
from local.nights import EXPIRY_AT, _since, caught_up, missed, scheduled_event
from local.places import HOST, ROOT, Mend, Places, default_places
from local.stack import Cloud


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day and so on


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (_utc(2026, 2, 27, 16, 4), _utc(2026, 3, 1, 16, 5), [27, 28, 1]),
        (_utc(2026, 2, 27, 16, 5), _utc(2026, 3, 1, 16, 4), [28]),
        (_utc(2026, 2, 27, 17), _utc(2026, 2, 27, 23), []),
        (_utc(2026, 2, 27, 17), _utc(2026, 2, 26), []),
    ],
)
def test_missed_nights(since: datetime, until: datetime, days: list[int]) -> None:
    nights = missed(since, until, EXPIRY_AT)
    assert [night.day for night in nights] == days
    assert all(night.hour == 16 and night.minute == 5 for night in nights)


@pytest.mark.parametrize(
    ("started", "saved", "caught", "since"),
    [
        (True, None, 5, None),
        (True, 3, 5, 3),
        (False, 3, 5, 5),
        (False, 5, 3, 5),
        (False, None, 5, 5),
        (False, 3, None, 3),
        (False, None, None, None),
    ],
)
def test_what_was_missed_counts_from_the_state_that_is_there(
    tmp_path: Path, started: bool, saved: int | None, caught: int | None, since: int | None
) -> None:
    cloud = Cloud(Places(tmp_path, 1024, 1025), started=started)
    if saved:
        cloud.places.saved_at.write_text(_utc(2026, 3, saved).isoformat())
    if caught:
        caught_up(cloud, _utc(2026, 3, caught))
    assert _since(cloud) == (_utc(2026, 3, since) if since else None)


def test_a_scheduled_event_carries_its_instant() -> None:
    assert scheduled_event(_utc(2026, 1, 31) + timedelta(hours=16, minutes=5))["time"] == "2026-01-31T16:05:00Z"


def test_a_stale_pid_is_nobody_and_is_never_signalled(tmp_path: Path) -> None:
    lock = tmp_path / "cloud.pid"
    assert process.running(lock) is None
    lock.write_text(f"{os.getpid()} 4620")
    assert process.running(lock) is None
    process.stop(lock, wait_seconds=1)


def test_a_held_lock_is_a_running_process_and_keeps_its_port(tmp_path: Path) -> None:
    lock = tmp_path / "cloud.pid"
    with process.hold(lock, 4620):
        assert process.running(lock) == process.Running(os.getpid(), 4620)
        assert process.reusable(lock, 4620, "JIFEN_CLOUD_PORT")
        with pytest.raises(Mend, match="JIFEN_CLOUD_PORT=4620"):
            process.reusable(lock, 4621, "JIFEN_CLOUD_PORT")
        with pytest.raises(Mend, match="running already"):
            process.hold(lock, 4620)
    assert process.running(lock) is None


def test_a_taken_port_names_the_variable_that_moves_us() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Mend, match=f"port {port} is taken.*JIFEN_PORT="):
            process.refuse_taken(port, "JIFEN_PORT")
    process.refuse_taken(process.free_port(), "JIFEN_PORT")


@pytest.mark.parametrize("text", ["", "http", "80", "70000"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("JIFEN_PORT", text)
    with pytest.raises(Mend, match="JIFEN_PORT"):
        default_places()


@pytest.mark.parametrize(
    ("python", "mend"),
    [
        ("exit 1", "Python 3.11 or newer is needed"),
        ('case "$1" in -c) exit 0;; *) exit 1;; esac', "has no venv module"),
    ],
)
def test_an_old_or_bare_python_is_answered_with_a_mend(tmp_path: Path, python: str, mend: str) -> None:
    shutil.copytree(ROOT / "local", tmp_path / "local", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    fake = tmp_path / "python3"
    fake.write_text(f"#!/bin/sh\n{python}\n")
    fake.chmod(0o755)
    command = ["sh", "local/environment.sh", "local/requirements.txt"]
    env = {"PATH": os.environ["PATH"], "PYTHON": str(fake)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert mend in done.stderr
    assert not (tmp_path / ".venv").exists()
