"""The look after publications without push whose end WeChat has not told: events get lost, so the job is asked for.

Ten minutes after it was submitted, then hourly, for three days: far below the hundred questions a day that WeChat
answers, and what it tells by itself ends the looking.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.connect.wechat import publications
from chalicelib.connect.wechat.api import open_api
from chalicelib.publishing.channels import official_account, official_account_page
from chalicelib.publishing.publication import outcome_of_job
from chalicelib.publishing.table import PublishingTable
from chalicelib.runtime import log

NEXT_LOOK = timedelta(hours=1)
LOOKED_FOR = timedelta(days=3)
"""A job that has not ended by then is a person's to look at, and the log says so."""


def follow_publications(table: PublishingTable, *, now: datetime) -> int:
    """Keep how each publication that is to be looked at came out; answers how many came to an end.

    One that cannot be asked for now is looked at again like one that is under way.
    """
    ended = 0
    for issue_id in table.publications_to_look_at(now):
        try:
            ended += _look_at(table, issue_id, now)
        except Exception as error:  # noqa: BLE001  # the next look asks again, and keeps none of the others back
            log.defect("publication_not_looked_at", error, issue_id=issue_id)
    return ended


def _look_at(table: PublishingTable, issue_id: str, now: datetime) -> bool:
    sending = table.sending(issue_id)
    if sending is None or sending.look_at is None or sending.look_at > now:  # the index lags
        return False
    receipt_id = official_account_page.receipt_id(sending.publish_id)
    if table.outcome(receipt_id) is not None:
        table.put_sending(issue_id, sending._replace(look_at=None))
        return True
    is_last = now - (sending.tried_at or sending.began_at) > LOOKED_FOR
    # Before it is asked: whatever goes wrong then, it is not asked again within the minute.
    table.put_sending(issue_id, sending._replace(look_at=None if is_last else now + NEXT_LOOK))
    told = publications.job(open_api(official_account.NAME, now), sending.publish_id)
    outcome = outcome_of_job(told, now)
    if outcome is None:
        log.outcome("publication_under_way", issue_id=issue_id, given_up=is_last)
        return False
    table.put_outcome(receipt_id, outcome)
    table.put_sending(issue_id, sending._replace(look_at=None))
    log.outcome("publication_finished", publish_id=sending.publish_id, status=outcome.status)
    return True
