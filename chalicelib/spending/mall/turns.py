"""Parts of one sweep share its time: each has its turn in every sweep, whatever waits before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from chalicelib.errors import JifenError
from chalicelib.runtime import log

HasTime = Callable[[], bool]


class Swept(NamedTuple):
    """What one sweep did; `finished` is whether it came to the end of what was due."""

    done: int = 0
    failed: int = 0
    finished: bool = True
    is_stopped: bool = False
    """It goes on no more before the next sweep, whatever time is left."""


Part = Callable[[HasTime], Swept]


def in_turns(parts: Mapping[str, Part], left_ms: Callable[[], int]) -> dict[str, Swept]:
    """Let each part go on, in order, until it has no more to do or has had its share of the time that is left; what one
    does not need is the next ones'. A part with a defect is logged, counts as one failed and stops no other.
    """
    swept = {}
    for number, (name, part) in enumerate(parts.items()):
        behind = len(parts) - number - 1
        theirs_ms = left_ms() * behind // (behind + 1)
        swept[name] = _turn(name, part, _more_than(theirs_ms, left_ms))
    return swept


def twice_in_turns(
    parts: Mapping[str, Part], again: Mapping[str, Part], left_ms: Callable[[], int]
) -> dict[str, Swept]:
    """Let each part have its turn; then those of `again`, which are among them, share what time is left over as far as
    they are not finished. They must leave out what they have looked at before.
    """
    swept = in_turns(parts, left_ms)
    going_on = {name: part for name, part in again.items() if not (swept[name].finished or swept[name].is_stopped)}
    if left_ms() > 0:
        for name, more in in_turns(going_on, left_ms).items():
            first = swept[name]
            swept[name] = more._replace(done=first.done + more.done, failed=first.failed + more.failed)
    return swept


def _more_than(theirs_ms: int, left_ms: Callable[[], int]) -> HasTime:
    return lambda: left_ms() > theirs_ms


def _turn(name: str, part: Part, has_time: HasTime) -> Swept:
    try:
        return part(has_time)
    except JifenError as refused:
        log.outcome("sweep_part_failed", part=name, why=refused.code.name)
    except Exception as error:  # noqa: BLE001  # one that fails must not be in the way of the others
        log.defect("sweep_part_failed", error, part=name)
    return Swept(failed=1, finished=False, is_stopped=True)
