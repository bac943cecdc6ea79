"""What a redemption promises while its money is awaited: the good as it was quoted, whatever its item becomes. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict

from chalicelib.programme.stored import read_stored
from chalicelib.spending.goods.good import AnyGood, Parcel
from chalicelib.spending.mall.model import Redemption


def promise_of(good: AnyGood) -> str:
    """The good's document as JSON text; empty of a parcel, which is sent and not written."""
    if isinstance(good, Parcel):
        return ""
    return json.dumps(asdict(good), ensure_ascii=False, separators=(",", ":"))


def promised_good(one: Redemption) -> AnyGood | None:
    """What is to be handed once the money is there; None where nothing is."""
    if not one.promised:
        return None
    good: AnyGood = read_stored(AnyGood, json.loads(one.promised))
    return good
