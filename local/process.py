"""The background processes: started detached, known by a lock they hold, ended by SIGTERM.

Each process holds an exclusive lock on its pid file for as long as it lives. A pid found in an unlocked file is stale
and belongs to somebody else by now, so it is never signalled.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.places import HOST, ROOT, Mend

_started: list[subprocess.Popen[bytes]] = []
"""What this process started and has to reap when it ends first; all of it may outlive us."""


@atexit.register
def _leave_running() -> None:
    """What still runs when we end does so on purpose: subprocess must not complain of it."""
    for child in _started:
        if child.poll() is None:
            child.returncode = 0


@dataclass(frozen=True, slots=True)
class Running:
    """A live process of ours and the port it serves."""

    pid: int
    port: int


def hold(lock: Path, port: int) -> IO[str]:
    """Called by the process itself: lock its pid file until it ends. Raises Mend when another one runs."""
    held = lock.open("a+")
    for _ in range(20):  # somebody who looks whether we run holds it for an instant
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.05)
    else:
        held.close()
        raise Mend(f"another process holds {lock}: it is running already")
    held.truncate(0)
    held.write(f"{os.getpid()} {port}")
    held.flush()
    return held


def running(lock: Path) -> Running | None:
    """The process that holds this lock, or None."""
    if not lock.exists():
        return None
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _, port = file.read().partition(" ")
            return Running(int(pid), int(port)) if pid.isdigit() and port.isdigit() else None
        return None


def start(module: str, arguments: Sequence[str], *, lock: Path, log: Path, env: Mapping[str, str]) -> int:
    """Start `python -m module` detached from this terminal and wait until it holds its lock. Raises Mend."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _started.append(child)
    deadline = time.monotonic() + 30
    while (seen := running(lock)) is None or seen.pid != child.pid:
        if child.poll() is not None or time.monotonic() > deadline:
            raise Mend(f"{module} did not start: read {log} ({last_line(log)})")
        time.sleep(0.05)
    return child.pid


def stop(lock: Path, *, wait_seconds: float) -> None:
    """End the process that holds this lock, if one does. Raises Mend when it stays."""
    seen = running(lock)
    if seen is None:
        return
    began = time.monotonic()
    os.kill(seen.pid, signal.SIGTERM)
    while running(lock) == seen:
        if time.monotonic() - began > wait_seconds:
            raise Mend(
                f"process {seen.pid} is still saving its state after {wait_seconds:.0f} s: wait, then `make stop` again"
            )
        time.sleep(0.1)
    _started[:] = [child for child in _started if child.poll() is None]


def listening(port: int) -> bool:
    """Whether anything answers on this port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def reusable(lock: Path, port: int, variable: str) -> bool:
    """Whether our process runs and serves this port. Raises Mend when it serves another."""
    seen = running(lock)
    if seen is not None and seen.port != port:
        raise Mend(f"it runs on port {seen.port} already: set {variable}={seen.port}, or `make stop` first")
    return seen is not None


def refuse_taken(port: int, variable: str) -> None:
    """Raises Mend naming the variable that moves us, when somebody else listens on this port."""
    if listening(port):
        raise Mend(f"port {port} is taken by another program: end it, or run `{variable}={port + 10} make run`")


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:200] if lines else "it is empty"
