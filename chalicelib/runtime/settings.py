"""The only reader of the environment: what differs between stages, checked once per process.

Read lazily: packaging imports the handlers with none of these variables set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import cache


@dataclass(frozen=True, slots=True)
class Settings:
    """One field per environment variable of the same name in capitals."""

    stage: str
    ledger_table: str
    journal_table: str
    orders_table: str
    members_table: str
    programme_table: str
    publishing_table: str
    refusals_table: str
    insight_table: str
    connect_table: str
    webhooks_table: str
    spending_table: str
    expiry_queue_url: str
    orders_retry_queue_url: str
    behaviours_queue_url: str
    adjustments_queue_url: str
    simulations_queue_url: str
    reminders_queue_url: str
    entries_retry_queue_url: str
    inbound_events_queue_url: str
    mall_payments_queue_url: str
    payment_gifts_queue_url: str
    webhooks_queue_url: str
    points_back_queue_url: str
    admin_key_secret: str
    order_feed_secret: str
    connect_secret: str
    """The brand's accounts at outside systems, as connect/accounts.py reads them."""
    outside_url: str
    """What is called instead of `https://<host>`, with the host's own name in `Host`; empty: the hosts themselves.

    Only stages in the embedded cloud have one, the stand-in on their own machine.
    """
    phone_secret: str
    quote_secret: str
    subscribe_messages: str
    """`on`: this stage sends reminders and notices as WeChat's subscribe messages itself; `off`: it does not."""
    login: str
    """`wechat`: log-in codes of the mini-program; `demo`: codes of the demo's own form; `closed`: nobody can log in."""
    due_shards: int
    """Partitions of the due index. May be raised at any time, never lowered: items keep their shard."""


def is_in_lambda() -> bool:
    """Whether this process answers events, on AWS or in the embedded cloud, and does not package or test."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


@cache
def settings() -> Settings:
    """The stage's settings; raises KeyError or ValueError naming the variable that is missing or wrong."""
    values: dict[str, str | int] = {}
    for field in fields(Settings):
        text = os.environ[field.name.upper()]
        values[field.name] = int(text) if field.name == "due_shards" else text
    read = Settings(**values)  # type: ignore[arg-type]  # the field types are asserted just below
    if not 1 <= read.due_shards <= 1024:
        raise ValueError("DUE_SHARDS must be from 1 to 1024")
    if read.login not in ("wechat", "demo", "closed"):
        raise ValueError("LOGIN must be wechat, demo or closed")
    if read.outside_url and not read.outside_url.startswith("http://127.0.0.1:"):
        raise ValueError("OUTSIDE_URL must be empty, or on this machine")
    if read.subscribe_messages not in ("on", "off"):
        raise ValueError("SUBSCRIBE_MESSAGES must be on or off")
    return read
