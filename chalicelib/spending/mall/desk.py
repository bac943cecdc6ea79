"""What every act of the mall works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import Terms
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.mall.table import MallTable


class Desk(NamedTuple):
    """The tables, the terms in force, and who knows members' tags."""

    mall: MallTable
    goods: GoodsTable
    ledger: LedgerTable
    terms: Terms
    tags_of: Callable[[Sequence[str]], frozenset[str]]
    """The tags of a member, who has these ids: a read, and so asked only where a condition asks for tags."""
