"""What every channel promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.publishing.model import Issue, Receipt
from chalicelib.publishing.table import PublishingTable


class ChannelRefused(Exception):
    """The channel certainly did not send the issue; `reason` says why, in at most 200 characters.

    Whatever else `send` raises means that nobody knows: the claim then stays until it is stale.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason[:200]


@dataclass(frozen=True, slots=True)
class Channel:
    """One way out."""

    send: Callable[[PublishingTable, Issue, datetime], Receipt]
    """Send a claimed issue at an instant; answers the channel's receipt or raises ChannelRefused."""
    deduplicates: bool
    """Whether sending the same issue id again is answered with the first receipt instead of a second sending."""
