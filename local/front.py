"""The one stable local address: forwards every request, byte for byte, to the API that is deployed now.

The embedded cloud gives a changed API a new id; a deploy writes the current base path to a file that is read here.
It may not interpret anything: methods, paths, queries, headers and bodies pass through unchanged.
"""

from __future__ import annotations

import http.client
import json
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.places import HOST
from local.process import hold

BODY_LIMIT_BYTES = 10 * 1024 * 1024
"""What API Gateway takes."""
UPSTREAM_SECONDS = 60
IDLE_SECONDS = 30
"""Shorter than the cloud keeps a connection open, so that none dies under a request."""
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host"}
)


class Upstream:
    """Kept-alive connections to the embedded cloud."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: queue.LifoQueue[tuple[float, http.client.HTTPConnection]] = queue.LifoQueue()

    def take(self) -> http.client.HTTPConnection:
        while True:
            try:
                since, connection = self._idle.get_nowait()
            except queue.Empty:
                return http.client.HTTPConnection(HOST, self._port, timeout=UPSTREAM_SECONDS)
            if time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.close()

    def give_back(self, connection: http.client.HTTPConnection) -> None:
        self._idle.put((time.monotonic(), connection))

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait()[1].close()


class Front(BaseHTTPRequestHandler):
    """One client connection; `upstream` and `base` are set on a subclass per server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: Upstream
    base: Callable[[], str]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method, also those the API does not know, is the API's to answer
            return self._forward
        raise AttributeError(name)

    def _forward(self) -> None:
        body = self._body()
        if body is None:
            return
        connection = self.upstream.take()
        try:
            base = type(self).base()
            connection.putrequest(self.command, base + self.path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", f"{HOST}:{connection.port}")
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._refuse(503, 50300, "本地云没有应答,请运行 make run 或稍后再试", {"Retry-After": "1"})
            return
        self._send(answer.status, answer.reason, answer.getheaders(), content)
        self.upstream.give_back(connection)

    def _body(self) -> bytes | None:
        """The request's body, or None when it was refused."""
        if "Transfer-Encoding" in self.headers:
            self._refuse(411, 40000, "请求须带Content-Length", {"Connection": "close"})
            return None
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit():
            self._refuse(400, 40000, "Content-Length有误", {"Connection": "close"})
            return None
        if int(length) > BODY_LIMIT_BYTES:
            self._refuse(413, 41300, "请求内容过大", {"Connection": "close"})
            return None
        return self.rfile.read(int(length))

    def _refuse(self, status: int, code: int, msg: str, headers: dict[str, str]) -> None:
        shape = {"code": code, "msg": msg, "data": None, "request_id": "front"}
        content = json.dumps(shape, ensure_ascii=False).encode()
        given = {"Content-Type": "application/json; charset=utf-8", **headers, "Content-Length": str(len(content))}
        self.close_connection = self.close_connection or "Connection" in headers
        self._send(status, http.client.responses[status], list(given.items()), content)

    def _send(self, status: int, reason: str, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status, reason)
        known = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP or name.lower() == "connection":
                self.send_header(name, value)
        if "content-length" not in known:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_arguments: Any) -> None:
        """Requests carry tokens and personal data: none is logged."""


def serve(port: int, cloud_port: int, api: Path) -> ThreadingHTTPServer:
    """A front that listens on loopback; the caller runs `serve_forever`."""
    upstream = Upstream(cloud_port)
    handler = type("BoundFront", (Front,), {"upstream": upstream, "base": staticmethod(_reader(api))})
    return _Server((HOST, port), handler, upstream)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[Front], upstream: Upstream) -> None:
        self._upstream = upstream
        super().__init__(address, handler)

    def server_close(self) -> None:
        super().server_close()
        self._upstream.close()


def _reader(api: Path) -> Callable[[], str]:
    """The base path in the file, read again only when the file changed."""
    seen: tuple[int, str] = (0, "")

    def base() -> str:
        nonlocal seen
        changed = api.stat().st_mtime_ns
        if changed != seen[0]:
            seen = (changed, api.read_text().strip())
        return seen[1]

    return base


def main(lock: Path, port: int, cloud_port: int, api: Path) -> None:
    held = hold(lock, port)
    server = serve(port, cloud_port, api)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()
    held.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
