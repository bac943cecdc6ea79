"""What a replay of the CDNOW log must come to, recomputed from the file alone.

Shares nothing with the engine or its tools: whole numbers, dictionaries, dates. One point per whole yuan of each order,
valid to the end of the twelfth month after the month of the order; every night through the last one is counted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

LAST_NIGHT = date(1999, 1, 1)
Month = str
"""`YYYY-MM`"""


@dataclass(frozen=True, slots=True)
class Totals:
    """Points issued and expired by month; what is outstanding follows."""

    issued: dict[Month, int]
    expired: dict[Month, int]

    @property
    def months(self) -> list[Month]:
        return sorted(self.issued.keys() | self.expired.keys())

    @property
    def outstanding(self) -> int:
        return sum(self.issued.values()) - sum(self.expired.values())

    def outstanding_after(self, month: Month) -> int:
        """What is left at the end of a month."""
        issued = sum(points for at, points in self.issued.items() if at <= month)
        return issued - sum(points for at, points in self.expired.items() if at <= month)


def recompute(file: Path, customers: int | None = None, last_night: date = LAST_NIGHT) -> Totals:
    """The totals of the file's purchases, or of those of its first so many customers."""
    issued: dict[Month, int] = defaultdict(int)
    expired: dict[Month, int] = defaultdict(int)
    known: set[int] = set()
    for line in file.read_text().splitlines()[1:]:
        if not line.split():
            continue
        customer, day, _, value = line.split()
        if int(customer) not in known:
            if customers is not None and len(known) >= customers:
                continue
            known.add(int(customer))
        year, month = int(day[:4]), int(day[4:6])
        points = int(value.split(".")[0])
        issued[f"{year}-{month:02d}"] += points
        # Thirteen months on, in the first night of that month, the points are gone.
        year, month = (year + 2, 1) if month == 12 else (year + 1, month + 1)
        if date(year, month, 1) <= last_night:
            expired[f"{year}-{month:02d}"] += points
    return Totals(dict(issued), {month: points for month, points in expired.items() if points})
