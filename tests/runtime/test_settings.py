"""The stage's settings are checked once, before anything is done with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest

from chalicelib.runtime.settings import Settings, settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    given = {"due_shards": "8", "login": "closed", "outside_url": "", "subscribe_messages": "off"}
    for field in fields(Settings):
        monkeypatch.setenv(field.name.upper(), given.get(field.name, field.name))
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_outside_is_the_real_hosts_unless_told_otherwise() -> None:
    assert settings().outside_url == ""


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1:5620", "http://127.0.0.1.example.com:80", "http://stand-in.example.com", "http://10.0.0.1:1"],
)
def test_what_stands_in_for_the_outside_is_on_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OUTSIDE_URL", url)

    with pytest.raises(ValueError, match="OUTSIDE_URL"):
        settings()
    monkeypatch.setenv("OUTSIDE_URL", "http://127.0.0.1:5620")
    assert settings().outside_url == "http://127.0.0.1:5620"


@pytest.mark.parametrize(("name", "value"), [("LOGIN", "open"), ("DUE_SHARDS", "0"), ("DUE_SHARDS", "1025")])
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValueError, match=name):
        settings()
