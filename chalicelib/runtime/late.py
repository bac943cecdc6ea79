"""The API's rooms, taken in when they are asked for: in a Lambda a cold start imports one room's routes and no others.

API Gateway names the path of the route in each event, so it is known which module has it before any is imported.
Everywhere else (packaging, tests) all of it is imported at once, so that nothing can be missing unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from chalice.app import Chalice

from chalicelib.runtime.settings import is_in_lambda

PREFIX = "/v1"


class LateApp(Chalice):
    """A Chalice app that registers the blueprint `bp` of a module with routes when a first request is for one of them.

    `routes` names each module with the paths it has, or that all paths of its begin with; `events` are modules whose
    handlers are deployed by themselves, and which no request needs.
    """

    def __init__(self, app_name: str, *, routes: Mapping[str, tuple[str, ...]], events: Iterable[str]) -> None:
        super().__init__(app_name=app_name)
        self._paths = {PREFIX + path: module for module, paths in routes.items() for path in paths}
        self._unopened = [*routes]
        if not is_in_lambda():
            self._open(*routes)
            for module in events:
                self.register_blueprint(import_module(module).bp)

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        path = event["requestContext"]["resourcePath"]
        if path not in self.routes:
            self._open(*self.modules_of(path))
        if path not in self.routes:  # the table in app.py is wrong: slow is better than not found
            self._open(*self._unopened)
        return super().__call__(event, context)

    def modules_of(self, path: str) -> list[str]:
        """The module that has a route of this path, by the longest path that begins it; none for an unknown one."""
        begun = [known for known in self._paths if path == known or path.startswith(known + "/")]
        return [self._paths[max(begun, key=len)]] if begun else []

    def _open(self, *modules: str) -> None:
        for module in modules:
            if module in self._unopened:
                blueprint = import_module(module).bp  # if that fails, the next request tries it again
                self._unopened.remove(module)
                self.register_blueprint(blueprint, url_prefix=PREFIX)
