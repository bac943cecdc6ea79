"""What staff may send: the request bodies and their limits.

The largest plan (3 × 20,000 characters of four bytes, goods, links) stays below 260 KB stored, history below 30 KB.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Base64Bytes, Field, StringConstraints

from chalicelib.runtime.edge import Body

if TYPE_CHECKING:
    from chalicelib.publishing.model import Plan, Slot

PLAN_BODY_LIMIT_BYTES = 384 * 1024
"""Three articles of 20,000 Chinese characters, written out or as JSON escapes."""

COVER_BODY_LIMIT_BYTES = 5 * 1024 * 1024
"""A picture of 3.7 MB: a Lambda's request is 6 MB at most; WeChat itself takes 10 MB."""

_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"

Title = Annotated[str, StringConstraints(max_length=64, pattern=_ONE_LINE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_ONE_LINE)]
Sentence = Annotated[str, StringConstraints(max_length=200, pattern=_ONE_LINE)]
Article = Annotated[str, StringConstraints(max_length=20_000, pattern=_LINES)]
MediaId = Annotated[str, StringConstraints(max_length=128, pattern=r"^[A-Za-z0-9_-]*$")]
Link = Annotated[str, StringConstraints(max_length=512, pattern=r"^((https://|pages/)[\x21-\x7e]+)?$")]
Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2099, 12, 31, tzinfo=UTC))]
Version = Annotated[int, Field(ge=1, le=1_000_000_000)]
Amount = Annotated[int, Field(ge=0, le=100_000_000)]


class KpiBody(Body):
    """A figure to reach, e.g. 报名人数 500."""

    name: Name
    target: Amount


class GoalBody(Body):
    """What the slot is published for."""

    text: Annotated[Sentence, Field(min_length=1)]
    kpi: KpiBody | None = None


class PointsItemBody(Body):
    """What points can buy now, or the points activity; money in fen."""

    kind: Literal["coupon", "gift", "activity"]
    name: Name
    points: Amount
    cash_fen: Amount = 0


class SlotBody(Body):
    """One article; everything may be left out while drafting.

    `sign_up_link` is an https:// address or a mini-program path pages/...
    """

    title: Title = ""
    body: Article = ""
    goods: Annotated[list[Name], Field(max_length=20)] = Field(default_factory=list)
    points_item: PointsItemBody | None = None
    sign_up_link: Link = ""
    interaction: Sentence = ""
    goal: GoalBody | None = None
    cover_media_id: MediaId = ""


class PlanBody(Body):
    """An issue as staff write it. `publish_at` is kept to the whole second. `channel` is `outbox`, `official_account`
    (sent to all followers) or `official_account_page` (published without push).
    """

    title: Annotated[Title, Field(min_length=1)]
    publish_at: Instant
    channel: Annotated[str, StringConstraints(max_length=32)] = "outbox"
    headline: SlotBody = Field(default_factory=SlotBody)
    second: SlotBody = Field(default_factory=SlotBody)
    third: SlotBody = Field(default_factory=SlotBody)

    def plan(self) -> Plan:
        """The plan these fields say."""
        from chalicelib.publishing.model import Plan

        return Plan(
            title=self.title,
            publish_at=self.publish_at.astimezone(UTC).replace(microsecond=0),
            channel=self.channel,
            headline=_slot(self.headline),
            second=_slot(self.second),
            third=_slot(self.third),
        )


class CoverBody(Body):
    """A picture for the head of an article, its bytes in base64."""

    picture: Annotated[Base64Bytes, Field(min_length=1)]


class PreviewBody(Body):
    """A follower, by the openid that the Official Account knows."""

    openid: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class EditBody(PlanBody):
    """A whole new plan for the version that its author saw."""

    version: Version


class ApprovalBody(Body):
    """The version that the reviewer read."""

    version: Version


class CancellationBody(Body):
    """Why the issue is given up, if one wants to say."""

    reason: Sentence = ""


class RetryBody(Body):
    """The failed version, and whether somebody made sure that it did not go out."""

    version: Version
    confirmed_not_sent: bool = False


def _slot(body: SlotBody) -> Slot:
    from chalicelib.publishing.model import Goal, Kpi, PointsItem, Slot

    points_item, goal = body.points_item, body.goal
    return Slot(
        title=body.title,
        body=body.body,
        goods=tuple(body.goods),
        points_item=PointsItem(**points_item.model_dump()) if points_item else None,
        sign_up_link=body.sign_up_link,
        interaction=body.interaction,
        goal=Goal(goal.text, Kpi(goal.kpi.name, goal.kpi.target) if goal.kpi else None) if goal else None,
        cover_media_id=body.cover_media_id,
    )
