"""What a balance buys now: said with every credit and every balance, so that points mean something at once. Pure."""

from __future__ import annotations

from typing import Any

from chalicelib.programme.model import Terms


def explain(balance_points: int, terms: Terms) -> dict[str, Any]:
    """The dearest thing of the programme's showcase that `balance_points` buy, the next one and what is missing for
    it, and the balance's worth in fen, rounded down.
    """
    value = terms.programme.point_value
    wares = sorted(terms.programme.showcase, key=lambda ware: ware.points)
    affordable = [ware for ware in wares if ware.points <= balance_points]
    beyond = [ware for ware in wares if ware.points > balance_points]
    return {
        "affordable": affordable[-1].name if affordable else None,
        "next": {"name": beyond[0].name, "missing_points": beyond[0].points - balance_points} if beyond else None,
        "worth_fen": value.fen_of(balance_points),
    }
