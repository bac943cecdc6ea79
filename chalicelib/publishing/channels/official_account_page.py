"""Publishing without push (发布不推送): an issue becomes pages of the Official Account, which no follower is told of.

It costs none of the month's sendings to all. WeChat honours no id of ours here, but what it published is a draft no
more: after a lost answer the published are looked through, then the drafts, and only a draft that still lies there when
any job would have ended is submitted again. Where neither has it, nobody repeats anything.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.connect.faults import Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat import publications
from chalicelib.connect.wechat.api import WechatApi
from chalicelib.errors import JifenError
from chalicelib.publishing.channels.official_account import CLOCKS_DIFFER, final_refusal, prepared
from chalicelib.publishing.channels.port import Channel, ChannelRefused
from chalicelib.publishing.completeness import slots
from chalicelib.publishing.model import Issue, Receipt, Sending
from chalicelib.publishing.publication import published_outcome
from chalicelib.publishing.table import PublishingTable

FIRST_LOOK = timedelta(minutes=10)
"""WeChat tells the job's end by itself, mostly within minutes; only then it is asked."""

JOB_ENDED = timedelta(minutes=20)
"""So long after a submission whose answer was lost, a draft that still lies there was not published by it."""


def send(table: PublishingTable, issue: Issue, now: datetime) -> Receipt:
    """Make the issue's draft and submit it, once; what became of the job is told later.

    Raises ChannelRefused where WeChat certainly did not take it; anything else leaves the outcome open.
    """
    standing = table.sending(issue.id)
    is_tried = standing is not None and standing.is_tried
    if standing is not None and standing.publish_id:
        return Receipt(receipt_id(standing.publish_id), now)
    try:
        api, sending = prepared(table, issue, now)
        if sending.is_tried:
            found, sending = _looked_for(table, issue, api, sending, now)
            if found:
                return found
    except ChannelRefused:
        if is_tried:  # it says nothing of what was submitted before
            raise Unanswered("nobody can be asked what was submitted") from None
        raise
    return _submitted(table, issue, api, sending, now)


def receipt_id(publish_id: str) -> str:
    """The receipt of a publication that WeChat knows by this job's id."""
    return f"page-{publish_id}"


def _submitted(table: PublishingTable, issue: Issue, api: WechatApi, sending: Sending, now: datetime) -> Receipt:
    """Submit a draft that nothing has taken yet."""
    tried = sending._replace(is_tried=True, tried_at=sending.tried_at or now)
    if tried != sending:
        table.put_sending(issue.id, tried)
    try:
        submitted = publications.submit(api, sending.draft_id)
    except (Refused, Unreached, JifenError) as error:
        if _says_not_taken(error, sending):
            table.put_sending(issue.id, sending._replace(is_tried=False, tried_at=None))
            raise (final_refusal(error) if isinstance(error, Refused) else None) or error from None
        raise
    told = tried._replace(data_id=submitted.data_id, publish_id=submitted.publish_id, look_at=now + FIRST_LOOK)
    table.put_sending(issue.id, told)
    return Receipt(receipt_id(submitted.publish_id), now)


def _says_not_taken(error: Refused | Unreached | JifenError, sending: Sending) -> bool:
    """Whether the draft was certainly not taken. Unreached says so of this time alone. And a draft that lay there a
    moment ago and is gone now was taken by the submission whose answer was lost.
    """
    if sending.is_tried:
        return isinstance(error, Refused) and error.errcode != publications.NO_SUCH_DRAFT
    return True


def _looked_for(
    table: PublishingTable, issue: Issue, api: WechatApi, sending: Sending, now: datetime
) -> tuple[Receipt | None, Sending]:
    """The receipt of what was published after all; or none, and the sending whose draft may be submitted.

    Raises Unanswered while it is in neither place, unless a reviewer has said since that it did not go out.
    """
    titles = [slot.title for slot in slots(issue.plan).values()]
    since = (sending.tried_at or sending.began_at) - CLOCKS_DIFFER
    found = publications.find_published(api, titles, since_epoch_s=int(since.timestamp()))
    if found:
        receipt = Receipt(receipt_id(found.article_id), now)
        table.put_outcome(receipt.id, published_outcome(found.links, now))
        return receipt, sending
    is_confirmed = issue.attempts == 1  # the first claim after a retry: somebody looked, and it did not go out
    if not is_confirmed and now - (sending.tried_at or now) < JOB_ENDED:
        raise Unanswered("a job may be under way")
    if publications.has_draft(api, sending.draft_id):
        return None, sending
    if not is_confirmed:
        raise Unanswered("neither published nor a draft")
    table.put_sending(issue.id, Sending("", now))
    return None, prepared(table, issue, now)[1]


CHANNEL = Channel(send=send, deduplicates=True)
