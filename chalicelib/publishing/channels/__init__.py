"""The ways an issue can go out: one module per channel, and one line here.

A channel is written in its own module as a `Channel` and registered in CHANNELS; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.publishing.channels import official_account, official_account_page, outbox
from chalicelib.publishing.channels.port import Channel
from chalicelib.publishing.model import PAGE, PUSHED

CHANNELS: Mapping[str, Channel] = {
    PUSHED: official_account.CHANNEL,
    PAGE: official_account_page.CHANNEL,
    "outbox": outbox.CHANNEL,
}
