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
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from local.places import Mend, Places
from local.stack import Stack
from local.stand_in.accounts import FIRST_APPS, FIRST_CORP

FOLLOWERS = ("mei", "lan", "ning")
"""Who follows the Official Account in a new world."""
_AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
_SIGNED_WITH = "local-callbacks"
MCHID, _SERIAL, _APIV3_KEY = (
    "1900000001",
    "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
    "apiv3-key-of-the-local-merchant!",
)
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

    def get(self, path: str) -> Any:
        """What the admin answers; raises Mend."""
        return self._read(self._pool.request("GET", f"{self.url}/_stand_in{path}"))

    def _read(self, answer: urllib3.BaseHTTPResponse) -> Any:
        read = answer.json()
        if answer.status != 200:
            raise Mend(f"the stand-in for the outside world: {read.get('trouble')}")
        return read


def new_world(places: Places) -> World:
    """A new world with the first accounts, which tell the local API what happens, a merchant and a few followers."""
    world = World(places.stand_in_url)
    world.post("/reset", {"seed": secrets.randbelow(2**31)})
    keys = {"push_token": _SIGNED_WITH, "push_aes_key": _AES_KEY}
    for app in FIRST_APPS:
        if app.kind in _SYSTEMS:
            told = {"push_url": f"https://jifen.example/v1/callbacks/{_SYSTEMS[app.kind]}", **keys}
            known = {"appid": app.appid, "secret": app.secret, "kind": app.kind, "original_id": app.original_id}
            world.post("/apps", {**known, "open_platform": app.open_platform, **told})
    told = {"push_url": "https://jifen.example/v1/callbacks/wecom", **keys}
    world.post("/corps", {"corpid": FIRST_CORP.corpid, "secrets": list(FIRST_CORP.secrets), **told})
    public = merchant_key(places).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    merchant = {"mchid": MCHID, "serial": _SERIAL, "public_key": public, "apiv3_key": _APIV3_KEY}
    world.post("/merchants", {**merchant, "appids": [mini_program_id()]})
    service = next(app for app in FIRST_APPS if app.kind == "service")
    for person in FOLLOWERS:
        world.post("/followers", {"appid": service.appid, "person": person, "tags": []})
    return world


def mini_program_id() -> str:
    """The brand's mini-program in a new world."""
    return next(app.appid for app in FIRST_APPS if app.kind == "mini_program")


def merchant_key(places: Places) -> RSAPrivateKey:
    """The local merchant's key, made at the first time: functions hold what they know of it for minutes."""
    path = places.home / "merchant.pem"
    if not path.exists():
        made = generate_private_key(65537, 2048)
        path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, RSAPrivateKey):
        raise Mend(f"{path} holds another key than the merchant's: delete it")
    return key


def connect(stack: Stack, world: World, places: Places) -> None:
    """Put the world's accounts into the stage's secret, as a brand puts its own."""
    keys = {"token": _SIGNED_WITH, "aes_key": _AES_KEY}
    apps = {app.kind: {"appid": app.appid, "secret": app.secret, **keys} for app in FIRST_APPS}
    accounts = {
        "mini_program": apps["mini_program"],
        "official_account": apps["service"],
        "wecom": {"appid": FIRST_CORP.corpid, "secret": FIRST_CORP.secrets[0], **keys},
        "wechat_pay": _merchant(world, places),
    }
    manager = stack.client("secretsmanager")
    manager.put_secret_value(SecretId=stack.setting("CONNECT_SECRET"), SecretString=json.dumps(accounts))


def _merchant(world: World, places: Places) -> dict[str, Any]:
    own, key = world.get("/pay-key"), merchant_key(places)
    return {
        "mchid": MCHID,
        "appid": mini_program_id(),
        "api_v3_key": _APIV3_KEY,
        "keys": {own["key_id"]: own["public_key"]},
        "serial": _SERIAL,
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "notify_url": "https://jifen.example/v1/callbacks/wechat-pay",
    }


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
