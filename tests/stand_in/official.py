"""What tests of Official Accounts share: pictures, drafts by a bare call, wechatpy, and reading pushed events."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from wechatpy import WeChatClient, parse_message
from wechatpy.crypto import WeChatCrypto

from tests.stand_in.outsiders import SERVICE, WECHAT, Admin, Got, Json, Receiver, redirect

JPG = b"\xff\xd8\xff\xe0" + b"\x00\r\n\x01--" * 20
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\r\n\x01--" * 20
TOKEN, AES_KEY = "callback-token", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"


def wechatpy(admin: Admin, app: tuple[str, str] = SERVICE) -> Any:
    client = WeChatClient(*app, timeout=10)
    redirect(client._http, admin.url)
    return client


def upload(
    admin: Admin, path: str, content: bytes, app: tuple[str, str] = SERVICE, *, field: str = "media", type: str = ""
) -> Json:
    """One multipart upload by hand."""
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="' + field.encode() + b'"; filename="media"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--cut--\r\n"
    )
    kind = "multipart/form-data; boundary=cut"
    return admin.call(WECHAT, path, body, content_type=kind, access_token=admin.token(app), type=type)


def cover(admin: Admin, app: tuple[str, str] = SERVICE) -> str:
    """The id of a permanent picture."""
    return str(upload(admin, "/cgi-bin/material/add_material", PNG, app, type="image")["media_id"])


def article(thumb: object, **given: Any) -> Json:
    return {"title": "周年庆", "content": "<p>满百送十</p>", "thumb_media_id": thumb, **given}


def add_draft(admin: Admin, app: tuple[str, str] = SERVICE, *, articles: int = 1) -> str:
    """A draft's media id."""
    thumb = cover(admin, app)
    body = {"articles": [article(thumb, title=f"第{number}条") for number in range(1, articles + 1)]}
    return str(admin.call(WECHAT, "/cgi-bin/draft/add", body, access_token=admin.token(app))["media_id"])


def listen(admin: Admin, receiver: Receiver, app: tuple[str, str] = SERVICE, **given: Any) -> None:
    """Have the events of a service account sent to the receiver."""
    keys = {"push_url": f"{receiver.url}/callback", "push_token": TOKEN, "push_aes_key": AES_KEY}
    kind = {"appid": app[0], "secret": app[1], "kind": "service", "original_id": "gh_b10000000000"}
    admin.post("/apps", {**kind, **keys, **given})


def event(got: Got, app: tuple[str, str] = SERVICE) -> Any:
    """A pushed event as wechatpy decrypts and parses it."""
    query = dict(parse_qsl(got.query))
    judge = WeChatCrypto(TOKEN, AES_KEY, app[0])
    text = judge.decrypt_message(got.body, query["msg_signature"], query["timestamp"], query["nonce"])
    return parse_message(text)
