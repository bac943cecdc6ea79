"""Publishing a draft (发布): a job that ends some seconds later, well or not. It reaches no follower. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.stand_in.clock import SECOND
from local.stand_in.ids import Ids
from local.stand_in.official.drafts import Draft
from local.stand_in.wire import Json, Refused, Unknown

DONE, PUBLISHING, ORIGINAL_FAILED, FAILED, REJECTED, ALL_DELETED, BANNED = range(7)
TAKES = 3 * SECOND


@dataclass(slots=True)
class Publication:
    publish_id: str
    msg_data_id: str
    draft: Draft
    at: int
    status: int = PUBLISHING
    fail_idx: tuple[int, ...] = ()
    article_id: str = ""
    deleted: set[int] = field(default_factory=set)

    def details(self) -> list[tuple[int, str]]:
        """Index and address of each article; none unless it was published."""
        if self.status != DONE:
            return []
        return [(idx, self.address(idx)) for idx in self.indexes()]

    def indexes(self) -> list[int]:
        return [idx for idx in range(1, len(self.draft.articles) + 1) if idx not in self.deleted]

    def address(self, idx: int) -> str:
        return f"http://mp.weixin.qq.com/s?__biz=stand-in&mid={self.msg_data_id}&idx={idx}"


@dataclass(slots=True)
class Publications:
    ids: Ids
    _all: dict[str, Publication] = field(default_factory=dict)
    _outcomes: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    def plan(self, status: int, fail_idx: tuple[int, ...]) -> None:
        """How the next job that has no plan yet ends; raises Unknown."""
        if status not in (DONE, ORIGINAL_FAILED, FAILED, REJECTED):
            raise Unknown("a publication ends with 0, 2, 3 or 4")
        self._outcomes.append((status, fail_idx))

    def begin(self, draft: Draft, now: int) -> Publication:
        number = self.ids.number("publish", 2_247_503_051)
        made = Publication(str(number), str(self.ids.number("msg_data", 2_247_480_000)), draft, now)
        self._all[made.publish_id] = made
        return made

    def finish(self, publish_id: str) -> Publication:
        """Let the job end as planned, or well."""
        job = self._all[publish_id]
        job.status, job.fail_idx = self._outcomes.pop(0) if self._outcomes else (DONE, ())
        if job.status == DONE:
            job.article_id = self.ids.text(37)
        elif not job.fail_idx:
            job.fail_idx = tuple(job.indexes())
        return job

    def get(self, appid: str, publish_id: str) -> Publication:
        """Raises Refused 40097."""
        job = self._all.get(publish_id)
        if job is None or job.draft.appid != appid:
            raise Refused(40097)
        return job

    def delete(self, appid: str, article_id: str, idx: int) -> None:
        """Delete one article, or all for index 0; raises Refused 53600 for one that was never published."""
        for job in self._all.values():
            if job.article_id == article_id and job.draft.appid == appid and job.status in (DONE, ALL_DELETED):
                if idx and idx > len(job.draft.articles):
                    raise Refused(40097)
                job.deleted |= {idx} if idx else set(job.indexes())
                if not job.indexes():
                    job.status = ALL_DELETED
                return
        raise Refused(53600)

    def ban(self, publish_id: str) -> None:
        """What was published is banned; raises Unknown."""
        job = self._all.get(publish_id)
        if job is None or job.status != DONE:
            raise Unknown(f"{publish_id} is not published")
        job.status = BANNED

    def published(self, appid: str) -> list[Publication]:
        return [one for one in self._all.values() if one.draft.appid == appid and one.article_id]


def shape(job: Publication, *, id_is_number: bool) -> Json:
    """What freepublish/get answers."""
    said: Json = {"publish_id": int(job.publish_id) if id_is_number else job.publish_id, "publish_status": job.status}
    if job.status == DONE:
        items = [{"idx": idx, "article_url": address} for idx, address in job.details()]
        said |= {"article_id": job.article_id, "article_detail": {"count": len(items), "item": items}}
    return said | {"fail_idx": list(job.fail_idx)}
