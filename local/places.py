"""Where the embedded cloud keeps its things and listens: everything under `.local/`, everything on loopback."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
REGION = "us-east-1"
KEY = "test"
"""The embedded cloud's own root key; it opens nothing else."""


class Mend(Exception):  # it names what to do, not what failed
    """A trouble that the reader can mend; its text is one line that says how."""


@dataclass(frozen=True, slots=True)
class Places:
    """One embedded cloud: its home directory and its ports."""

    home: Path
    cloud_port: int
    front_port: int
    stand_in_port: int = 0
    """0: this cloud has no stand-in for the systems outside."""

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.cloud_port}"

    @property
    def front_url(self) -> str:
        return f"http://{HOST}:{self.front_port}"

    @property
    def stand_in_url(self) -> str:
        """Empty when this cloud has no stand-in."""
        return f"http://{HOST}:{self.stand_in_port}" if self.stand_in_port else ""

    @property
    def state(self) -> Path:
        """What survives a restart; written when the cloud is stopped."""
        return self.home / "state"

    @property
    def tmp(self) -> Path:
        """Unpacked functions: tens of megabytes each, cleaned at every start and stop."""
        return self.home / "tmp"

    @property
    def cloud_lock(self) -> Path:
        return self.home / "cloud.pid"

    @property
    def front_lock(self) -> Path:
        return self.home / "front.pid"

    @property
    def stand_in_lock(self) -> Path:
        return self.home / "stand-in.pid"

    @property
    def stand_in_log(self) -> Path:
        return self.home / "stand-in.log"

    @property
    def cloud_log(self) -> Path:
        return self.home / "cloud.log"

    @property
    def front_log(self) -> Path:
        return self.home / "front.log"

    @property
    def api(self) -> Path:
        """One line: the base path of the stage's API inside the cloud. A deploy writes it, the front reads it."""
        return self.home / "api"

    @property
    def saved_at(self) -> Path:
        """The instant at which the kept state was written: nights after it were missed."""
        return self.home / "saved-at"

    @property
    def caught_up_at(self) -> Path:
        """The instant up to which a running cloud has had its nights: a suspended laptop misses some, too."""
        return self.home / "caught-up-at"

    def make(self) -> None:
        for directory in (self.home, self.state, self.tmp):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def default_places() -> Places:
    """The laptop's own cloud; JIFEN_HOME, JIFEN_CLOUD_PORT, JIFEN_PORT and JIFEN_STAND_IN_PORT move it."""
    return Places(
        home=Path(os.environ.get("JIFEN_HOME", ROOT / ".local")).resolve(),
        cloud_port=_port("JIFEN_CLOUD_PORT", 4620),
        front_port=_port("JIFEN_PORT", 8620),
        stand_in_port=_port("JIFEN_STAND_IN_PORT", 5620),
    )


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise Mend(f"{variable} is {text!r}: set it to a port from 1024 to 65535, or unset it")
    return int(text)
