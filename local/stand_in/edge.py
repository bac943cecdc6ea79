"""The HTTP edge: one loopback port for all outside hosts, told apart by the Host header or the path's first part.

`/api.weixin.qq.com/cgi-bin/token` and `/cgi-bin/token` with `Host: api.weixin.qq.com` are the same call.
`/_stand_in/...` is the admin's.
"""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.places import HOST
from local.stand_in.admin import Handle
from local.stand_in.clock import instant
from local.stand_in.routing import HOSTS, Reaction, Routes
from local.stand_in.wire import Answer, Json, Request, Unknown, json_answer
from local.stand_in.world import World

ADMIN = "/_stand_in"
TICK_SECONDS = 0.1
"""How soon what is due happens by itself."""


class StandIn:
    """The server's state: a world that a reset replaces."""

    def __init__(self, routes: Routes, handles: tuple[Handle, ...], make: Callable[..., World]) -> None:
        self.routes = routes
        self._handles: dict[tuple[str, str], Handle] = {(one.method, one.path): one for one in handles}
        self._make = make
        self.world = make()

    def reset(self, given: Json) -> Json:
        """A new world: `{"seed"?, "at"?}`; with `at` its clock stands there."""
        old = self.world
        stands_at = instant(given["at"]) if "at" in given else None
        self.world = self._make(seed=int(given.get("seed", 1)), stands_at=stands_at)
        old.courier.close()
        return {"reset": True}

    def admin(self, method: str, path: str, given: Json) -> Answer:
        try:
            if (method, path) == ("POST", "/reset"):
                return json_answer(self.reset(given))
            handle = self._handles.get((method, path))
            if handle is None:
                return json_answer({"trouble": f"no {method} {ADMIN}{path}"}, 404)
            if handle.moves:
                return json_answer(handle.answer(self.world, given))
            with self.world.lock:
                return json_answer(handle.answer(self.world, given))
        except Unknown as trouble:
            return json_answer({"trouble": str(trouble)}, 400)


class Edge(BaseHTTPRequestHandler):
    """One client connection; `stand_in` is set on a subclass per server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stand_in: StandIn

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.close_connection = True
            self._send(Answer(411, b"Length Required", (("Content-Type", "text/plain"),)))
            return
        body = self.rfile.read(int(length))
        path, _, raw_query = self.path.partition("?")
        query = dict(parse_qsl(raw_query, keep_blank_values=True))
        if path.startswith(ADMIN + "/"):
            self._send(self._admin(path.removeprefix(ADMIN), query, body))
            return
        host, path = _meant_for(self.headers.get("Host", ""), path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, host, unquote(path), raw_query, query, headers, body)
        self._carry_out(self.stand_in.routes.react(self.stand_in.world, request))

    def _admin(self, path: str, query: dict[str, str], body: bytes) -> Answer:
        if self.command == "GET":
            return self.stand_in.admin("GET", path, dict(query))
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return json_answer({"trouble": "the body is a JSON object"}, 400)
        return self.stand_in.admin(self.command, path, given)

    def _carry_out(self, reaction: Reaction) -> None:
        waits = self._client_waits(reaction.seconds) if reaction.seconds else True
        if waits and reaction.answer is not None:
            self._send(reaction.answer)
        else:
            self.close_connection = True

    def _client_waits(self, seconds: float) -> bool:
        """Whether the client is still there after so many seconds."""
        connection: socket.socket = self.connection
        readable, _, _ = select.select([connection], [], [], seconds)
        return not readable or bool(connection.recv(1, socket.MSG_PEEK))

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_arguments: Any) -> None:
        """Requests carry secrets: none is logged."""


class Server(ThreadingHTTPServer):
    """Serves, and lets what is due happen, until `shutdown`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self._over = threading.Event()
        super().__init__((HOST, port), type("BoundEdge", (Edge,), {"stand_in": stand_in}))

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"

    def serve_forever(self, poll_interval: float = TICK_SECONDS) -> None:
        ticker = threading.Thread(target=self._tick, daemon=True)
        ticker.start()
        super().serve_forever(poll_interval)
        self._over.set()
        ticker.join()

    def server_close(self) -> None:
        super().server_close()
        self.stand_in.world.courier.close()

    def _tick(self) -> None:
        while not self._over.wait(TICK_SECONDS):
            self.stand_in.world.catch_up()


def _meant_for(host: str, path: str) -> tuple[str, str]:
    """The outside host and the path behind it; the host is empty when neither header nor path names one."""
    name = host.partition(":")[0].lower()
    if name in HOSTS:
        return name, path
    first, _, rest = path.lstrip("/").partition("/")
    return (first, f"/{rest}") if first in HOSTS else ("", path)
