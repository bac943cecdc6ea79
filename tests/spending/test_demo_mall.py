"""The demo's mall is filled over HTTP, once however often the main job runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from local.http_client import Api
from local.mall_job import fill_mall, open_stores
from tests.spending.malls import Mall


@dataclass
class Operator:
    """The operator's client of the API, without the network."""

    mall: Mall

    def get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self._call("POST", path, body, key=headers.get("Idempotency_Key", ""))

    def _call(self, method: str, path: str, body: Any, **given: Any) -> Any:
        from app import app

        parts = urlsplit(path)
        for route, methods in app.routes.items():
            names = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route)
            if method in methods and (found := re.fullmatch(names, parts.path)):
                query = dict(parse_qsl(parts.query))
                return self.mall.staff(method, route, body, query=query, **given, **found.groupdict()).data
        raise AssertionError(path)


def test_the_demos_items_and_stores_are_on_however_often_it_runs(mall: Mall) -> None:
    operator = cast("Api", Operator(mall))

    first, again = [(fill_mall(operator), open_stores(operator)) for _ in range(2)]

    assert first == again == (8, 2)
    token, _ = mall.member()
    cities = mall.call("GET", "/v1/me/mall/stores", token=token).data["cities"]
    assert mall.bought(token, "cap", delivery={"way": "pick_up", "store": "hz01"}).data["state"] == "to_pick_up"
    assert cities == ["上海", "杭州"]
