"""What tests hold: an admin, a plain caller, a receiver of callbacks, an adapter for real clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

Json = dict[str, Any]
MINI = ("wx00000000000000a1", "a1" * 16)
SERVICE = ("wx00000000000000b1", "b1" * 16)
SUBSCRIPTION = ("wx00000000000000c1", "c1" * 16)
CORP = ("ww00000000000000d1", "d1" * 16)
WECHAT, WECOM, PAY = "api.weixin.qq.com", "qyapi.weixin.qq.com", "api.mch.weixin.qq.com"


class Trouble(Exception):
    """The admin said no."""


class Admin:
    """Calls `/_stand_in`, and the APIs as a bare client does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=20)

    def post(self, path: str, given: Json) -> Json:
        return self._read(self._pool.request("POST", f"{self.url}/_stand_in{path}", body=json.dumps(given).encode()))

    def get(self, path: str, /, **query: str) -> Json:
        return self._read(self._pool.request("GET", f"{self.url}/_stand_in{path}", fields=query))

    def advance(self, seconds: float) -> None:
        self.post("/clock", {"advance": seconds})

    def settle(self) -> None:
        """Everything that is due has happened when this returns."""
        self.advance(0)

    def call(
        self,
        host: str,
        path: str,
        body: Json | bytes | None = None,
        /,
        *,
        timeout: float = 20,
        content_type: str = "application/json",
        **query: str,
    ) -> Json:
        """One call as WeChat's clients make it: POST where there is a body; the answer's JSON."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
        method = "GET" if raw is None else "POST"
        url = f"{self.url}{path}?{urlencode(query)}"
        headers = {"Host": host, "Content-Type": content_type}
        answer = self._pool.request(method, url, body=raw, headers=headers, timeout=timeout)
        read: Json = json.loads(answer.data)
        return read

    def token(self, app: tuple[str, str] = SERVICE) -> str:
        """A stable token of an app."""
        body = {"grant_type": "client_credential", "appid": app[0], "secret": app[1]}
        return str(self.call(WECHAT, "/cgi-bin/stable_token", body)["access_token"])

    def _read(self, answer: urllib3.BaseHTTPResponse) -> Json:
        read: Json = json.loads(answer.data)
        if answer.status != 200:
            raise Trouble(read["trouble"])
        return read


class Got(NamedTuple):
    """One request a receiver got; header names lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Answers 200 `success` unless `status`, `answer` say otherwise, or `silent` holds every answer back."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.status, self.answer = 200, b"success"
        self.silent = False
        self.meanwhile: Callable[[], object] = lambda: None
        """Called before each answer."""
        self._released = threading.Event()
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self, count: int) -> None:
        """Until so many requests have come, whether or not their sender still waits for an answer."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.got) >= count, 20)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path, _, query = self.path.partition("?")
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver._arrived:
                    receiver.got.append(Got(self.command, path, query, headers, body))
                    receiver._arrived.notify_all()
                receiver.meanwhile()
                if receiver.silent:
                    receiver._released.wait(20)
                    return
                self.send_response(receiver.status)
                self.send_header("Content-Length", str(len(receiver.answer)))
                self.end_headers()
                self.wfile.write(receiver.answer)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_arguments: Any) -> None:
                pass

        return Handler


class ToStandIn(HTTPAdapter):
    """Sends what a client means for a real host to the stand-in, and keeps its Host: nothing else is touched."""

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url).netloc
        super().__init__()

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        assert request.url is not None
        parts = urlsplit(request.url)
        request.headers["Host"] = parts.netloc
        request.url = parts._replace(scheme="http", netloc=self._netloc).geturl()
        return super().send(request, *arguments, **named)


def redirect(session: requests.Session, url: str) -> None:
    """Have a client's session reach the stand-in at `url` instead of WeChat and WeCom."""
    session.trust_env = False
    for host in (WECHAT, WECOM, PAY):
        session.mount(f"https://{host}", ToStandIn(url))
