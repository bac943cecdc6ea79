"""A slot as an article of the Official Account (公众号图文): plain text and its parts become HTML. Pure.

What staff write is text: everything is escaped, each line a paragraph. Pictures of other hosts and scripts would be
dropped by WeChat anyway.
"""

from __future__ import annotations

from html import escape

from chalicelib.publishing.model import PointsItem, Slot

MOST_TITLE_CHARS = 32
MOST_CONTENT_CHARS = 20_000
"""WeChat takes fewer characters of HTML than this."""
MOST_CONTENT_BYTES = 1024 * 1024
DIGEST_CHARS = 54
"""What WeChat itself would show of an article that has no digest."""


def content_of(slot: Slot, mini_program_appid: str) -> str:
    """The article's HTML: the text, the goods, what points buy, how fans take part, and the sign-up link at the end."""
    parts = [f"<p>{escape(line)}</p>" for line in slot.body.splitlines() if line.strip()]
    if slot.goods:
        parts.append(f"<p>推荐商品:{escape('、'.join(slot.goods))}</p>")
    if slot.points_item:
        parts.append(f"<p>{escape(points_item_words(slot.points_item))}</p>")
    if slot.interaction:
        parts.append(f"<p>{escape(slot.interaction)}</p>")
    if slot.sign_up_link:
        parts.append(_link(slot.sign_up_link, mini_program_appid))
    return "".join(parts)


def digest_of(slot: Slot) -> str:
    """The first words of the text, as lists show them."""
    return " ".join(slot.body.split())[:DIGEST_CHARS]


def too_long(slot: Slot) -> str | None:
    """The name of the field for whose length WeChat would refuse the article."""
    content = content_of(slot, "w" * 18)
    if len(slot.title) > MOST_TITLE_CHARS:
        return "title"
    return "body" if len(content) >= MOST_CONTENT_CHARS or len(content.encode()) >= MOST_CONTENT_BYTES else None


def points_item_words(item: PointsItem) -> str:
    """What points buy, in a line: `200积分+19.90元兑水壶`."""
    price = [f"{item.points}积分"] if item.points else []
    if item.cash_fen:
        price.append(f"{item.cash_fen // 100}.{item.cash_fen % 100:02d}元")
    if item.kind == "activity":
        return f"积分活动:{item.name}" + (f"({'+'.join(price)})" if price else "")
    return f"{'+'.join(price) or '免费'}兑{item.name}"


def _link(target: str, mini_program_appid: str) -> str:
    if target.startswith("https://"):
        return f'<p><a href="{escape(target)}">点击报名</a></p>'
    appid, path = escape(mini_program_appid), escape(target)
    return f'<p><a data-miniprogram-appid="{appid}" data-miniprogram-path="{path}" href="">点击报名</a></p>'
