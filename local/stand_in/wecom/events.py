"""The events of customer groups (change_external_chat), and the corp's callback that hears of them."""

from __future__ import annotations

from collections.abc import Sequence

from local.stand_in import push
from local.stand_in.accounts import Corp
from local.stand_in.clock import seconds
from local.stand_in.wecom.groups import Group
from local.stand_in.wire import Json
from local.stand_in.world import World

AGENT = "2000003"


def tell(world: World, group: Group, change: str, fields: Json, now: int) -> None:
    """Send one event of a group, if its corp has a callback."""
    corp = world.accounts.corp(group.corpid)
    if not corp.push_url:
        return
    message = {
        "ToUserName": corp.corpid,
        "FromUserName": "sys",
        "CreateTime": seconds(now),
        "MsgType": "event",
        "Event": "change_external_chat",
        "ChatId": group.chat_id,
        "ChangeType": change,
        **fields,
    }
    outer = {"ToUserName": corp.corpid, "AgentID": AGENT}
    errand = push.errand(keys_of(corp), world.ids, "change_external_chat", message, outer, wecom=True)
    for one in world.unreliable["wecom"].leaves(errand):
        world.courier.start(one, now + world.unreliable["wecom"].delay)


def keys_of(corp: Corp) -> push.Keys:
    return push.Keys(corp.push_url, corp.push_token, corp.push_aes_key, corp.corpid)


def membership(corp: Corp, detail: str, before: Group, after: Group, userids: Sequence[str], scene: int) -> Json:
    """What an event says of members who came or went; who they were only where the corp's events list them."""
    by_scene = {"JoinScene": scene} if detail == "add_member" else {"QuitScene": scene}
    fields: Json = {"UpdateDetail": detail, **by_scene, "MemChangeCnt": len(userids)}
    if corp.lists_members:
        versions = {"LastMemVer": before.version, "CurMemVer": after.version}
        fields |= {"MemChangeList": {"Item": list(userids)}, **versions}
    return fields
