"""The stage's offers under the terms in force."""

from __future__ import annotations

from datetime import datetime

from chalicelib.ledger.table import open_ledger
from chalicelib.members.tagged import tags_of
from chalicelib.programme.table import terms_at
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.table import open_mall
from chalicelib.spending.offers.groups_table import open_groups
from chalicelib.spending.offers.room import Room
from chalicelib.spending.offers.table import open_offers


def open_room(now: datetime) -> Room:
    """The tables, and the mall's desk."""
    return Room(open_offers(), open_groups(), Desk(open_mall(), open_goods(), open_ledger(), terms_at(now), tags_of))
