"""The embedded cloud's process: MiniStack under hypercorn, with time to save its state.

MiniStack writes its state only when its server shuts down in good order; its own command gives that 60 seconds, which
a large journal outgrows. Started by local.stack with every setting in its environment.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from local.process import hold

SAVE_SECONDS = 600
GRACE_SECONDS = 3
"""For requests under way at the end; idle connections of functions always use it up."""


def main(lock: Path, saved_at: Path, bind: str) -> None:
    held = hold(lock, int(bind.rpartition(":")[2]))
    _raise_file_limit()
    asyncio.run(_serve(bind, saved_at))
    held.close()


async def _serve(bind: str, saved_at: Path) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app  # type: ignore[import-untyped]

    config = Config()
    config.bind = [bind]
    config.keep_alive_timeout = 75
    config.graceful_timeout = GRACE_SECONDS
    config.startup_timeout = SAVE_SECONDS
    config.shutdown_timeout = SAVE_SECONDS
    config.loglevel = os.environ["LOG_LEVEL"]
    await serve(app, config)

    # The state is on disk. Threads that wait for a function's answer would now hold the process for half a minute.
    saved_at.write_text(datetime.now(UTC).isoformat())  # the runner's own record of real time
    _end_workers()
    os._exit(0)


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _end_workers() -> None:
    """Warm function workers outlive the server: they are in our own process group, and nobody else is."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGTERM)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
