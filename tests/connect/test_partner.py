"""Asking a partner: what is signed, which answers are its own, and where no request may go."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.connect.outside import Reply, Unanswered, Unreached
from chalicelib.connect.partner.api import PartnerApi, open_partner
from chalicelib.connect.partner.send import send_public
from chalicelib.connect.partner.words import Asked, Said, Word
from chalicelib.errors import JifenError
from tests.connect.webhooks.receiver import Receiver, receiving
from tests.connect.webhooks.test_send import tls as tls
from tests.members.stage import Stage

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
SECRET = "what-the-tests-and-the-partner-sign-with"
ASKED = Asked("ab" * 12, "88001234567", 30, NOW)
DONE = {"id": ASKED.id, "state": "done", "account": ASKED.account, "units": 30, "done_at": "2026-03-02T12:00:01+08:00"}


def signature(secret: str, timestamp: str, nonce: str, line: str, body: bytes) -> str:
    """By code of the tests' own, as docs/decisions/0053 has it."""
    message = f"{timestamp}\n{nonce}\n{line}\n".encode() + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class Partner:
    """Answers what it is told to, signed as it is told to; keeps what it was asked."""

    def __init__(self, said: Any = DONE, status: int = 200, **tricks: Any) -> None:
        self.said, self.status, self.tricks = said, status, tricks
        self.asked: list[tuple[str, str, str, Mapping[str, str], bytes]] = []

    def __call__(self, host: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.asked.append((host, method, path, headers, body))
        raw = self.said if isinstance(self.said, bytes) else json.dumps(self.said).encode()
        timestamp = self.tricks.get("timestamp", str(int(NOW.timestamp())))
        nonce = self.tricks.get("nonce", headers["x-jifen-nonce"])
        line = self.tricks.get("line", str(self.status))
        signed = signature(self.tricks.get("secret", SECRET), timestamp, nonce, line, self.tricks.get("signed", raw))
        own = {"x-jifen-timestamp": timestamp, "x-jifen-nonce": nonce, "x-jifen-signature": signed}
        return Reply(self.status, {} if self.tricks.get("bare") else own, raw)


def api(partner: Partner, root: str = "") -> PartnerApi:
    return PartnerApi("points.example.com", root, NOW, SECRET, partner)


def test_what_is_asked_is_signed_with_its_method_and_path() -> None:
    partner = Partner()

    said = api(partner, "/jifen/v1").ask(ASKED)

    ((host, method, path, headers, body),) = partner.asked
    expected = signature(
        SECRET, headers["x-jifen-timestamp"], headers["x-jifen-nonce"], "POST /jifen/v1/exchanges", body
    )
    assert said == Said(Word.DONE, done_at=NOW + timedelta(seconds=1))
    assert (host, method, path) == ("points.example.com", "POST", "/jifen/v1/exchanges")
    assert headers["x-jifen-signature"] == expected
    assert json.loads(body) == {
        "id": ASKED.id,
        "account": "88001234567",
        "units": 30,
        "asked_at": "2026-03-02T04:00:00+00:00",
    }


def test_a_published_vector_stands() -> None:
    """The one that docs/decisions/0053 shows to who writes a partner's side."""
    found = signature(
        "what-the-tests-and-the-partner-sign-with",
        "1772424000",
        "00112233445566778899aabbccddeeff",
        "POST /exchanges",
        b'{"id":"abababababababababababab","account":"88001234567","units":30}',
    )
    shown = (ROOT / "docs/decisions/0053-exchange-to-a-partners-points.md").read_text()

    assert found in shown


def test_each_question_has_a_nonce_of_its_own_and_the_same_content() -> None:
    partner = Partner()
    for _ in range(2):
        api(partner).ask(ASKED)

    (one, two) = partner.asked
    assert one[4] == two[4]
    assert one[3]["x-jifen-nonce"] != two[3]["x-jifen-nonce"]


@pytest.mark.parametrize(
    "tricks",
    [
        {"bare": True},
        {"secret": "another secret of somebody else"},
        {"nonce": "f" * 32},
        {"line": "404"},
        {"line": "POST /exchanges"},
        {"timestamp": str(int(NOW.timestamp()) - 301)},
        {"timestamp": str(int(NOW.timestamp()) + 301)},
        {"signed": json.dumps({**DONE, "state": "refused"}).encode()},
    ],
    ids=["bare", "foreign", "anothers nonce", "another status", "a question's", "old", "future", "another body"],
)
def test_what_is_not_the_partners_own_answer_to_this_question_is_none(tricks: dict[str, Any]) -> None:
    with pytest.raises(Unanswered):
        api(Partner(**tricks)).ask(ASKED)


@pytest.mark.parametrize("status", [201, 202, 302, 400, 401, 409, 500, 503])
def test_other_statuses_say_nothing_however_well_they_are_signed(status: int) -> None:
    with pytest.raises(Unanswered):
        api(Partner(status=status)).ask(ASKED)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[]",
        b"null",
        {},
        {**DONE, "id": "cd" * 12},
        {**DONE, "units": 31},
        {**DONE, "units": "30"},
        {**DONE, "account": "99"},
        {**DONE, "state": "ok"},
        {**DONE, "state": ["done"]},
        {**DONE, "done_at": None},
        {**DONE, "done_at": "2026-03-02T12:00:01"},
        {**DONE, "done_at": "2026-03-02T10:59:59+08:00"},
        {**DONE, "done_at": "2026-03-02T13:00:01+08:00"},
    ],
)
def test_what_is_not_as_agreed_is_no_answer(said: Any) -> None:
    with pytest.raises(Unanswered):
        api(Partner(said)).ask(ASKED)


@pytest.mark.parametrize(
    ("said", "status", "expected"),
    [
        ({"id": ASKED.id, "state": "pending"}, 200, Said(Word.PENDING)),
        ({"id": ASKED.id, "state": "unknown"}, 404, Said(Word.UNKNOWN)),
        ({"id": ASKED.id, "state": "voided"}, 200, Said(Word.VOIDED)),
        ({"id": ASKED.id, "state": "refused", "reason": "limit"}, 200, Said(Word.REFUSED, "limit")),
        ({"id": ASKED.id, "state": "refused", "reason": "<b>"}, 200, Said(Word.REFUSED, "other")),
        ({"id": ASKED.id, "state": "refused", "reason": ["limit"]}, 200, Said(Word.REFUSED, "other")),
        ({"id": ASKED.id, "state": "refused"}, 200, Said(Word.REFUSED, "other")),
    ],
)
def test_each_word_is_read(said: Any, status: int, expected: Said) -> None:
    assert api(Partner(said, status)).look(ASKED) == expected


def test_looking_and_voiding_name_the_exchange_in_the_path() -> None:
    partner = Partner({"id": ASKED.id, "state": "voided"})

    api(partner).look(ASKED)
    api(partner).void(ASKED)

    assert [(method, path, body) for _, method, path, _, body in partner.asked] == [
        ("GET", f"/exchanges/{ASKED.id}", b""),
        ("POST", f"/exchanges/{ASKED.id}/void", b""),
    ]


def test_a_secret_is_in_no_text_of_the_api() -> None:
    assert SECRET not in repr(api(Partner()))
    assert SECRET not in repr(replace(api(Partner()), root="/x"))


@pytest.mark.parametrize(
    "known", [{}, {"miles": {}}, {"miles": {"secret": "short"}}, {"miles": {"secret": 10**40}}, {"miles": SECRET}]
)
def test_without_a_secret_a_partner_is_not_connected(stage: Stage, known: Any) -> None:
    stage.rotate("connect", json.dumps({"partners": known}))

    with pytest.raises(JifenError) as refused:
        open_partner("miles", "points.example.com", "", NOW)

    assert refused.value.code.number == 50303


class World:
    """A resolver, and a network in which somebody notes who is connected to."""

    def __init__(self, *told: str, reached: socket.socket | None = None) -> None:
        self.told, self.channel = list(told), reached
        self.reached: list[tuple[str, int]] = []

    def resolve(self, _host: str, _port: int) -> list[str]:
        return self.told

    def connect(self, address: tuple[str, int], _timeout: float) -> socket.socket:
        self.reached.append(address)
        if self.channel is None:
            raise ConnectionRefusedError
        return self.channel


def public(world: World, host: str = "points.example.com", **given: Any) -> Reply:
    return send_public(host, "GET", "/exchanges/x", {}, b"", resolve=world.resolve, connect=world.connect, **given)


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
def test_no_request_goes_to_an_inner_address_even_among_others(inside: str) -> None:
    world = World("93.184.216.34", inside)

    with pytest.raises(Unreached):
        public(world)
    assert world.reached == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "a.example.com@127.0.0.1"])
def test_no_request_goes_to_what_is_no_public_name(host: str) -> None:
    world = World("93.184.216.34")

    with pytest.raises(Unreached):
        public(world, host)
    assert world.reached == []


def test_what_is_connected_to_is_what_was_judged_over_tls() -> None:
    world = World("93.184.216.34")

    with pytest.raises(Unanswered):
        public(world)
    assert world.reached == [("93.184.216.34", 443)]


@contextmanager
def silent() -> Iterator[socket.socket]:
    """A connection to somebody who takes it and never says anything."""
    ours, theirs = socket.socketpair()
    yield ours
    theirs.close()


def test_who_says_nothing_is_given_up_at_the_deadline() -> None:
    with silent() as channel, pytest.raises(Unanswered):
        public(World("93.184.216.34", reached=channel), deadline_s=0.2)


def through(receiver: Receiver, client: ssl.SSLContext, host: str = "hooks.example.com") -> Reply:
    """A POST to a public name whose server is on this machine."""

    def connect(_address: tuple[str, int], timeout: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", receiver.server.server_port), timeout)

    return send_public(
        host,
        "POST",
        "/exchanges",
        {"X-Jifen-Nonce": "n"},
        b"{}",
        resolve=lambda _host, _port: ["93.184.216.34"],
        connect=connect,
        context=lambda: client,
    )


def test_body_headers_and_answer_go_over_tls_as_they_are(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    def answer(handler: Any) -> None:
        handler.send_response(404)
        handler.send_header("X-Jifen-Nonce", "n")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    with receiving(tls[0]) as receiver:
        receiver.answers = [answer]
        reply = through(receiver, tls[1])

    (got,) = receiver.received
    assert (got.path, got.body, got.headers["host"]) == ("/exchanges", b"{}", "hooks.example.com")
    assert (reply.status, reply.headers["x-jifen-nonce"], reply.body) == (404, "n", b"{}")


def test_no_redirect_is_followed(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with receiving(tls[0]) as receiver:
        receiver.answers = [302, 302]
        assert through(receiver, tls[1]).status == 302

    assert len(receiver.received) == 1


def test_a_certificate_of_another_name_is_no_answer(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with receiving(tls[0]) as receiver, pytest.raises(Unanswered):
        through(receiver, tls[1], "other.example.com")


def test_an_answer_without_end_is_none(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    def long(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(2 * 1024 * 1024))
        handler.end_headers()
        handler.wfile.write(b" " * (1024 * 1024 + 2))
        handler.close_connection = True

    with receiving(tls[0]) as receiver:
        receiver.answers = [long]
        with pytest.raises(Unanswered):
            through(receiver, tls[1])
