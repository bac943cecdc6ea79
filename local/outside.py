"""The world outside of a laptop's stage: the stand-in's accounts in the stage's secret, and whom they tell.

Each main job begins with a new world, so that what WeChat allows once a day can be seen with every run.
"""

from __future__ import annotations

import json
import secrets
import struct
import zlib
from typing import Any

import urllib3

from local.places import Mend
from local.stack import Stack
from local.stand_in.accounts import FIRST_APPS, FIRST_CORP

FOLLOWERS = ("mei", "lan", "ning")
"""Who follows the Official Account in a new world."""
_AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
_SIGNED_WITH = "local-callbacks"
_SYSTEMS = {"mini_program": "mini-program", "service": "official-account"}
"""By kind of account: the last part of the callback that hears of it."""


class World:
    """The stand-in as its admin has it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=20)

    def post(self, path: str, given: dict[str, Any]) -> Any:
        """What the admin answers; raises Mend."""
        return self._read(self._pool.request("POST", f"{self.url}/_stand_in{path}", body=json.dumps(given).encode()))

    def received(self, api: str) -> list[dict[str, Any]]:
        """The calls of one API that were answered without a refusal, oldest first."""
        answer = self._read(self._pool.request("GET", f"{self.url}/_stand_in/received", fields={"path": api}))
        return [call for call in answer["received"] if call.get("errcode") in (0, None)]

    def _read(self, answer: urllib3.BaseHTTPResponse) -> Any:
        read = answer.json()
        if answer.status != 200:
            raise Mend(f"the stand-in for the outside world: {read.get('trouble')}")
        return read


def new_world(url: str) -> World:
    """A new world with the first accounts, which tell the local API what happens, and a few followers."""
    world = World(url)
    world.post("/reset", {"seed": secrets.randbelow(2**31)})
    keys = {"push_token": _SIGNED_WITH, "push_aes_key": _AES_KEY}
    for app in FIRST_APPS:
        if app.kind in _SYSTEMS:
            told = {"push_url": f"https://jifen.example/v1/callbacks/{_SYSTEMS[app.kind]}", **keys}
            known = {"appid": app.appid, "secret": app.secret, "kind": app.kind, "original_id": app.original_id}
            world.post("/apps", {**known, "open_platform": app.open_platform, **told})
    told = {"push_url": "https://jifen.example/v1/callbacks/wecom", **keys}
    world.post("/corps", {"corpid": FIRST_CORP.corpid, "secrets": list(FIRST_CORP.secrets), **told})
    service = next(app for app in FIRST_APPS if app.kind == "service")
    for person in FOLLOWERS:
        world.post("/followers", {"appid": service.appid, "person": person, "tags": []})
    return world


def connect(stack: Stack) -> None:
    """Put the world's accounts into the stage's secret, as a brand puts its own."""
    keys = {"token": _SIGNED_WITH, "aes_key": _AES_KEY}
    apps = {app.kind: {"appid": app.appid, "secret": app.secret, **keys} for app in FIRST_APPS}
    accounts = {
        "mini_program": apps["mini_program"],
        "official_account": apps["service"],
        "wecom": {"appid": FIRST_CORP.corpid, "secret": FIRST_CORP.secrets[0], **keys},
    }
    manager = stack.client("secretsmanager")
    manager.put_secret_value(SecretId=stack.setting("CONNECT_SECRET"), SecretString=json.dumps(accounts))


def a_cover(text: str) -> bytes:
    """A small picture (PNG, 900 by 383, the size of a headline's cover) that bears `text` in its data."""
    width, height = 900, 383
    row = b"\0" + bytes((42, 120, 92)) * width
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"tEXt", b"Title\0" + text.encode("latin-1", "replace")),
        (b"IDAT", zlib.compress(row * height, 9)),
        (b"IEND", b""),
    )
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
