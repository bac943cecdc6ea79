"""A walk over every route of the deployed app: who may call it, and that nobody else gets in."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any, NamedTuple

import pytest

from chalicelib.connect.doudian.routes import doudian
from chalicelib.connect.duiba.routes import duiba
from chalicelib.connect.push_routes import Push, UrlCheck
from chalicelib.connect.wechat_pay.routes import wechat_pay
from chalicelib.connect.youzan.routes import youzan
from chalicelib.members.access import StaffCheck, member, order_feed
from chalicelib.members.roles import Role
from chalicelib.members.signature import sign
from chalicelib.runtime.edge import anyone
from tests.members.stage import ADMIN_KEY, FEED_SECRET, Answer, Stage, invoke

PUBLIC = {
    ("POST", "/v1/sessions"),
    ("GET", "/v1/health"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/programme"),
    ("GET", "/v1/lotteries"),
    ("GET", "/v1/lotteries/{lottery_id}"),
    ("GET", "/v1/lotteries/{lottery_id}/winners"),
}


PUSHES = {check(system) for check in (Push, UrlCheck) for system in ("official_account", "mini_program", "wecom")}
CALLBACKS = {doudian, duiba, wechat_pay, youzan, *PUSHES}
"""The checks of outside systems."""


class Route(NamedTuple):
    method: str
    path: str
    view: Any


def walk() -> list[Route]:
    """Every route but the callbacks, which answer their senders in formats of their own."""
    return [route for route in every_route() if route.view.caller_check not in CALLBACKS]


def every_route() -> list[Route]:
    from app import app

    return [
        Route(method, path, entry.view_function)
        for path, methods in sorted(app.routes.items())
        for method, entry in sorted(methods.items())
    ]


def call(route: Route, **given: Any) -> Answer:
    from app import app

    named = dict.fromkeys(re.findall(r"{(\w+)}", route.path), "m" + "0" * 24)
    return invoke(app, route.method, route.path, path_parameters=named, **given)


def in_our_shape(answer: Answer) -> bool:
    return {"code", "msg", "data", "request_id"} <= set(answer.json) and answer.json["code"] // 100 == answer.status


def test_there_are_routes_to_walk() -> None:
    assert len(walk()) >= 10


def test_every_route_declares_who_may_call_it() -> None:
    undeclared = [(route.method, route.path) for route in every_route() if not hasattr(route.view, "caller_check")]

    assert undeclared == []


def test_only_the_short_public_list_is_open_to_anyone() -> None:
    public = {(route.method, route.path) for route in walk() if route.view.caller_check is anyone}

    assert public <= PUBLIC
    assert ("POST", "/v1/sessions") in public


def test_every_route_has_the_check_of_its_place() -> None:
    misplaced = []
    for route in every_route():
        check = route.view.caller_check
        right = {
            "callbacks": check in CALLBACKS,
            "me": check is member,
            "staff": isinstance(check, StaffCheck),
            "ingest": check is order_feed,
            "sessions": check is (anyone if route.method == "POST" else member),
        }.get(route.path.split("/")[2], (route.method, route.path) in PUBLIC)
        if not right:
            misplaced.append((route.method, route.path))

    assert misplaced == []


def test_no_route_outside_staff_takes_anybodys_id() -> None:
    named = {
        (route.path, name)
        for route in every_route()
        if not route.path.startswith("/v1/staff/")
        for name in re.findall(r"{(\w+)}", route.path)
        if re.search(r"member|user|account|owner|openid|phone", name)
    }

    assert named == set()


def test_every_path_has_its_place_and_version() -> None:
    strange = [
        route.path
        for route in every_route()
        if not re.fullmatch(r"/v1(/[a-z][a-z0-9.-]*|/{[a-z][a-z0-9_]*})+", route.path)
    ]

    assert strange == []
    assert not {route.method for route in walk()} - {"GET", "POST", "PUT", "DELETE"}


def test_without_a_token_every_other_route_answers_401_and_writes_nothing(stage: Stage) -> None:
    for route in walk():
        if (route.method, route.path) in PUBLIC:
            continue
        for headers in ({}, {"Authorization": "Bearer " + "x" * 43}, {"Authorization": "Basic YTpi"}):
            answer = call(route, headers=headers)

            assert answer.status == 401, (route.method, route.path, headers)
            assert in_our_shape(answer)

    assert stage.rows() == []


def test_a_members_token_opens_no_route_of_staff_or_feed_and_no_staff_key_a_members(stage: Stage) -> None:
    token = log_in("demo-mei-0001")
    for route in walk():
        check = route.view.caller_check
        if check is member:
            assert call(route, headers=bearer(ADMIN_KEY)).status == 401, route.path
        elif check is not anyone:
            assert call(route, headers=bearer(token)).status == 401, route.path


def test_the_matrix_of_roles_and_staff_routes(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    keys = {role: new_key(role) for role in Role}
    staff_routes = [route for route in walk() if isinstance(route.view.caller_check, StaffCheck)]
    before = stage.rows()
    lines = ["| route | " + " | ".join(role.value for role in Role) + " |"]
    for route in staff_routes:
        marks = []
        for role in Role:
            answer = call(route, headers=bearer(keys[role]), query={"no_such_query": ["1"]}, body='{"no_such_field":1}')
            is_allowed = role in route.view.caller_check.roles
            assert answer.status == (400 if is_allowed else 403), (route.method, route.path, role)
            assert in_our_shape(answer)
            marks.append("yes" if is_allowed else "-")
        lines.append(f"| {route.method} {route.path} | " + " | ".join(marks) + " |")

    assert stage.rows() == before
    capsys.readouterr()
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201  # the matrix, for whoever reviews it


BAD_BODIES: list[bytes] = [
    b"{",
    b"[]",
    b"null",
    b'"{}"',
    b'{"no_such_field":1}',
    b'{"a":1,"a":1}',
    b'{"a":NaN}',
    b'{"a":"\\u0000"}',
    b'{"a":' * 17 + b"1" + b"}" * 17,
    '{"name":"红包"}'.encode("gbk"),
]


def test_bad_bodies_are_400_on_every_route_and_write_nothing(stage: Stage) -> None:
    token = log_in("demo-mei-0001")
    before = without_nonces(stage)
    for route in walk():
        for place, body in enumerate(BAD_BODIES):
            answer = call(route, headers=allowed(route, token, body, stage, place), body=body)

            assert answer.status == 400, (route.method, route.path, body[:40], answer.json)
            assert in_our_shape(answer)
    assert without_nonces(stage) == before


def test_oversize_bodies_and_unknown_queries_are_refused_on_every_route(stage: Stage) -> None:
    token = log_in("demo-mei-0001")
    before = without_nonces(stage)
    for route in walk():
        most_bytes = max(inspect.getclosurevars(route.view).nonlocals["limit_bytes"], 1024 * 1024)
        oversize = call(route, headers=bearer(token), body=b" " * (most_bytes + 1))
        queried = call(route, headers=allowed(route, token, b"", stage, 99), query={"member_id": ["m1"]})

        assert oversize.status == 413, route.path
        assert queried.status == 400, route.path
        assert in_our_shape(oversize)
        assert in_our_shape(queried)
    assert without_nonces(stage) == before


def test_another_method_or_content_type_is_refused_on_every_route(stage: Stage) -> None:
    from app import app

    for path, methods in app.routes.items():
        answer = invoke(app, "PATCH", path)

        assert (answer.status, answer.json["code"]) == (405, 40500)
        assert in_our_shape(answer)
        for method, entry in methods.items():
            if entry.view_function.body_model is None:
                continue
            answer = call(Route(method, path, entry.view_function), body="<xml/>", headers={"Content-Type": "text/xml"})
            assert (answer.status, answer.json["code"]) == (415, 41500), (method, path)
    assert stage.rows() == []


def log_in(code: str) -> str:
    from app import app

    return str(invoke(app, "POST", "/v1/sessions", body=json.dumps({"code": code})).data["token"])


def new_key(role: Role) -> str:
    from app import app

    body = json.dumps({"name": role.value, "roles": [role.value]})
    return str(invoke(app, "POST", "/v1/staff/keys", headers=bearer(ADMIN_KEY), body=body).data["key"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def allowed(route: Route, token: str, body: bytes, stage: Stage, place: int) -> dict[str, str]:
    """Headers with which this route's own check passes."""
    check = route.view.caller_check
    if check is order_feed:
        timestamp, nonce = str(int(stage.now.timestamp())), f"nonce-of-the-walk-{place}"
        return {
            "Content-Type": "application/json",
            "X-Jifen-Timestamp": timestamp,
            "X-Jifen-Nonce": nonce,
            "X-Jifen-Signature": sign(FEED_SECRET, timestamp, nonce, body),
        }
    return bearer(token if check in (member, anyone) else ADMIN_KEY)


def without_nonces(stage: Stage) -> list[dict[str, Any]]:
    """All rows but the order feed's nonces: those belong to a verified sender, whatever the body says."""
    return [row for row in stage.rows() if row.get("sk") != "NONCE"]
