"""Starting and ending the embedded cloud's processes, and what MiniStack has to be told for that."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import shutil
import time
from pathlib import Path

from local import process, say
from local.places import HOST, KEY, REGION, Mend, Places

START_SECONDS = 300
STOP_SECONDS = 660
"""Longer than the server gives itself to save its state."""


def start(places: Places, *, quiet: bool = False) -> bool:
    """Start the cloud and wait until it answers; False when it ran already. Raises Mend."""
    if importlib.util.find_spec("ministack") is None:
        raise Mend("MiniStack is not installed here: run `make run`, or use the `.venv` it makes")
    places.make()
    if process.reusable(places.cloud_lock, places.cloud_port, "JIFEN_CLOUD_PORT"):
        _wait_until_healthy(places)
        return False
    process.refuse_taken(places.cloud_port, "JIFEN_CLOUD_PORT")
    _clean(places.tmp)
    _forget_stream_positions(places.state / "lambda.json")
    arguments = [str(places.cloud_lock), str(places.saved_at), f"{HOST}:{places.cloud_port}"]
    with say.step("starting the embedded cloud", quiet=quiet):
        process.start("local.server", arguments, lock=places.cloud_lock, log=places.cloud_log, env=_environment(places))
        _wait_until_healthy(places)
    return True


def stop(places: Places) -> None:
    """End front, stand-in and cloud; all data of the cloud is kept. Raises Mend when saving takes too long."""
    process.stop(places.front_lock, wait_seconds=10)
    process.stop(places.stand_in_lock, wait_seconds=10)
    process.stop(places.cloud_lock, wait_seconds=STOP_SECONDS)
    _clean(places.tmp)


def start_front(places: Places) -> None:
    """Start the front, or reuse the one that runs."""
    if process.reusable(places.front_lock, places.front_port, "JIFEN_PORT"):
        return
    process.refuse_taken(places.front_port, "JIFEN_PORT")
    arguments = [str(places.front_lock), str(places.front_port), str(places.cloud_port), str(places.api)]
    process.start("local.front", arguments, lock=places.front_lock, log=places.front_log, env=_environment(places))
    _wait_until_listening(places.front_port, places.front_log)


def start_stand_in(places: Places) -> None:
    """Start the stand-in for the systems outside, or reuse the one that runs; nothing where a cloud has none."""
    if not places.stand_in_port or process.reusable(places.stand_in_lock, places.stand_in_port, "JIFEN_STAND_IN_PORT"):
        return
    process.refuse_taken(places.stand_in_port, "JIFEN_STAND_IN_PORT")
    lock, log = places.stand_in_lock, places.stand_in_log
    arguments = [str(lock), str(places.stand_in_port), places.front_url]
    process.start("local.stand_in", arguments, lock=lock, log=log, env=_environment(places))
    _wait_until_listening(places.stand_in_port, log)


def _environment(places: Places) -> dict[str, str]:
    """Everything the cloud and so its functions see: neither credentials nor proxies of this machine."""
    passed = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in os.environ}
    return passed | {
        "HOME": str(places.tmp),
        "TMPDIR": str(places.tmp),
        "TZ": "UTC",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "GATEWAY_PORT": str(places.cloud_port),
        "BIND_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(places.state),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(places.state / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{places.tmp}/no-docker.sock",  # it would look after containers that are not ours
        "LAMBDA_ACCOUNT_CONCURRENCY": "16",
        "LOG_LEVEL": "WARNING",
    }


def _wait_until_healthy(places: Places) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _healthy(places.cloud_port):
        if not process.running(places.cloud_lock):
            raise Mend(f"the embedded cloud ended: read {places.cloud_log} ({process.last_line(places.cloud_log)})")
        if time.monotonic() > deadline:
            raise Mend(f"the embedded cloud does not answer after {START_SECONDS} s: read {places.cloud_log}")
        time.sleep(0.1)


def _wait_until_listening(port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while not process.listening(port):
        if time.monotonic() > deadline:
            raise Mend(f"nothing listens on port {port}: read {log}")
        time.sleep(0.02)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _forget_stream_positions(state: Path) -> None:
    """Records of streams do not outlive the cloud, positions in them do and would skip the first new records.

    The reconciliation at every start credits what was still in a stream.
    """
    if not state.exists():
        return
    kept = json.loads(state.read_text())
    for part in (kept, kept.get("payload", {})):
        part.pop("dynamodb_stream_positions", None)
    unfinished = state.with_suffix(".new")
    unfinished.write_text(json.dumps(kept))
    unfinished.rename(state)


def _clean(directory: Path) -> None:
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
