"""Secrets Manager's values, held for five minutes per process. A value is a plain string of at least 16 characters.

A rotated secret is therefore known everywhere five minutes later at the latest: senders switch after that, and
until they do the previous value is still accepted where both are asked for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.runtime.dynamo import service

HELD = timedelta(minutes=5)
MIN_CHARS = 16
"""A shorter secret could be searched; it is a mistake of the deployment, not a caller's."""

_held: dict[tuple[str, str], tuple[datetime, str | None]] = {}


def current(secret_id: str, now: datetime) -> str:
    """The value in force; raises ValueError if it is too short, and the client's own errors if it cannot be read."""
    value = _value(secret_id, "AWSCURRENT", now)
    if value is None:
        raise ValueError("the secret has no current value")
    return value


def current_and_previous(secret_id: str, now: datetime) -> tuple[str, ...]:
    """The value in force and, after a first rotation, the one before it."""
    previous = _value(secret_id, "AWSPREVIOUS", now)
    return (current(secret_id, now),) if previous is None else (current(secret_id, now), previous)


def forget() -> None:
    """Drop all held values (a test's clean start)."""
    _held.clear()


def _value(secret_id: str, stage: str, now: datetime) -> str | None:
    held = _held.get((secret_id, stage))
    if held and held[0] <= now < held[0] + HELD:
        return held[1]
    value = _read(secret_id, stage)
    if value is not None and len(value) < MIN_CHARS:
        raise ValueError("the secret is too short")
    _held[secret_id, stage] = (now, value)
    return value


def _read(secret_id: str, stage: str) -> str | None:
    manager = service("secretsmanager")
    try:
        answer = manager.get_secret_value(SecretId=secret_id, VersionStage=stage)
    except manager.exceptions.ResourceNotFoundException:
        return None
    return str(answer["SecretString"])
