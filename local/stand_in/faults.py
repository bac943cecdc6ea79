"""Faults an admin plants: the next calls of an API fail in a given way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from local.stand_in.wire import Unknown

Kind = Literal[
    "errcode",
    "refusal",
    "http_500",
    "timeout_before",
    "timeout_after",
    "slow",
    "unsigned",
    "foreign_signature",
    "unknown_serial",
    "old_timestamp",
]
"""`timeout_before`: nothing happens and no answer comes. `timeout_after`: it happens, and no answer comes.

`refusal` is WeChat Pay's `errcode`, with its own `code` and `status`. The last four are WeChat Pay's, too: it happens,
and the answer is not signed as it should be.
"""


class Fault(NamedTuple):
    """`seconds` are real ones: how long an answer is late, or how long a connection is held without one."""

    api: str
    kind: Kind
    errcode: int
    seconds: float
    code: str = ""
    status: int = 400


@dataclass(slots=True)
class _Planted:
    fault: Fault
    left: int | None


class Faults:
    def __init__(self) -> None:
        self._planted: list[_Planted] = []

    def plant(self, asked: Mapping[str, Any]) -> None:
        """`{"api", "kind", "times"?, "errcode"?, "code"?, "status"?, "seconds"?}`; times null is for ever. Raises
        Unknown.
        """
        kind: Any = asked.get("kind")
        if kind not in get_args(Kind):
            raise Unknown(f"kind is one of {', '.join(get_args(Kind))}")
        api = asked.get("api")
        if not isinstance(api, str) or not api:
            raise Unknown("api is a path as in /cgi-bin/draft/add, a path's beginning with *, or *")
        times = asked.get("times", 1)
        if times is not None and (not isinstance(times, int) or times < 1):
            raise Unknown("times is a whole number from 1 on, or null for ever")
        seconds = float(asked.get("seconds", 2 if kind == "slow" else 30))
        errcode, code, status = int(asked.get("errcode", -1)), str(asked.get("code", "")), int(asked.get("status", 400))
        if kind == "refusal" and not code:
            raise Unknown("code is what WeChat Pay refuses with, as FREQUENCY_LIMITED")
        self._planted.append(_Planted(Fault(api, kind, errcode, seconds, code, status), times))

    def take(self, path: str) -> Fault | None:
        """The fault of this call, used up by it; the one planted first."""
        for planted in self._planted:
            if _matches(planted.fault.api, path):
                if planted.left is not None:
                    planted.left -= 1
                    if planted.left == 0:
                        self._planted.remove(planted)
                return planted.fault
        return None

    def clear(self) -> None:
        self._planted.clear()

    def listed(self) -> list[dict[str, Any]]:
        return [{**planted.fault._asdict(), "times": planted.left} for planted in self._planted]


def _matches(api: str, path: str) -> bool:
    return path.startswith(api[:-1]) if api.endswith("*") else api == path
