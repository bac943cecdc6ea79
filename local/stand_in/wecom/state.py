"""The state of all corps together."""

from __future__ import annotations

from dataclasses import dataclass

from local.stand_in.ids import Ids
from local.stand_in.wecom.groups import Groups
from local.stand_in.wecom.robots import Robots
from local.stand_in.wecom.tasks import Tasks


@dataclass(slots=True)
class WeCom:
    groups: Groups
    tasks: Tasks
    robots: Robots


def new_wecom(ids: Ids) -> WeCom:
    return WeCom(Groups(ids), Tasks(ids), Robots(ids))
