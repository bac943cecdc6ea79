"""A page of the corp's customer groups for staff, each as it stands, in our own refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wecom.api import WecomApi
from chalicelib.connect.wecom.groups import Group, group, group_ids
from chalicelib.errors import Code, JifenError

SIDE_BY_SIDE = 4
"""So many groups of a page are asked for at a time."""


def list_groups(api: WecomApi, *, cursor: str, limit: int, owner: str) -> tuple[list[Group], str]:
    """The groups of a page and the cursor of the next; one that was just dissolved is left out.

    Raises JifenError INVALID_CURSOR, BUSY, NOT_CONNECTED where the app's rights or addresses are wrong, UNAVAILABLE.
    """
    try:
        ids, following = group_ids(api, cursor=cursor, limit=limit, owner=owner)
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            found = list(pool.map(lambda chat_id: group(api, chat_id), ids))
    except (Unreached, Unanswered):
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=5) from None
    except Refused as refused:
        raise _refusal(refused) from None
    return [one for one in found if one], following


def _refusal(refused: Refused) -> JifenError:
    if refused.kind is Kind.INVALID:
        return JifenError(Code.INVALID_CURSOR, field="cursor")
    if refused.kind in (Kind.BUSY, Kind.QUOTA):
        return JifenError(Code.BUSY, retry_after_seconds=60)
    return JifenError(Code.NOT_CONNECTED)
