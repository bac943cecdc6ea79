"""A warning as publishing tells it, and what it is judged by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.programme.model import Rule


class Warning(NamedTuple):
    """Something to think about at a path of the document: a stable code, and the reason in Chinese."""

    path: str
    code: str
    text: str


class Forecast(NamedTuple):
    """What a simulation expects: points each rule would pay all members together within `days`."""

    days: int
    points_by_rule: Mapping[str, int]
    unseen: frozenset[str] = frozenset()
    """Rules whose dates lie outside the days that were simulated: it says nothing of them."""


Placed = list[tuple[str, Rule]]
"""Enabled rules, each with its path in the document."""
