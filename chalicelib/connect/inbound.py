"""What we do about what outside systems push: one line each in HANDLERS, run once by whoever takes it from the queue.

A handler may run again where a process died in the midst of it: what it writes is the same the second time, or older
than what stands and left out. It imports the room it tells by itself: the callbacks' cold start needs HANDLERS alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from chalicelib.connect.push_message import Pushed
from chalicelib.connect.table import ConnectTable
from chalicelib.runtime import log

LEASE = timedelta(minutes=2)
"""Longer than the function may run (60 s); after it an event that nobody finished is anybody's."""

Handler = Callable[[Pushed, ConnectTable], None]


def handle_once(pushed: Pushed, table: ConnectTable, now: datetime) -> bool:
    """Handle an event unless that was done; answers whether it was done now.

    Raises JifenError BUSY while another handles it, KeyError for one that has no handler, and what the handler raises:
    the event is then as it was and may come again.
    """
    handler, lease = HANDLERS[pushed.system, pushed.name], now + LEASE
    if not table.begin_event(pushed.key, until=lease, now=now):
        return False
    try:
        handler(pushed, table)
    except Exception:
        table.end_event(pushed.key, lease=lease, handled_at=None)
        raise
    table.end_event(pushed.key, lease=lease, handled_at=now)
    return True


def mass_finished(pushed: Pushed, _table: ConnectTable) -> None:
    """A sending to all followers came to its end: its figures are kept for the issue it was."""
    from chalicelib.publishing.outcome import keep_outcome

    keep_outcome(pushed.fields, pushed.at)


def publication_finished(pushed: Pushed, _table: ConnectTable) -> None:
    """A publication without push came to its end: how is kept for the issue it was."""
    from chalicelib.publishing.outcome import keep_publication

    keep_publication(pushed.fields, pushed.at)


def follower(pushed: Pushed, _table: ConnectTable) -> None:
    """Somebody follows the Official Account, or no longer does: counted, no more."""
    log.outcome("follower", change=pushed.name)


def chat_changed(pushed: Pushed, table: ConnectTable) -> None:
    """A customer group changed. Such events get lost and overtake one another: kept as a hint to look at the group."""
    change = str(pushed.fields.get("UpdateDetail") or pushed.fields.get("ChangeType", ""))
    table.hint_chat(str(pushed.fields["ChatId"]), change=change, at=pushed.at)


def messages_allowed(pushed: Pushed, _table: ConnectTable) -> None:
    """A member allowed subscribe messages, allows them no longer, or got one: his grants are counted by it."""
    from chalicelib.connect.wechat.grants import grants_changed
    from chalicelib.connect.wechat.grants_table import open_grants

    grants_changed(open_grants(), pushed.fields, pushed.at)


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("official_account", "MASSSENDJOBFINISH"): mass_finished,
    ("official_account", "PUBLISHJOBFINISH"): publication_finished,
    ("official_account", "subscribe"): follower,
    ("official_account", "unsubscribe"): follower,
    ("mini_program", "subscribe_msg_change_event"): messages_allowed,
    ("mini_program", "subscribe_msg_popup_event"): messages_allowed,
    ("mini_program", "subscribe_msg_sent_event"): messages_allowed,
    ("wecom", "change_external_chat"): chat_changed,
}
"""By system and event; what is not here is acknowledged, counted and dropped."""
