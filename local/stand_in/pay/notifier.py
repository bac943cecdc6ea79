"""Notifications of WeChat Pay: signed anew at each attempt, fifteen further attempts within a day, and tricks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal, get_args

from local.stand_in.accounts import Merchant
from local.stand_in.clock import HOUR, MINUTE, SECOND, rfc3339, seconds
from local.stand_in.courier import Errand, Outgoing, Reply
from local.stand_in.ids import Ids
from local.stand_in.pay.keys import PlatformKey, stranger
from local.stand_in.pay.signing import Stamp, headers, sealed
from local.stand_in.wire import Json

PAUSES = (
    15 * SECOND,
    15 * SECOND,
    30 * SECOND,
    3 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    30 * MINUTE,
    30 * MINUTE,
    60 * MINUTE,
    3 * HOUR,
    3 * HOUR,
    3 * HOUR,
    6 * HOUR,
    6 * HOUR,
)
TIMEOUT_S = 5.0
OLD_S = 600
Trick = Literal["", "probe", "old_timestamp", "changed_bit", "unknown_serial", "foreign_signature", "other_key"]
"""`probe`: a signature that must fail. `changed_bit`: of the body, after signing. `unknown_serial`: another key, named.
`foreign_signature`: another key under our name. `other_key`: sealed under another merchant's APIv3 key."""
TRICKS = get_args(Trick)


def notice(
    merchant: Merchant, ids: Ids, event: str, summary: str, original_type: str, plain: Json, now: int, trick: Trick
) -> bytes:
    """The body of one notification; attempts of it are the same."""
    apiv3_key = merchant.apiv3_key[::-1] if trick == "other_key" else merchant.apiv3_key
    raw = ids.data(16).hex()
    shape = {
        "id": "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:])),
        "create_time": rfc3339(now),
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": summary,
        "resource": sealed(apiv3_key, ids.text(12), original_type, plain),
    }
    return json.dumps(shape, ensure_ascii=False, separators=(",", ":")).encode()


def errand(
    key: PlatformKey, ids: Ids, url: str, body: bytes, event: str, *, trick: Trick = "", copies: int = 1
) -> Errand:
    """The delivery of a notification. One with a trick is sent once only."""

    def write(now: int, _number: int) -> Outgoing:
        stamp = Stamp(str(seconds(now)), ids.text(32))
        carried, sent = _tricked(key, stamp, body, trick)
        return Outgoing("POST", url, {"Content-Type": "application/json", **carried}, sent)

    accepted: Callable[[Reply], bool] = lambda reply: reply.status in (200, 204)  # noqa: E731
    return Errand(event, write, accepted, () if trick else PAUSES, TIMEOUT_S, copies)


def _tricked(key: PlatformKey, stamp: Stamp, body: bytes, trick: Trick) -> tuple[dict[str, str], bytes]:
    if trick == "old_timestamp":
        stamp = stamp._replace(timestamp=str(int(stamp.timestamp) - OLD_S))
    if trick == "unknown_serial":
        return headers(stranger(), stamp, body), body
    carried = headers(key, stamp, body)
    if trick == "foreign_signature":
        carried["Wechatpay-Signature"] = headers(stranger(), stamp, body)["Wechatpay-Signature"]
    if trick == "probe":
        carried["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + carried["Wechatpay-Signature"][19:]
    if trick == "changed_bit":
        middle = len(body) // 2
        body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    return carried, body
