"""The shops of all platforms."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.stand_in.shops import doudian, youzan


@dataclass(slots=True)
class Shops:
    youzan: dict[str, youzan.Shop] = field(default_factory=dict)
    doudian: dict[str, doudian.Shop] = field(default_factory=dict)
