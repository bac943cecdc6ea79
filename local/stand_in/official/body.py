"""What WeChat keeps of an article's HTML: no scripts, no handlers, no pictures from elsewhere. Pure."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

from local.stand_in.official.media import PICTURE_HOSTS

DIGEST_CHARACTERS = 54


class _Kept(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.html: list[str] = []
        self.text: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self._in_script = True
        elif not (tag == "img" and _is_elsewhere(attrs)):
            self.html.append(_without_handlers(self.get_starttag_text() or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "script" and not (tag == "img" and _is_elsewhere(attrs)):
            self.html.append(_without_handlers(self.get_starttag_text() or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_script = False
        else:
            self.html.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._in_script:
            self.html.append(data)
            self.text.append(data)

    def handle_entityref(self, name: str) -> None:
        self.html.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.html.append(f"&#{name};")


def kept(html: str) -> str:
    """The body as it is stored."""
    return "".join(_parsed(html).html)


def first_words(html: str) -> str:
    """The digest of an article that has none of its own."""
    return "".join("".join(_parsed(html).text).split())[:DIGEST_CHARACTERS]


def _parsed(html: str) -> _Kept:
    parser = _Kept()
    parser.feed(html)
    parser.close()
    return parser


def _is_elsewhere(attrs: list[tuple[str, str | None]]) -> bool:
    given = dict(attrs)
    address = given.get("src") or given.get("data-src") or ""
    return urlsplit(address).hostname not in PICTURE_HOSTS


def _without_handlers(tag: str) -> str:
    without = re.sub(r"""\s+on\w+\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", "", tag, flags=re.IGNORECASE)
    return re.sub(r"""(href\s*=\s*["']?)\s*javascript:[^"'>\s]*""", r"\1", without, flags=re.IGNORECASE)
