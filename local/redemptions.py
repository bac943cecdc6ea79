"""`make redemptions [MONTH=2026-11] [FILE=...] [STAGE=local]`: the redemptions of a month as CSV, for staff's tables.

One row a redemption made in the month, by its business days, the running month where none is named: what it was, of
whom, for how many points and how much money, and how it stands now; prizes that were won are among them. Nobody's name,
phone or address. UTF-8 with a byte order mark, no cell a formula. Reads the whole table. Exit code 2: it could not run.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import JifenError
from chalicelib.ledger.model import business_on
from chalicelib.programme.table import terms_at
from chalicelib.runtime import clock
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.dynamo import decode_item
from chalicelib.sheets.written import BOM, safe
from chalicelib.spending.mall.items import redemption_of
from chalicelib.spending.mall.model import Delivery, Redemption
from chalicelib.spending.mall.table import MallTable, open_mall
from chalicelib.spending.mall.tracking_file import MARK
from local import say
from local.in_process import adopted, find_stack
from local.places import Mend

HEADER = ("made_at", "redemption", "member", "source", "item", "name", "kind", "quantity", "points", "cash_fen")
STANDING = (
    "state",
    "money",
    "way",
    "store",
    "store_name",
    "carrier",
    "tracking",
    "shipped_at",
    "reissued",
    "changed_at",
)


def write_redemptions(mall: MallTable, month: str, zone: str, to: TextIO) -> int:
    """Write a month's redemptions, the oldest first; how many there were."""
    to.write(BOM)
    writer = csv.writer(to, lineterminator="\r\n")
    writer.writerow([*HEADER, *STANDING])
    made = [one for one in _all(mall) if business_on(one.made_at, zone).isoformat()[:7] == month]
    for one in sorted(made, key=lambda one: (one.made_at, one.id)):
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in _row(one, zone)])
    return len(made)


def _all(mall: MallTable) -> Iterator[Redemption]:
    """Every redemption of the stage, in no order."""
    request: dict[str, Any] = {
        "TableName": mall.name,
        "FilterExpression": "begins_with(pk, :redemption) AND sk = :row",
        "ExpressionAttributeValues": {":redemption": {"S": "R#"}, ":row": {"S": "R"}},
    }
    while True:
        page = mall.dynamo.scan(**request)
        yield from (redemption_of(decode_item(item)) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _row(one: Redemption, zone: str) -> list[str | int]:
    source = "lottery" if one.draw else "mall"
    what: list[str | int] = [one.item_id, one.name, one.good, one.quantity, one.points, one.cash_fen]
    carrier, number = one.tracking or ("", "")
    to = one.delivery or Delivery("")
    where = [to.way, to.store, to.store_name]
    standing: list[str | int] = [one.state.value, one.money.value, *where, carrier, number, _at(one.shipped_at, zone)]
    # Some ids would be numbers to a spreadsheet: here as in the ship list they have a letter before them.
    named = [in_zone(one.made_at, zone), f"{MARK}{one.id}", one.member_id, source]
    return [*named, *what, *standing, one.reissued, _at(one.changed_at, zone)]


def _at(at: datetime | None, zone: str) -> str:
    return in_zone(at, zone) if at else ""


def _month(text: str) -> str:
    if not re.fullmatch(r"[12][0-9]{3}-(0[1-9]|1[0-2])", text):
        raise Mend("name a month: make redemptions MONTH=2026-11")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.redemptions", description=__doc__)
    parser.add_argument("--month", default="")
    parser.add_argument("--file", default="")
    parser.add_argument("--stage", default="local")
    chosen = parser.parse_args(arguments)
    try:
        named = _month(chosen.month) if chosen.month else ""
        with adopted(find_stack(chosen.stage)):
            now = clock.utc_now()
            zone = terms_at(now).zone
            month = named or business_on(now, zone).isoformat()[:7]
            file = Path(chosen.file or f"jifen-{month}-redemptions.csv")
            with file.open("w", encoding="utf-8", newline="") as to:
                count = write_redemptions(open_mall(), month, zone, to)
        say.line(f"  {count:,} redemptions in {file}")
    except (Mend, JifenError) as refused:
        say.trouble(refused.msg if isinstance(refused, JifenError) else str(refused))
        return 2
    except (BotoCoreError, ClientError, OSError) as error:
        say.trouble(f"the redemptions could not be written: {error!r}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
