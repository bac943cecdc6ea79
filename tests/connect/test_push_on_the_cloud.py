"""What only the deployed API shows of message push: how queries and XML reach it, the queue, many tellings at once."""

from __future__ import annotations

import secrets
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from chalicelib.connect.push_message import pushed_of
from local.stack import Stack
from tests.connect.pushes import ACCEPTED, CHAT_CHANGED, ECHO, PATHS, seal, url_check
from tests.flows.stage import at_once, until

pytestmark = pytest.mark.cloud


@pytest.fixture
def message() -> dict[str, Any]:
    """A change of a group that nobody has heard of."""
    return {**CHAT_CHANGED, "CreateTime": int(time.time()), "ChatId": f"wr-{secrets.token_hex(6)}"}


def asked(
    cloud: Stack, path: str, query: str, body: bytes | None = None, content_type: str = "text/xml"
) -> tuple[int, str]:
    """(status, text) of one call, its query as it is."""
    headers = {"Content-Type": content_type} if body is not None else {}
    request = urllib.request.Request(f"{cloud.api_url}{path}?{query}", data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def row(cloud: Stack, pk: str, sk: str) -> Any:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    return cloud.client("dynamodb").get_item(TableName=cloud.setting("CONNECT_TABLE"), Key=key).get("Item")


@pytest.mark.parametrize("system", PATHS)
def test_an_address_passes_its_check_over_http(connected: Stack, system: str) -> None:
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in url_check(system).items())

    assert asked(connected, PATHS[system], query) == (200, ECHO)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_push_reaches_us_and_is_handled_once_however_many_come_at_once(
    connected: Stack, message: dict[str, Any], as_json: bool
) -> None:
    sealed = seal("wecom", message, as_json=as_json)
    key = pushed_of("wecom", message if as_json else {name: str(value) for name, value in message.items()}).key

    def call(_place: int) -> tuple[int, str]:
        return asked(connected, PATHS["wecom"], urlencode(sealed.query), sealed.body, sealed.content_type)

    answers = at_once(6, call)

    assert set(answers) == {ACCEPTED}
    hint = until(lambda: row(connected, f"CHAT#{message['ChatId']}", "HINT"))
    assert hint["change"]["S"] == "add_member"
    handled = until(lambda: (found := row(connected, f"EVENT#{key}", "EVENT")) and "handled_at" in found and found)
    assert "leased_until" not in handled


def test_a_bent_push_is_refused_and_leaves_nothing(connected: Stack, message: dict[str, Any]) -> None:
    sealed = seal("wecom", message)
    other = seal("wecom", {**message, "ChatId": "wr-other"})

    bent = asked(connected, PATHS["wecom"], urlencode(sealed.query), other.body)

    assert bent == (401, "fail")
    assert row(connected, "CHAT#wr-other", "HINT") is None
