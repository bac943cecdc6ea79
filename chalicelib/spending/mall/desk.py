"""What every act of the mall works with."""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import Terms
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.mall.table import MallTable


class Desk(NamedTuple):
    """The tables, and the terms in force."""

    mall: MallTable
    goods: GoodsTable
    ledger: LedgerTable
    terms: Terms
