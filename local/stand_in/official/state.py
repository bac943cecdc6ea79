"""The state of all Official Accounts together."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.stand_in.clock import beijing
from local.stand_in.ids import Ids
from local.stand_in.official.drafts import Drafts
from local.stand_in.official.followers import Followers
from local.stand_in.official.masses import Masses
from local.stand_in.official.media import Media
from local.stand_in.official.publications import Publications
from local.stand_in.official.reads import Reads, Shown


@dataclass(slots=True)
class Official:
    media: Media
    drafts: Drafts
    publications: Publications
    followers: Followers
    masses: Masses
    reads: Reads = field(default_factory=Reads)

    def shown(self, appid: str) -> list[Shown]:
        """Every article of an account that readers can have seen."""
        sent = [
            Shown(str(mass.msg_data_id), idx, article.title, beijing(mass.at).date(), True, len(mass.reached))
            for mass in self.masses.sent(appid)
            for idx, article in enumerate(mass.draft.articles if mass.draft else (), start=1)
        ]
        published = [
            Shown(job.msg_data_id, idx, article.title, beijing(job.at).date(), False, 0)
            for job in self.publications.published(appid)
            for idx, article in enumerate(job.draft.articles, start=1)
        ]
        return sent + published


def new_official(ids: Ids) -> Official:
    media, followers = Media(ids), Followers()
    return Official(media, Drafts(ids, media.is_permanent), Publications(ids), followers, Masses(ids, followers))
