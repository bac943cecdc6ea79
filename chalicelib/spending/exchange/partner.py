"""A partner as staff write it, and how much of its units so many points are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from chalicelib.ledger.document import Ge, Le, Len, Pattern, document

_ACCOUNTS = {
    "digits": re.compile(r"[0-9]{4,20}"),
    "phone": re.compile(r"1[3-9][0-9]{9}"),
    "card": re.compile(r"[0-9A-Z]{6,20}"),
    "email": re.compile(r"[0-9A-Za-z._%+-]{1,40}@([0-9a-z-]{1,40}\.){1,3}[a-z]{2,20}"),
}
"""The kinds of accounts there are; a partner has one of them."""


@document
class Ratio:
    """So many points of ours are so many units of the partner's."""

    points: Annotated[int, Ge(1), Le(1_000_000)]
    units: Annotated[int, Ge(1), Le(1_000_000)]


@document
class Partner:
    """Whose units points become, at what ratio, within which limits."""

    name: Annotated[str, Len(1, 40)]
    host: Annotated[str, Len(1, 253), Pattern(r"^[a-z0-9.-]+$")]
    root: Annotated[str, Pattern(r"^(/[0-9A-Za-z._~-]{1,40}){0,4}$")] = ""
    """The path before `/exchanges`."""
    unit: Annotated[str, Len(1, 10)]
    """What its points are called: 里程."""
    ratio: Ratio
    least_points: Annotated[int, Ge(1), Le(10**9)]
    step_points: Annotated[int, Ge(1), Le(10**9)] = 1
    """Points are taken in multiples of it."""
    member_points_per_day: Annotated[int, Ge(1), Le(10**9)] | None = None
    member_times_per_day: Annotated[int, Ge(1), Le(1000)] | None = None
    all_points_per_day: Annotated[int, Ge(1), Le(10**12)] | None = None
    """Points of all members in a business day."""
    account: Literal["digits", "phone", "card", "email"]
    account_hint: Annotated[str, Len(1, 60)]
    """Said beside the field of the account."""
    text: Annotated[str, Len(1, 300)]
    """What members read of it."""
    reversible: Literal[False] = False
    """No exchange can be undone: what the partner has given is its own matter."""


class Amounts(NamedTuple):
    """What an exchange takes and gives."""

    points: int
    units: int


def amounts(partner: Partner, points: int) -> Amounts | None:
    """What of so many points is taken, and the units for it; None where they are too few.

    Steps and whole units are rounded down, and of the points only those are taken that these units need.
    """
    stepped, ratio = points - points % partner.step_points, partner.ratio
    units = stepped * ratio.units // ratio.points
    if stepped < partner.least_points or units < 1:
        return None
    return Amounts(-(-units * ratio.points // ratio.units), units)


def is_account(partner: Partner, text: str) -> bool:
    """Whether a text has the form of the partner's accounts."""
    return bool(_ACCOUNTS[partner.account].fullmatch(text))


def masked(account: str) -> str:
    """An account as it is shown: its last four characters; of a short one, or of a mail's name, fewer."""
    name, at, domain = account.partition("@")
    shown = min(4, len(name) // 3)
    return "****" + name[len(name) - shown :] + at + domain


def faults_of(partner: Partner) -> Iterator[tuple[str, str]]:
    """(path, reason in Chinese) of everything that no single field shows."""
    if partner.least_points % partner.step_points:
        yield "least_points", "应为step_points的整数倍"
    elif amounts(partner, partner.least_points) is None:
        yield "least_points", "不足兑换1个单位"
    for name in ("member_points_per_day", "all_points_per_day"):
        most = getattr(partner, name)
        if most is not None and most < partner.least_points:
            yield name, "应不低于least_points"
