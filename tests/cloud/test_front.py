"""The stable local address: whatever passes it passes unchanged."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from local.front import BODY_LIMIT_BYTES, serve
from local.places import HOST
from local.process import free_port

BODY = '{"备注":"积分","n":1e0,  "b":"\\u00e9"}\r\n\x00\xff'.encode("latin-1", "replace") + bytes(range(256))


class Upstream(BaseHTTPRequestHandler):
    """Keeps what arrived, answers a refusal."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.seen.append({"line": self.requestline, "headers": self.headers.items(), "body": body})
        self.send_response_only(429, "Slow Down")
        self.send_header("Retry-After", "7")
        self.send_header("X-Twice", "a")
        self.send_header("X-Twice", "b")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def api_file(tmp_path: Path) -> Path:
    path = tmp_path / "api"
    path.write_text("/restapis/one/api/_user_request_")
    return path


@pytest.fixture
def upstream() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    seen: list[dict[str, Any]] = []
    server = ThreadingHTTPServer((HOST, 0), type("Seen", (Upstream,), {"seen": seen, "do_PROPFIND": Upstream.do_POST}))
    server.daemon_threads = True
    with _running(server):
        yield server.server_address[1], seen


@pytest.fixture
def front(api_file: Path, upstream: tuple[int, list[dict[str, Any]]]) -> Iterator[str]:
    server = serve(0, upstream[0], api_file)
    with _running(server):
        yield f"http://{HOST}:{server.server_address[1]}"


@contextmanager
def _running(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _raw(front: str, request: bytes) -> bytes:
    host, port = front.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_everything_passes_byte_for_byte(front: str, upstream: tuple[int, list[dict[str, Any]]]) -> None:
    target = "/v1/a%2Fb/../c?x=%e7%a7%af&x=2&empty=&plus=a+b"
    head = f"POST {target} HTTP/1.1\r\nHost: brand.example\r\nX-Odd-Name:  two  words\r\nAuthorization: Bearer t\r\n"
    answer = _raw(front, head.encode() + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
    (seen,) = upstream[1]
    assert seen["line"] == f"POST /restapis/one/api/_user_request_{target} HTTP/1.1"
    assert seen["body"] == BODY
    headers = dict(seen["headers"])
    assert headers["X-Odd-Name"] == "two  words"
    assert headers["Authorization"] == "Bearer t"
    assert "Accept-Encoding" not in headers
    status, _, rest = answer.partition(b"\r\n")
    fields, _, body = rest.partition(b"\r\n\r\n")
    assert status == b"HTTP/1.1 429 Slow Down"
    assert fields.split(b"\r\n") == [
        b"Retry-After: 7",
        b"X-Twice: a",
        b"X-Twice: b",
        f"Content-Length: {len(BODY)}".encode(),
    ]
    assert body == BODY


def test_a_new_deploy_is_followed_and_connections_are_kept(
    front: str, api_file: Path, upstream: tuple[int, list[dict[str, Any]]]
) -> None:
    with urllib3.PoolManager() as pool:
        pool.request("POST", f"{front}/v1/a", timeout=10, retries=False)
        api_file.write_text("/restapis/two/api/_user_request_")
        pool.request("PROPFIND", f"{front}/v1/b", timeout=10, retries=False)
    lines = [one["line"] for one in upstream[1]]
    assert lines == [
        "POST /restapis/one/api/_user_request_/v1/a HTTP/1.1",
        "PROPFIND /restapis/two/api/_user_request_/v1/b HTTP/1.1",
    ]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (f"Content-Length: {BODY_LIMIT_BYTES + 1}", 413, 41300),
        ("Content-Length: many", 400, 40000),
        ("Transfer-Encoding: chunked", 411, 40000),
    ],
)
def test_what_the_gateway_would_refuse_is_refused_in_our_shape(
    front: str, headers: str, status: int, code: int, upstream: tuple[int, list[dict[str, Any]]]
) -> None:
    answer = _raw(front, f"POST /v1/a HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body)["code"] == code
    assert upstream[1] == []


def test_no_cloud_is_a_refusal_that_says_when_to_come_back(api_file: Path) -> None:
    server = serve(0, free_port(), api_file)
    with _running(server), urllib3.PoolManager() as pool:
        url = f"http://{HOST}:{server.server_address[1]}/v1/me"
        answer = pool.request("GET", url, timeout=10, retries=False)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert json.loads(answer.data)["code"] == 50300
