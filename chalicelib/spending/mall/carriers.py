"""Carriers as WeChat calls them (快递公司编码). Pure. Source: developers.weixin.qq.com, "获取运力id列表"."""

from __future__ import annotations

import re

_NAMES = {"顺丰": "SF", "圆通": "YTO", "中通": "ZTO", "申通": "STO", "京东": "JD"}
_ENDINGS = re.compile(r"(速运|速递|快递|物流)$")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,19}")
_SHOWN = 4
"""So many last digits of a phone WeChat wants to see."""


def carrier_code(carrier: str) -> str:
    """The code of a carrier that staff entered by its common name or the code itself; empty when it is neither."""
    name = carrier.strip()
    if _CODE.fullmatch(name):
        return name
    return _NAMES.get(_ENDINGS.sub("", name), "")


def masked(phone: str) -> str:
    """A phone of which only the first three and the last four digits can be read."""
    return f"{phone[:3]}****{phone[-_SHOWN:]}" if len(phone) > _SHOWN + 3 else f"****{phone[-_SHOWN:]}"
