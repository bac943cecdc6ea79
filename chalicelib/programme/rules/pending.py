"""When points that wait (待入账) become spendable."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from chalicelib.ledger.document import Ge, Le, document
from chalicelib.programme.activity import Activity, Ordered

WaitDays = Annotated[int, Ge(0), Le(366)]


@document
class AfterDays:
    """`days` after the credit."""

    kind: Literal["days"]
    days: Annotated[int, Ge(1), Le(366)]

    def activate_on(self, activity: Activity, credited_on: date) -> date:
        """The first business date on which the points can be spent."""
        return credited_on + timedelta(days=self.days)

    def earliest_on(self, activity: Activity, credited_on: date) -> date:
        """The same date: nothing brings it forward."""
        return self.activate_on(activity, credited_on)

    @property
    def least_days(self) -> int:
        """The fewest days the points wait."""
        return self.days

    @property
    def most_days(self) -> int:
        """How long they wait when nobody does anything."""
        return self.days


@document
class AfterReceipt:
    """`days` after the buyer confirmed the receipt of the goods; `fallback_days` after the payment while nothing says
    so, `pos_fallback_days` after a sale in a shop.
    """

    kind: Literal["receipt"]
    days: WaitDays = 7
    fallback_days: WaitDays = 22
    pos_fallback_days: WaitDays = 7

    def activate_on(self, activity: Activity, credited_on: date) -> date:
        """The first business date on which the points can be spent, never before the credit."""
        if not isinstance(activity, Ordered):
            return credited_on
        paid_on = activity.paid_on or credited_on
        if activity.received_on is not None:
            due_on = activity.received_on + timedelta(days=self.days)
        else:
            due_on = paid_on + timedelta(days=self.pos_fallback_days if activity.is_pos else self.fallback_days)
        return max(due_on, credited_on)

    def earliest_on(self, activity: Activity, credited_on: date) -> date:
        """The first business date on which the points could be spent, had the goods come on the day of the payment."""
        if not isinstance(activity, Ordered) or activity.received_on is not None or activity.is_pos:
            return self.activate_on(activity, credited_on)
        return max((activity.paid_on or credited_on) + timedelta(days=self.least_days), credited_on)

    @property
    def least_days(self) -> int:
        """The fewest days after the payment that the points of a delivered order wait."""
        return min(self.days, self.fallback_days)

    @property
    def most_days(self) -> int:
        """How long they wait when nobody says that the goods came."""
        return max(self.fallback_days, self.pos_fallback_days)


Pending = AfterDays | AfterReceipt
