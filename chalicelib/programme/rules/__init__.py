"""The kinds of rule, one module each. A new kind: its module, its import and its name in `Amount`."""

from __future__ import annotations

from chalicelib.programme.rules.per_amount import PerAmount
from chalicelib.programme.rules.streak import Streak

Amount = Streak | PerAmount
