"""The ways an issue can go out: one module per channel, and one line here.

A channel is written in its own module as a `Channel` and registered in CHANNELS; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.publishing.channels import official_account, outbox
from chalicelib.publishing.channels.port import Channel

CHANNELS: Mapping[str, Channel] = {
    "official_account": official_account.CHANNEL,
    "outbox": outbox.CHANNEL,
}
