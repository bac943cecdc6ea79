"""How many subscribe messages a member allows: one for each tap on 允许, told by the app or by WeChat or by both. Pure.

The app reports what the member answered, and WeChat's own event (subscribe_msg_popup_event) says the same, in any
order, and either may be lost. So a tap that one side tells within minutes after the other is the same tap.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

PAIRED_WITHIN = timedelta(minutes=10)
"""Two tellings further apart are two taps."""


class Teller(IntEnum):
    """Who told of a tap; the sign it counts with in `ahead`."""

    APP = 1
    WECHAT = -1


class Taps(NamedTuple):
    """What stands for one member and template."""

    left: int = 0
    """Messages the member still allows."""
    ahead: int = 0
    """Taps that one side told and the other has not yet: above zero the app's, below zero WeChat's."""
    at: datetime | None = None
    """When a tap was told last."""
    version: int = 0
    """Rises with each telling."""

    def told(self, teller: Teller, now: datetime) -> Taps:
        """After one side told of one tap."""
        is_fresh = self.at is not None and now - self.at <= PAIRED_WITHIN
        ahead = self.ahead if is_fresh else 0
        is_known = ahead * teller < 0
        return Taps(self.left + (not is_known), ahead + teller, now, self.version + 1)

    def refused(self, now: datetime) -> Taps:
        """After the member turned messages of the template off."""
        return Taps(0, 0, now, self.version + 1)
