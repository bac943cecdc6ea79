"""Notices before points end or a level does: on which days they are due, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from chalicelib.ledger.buckets import Buckets, bucket_expires_on


class NoticeTerms(NamedTuple):
    """When members are told that points will end."""

    days_before: tuple[int, ...]
    """Days before the last valid day."""
    min_points: int
    """Fewer points of one day are not told."""


def ending(buckets: Buckets) -> dict[date, int]:
    """The last valid days of dated points, each with how many end then."""
    found: dict[date, int] = {}
    for key, points in buckets.items():
        last_on = bucket_expires_on(key)
        if last_on is not None:
            found[last_on] = found.get(last_on, 0) + points
    return found


def notice_due_on(buckets: Buckets, terms: NoticeTerms, today_on: date) -> date | None:
    """The first business date after today on which a notice of `buckets` is due."""
    return min((on for on, _, _ in _notices(buckets, terms) if on > today_on), default=None)


def notices_of(buckets: Buckets, terms: NoticeTerms, since_on: date, today_on: date) -> dict[date, int]:
    """What is to be told for the days from `since_on` to today, together: last valid days with their points."""
    return {
        last_on: points
        for on, last_on, points in _notices(buckets, terms)
        if since_on <= on <= today_on and last_on >= today_on
    }


def _notices(buckets: Buckets, terms: NoticeTerms) -> Iterator[tuple[date, date, int]]:
    """(day of the notice, last valid day, points) of every notice."""
    for last_on, points in ending(buckets).items():
        if points >= terms.min_points:
            for on in _told_on(last_on, terms.days_before):
                yield on, last_on, points


@lru_cache(maxsize=4096)
def _told_on(last_on: date, days_before: tuple[int, ...]) -> tuple[date, ...]:
    return tuple(last_on - timedelta(days=days) for days in days_before)
