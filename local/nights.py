"""What a laptop that was switched off has missed: scheduled rules are not caught up by the embedded cloud."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local import say
from local.stack import Cloud, Stack

EXPIRY_AT = timedelta(hours=16, minutes=5)
RECONCILE_AT = timedelta(hours=16, minutes=35)
MOST_NIGHTS = 62
"""A longer absence is closed by its last nights: each of them also books whatever fell due before it."""
DRAIN_SECONDS = 120


def now() -> datetime:
    return datetime.now(UTC)  # the runner stands for the cloud's own clock


def scheduled_event(at: datetime) -> dict[str, Any]:
    """What a scheduled rule hands its function at this instant."""
    return {
        "version": "0",
        "id": f"local-{at:%Y%m%d%H%M}",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "local",
        "resources": [],
        "detail": {},
    }


def missed(since: datetime, until: datetime, time_of_day: timedelta) -> list[datetime]:
    """Every instant of this UTC time of day after `since`, up to and including `until`."""
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    instants = []
    at = midnight + time_of_day
    while at <= until:
        if at > since:
            instants.append(at)
        at += timedelta(days=1)
    return instants


def catch_up(stack: Stack, cloud: Cloud) -> int:
    """Run what fell due and was missed, and one reconciliation always; the number of nights that were run."""
    until = now()
    since = _since(cloud) or until
    nights = missed(since, until, EXPIRY_AT)[-MOST_NIGHTS:]
    for night in nights:
        with say.step(f"missed night of {night:%Y-%m-%d}"):
            run_night(stack, night)
    with say.step("reconciling orders"):
        for at in [*missed(since, until, RECONCILE_AT)[-MOST_NIGHTS:], until]:
            stack.invoke("reconcile_orders", scheduled_event(at))
    with say.step("summing the days before"):
        stack.invoke("close_days", scheduled_event(until))
    caught_up(cloud, until)
    return len(nights)


def caught_up(cloud: Cloud, at: datetime) -> None:
    """Note that nothing before this instant is missing."""
    cloud.places.caught_up_at.write_text(at.isoformat())


def _since(cloud: Cloud) -> datetime | None:
    """A cloud that was just started stands where its state was saved, even if it had come further before a crash."""
    saved, caught = (_instant(path) for path in (cloud.places.saved_at, cloud.places.caught_up_at))
    if cloud.started or caught is None:
        return saved
    return max(saved, caught) if saved else caught


def _instant(path: Path) -> datetime | None:
    return datetime.fromisoformat(path.read_text().strip()) if path.exists() else None


def run_night(stack: Stack, at: datetime) -> None:
    """One nightly expiry, and wait until its shards are done."""
    stack.invoke("start_expiry", scheduled_event(at))
    drain(stack, stack.environment()["EXPIRY_QUEUE_URL"])


def drain(stack: Stack, queue_url: str) -> None:
    """Wait until a queue holds nothing, waiting or in flight; raises TimeoutError."""
    sqs = stack.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        counts = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        if not any(int(counts[name]) for name in names):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{queue_url} still holds messages after {DRAIN_SECONDS} s")
