"""Signatures as the published libraries of Standard Webhooks verify them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from standardwebhooks import Webhook, WebhookVerificationError

from chalicelib.connect.webhooks.signing import secret_of, signed_headers

NOW = datetime(2026, 11, 22, 4, 0, 0, 999_000, tzinfo=UTC)
OLD, NEW = secret_of(b"o" * 32), secret_of(b"n" * 32)
BODY = '{"type":"points.earned","data":{"reason":"签到 +2"}}'.encode()


def test_the_published_vector_has_its_signature() -> None:
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [secret], at)

    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_either_secret_of_a_rotation_verifies_and_no_other() -> None:
    headers = signed_headers("evt_1", BODY, [NEW, OLD], NOW)

    with time_machine.travel(NOW, tick=False):
        for secret in (NEW, OLD):
            assert Webhook(secret).verify(BODY, headers)["type"] == "points.earned"
        with pytest.raises(WebhookVerificationError):
            Webhook(secret_of(b"x" * 32)).verify(BODY, headers)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body"])
def test_whatever_is_changed_on_the_way_is_noticed(changed: str) -> None:
    headers, body = signed_headers("evt_1", BODY, [NEW], NOW), BODY
    if changed == "body":
        body = BODY.replace(b"+2", b"+9")
    else:
        headers[changed] = {"webhook-id": "evt_2", "webhook-timestamp": str(int(NOW.timestamp()) + 1)}[changed]

    with time_machine.travel(NOW, tick=False), pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body, headers)


def test_the_ten_lines_of_the_readme_verify_and_refuse() -> None:
    text = (Path(__file__).parents[3] / "README.md").read_text()
    lines = text.partition("```python\n")[2].partition("```")[0]
    known: dict[str, Any] = {}
    exec(lines, known)  # noqa: S102  # what a reader will paste
    headers = signed_headers("evt_1", BODY, [NEW, OLD], NOW)

    with time_machine.travel(NOW, tick=False):
        assert known["is_ours"](headers, BODY, OLD)
        assert known["is_ours"](headers, BODY, NEW)
        assert not known["is_ours"](headers, BODY + b" ", NEW)
        assert not known["is_ours"](headers, BODY, secret_of(b"x" * 32))
    with time_machine.travel(NOW + timedelta(minutes=6), tick=False):
        assert not known["is_ours"](headers, BODY, NEW)


def test_a_secret_has_the_form_and_the_length_that_are_expected() -> None:
    assert NEW.startswith("whsec_")
    assert 24 <= len(base64.b64decode(NEW.removeprefix("whsec_"), validate=True)) <= 64
