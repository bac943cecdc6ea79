"""A partner of exchanges: once for each id, void for ever, signed both ways."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
import urllib3

from tests.stand_in.outsiders import Admin, Trouble

HOST, SECRET = "points.partner.example.com", "what-the-tests-and-the-partner-sign-with"
NOW_S = 1773115200
"""The fixture's noon."""
ID = "ab" * 12
WISH = {"id": ID, "account": "1001", "units": 30, "asked_at": "2026-03-10T12:00:00+08:00"}


@pytest.fixture(autouse=True)
def known(stand_in: Admin) -> None:
    stand_in.post("/partner", {"secret": SECRET})
    stand_in.post("/partner-accounts", {"account": "1001"})


def signature(timestamp: str, nonce: str, line: str, body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{timestamp}\n{nonce}\n{line}\n".encode() + body, hashlib.sha256).hexdigest()


def call(stand_in: Admin, method: str, path: str, body: Any = None, at: int = NOW_S, **given: Any) -> tuple[int, Any]:
    """(status, JSON) of a signed call whose answer is signed as well."""
    raw, nonce = json.dumps(body).encode() if body else b"", "0" * 32
    signed = signature(str(at), nonce, given.get("line", f"{method} {path}"), raw, given.get("secret", SECRET))
    headers = {"Host": HOST, "x-jifen-timestamp": str(at), "x-jifen-nonce": nonce, "x-jifen-signature": signed}
    answer = urllib3.request(method, f"{stand_in.url}{path}", body=raw or None, headers=headers, retries=False)
    if answer.status == 401:
        return 401, None
    told = answer.headers
    assert told["x-jifen-nonce"] == nonce
    expected = signature(told["x-jifen-timestamp"], nonce, str(answer.status), answer.data)
    assert told["x-jifen-signature"] == expected
    return answer.status, json.loads(answer.data)


def ask(stand_in: Admin, **changes: Any) -> tuple[int, Any]:
    return call(stand_in, "POST", "/exchanges", {**WISH, **changes})


def balance(stand_in: Admin) -> int:
    return int(stand_in.get("/partner-accounts")["balances"]["1001"])


def test_an_id_is_done_once_however_often_it_is_asked_for(stand_in: Admin) -> None:
    first, second = ask(stand_in), ask(stand_in)

    assert (
        first
        == second
        == (
            200,
            {"id": ID, "state": "done", "account": "1001", "units": 30, "done_at": "2026-03-10T12:00:00+08:00"},
        )
    )
    assert balance(stand_in) == 30


def test_an_id_with_another_content_is_refused_and_changes_nothing(stand_in: Admin) -> None:
    ask(stand_in)

    assert ask(stand_in, units=31)[0] == 409
    assert balance(stand_in) == 30


def test_what_never_came_is_unknown_and_once_voided_never_done(stand_in: Admin) -> None:
    unknown = call(stand_in, "GET", f"/exchanges/{ID}")
    voided = call(stand_in, "POST", f"/exchanges/{ID}/void")
    late = ask(stand_in)

    assert unknown == (404, {"id": ID, "state": "unknown"})
    assert [said["state"] for _, said in (voided, late)] == ["voided", "voided"]
    assert balance(stand_in) == 0


def test_what_is_done_is_too_late_to_void(stand_in: Admin) -> None:
    ask(stand_in)

    assert call(stand_in, "POST", f"/exchanges/{ID}/void")[1]["state"] == "done"


@pytest.mark.parametrize("end", ["done", "refused"])
def test_pending_ends_once(stand_in: Admin, end: str) -> None:
    stand_in.post("/partner-plans", {"state": "pending"})
    ask(stand_in)
    stand_in.post("/partner-decisions", {"id": ID, "state": end})

    with pytest.raises(Trouble):
        stand_in.post("/partner-decisions", {"id": ID, "state": "done"})
    assert call(stand_in, "GET", f"/exchanges/{ID}")[1]["state"] == end
    assert balance(stand_in) == (30 if end == "done" else 0)


def test_accounts_that_are_not_there_or_closed_are_refused_for_good(stand_in: Admin) -> None:
    stand_in.post("/partner-accounts", {"account": "1001", "closed": True})
    closed, unknown = ask(stand_in)[1], ask(stand_in, id="cd" * 12, account="1")[1]
    stand_in.post("/partner-accounts", {"account": "1001"})

    assert (closed["reason"], unknown["reason"]) == ("account_closed", "account_unknown")
    assert ask(stand_in)[1]["state"] == "refused"


@pytest.mark.parametrize(
    "trick", [{"secret": "another"}, {"line": "GET /exchanges"}, {"at": NOW_S - 301}, {"at": NOW_S + 301}]
)
def test_who_does_not_sign_as_agreed_is_nobody(stand_in: Admin, trick: dict[str, Any]) -> None:
    assert call(stand_in, "POST", "/exchanges", WISH, **trick) == (401, None)
    assert balance(stand_in) == 0


def test_its_file_has_what_was_done_on_a_day(stand_in: Admin) -> None:
    ask(stand_in)
    stand_in.post("/partner-plans", {"state": "refused"})
    ask(stand_in, id="cd" * 12)

    days = [stand_in.get("/partner-file", on=on)["csv"] for on in ("2026-03-10", "2026-03-11")]

    assert days[0].splitlines() == ["兑换单号,状态,数量,完成时间", f"{ID},成功,30,2026-03-10T12:00:00+08:00"]
    assert len(days[1].splitlines()) == 1
