"""One-time codes, sessions and what ends them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.members import log_in as logging_in
from chalicelib.members import tokens
from chalicelib.members.model import Identity, Session
from chalicelib.members.table import MembersTable
from chalicelib.runtime.settings import settings

A_MEMBER = "m" + "1" * 24
ANOTHER = "m" + "2" * 24


def log_in(http: Any, code: str) -> Any:
    return http("POST", "/v1/sessions", body=json.dumps({"code": code}))


def given(stage: Any, *, token: str = "a" * 43, new_member_id: str = A_MEMBER) -> dict[str, Any]:
    """What the edge gives a log-in; one that needs no merge."""
    return {"token": token, "new_member_id": new_member_id, "merge": no_merge, "now": stage.now}


def no_merge(one: str, other: str) -> str:
    raise AssertionError(f"{one} and {other} are two persons")


def test_a_first_log_in_makes_a_member_and_a_later_one_finds_it(http: Any) -> None:
    first = log_in(http, "demo-mei-0001").data
    second = log_in(http, "demo-mei-0002").data

    assert first["is_new"] is True
    assert second["is_new"] is False
    assert first["member_id"] == second["member_id"]
    assert first["token"] != second["token"]
    assert first["expires_at"] == "2026-04-01T12:00:00+08:00"


def test_the_token_opens_the_members_own_profile(http: Any) -> None:
    opened = log_in(http, "demo-mei-0001").data

    answer = http("GET", "/v1/me", token=opened["token"])

    assert answer.data == {
        "member_id": opened["member_id"],
        "registered_at": "2026-03-02T12:00:00+08:00",
        "identity_count": 1,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_two_names_are_two_members_and_each_token_opens_only_its_own(http: Any) -> None:
    mei = log_in(http, "demo-mei-0001").data
    lan = log_in(http, "demo-lan-0001").data

    assert mei["member_id"] != lan["member_id"]
    assert http("GET", "/v1/me", token=mei["token"]).data["member_id"] == mei["member_id"]
    assert http("GET", "/v1/me", token=lan["token"]).data["member_id"] == lan["member_id"]


def test_a_code_opens_one_session_only(http: Any, stage: Any) -> None:
    log_in(http, "demo-mei-0001")
    before = stage.rows()

    again = log_in(http, "demo-mei-0001")

    assert (again.status, again.json["code"]) == (401, Code.LOGIN_CODE_INVALID.number)
    assert stage.rows() == before


def test_a_code_is_refused_for_a_day(http: Any, stage: Any) -> None:
    log_in(http, "demo-mei-0001")

    code_row = next(row for row in stage.rows() if row["sk"] == "CODE")

    assert code_row["expires_epoch_s"] == int(stage.now.timestamp()) + 86_400
    assert "demo-mei-0001" not in json.dumps(code_row)


@pytest.mark.parametrize(
    "code", ["demo-Mei-0001", "demo--0001", "demo-mei-001", "demo-mei-00#1", "prod-mei-0001", "demo-mei-0001\n"]
)
def test_a_code_of_another_form_is_refused_and_writes_nothing(http: Any, stage: Any, code: str) -> None:
    answer = log_in(http, code)

    assert (answer.status, answer.json["code"]) == (401, 40103)
    assert stage.rows() == []


def test_where_log_in_is_closed_nobody_enters(http: Any, stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGIN", "closed")
    settings.cache_clear()

    answer = log_in(http, "demo-mei-0001")

    assert (answer.status, answer.json["code"]) == (503, 50301)
    assert stage.rows() == []


def test_only_the_digest_of_a_token_is_stored(http: Any, stage: Any) -> None:
    token = log_in(http, "demo-mei-0001").data["token"]

    stored = json.dumps(stage.rows())

    assert len(token) == 43
    assert token not in stored
    assert hashlib.sha256(token.encode()).hexdigest() in stored


def test_a_session_ends_on_the_thirtieth_day_to_the_second(http: Any, stage: Any) -> None:
    token = log_in(http, "demo-mei-0001").data["token"]

    stage.later(days=30, seconds=-1)
    last = http("GET", "/v1/me", token=token)
    stage.later(seconds=1)
    over = http("GET", "/v1/me", token=token)

    assert last.status == 200
    assert (over.status, over.json["code"]) == (401, 40100)


def test_logging_out_ends_this_token_and_no_other(http: Any) -> None:
    phone = log_in(http, "demo-mei-0001").data["token"]
    tablet = log_in(http, "demo-mei-0002").data["token"]

    out = http("DELETE", "/v1/sessions", token=phone)

    assert out.data == {"revoked": True}
    assert http("GET", "/v1/me", token=phone).status == 401
    assert http("DELETE", "/v1/sessions", token=phone).status == 401
    assert http("GET", "/v1/me", token=tablet).status == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic bWVpOm1laQ==", "Bearer " + "x" * 43, "Bearer x", "Bearer " + "长" * 43, "x" * 43],
)
def test_what_is_no_session_token_is_refused_alike(stage: Any, authorization: str) -> None:
    from chalicelib.members.access import member
    from chalicelib.runtime.edge import Request

    with pytest.raises(JifenError) as refused:
        member(Request({"authorization": authorization}, b"", "/v1/me", stage.now))

    assert refused.value.code is Code.NOT_LOGGED_IN
    assert refused.value.msg == Code.NOT_LOGGED_IN.msg


def test_two_phones_with_the_same_code_at_once_open_one_session(stage: Any) -> None:
    table = stage.table
    logging_in.log_in(table, logging_in.demo_exchange, "demo-mei-0001", **given(stage))

    other = Session(tokens.digest("b" * 43), A_MEMBER, opened_at=stage.now, expires_at=stage.now)
    opened = table.open_session(other, tokens.digest("demo-mei-0001"))

    assert opened is False
    assert table.session(other.key) is None


class OtherPhoneFirst:
    """A table on which another phone of the same person registers just before this one's write."""

    def __init__(self, table: MembersTable, now: Any) -> None:
        self._table, self._now = table, now

    def add_member(self, *given: Any) -> Any:
        logging_in.register(self._table, Identity("wechat", "demo-mei"), ANOTHER, self._now)
        return self._table.add_member(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def test_two_phones_at_their_first_log_in_at_once_are_one_member(stage: Any) -> None:
    table: Any = OtherPhoneFirst(stage.table, stage.now)

    opened = logging_in.log_in(table, logging_in.demo_exchange, "demo-mei-0001", **given(stage))

    assert (opened.session.member_id, opened.is_new_member) == (ANOTHER, False)
    assert [row["pk"] for row in stage.rows() if row["sk"] == "PROFILE"] == [f"MEMBER#{ANOTHER}"]


def test_who_is_registered_while_another_app_names_the_same_person_is_that_member_and_not_new(stage: Any) -> None:
    person = Identity("unionid", "u-mei")

    class OtherAppFirst(OtherPhoneFirst):
        """A table on which the person registers by another app just before this one's registration."""

        def add_member(self, *given: Any) -> Any:
            logging_in.register(self._table, person, ANOTHER, self._now)
            return self._table.add_member(*given)

    table: Any = OtherAppFirst(stage.table, stage.now)
    merged: list[tuple[str, str]] = []

    def merge(one: str, other: str) -> str:
        merged.append((one, other))
        return other

    opened = logging_in.log_in(
        table, lambda _code: (Identity("wechat", "one"), person), "a-code", **{**given(stage), "merge": merge}
    )

    assert merged == [(A_MEMBER, ANOTHER)]
    assert (opened.session.member_id, opened.is_new_member) == (ANOTHER, False)


def test_what_a_log_in_and_an_authenticated_call_ask_of_the_table(http: Any, stage: Any) -> None:
    made: list[str] = []

    def note(model: Any, **_given: Any) -> None:
        made.append(model.name)

    def requests_of(*given: Any, **more: Any) -> tuple[Any, list[str]]:
        made.clear()
        return http(*given, **more), list(made)

    stage.cloud.meta.events.register("before-call.dynamodb", note)
    _, first = requests_of("POST", "/v1/sessions", body='{"code":"demo-mei-0001"}')
    opened, later = requests_of("POST", "/v1/sessions", body='{"code":"demo-mei-0002"}')
    _, profile = requests_of("GET", "/v1/me", token=opened.data["token"])
    _, refused = requests_of("GET", "/v1/me", token="of another form")
    stage.cloud.meta.events.unregister("before-call.dynamodb", note)

    assert first == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]
    assert later == ["BatchGetItem", "TransactWriteItems"]
    assert profile == ["GetItem", "GetItem"], "the session, then the profile"
    assert refused == []
