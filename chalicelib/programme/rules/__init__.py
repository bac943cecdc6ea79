"""The kinds of rule, one module each. A new kind: its module, its import and its name in `Amount`."""

from __future__ import annotations

from chalicelib.programme.rules.by_length import ByLength
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.rules.fixed import Fixed
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.rules.multiplier import Multiplier
from chalicelib.programme.rules.per_amount import PerAmount
from chalicelib.programme.rules.streak import Streak

Amount = Streak | PerAmount | Fixed | Ladder | Cumulative | Multiplier | ByLength
