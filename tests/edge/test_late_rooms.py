"""In a Lambda a room's routes are imported when a first request is for one of them, and no others are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Blueprint

from chalicelib.runtime import late
from chalicelib.runtime.late import LateApp
from tests.edge.test_route_walk import every_route
from tests.members.stage import lambda_event

ROOT = Path(__file__).parents[2]
ASK = """
import json, sys
from types import SimpleNamespace
from app import app
from tests.members.stage import invoke

def with_routes():
    return [name for name in sys.modules if name.startswith("chalicelib.") and name.endswith("routes")]

before, told = with_routes(), []
for method, path in json.loads(sys.argv[1]):
    answer = invoke(app, method, path)
    told.append([answer.status, with_routes()])
print(json.dumps([before, told]))
"""


def asked(*calls: tuple[str, str]) -> Any:
    """[modules with routes before, [[status, those after] of each call]] of a fresh Lambda."""
    environment = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "api", "AWS_DEFAULT_REGION": "cn-north-1"}
    command = [sys.executable, "-c", ASK, json.dumps(calls)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_each_path_leads_to_the_module_that_has_its_routes() -> None:
    from app import app

    routes = every_route()

    assert [(route, app.modules_of(route.path)) for route in routes] == [
        (route, [route.view.__module__]) for route in routes
    ]


def test_a_request_opens_its_own_room_alone() -> None:
    check_ins, coupons = "chalicelib.earning.check_in_routes", "chalicelib.spending.mall.routes"

    before, told = asked(("POST", "/v1/me/check-ins"), ("GET", "/v1/me/coupons"), ("POST", "/v1/me/check-ins"))

    assert before == []
    assert told == [[401, [check_ins]], [401, [check_ins, coupons]], [401, [check_ins, coupons]]]


def test_a_room_that_could_not_be_imported_once_is_opened_by_the_next_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    room = Blueprint("room")
    room.route("/room", methods=["GET"])(lambda: {"is_open": True})
    found = iter([MemoryError(), SimpleNamespace(bp=room)])
    app, asked_for = LateApp("late", routes={"room": ("/room",)}, events=()), lambda_event("GET", "/v1/room")

    def import_module(_name: str) -> Any:
        one = next(found)
        if isinstance(one, Exception):
            raise one
        return one

    monkeypatch.setattr(late, "import_module", import_module)
    with pytest.raises(MemoryError):
        app(asked_for, None)

    assert app(asked_for, None)["statusCode"] == 200


def test_a_path_that_the_table_does_not_know_is_still_looked_for_everywhere() -> None:
    _, [[status, opened]] = asked(("GET", "/v1/nowhere"))

    assert status in (403, 404)
    assert len(opened) > 30
