"""What platforms push to a stage: by hand, sealed by the stand-in's own writing, or over HTTP; what became of it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from chalicelib.connect.events import handle_inbound
from chalicelib.runtime import dynamo, secret_values
from chalicelib.runtime.settings import settings
from local.stand_in import push
from local.stand_in.push import Keys
from tests.members.stage import Stage, lambda_event
from tests.stand_in.outsiders import CORP, MINI, SERVICE

PATHS = {
    "official_account": "/v1/callbacks/official-account",
    "mini_program": "/v1/callbacks/mini-program",
    "wecom": "/v1/callbacks/wecom",
}
AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
TOKENS = {system: f"push-token-of-{system}" for system in PATHS}
APPIDS = {"official_account": SERVICE[0], "mini_program": MINI[0], "wecom": CORP[0]}
ACCOUNTS: dict[str, dict[str, str]] = {
    system: {"appid": app[0], "secret": app[1], "token": TOKENS[system], "aes_key": AES_KEY}
    for system, app in (("official_account", SERVICE), ("mini_program", MINI), ("wecom", CORP))
}
NOON_S = 1_772_424_000
"""The stage's NOON, in seconds."""
ECHO = "5927782489442352469"
SUBSCRIBED = {
    "ToUserName": "gh_b10000000000",
    "FromUserName": "o-follower-1",
    "CreateTime": NOON_S,
    "MsgType": "event",
    "Event": "subscribe",
    "EventKey": "",
}
CHAT_CHANGED = {
    "ToUserName": CORP[0],
    "FromUserName": "sys",
    "CreateTime": NOON_S,
    "MsgType": "event",
    "Event": "change_external_chat",
    "ChatId": "wr-chat-1",
    "ChangeType": "update",
    "UpdateDetail": "add_member",
}
FINISHED = {
    **SUBSCRIBED,
    "Event": "MASSSENDJOBFINISH",
    "MsgID": 3_147_483_700,
    "Status": "send success",
    "TotalCount": 100,
    "FilterCount": 80,
    "SentCount": 75,
    "ErrorCount": 5,
}
PUBLISHED = {
    **SUBSCRIBED,
    "Event": "PUBLISHJOBFINISH",
    "PublishEventInfo": {
        "publish_id": 2_247_503_051,
        "publish_status": 0,
        "article_id": "b5O2OUs25HBxRceL7hfReg",
        "article_detail": {"count": 1, "item": [{"idx": 1, "article_url": "https://mp.weixin.qq.com/s/a"}]},
    },
}


class Reply(NamedTuple):
    """What a sender gets."""

    status: int
    text: str
    content_type: str = ""


ACCEPTED = (200, "success")


class Sealed(NamedTuple):
    """A push as it travels."""

    query: dict[str, str]
    body: bytes
    content_type: str = "text/xml"


def keys(system: str) -> Keys:
    return Keys("", TOKENS[system], AES_KEY, APPIDS[system])


def seal(system: str, message: Mapping[str, Any] | str, *, nonce: str = "n1", as_json: bool = False) -> Sealed:
    """A message, or this very text, sealed and signed as its system does it."""
    known = keys(system)
    text = message if isinstance(message, str) else json.dumps(message) if as_json else push.xml(message)
    sealed = push.seal(known, text, timestamp=str(NOON_S), nonce=nonce, salt=b"0123456789abcdef")
    query = {"msg_signature": sealed.signature, "timestamp": str(NOON_S), "nonce": nonce}
    if system != "wecom":
        query |= {"signature": push.sign(known.token, str(NOON_S), nonce), "encrypt_type": "aes", "openid": "o1"}
    outer = {"ToUserName": "gh_1", "Encrypt": sealed.encrypted}
    if as_json:
        return Sealed(query, json.dumps(outer).encode(), "application/json")
    return Sealed(query, push.xml(outer).encode())


def url_check(system: str, *, token: str = "", receive_id: str = "", echo: str = ECHO) -> dict[str, str]:
    """The query by which a system checks an address; sealed where it does so."""
    known = keys(system)
    known = known._replace(token=token or known.token, receive_id=receive_id or known.receive_id)
    if system != "wecom":
        return {"signature": push.sign(known.token, "1", "2"), "timestamp": "1", "nonce": "2", "echostr": echo}
    sealed = push.seal(known, echo, timestamp="1", nonce="2", salt=b"0123456789abcdef")
    return {"msg_signature": sealed.signature, "timestamp": "1", "nonce": "2", "echostr": sealed.encrypted}


@dataclass
class Pushes:
    """The stage as its platforms meet it."""

    stage: Stage
    lines: list[str] = field(default_factory=list)
    """Everything any logger said."""

    def connect(self, accounts: Mapping[str, Any]) -> None:
        self.stage.rotate("connect", json.dumps(accounts))
        secret_values.forget()

    def ask(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None = None, content_type: str = ""
    ) -> Reply:
        from app import app

        headers = {"Content-Type": content_type} if content_type else {}
        several = {name: [value] for name, value in query.items()} or None
        answer = app(lambda_event(method, path, headers=headers, body=body, query=several), None)
        return Reply(answer["statusCode"], answer["body"], answer["headers"]["Content-Type"])

    def send(self, system: str, sealed: Sealed) -> Reply:
        return self.ask("POST", PATHS[system], sealed.query, sealed.body, sealed.content_type)

    def push(self, system: str, message: Mapping[str, Any] | str, **given: Any) -> Reply:
        return self.send(system, seal(system, message, **given))

    def queued(self) -> list[dict[str, str]]:
        """What waits, as a worker's records; nothing waits any longer."""
        sqs, url = dynamo.service("sqs"), settings().inbound_events_queue_url
        records = []
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for one in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                records.append({"messageId": one["MessageId"], "body": one["Body"]})
        return records

    def work(self, records: list[dict[str, str]] | None = None) -> list[str]:
        """Have the worker take what waits, or these; answers what must come again."""
        taken = self.queued() if records is None else records
        answer = handle_inbound({"Records": taken}, None)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def rows(self, prefix: str = "") -> list[dict[str, Any]]:
        """All rows of all tables but programmes and secrets, whose key begins so."""
        return [row for row in self.stage.rows() if row["pk"].startswith(prefix)]

    def logged(self, event: str) -> list[dict[str, Any]]:
        told = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [one for one in told if one["event"] == event]


@contextmanager
def listening(lines: list[str]) -> Iterator[None]:
    """Everything that any logger says, ours included, which does not propagate."""
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    loggers = [logging.getLogger(), logging.getLogger("jifen.outcomes"), logging.getLogger("jifen")]
    for one in loggers:
        one.addHandler(handler)
    yield
    for one in loggers:
        one.removeHandler(handler)


@contextmanager
def served(pushes: Pushes) -> Iterator[str]:
    """The deployed app behind HTTP on this machine, one request at a time; answers its address."""
    server = HTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"pushes": pushes}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    pushes: Pushes

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, asked = self.path.partition("?")
        query = {name: values[0] for name, values in parse_qs(asked, keep_blank_values=True).items()}
        reply = self.pushes.ask(self.command, path, query, body or None, self.headers.get("Content-Type", ""))
        raw = reply.text.encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        pass
