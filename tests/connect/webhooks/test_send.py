"""One request to an endpoint: who is connected to, what is said, and what counts as an answer."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.connect.webhooks.model import Attempt
from chalicelib.connect.webhooks.send import send
from tests.connect.webhooks.receiver import Receiver, receiving

URL = "https://hooks.example.com/in"
PUBLIC = "93.184.216.34"
REFUSED = OSError("refused")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


class World:
    """A resolver that answers something else each time, and a network in which nobody answers."""

    def __init__(self, *told: list[str]) -> None:
        self.told = list(told)
        self.asked: list[str] = []
        self.reached: list[tuple[str, int]] = []

    def resolve(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        return self.told.pop(0)

    def connect(self, address: tuple[str, int], _timeout: float) -> socket.socket:
        self.reached.append(address)
        raise REFUSED


def attempt(world: World, url: str = URL, *, is_local: bool = False) -> Attempt:
    return send(url, b"{}", {}, is_local=is_local, resolve=world.resolve, connect=world.connect)


def test_what_is_connected_to_is_what_was_judged_though_the_name_stands_for_another_by_then() -> None:
    world = World([PUBLIC], ["127.0.0.1"], ["169.254.169.254"])

    assert attempt(world) == Attempt(0, "unreached")
    assert (world.asked, world.reached) == (["hooks.example.com"], [(PUBLIC, 443)])


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
def test_a_name_that_stands_for_an_inner_address_among_others_is_not_connected_to_at_all(inside: str) -> None:
    world = World([PUBLIC, inside])

    assert attempt(world) == Attempt(0, "forbidden_address")
    assert world.reached == []


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "http://a.example/"])
def test_a_url_that_is_not_allowed_is_not_even_looked_up(url: str) -> None:
    world = World()

    assert attempt(world, url).fault.startswith("forbidden_")
    assert world.asked == []


def test_a_laptop_does_not_reach_a_private_address_either() -> None:
    world = World(["192.168.1.10"])

    assert attempt(world, is_local=True) == Attempt(0, "forbidden_address")


def test_a_name_without_an_address_is_not_reached() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    assert send(URL, b"{}", {}, is_local=False, resolve=unknown) == Attempt(0, "unreached")


def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    world = World([PUBLIC, "93.184.216.35"])

    attempt(world)

    assert world.reached == [(PUBLIC, 443), ("93.184.216.35", 443)]


def test_body_and_headers_arrive_as_they_were_given(receiver: Receiver) -> None:
    body = '{"reason":"签到"}'.encode()

    assert send(receiver.url, body, {"webhook-id": "evt_1"}, is_local=True) == Attempt(204)
    (got,) = receiver.received
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hooks", body, "evt_1")
    assert got.headers["host"] == f"127.0.0.1:{receiver.server.server_port}"


@pytest.mark.parametrize("status", [200, 201, 299, 301, 400, 410, 429, 500, 503])
def test_the_status_is_what_counts(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]

    got = send(receiver.url, b"{}", {}, is_local=True)

    assert (got.status, got.is_delivered) == (status, status < 300)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    def redirect(handler: Any) -> None:
        handler.send_response(307)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answers = [redirect]

    assert send(receiver.url, b"{}", {}, is_local=True) == Attempt(307)
    assert len(receiver.received) == 1


def test_an_answer_without_end_is_left_after_its_head(receiver: Receiver) -> None:
    written: list[int] = []

    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while len(written) < 10_000:
                written.append(handler.wfile.write(b"x" * 65_536))
        except OSError:
            handler.close_connection = True

    receiver.answers = [endless]

    assert send(receiver.url, b"{}", {}, is_local=True) == Attempt(200)
    assert len(written) < 10_000


def test_who_drips_its_answer_is_cut_off_at_the_deadline(receiver: Receiver) -> None:
    over = threading.Event()

    def drip(handler: Any) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.02):
                handler.wfile.write(b"x: y\r\n")
        except OSError:
            handler.close_connection = True

    receiver.answers = [drip]

    try:
        assert send(receiver.url, b"{}", {}, is_local=True, deadline_s=0.2) == Attempt(0, "timeout")
    finally:
        over.set()


def test_who_closes_without_a_word_has_not_answered(receiver: Receiver) -> None:
    def close(handler: Any) -> None:
        handler.close_connection = True

    receiver.answers = [close]

    assert send(receiver.url, b"{}", {}, is_local=True).status == 0


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for hooks.example.com, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("hooks.example.com"), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    directory: Path = tmp_path_factory.mktemp("tls")
    pem = directory / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=certificate.public_bytes(serialization.Encoding.PEM).decode())
    return server, client


def over_tls(receiver: Receiver, client: ssl.SSLContext, host: str, **given: Any) -> Attempt:
    url = f"https://{host}:{receiver.server.server_port}/in"
    return send(
        url, b"{}", {}, is_local=True, resolve=lambda _host, _port: ["127.0.0.1"], context=lambda: client, **given
    )


def test_the_certificate_is_the_names_though_the_connection_goes_to_an_address(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, client = tls
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    with receiving(server) as receiver:
        assert over_tls(receiver, client, "hooks.example.com") == Attempt(204)
        (got,) = receiver.received
        assert got.headers["host"] == f"hooks.example.com:{receiver.server.server_port}"
        assert asked == ["hooks.example.com"]


def test_a_certificate_of_another_name_or_of_nobody_is_refused(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, client = tls
    with receiving(server) as receiver:
        assert over_tls(receiver, client, "other.example.com") == Attempt(0, "tls")
        assert over_tls(receiver, ssl.create_default_context(), "hooks.example.com") == Attempt(0, "tls")
        assert receiver.received == []
