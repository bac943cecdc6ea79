"""The brand's Official Account: an issue becomes one draft of three articles, which is sent to all followers (群发).

Once, whatever is lost on the way: the draft's id is kept before it is sent, a draft whose answer was lost is looked for
before another is made, and WeChat itself takes a sending once under the issue's id (clientmsgid).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.connect.accounts import account
from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.wechat import official_account as wechat
from chalicelib.connect.wechat.api import WechatApi, open_api
from chalicelib.connect.wechat.official_account import Article
from chalicelib.errors import JifenError
from chalicelib.ledger.model import digest
from chalicelib.publishing.article import content_of, digest_of
from chalicelib.publishing.channels.port import Channel, ChannelRefused
from chalicelib.publishing.model import PUSHED, Issue, Receipt, Sending, Slot
from chalicelib.publishing.table import PublishingTable

NAME = PUSHED
CLOCKS_DIFFER = timedelta(minutes=2)
"""How far WeChat's clock may lag ours when a lost draft is looked for."""

_WORDS = {
    Kind.QUOTA: "公众号今日或本月的发送额度已用完",
    Kind.ACCOUNT: "公众号的密钥、权限或IP白名单有误,请检查后重试",
    Kind.INVALID: "公众号拒绝了这份推文",
}


def send(table: PublishingTable, issue: Issue, now: datetime) -> Receipt:
    """Make the issue's draft and send it; the same issue again is answered with WeChat's first message id.

    Raises ChannelRefused where WeChat certainly did not send it; anything else leaves the outcome open.
    """
    api, sending = prepared(table, issue, now)
    if not sending.is_tried:
        table.put_sending(issue.id, sending._replace(is_tried=True))
    try:
        sent = wechat.mass_send(api, sending.draft_id, client_id=issue.id)
    except Refused as refused:
        final = final_refusal(refused)
        # After an attempt whose answer was lost, a refusal no longer says that nothing was sent.
        if final and not sending.is_tried:
            table.put_sending(issue.id, sending)
            raise final from None
        raise
    if sent.data_id:
        table.put_sending(issue.id, sending._replace(is_tried=True, data_id=sent.data_id))
    return Receipt(receipt_id(sent.msg_id), now)


def prepared(table: PublishingTable, issue: Issue, now: datetime) -> tuple[WechatApi, Sending]:
    """The account, and the issue's sending with its draft there, made now if there is none of this content.

    Raises ChannelRefused where WeChat certainly did not take it, else what the call raises.
    """
    try:
        api = open_api(NAME, now)
        mini_program_appid = account("mini_program", now).appid
    except JifenError:
        raise ChannelRefused("公众号或小程序尚未接通") from None
    slots = (issue.plan.headline, issue.plan.second, issue.plan.third)
    articles = [_article(slot, mini_program_appid) for slot in slots]
    return api, _with_draft(table, api, issue.id, articles, now)


def receipt_id(message_id: str) -> str:
    """The receipt of a sending that WeChat knows by this message id."""
    return f"mass-{message_id}"


def final_refusal(refused: Refused) -> ChannelRefused | None:
    """A refusal in words for staff; None for one that may pass by itself."""
    words = _WORDS.get(refused.kind)
    return ChannelRefused(f"{words}(微信错误码{refused.errcode},rid {refused.rid or '-'})") if words else None


def _with_draft(
    table: PublishingTable, api: WechatApi, issue_id: str, articles: Sequence[Article], now: datetime
) -> Sending:
    content = digest({str(place): list(article) for place, article in enumerate(articles)})
    sending = table.sending(issue_id)
    if sending is not None and sending.content == content and sending.draft_id:
        return sending
    draft_id = ""
    try:
        if sending is not None and sending.content == content:
            since = sending.began_at - CLOCKS_DIFFER
            titles = [article.title for article in articles]
            draft_id = wechat.find_draft(api, titles, since_epoch_s=int(since.timestamp()))
        else:
            sending = Sending(content, began_at=now)
            table.put_sending(issue_id, sending)
        draft_id = draft_id or wechat.add_draft(api, articles)
    except Refused as refused:
        raise final_refusal(refused) or refused from None
    sending = sending._replace(draft_id=draft_id)
    table.put_sending(issue_id, sending)
    return sending


def _article(slot: Slot, mini_program_appid: str) -> Article:
    source_url = slot.sign_up_link if slot.sign_up_link.startswith("https://") else ""
    return Article(slot.title, digest_of(slot), content_of(slot, mini_program_appid), source_url, slot.cover_media_id)


CHANNEL = Channel(send=send, deduplicates=True)
