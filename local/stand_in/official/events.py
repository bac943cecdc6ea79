"""The events an Official Account's callback hears: a publication or a mass sending came to its end."""

from __future__ import annotations

from local.stand_in import push
from local.stand_in.accounts import App
from local.stand_in.clock import seconds
from local.stand_in.ids import person_in
from local.stand_in.official.masses import Mass
from local.stand_in.official.publications import Publication
from local.stand_in.wire import Json
from local.stand_in.world import World


def tell(world: World, app: App, event: str, fields: Json, now: int, *, sender: str = "") -> None:
    """Send an event to the app's callback, if it has one; from whoever operates the account unless told otherwise."""
    if not app.push_url:
        return
    message = {
        "ToUserName": app.original_id,
        "FromUserName": sender or person_in(app.appid, "operator"),
        "CreateTime": seconds(now),
        "MsgType": "event",
        "Event": event,
        **fields,
    }
    errand = push.errand(keys_of(app), world.ids, event, message, {"ToUserName": app.original_id})
    for one in world.unreliable["wechat"].leaves(errand):
        world.courier.start(one, now + world.unreliable["wechat"].delay)


def keys_of(app: App) -> push.Keys:
    return push.Keys(app.push_url, app.push_token, app.push_aes_key, app.appid)


def published(job: Publication) -> Json:
    """PUBLISHJOBFINISH."""
    info: Json = {"publish_id": int(job.publish_id), "publish_status": job.status}
    if job.article_id:
        items = [{"idx": idx, "article_url": address} for idx, address in job.details()]
        info |= {"article_id": job.article_id, "article_detail": {"count": len(items), "item": items}}
    if job.fail_idx:
        info |= {"fail_idx": list(job.fail_idx)}
    return {"PublishEventInfo": info}


def sent(mass: Mass) -> Json:
    """MASSSENDJOBFINISH. FilterCount is whom it was going to reach, not whom it left out."""
    done, count = mass.state == "SEND_SUCCESS", len(mass.draft.articles) if mass.draft else 0
    items = [{"ArticleIdx": idx, "ArticleUrl": mass.address(idx)} for idx in range(1, count + 1)] if done else []
    return {
        "MsgID": mass.msg_id,
        "Status": mass.status,
        "TotalCount": len(mass.audience.total) if done else 0,
        "FilterCount": len(mass.reached),
        "SentCount": len(mass.reached),
        "ErrorCount": 0,
        "CopyrightCheckResult": {"Count": 0, "ResultList": {}, "CheckState": 1 if done else 0},
        "ArticleUrlResult": {"Count": len(items), "ResultList": {"item": items}},
    }
