"""An issue as one follower would get it, before anybody else does: the Official Account shows its draft to him."""

from __future__ import annotations

from datetime import datetime

from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat import official_account as wechat
from chalicelib.errors import Code, JifenError
from chalicelib.publishing.channels import official_account
from chalicelib.publishing.channels.port import ChannelRefused
from chalicelib.publishing.completeness import require_complete
from chalicelib.publishing.model import AWAITING, PAGE, PUSHED, Issue, State
from chalicelib.publishing.table import PublishingTable


def preview_issue(table: PublishingTable, issue_id: str, openid: str, now: datetime) -> None:
    """Show an issue that was not sent yet to the follower `openid`; WeChat allows a hundred a day.

    The draft that is shown is the one that will go out, as long as nobody edits the issue. Raises JifenError
    ISSUE_STATE, ISSUE_INCOMPLETE, PREVIEW_REFUSED with the reason, UNAVAILABLE.
    """
    issue = table.issue(issue_id)
    _require_ready(issue)
    try:
        api, sending = official_account.prepared(table, issue, now)
        wechat.preview(api, sending.draft_id, openid)
    except ChannelRefused as refused:
        raise JifenError(Code.PREVIEW_REFUSED, refused.reason) from None
    except Refused as refused:
        if refused.kind is Kind.BUSY:
            raise JifenError(Code.UNAVAILABLE, retry_after_seconds=60) from None
        raise JifenError(Code.PREVIEW_REFUSED, f"公众号拒绝了预览(微信错误码{refused.errcode})") from None
    except (Unreached, Unanswered):
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=5) from None


def _require_ready(issue: Issue) -> None:
    if issue.plan.channel not in (PUSHED, PAGE):
        raise JifenError(Code.PREVIEW_REFUSED, "只有公众号推文可以预览", field="channel")
    if issue.state is not State.DRAFT and issue.state not in AWAITING - {State.CLAIMED}:
        raise JifenError(Code.ISSUE_STATE, "推文已发布、失败或取消,不能预览")
    require_complete(issue.plan)
