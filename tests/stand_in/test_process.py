"""The stand-in as a process of its own: started, found again, ended, with the same key the next time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from local import embedded, process
from local.places import Mend, Places
from local.stack import Cloud
from tests.stand_in.outsiders import Admin


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path, process.free_port(), process.free_port(), process.free_port())
    made.make()
    return made


def test_it_starts_once_is_reused_and_keeps_its_key(places: Places) -> None:
    embedded.start_stand_in(places)
    try:
        first = process.running(places.stand_in_lock)
        embedded.start_stand_in(places)
        again = process.running(places.stand_in_lock)
        key = Admin(places.stand_in_url).get("/pay-key")
        base = Admin(places.stand_in_url).post("/callbacks", {})["base"]
        running = Cloud(places, started=False).running
    finally:
        embedded.stop(places)
    stopped = process.running(places.stand_in_lock)
    embedded.start_stand_in(places)
    try:
        kept = Admin(places.stand_in_url).get("/pay-key")
    finally:
        embedded.stop(places)

    assert first == again
    assert running
    assert stopped is None
    assert kept == key
    assert base == places.front_url


def test_a_taken_port_names_its_variable(places: Places) -> None:
    embedded.start_stand_in(places)
    try:
        other = dataclasses.replace(places, home=places.home / "other")
        other.make()
        with pytest.raises(Mend, match="JIFEN_STAND_IN_PORT="):
            embedded.start_stand_in(other)
    finally:
        embedded.stop(places)


def test_a_cloud_without_one_starts_none(tmp_path: Path) -> None:
    places = Places(tmp_path, process.free_port(), process.free_port())
    embedded.start_stand_in(places)

    assert places.stand_in_url == ""
    assert not places.stand_in_lock.exists()
