"""What we ask of a partner and the words of its answers. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Word(StrEnum):
    """What a partner says of an exchange."""

    DONE = "done"
    """The member has the units: for good."""
    REFUSED = "refused"
    """He has not, and never will under this id."""
    PENDING = "pending"
    """It is known there and not decided."""
    VOIDED = "voided"
    """It was given up: he has not the units, and never will under this id, whatever still comes."""
    UNKNOWN = "unknown"
    """It never came there; it may yet."""


class Reason(StrEnum):
    """Why a partner refuses."""

    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_CLOSED = "account_closed"
    LIMIT = "limit"
    OTHER = "other"


class Said(NamedTuple):
    """A partner's answer."""

    word: Word
    reason: str = ""
    done_at: datetime | None = None


class Asked(NamedTuple):
    """What a partner is asked for; under one id always the same."""

    id: str
    account: str
    units: int
    asked_at: datetime
