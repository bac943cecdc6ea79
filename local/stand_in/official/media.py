"""Pictures of an Official Account: for bodies, permanent, temporary. Three spaces of ids; kinds told by bytes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.stand_in.clock import DAY
from local.stand_in.ids import Ids
from local.stand_in.wire import Refused

KB, MB = 1024, 1024 * 1024
BODY_BYTES = 1 * MB
"""A picture in a body is smaller than this."""
IMAGE_BYTES = 10 * MB
THUMB_BYTES = 64 * KB
TEMPORARY = 3 * DAY
PICTURE_HOSTS = ("mmbiz.qpic.cn", "mmbiz.qlogo.cn")


@dataclass(slots=True)
class Media:
    """Of all accounts; ids are by account."""

    ids: Ids
    _permanent: dict[str, str] = field(default_factory=dict)
    _temporary: dict[str, tuple[str, int]] = field(default_factory=dict)

    def body_picture(self, content: bytes) -> str:
        """Its address for use in bodies; raises Refused 40005, 40009."""
        if picture(content) not in ("jpg", "png"):
            raise Refused(40005)
        if len(content) >= BODY_BYTES:
            raise Refused(40009)
        return self._address(content)

    def add_permanent(self, appid: str, kind: str, content: bytes) -> tuple[str, str]:
        """Its media id and address; raises Refused 40004, 40005, 40009."""
        _check(kind, content)
        media_id = self.ids.text(64)
        self._permanent[media_id] = appid
        return media_id, self._address(content)

    def add_temporary(self, appid: str, kind: str, content: bytes, now: int) -> str:
        """Its media id, good for three days; raises Refused 40004, 40005, 40009."""
        _check(kind, content)
        media_id = self.ids.text(64)
        self._temporary[media_id] = (appid, now + TEMPORARY)
        return media_id

    def is_permanent(self, appid: str, media_id: str) -> bool:
        return self._permanent.get(media_id) == appid

    def is_temporary(self, appid: str, media_id: str, now: int) -> bool:
        owner, ends_at = self._temporary.get(media_id, ("", 0))
        return owner == appid and now < ends_at

    def _address(self, content: bytes) -> str:
        return f"https://{PICTURE_HOSTS[0]}/sz_mmbiz_{picture(content)}/{self.ids.text(80)}/0?wx_fmt={picture(content)}"


def picture(content: bytes) -> str:
    """What its first bytes say it is: jpg, png, gif, bmp, or empty for anything else."""
    for kind, first in (("jpg", b"\xff\xd8\xff"), ("png", b"\x89PNG\r\n\x1a\n"), ("gif", b"GIF8"), ("bmp", b"BM")):
        if content.startswith(first):
            return kind
    return ""


def _check(kind: str, content: bytes) -> None:
    if kind == "image":
        kinds, most = {"jpg", "png", "gif", "bmp"}, IMAGE_BYTES
    elif kind == "thumb":
        kinds, most = {"jpg"}, THUMB_BYTES
    else:
        raise Refused(40004)
    if picture(content) not in kinds:
        raise Refused(40005)
    if len(content) > most:
        raise Refused(40009)
