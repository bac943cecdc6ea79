"""The check-in reminder (签到提醒): who asked for this hour and has not checked in gets one message in a queue.

The queue is where it ends here: a brand's own sender takes the messages from it. Nothing is owed to anybody, so
nothing is remembered: a run that comes again sends again, with the same `id` for the same member and day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.earning.check_in import ACTIVITY, coming_rewards, days_in_a_row, next_reward, run_of_today
from chalicelib.ledger.model import Account, business_on
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import Terms
from chalicelib.programme.standing import standing_of
from chalicelib.runtime import log


class Reminder(NamedTuple):
    """What a sender needs to say to one member on one day."""

    member_id: str
    on: date
    """The business date that is still open."""
    streak_days: int
    """Days in a row up to yesterday that a check-in today goes on with; 0 on the first day of the table's cycle."""
    next_reward_days: int | None
    """Check-ins until the next reward, today's among them; None when no reward can come."""
    next_reward_points: int | None
    lost_streak_days: int = 0
    """Days in a row that ended because yesterday alone was missed; 0 on any other day."""

    def body(self) -> str:
        """The message: JSON whose `id`, `<member>:<date>`, is the same however often the day's reminder is sent."""
        message = {"id": f"{self.member_id}:{self.on}", **self._asdict(), "on": self.on.isoformat()}
        if not self.lost_streak_days:
            del message["lost_streak_days"]
        return json.dumps(message)


class Reminded(NamedTuple):
    """A run's counts: members looked at and messages sent; pages that failed; parts of the list left unfinished."""

    looked_at: int = 0
    sent: int = 0
    failed_pages: int = 0
    unfinished_parts: int = 0


def reminder_of(account: Account, terms: Terms, today_on: date) -> Reminder | None:
    """What a member is told; None for who has checked in today, or is frozen."""
    days = account.check_ins
    if account.frozen or days.has(today_on):
        return None
    yesterday_on = today_on - timedelta(days=1)
    following = next_reward(coming_rewards(terms, days, standing_of(account, terms, today_on), today_on))
    return Reminder(
        account.member_id,
        today_on,
        run_of_today(terms, days, today_on),
        following.days if following else None,
        following.points if following else None,
        0 if days.has(yesterday_on) else days_in_a_row(terms, days, yesterday_on - timedelta(days=1)),
    )


def remind_check_ins(
    parts_of: Callable[[int], Sequence[Iterable[list[str]]]],
    *,
    ledger: LedgerTable,
    terms: Terms,
    now: datetime,
    send: Callable[[list[str]], None],
    has_time: Callable[[], bool],
) -> Reminded:
    """Remind the members of the hour that `now` is in the programme's zone, until done or `has_time` says no.

    `parts_of` answers the parts of an hour's list, each in pages of at most 100 ids; the parts go side by side. A page
    that fails is logged and counted, never in the way of the others.
    """
    if not terms.answer(ACTIVITY):
        return Reminded()
    today_on = business_on(now, terms.zone)

    def remind_page(member_ids: list[str]) -> int:
        reminders = (reminder_of(account, terms, today_on) for account in ledger.accounts(member_ids))
        bodies = [reminder.body() for reminder in reminders if reminder]
        send(bodies)
        return len(bodies)

    def remind_part(pages: Iterable[list[str]]) -> Reminded:
        looked_at = sent = failed = 0
        for member_ids in pages:
            if not has_time():
                return Reminded(looked_at, sent, failed, 1)
            try:
                sent += remind_page(member_ids)
                looked_at += len(member_ids)
            except Exception as error:  # noqa: BLE001  # the others are reminded all the same
                log.defect("reminders_failed", error)
                failed += 1
        return Reminded(looked_at, sent, failed)

    parts = parts_of(now.astimezone(ZoneInfo(terms.zone)).hour)
    with ThreadPoolExecutor(len(parts)) as pool:
        counts = list(pool.map(remind_part, parts))
    return Reminded(*(sum(column) for column in zip(*counts, strict=True)))
