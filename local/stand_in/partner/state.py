"""The partner's books: accounts with their units, and every exchange it was ever asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from local.stand_in.clock import day_of
from local.stand_in.wire import Unknown

DONE, REFUSED, PENDING, VOIDED, UNKNOWN = "done", "refused", "pending", "voided", "unknown"


class Plan(NamedTuple):
    """What becomes of an exchange that is asked for."""

    state: str
    reason: str = "other"


@dataclass(slots=True)
class Exchange:
    """`asked` counts how often it was asked for, `paid` how often units were given: never more than once."""

    id: str
    account: str
    units: int
    state: str
    reason: str = ""
    done_at: int = 0
    asked: int = 1
    paid: int = 0


@dataclass(slots=True)
class Partner:
    secret: str = ""
    """Empty: it is nobody's partner yet."""
    balances: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)

    def ask(self, id: str, account: str, units: int, now: int) -> Exchange:
        """Once for each id; raises Unknown for the same id with another content."""
        known = self.exchanges.get(id)
        if known is None:
            known = Exchange(id, account, units, PENDING, asked=0)
            self.exchanges[id] = known
            self._decide(known, self.plans.pop(0) if self.plans else Plan(DONE), now)
        known.asked += 1
        if known.state != VOIDED and (known.account, known.units) != (account, units):
            raise Unknown("this id is another exchange")
        return known

    def void(self, id: str) -> Exchange:
        """What is done or refused stays as it is; anything else, also what never came here, never will be done."""
        known = self.exchanges.setdefault(id, Exchange(id, "", 0, VOIDED, asked=0))
        if known.state == PENDING:
            known.state = VOIDED
        return known

    def decide(self, id: str, plan: Plan, now: int) -> Exchange:
        """The end of what is pending; raises Unknown."""
        known = self.exchanges.get(id)
        if known is None or known.state != PENDING:
            raise Unknown(f"no exchange {id} is pending")
        self._decide(known, plan, now)
        return known

    def of_day(self, on: str) -> list[Exchange]:
        """What was done on a day in Beijing, in its order."""
        found = [one for one in self.exchanges.values() if one.state == DONE and day_of(one.done_at) == on]
        return sorted(found, key=lambda one: (one.done_at, one.id))

    def _decide(self, one: Exchange, plan: Plan, now: int) -> None:
        if one.account not in self.balances:
            plan = Plan(REFUSED, "account_unknown")
        elif one.account in self.closed:
            plan = Plan(REFUSED, "account_closed")
        one.state = plan.state
        if plan.state == REFUSED:
            one.reason = plan.reason
        if plan.state == DONE:
            one.done_at = now
            one.paid += 1
            self.balances[one.account] += one.units
