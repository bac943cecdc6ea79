"""The brand's campaigns (活动档期): when each warms up, runs and closes. What follows one follows its dates. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from chalicelib.ledger.document import Len, document
from chalicelib.programme.caps import Id

Phase = Literal["preheat", "formal", "closing"]
Fault = tuple[str, str]


@document
class Campaign:
    """A campaign's phases: each lasts until the next one begins, the last one until `until_at`."""

    id: Id
    name: Annotated[str, Len(1, 40)]
    preheat_from_at: datetime | None = None
    """预热; None when there is none, as below."""
    formal_from_at: datetime
    """正式."""
    closing_from_at: datetime | None = None
    """返场."""
    until_at: datetime


class Span(NamedTuple):
    """From an instant until another (that one no longer)."""

    from_at: datetime
    until_at: datetime


def spans_of(campaign: Campaign, phases: Sequence[Phase]) -> tuple[Span, ...]:
    """When any of some of a campaign's phases is on, in order; those that it has not are passed over."""
    return tuple(span for phase, span in _phases(campaign) if phase in phases)


def _phases(campaign: Campaign) -> Iterator[tuple[Phase, Span]]:
    closing_from_at = campaign.closing_from_at or campaign.until_at
    if campaign.preheat_from_at:
        yield "preheat", Span(campaign.preheat_from_at, campaign.formal_from_at)
    yield "formal", Span(campaign.formal_from_at, closing_from_at)
    if campaign.closing_from_at:
        yield "closing", Span(closing_from_at, campaign.until_at)


def faults_of_campaigns(campaigns: Sequence[Campaign]) -> Iterator[Fault]:
    """(path, reason in Chinese) of instants without a zone, or in no order."""
    for place, campaign in enumerate(campaigns):
        known = [(name, at) for name in _INSTANTS if (at := getattr(campaign, name)) is not None]
        if bare := [name for name, at in known if at.tzinfo is None]:
            yield from ((f"campaigns.{place}.{name}", "应带时区") for name in bare)
            continue
        for (_, before), (name, at) in pairwise(known):
            if at <= before:
                yield f"campaigns.{place}.{name}", "应晚于前一阶段的开始时间"


_INSTANTS = ("preheat_from_at", "formal_from_at", "closing_from_at", "until_at")
