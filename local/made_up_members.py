"""A made-up list of members, the same for one size and day: `python -m local.made_up_members 100 FILE 2026-12-01`.

Each member has one to three batches of points, a class each; some have growth, a level, a run of check-ins, a buyer.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

HEADER = "会员号,平台,买家ID,积分,到期日,类别,成长值,等级,等级到期,最后签到日,连续签到天数,入会日"
SEED = 20261201
CLASSES = ("消费", "行为", "活动")
LEVELS = (("普通", 0), ("黄金", 500), ("铂金", 2000), ("钻石", 5000))


def made_up_members(members: int, opened_on: date) -> Iterator[str]:
    """The lines of a file, header first; whatever ends does so after `opened_on`."""
    chance = random.Random(SEED)
    yield HEADER
    for number in range(1, members + 1):
        own = _own(chance, number, opened_on)
        for batch in range(chance.randint(1, 3)):
            ends_on = (opened_on.replace(day=1) + timedelta(days=32 * chance.randint(1, 13))).replace(day=1)
            points = f"{chance.randint(0, 300_000) / 100:.2f}"
            yield f"V{number:08d},{own[0]},{points},{ends_on - timedelta(days=1)},{CLASSES[batch]},{own[1]}"
            own = (",", ",,,,,")  # what is the member's own stands on his first row


def _own(chance: random.Random, number: int, opened_on: date) -> tuple[str, str]:
    """(platform and buyer, what follows a batch) of a member."""
    joined_on = opened_on - timedelta(days=chance.randint(30, 2000))
    level, growth = LEVELS[min(3, int(chance.expovariate(1.2)))]
    buyer = f"tmall,tb-{number}" if chance.random() < 0.8 else ","
    run = f"{opened_on - timedelta(days=1)},{chance.randint(1, 29)}" if chance.random() < 0.3 else ","
    until = opened_on + timedelta(days=chance.randint(1, 365)) if level != LEVELS[0][0] else ""
    return buyer, f"{growth + chance.randint(0, 400)},{level},{until},{run},{joined_on}"


def main(arguments: list[str]) -> None:
    lines = made_up_members(int(arguments[0]), date.fromisoformat(arguments[2]))
    Path(arguments[1]).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
