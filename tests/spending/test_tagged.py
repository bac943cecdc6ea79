"""Items and offers for tagged members alone: in the list, in quotes, and judged again inside the redemption."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.runtime import dynamo
from tests.ledger.meetings import Meanwhile
from tests.spending.malls import HAT, SHIP, Mall
from tests.spending.offers import FLASH, GROUP, SECKILL, Offers, offers_of
from tests.spending.test_costs import cost

INVITED = {"who": {"tags": ["vip", "内测"]}}
TOLD = [{"reason": "tags", "text": "仅限受邀会员"}]


def tag(mall: Mall, member_id: str, name: str = "vip", action: str = "give") -> None:
    body = {"tag": name, "action": action, "member_ids": [member_id], "reason": "邀请内测"}
    done = mall.staff("POST", "/v1/staff/tag-changes", body).data["members"]
    assert done == [{"member_id": member_id, "outcome": "given" if action == "give" else "taken"}]


def seen(mall: Mall, token: str, **query: str) -> dict[str, Any]:
    listed = mall.call("GET", "/v1/me/mall/items", token=token, query=query).data["list"]
    return {one["id"]: one["why_not"] for one in listed}


def member_reads(mall: Mall, act: Any) -> int:
    """How often it reads the members table beside the session."""
    asked: list[str] = []
    events = dynamo.client().meta.events

    def note(params: dict[str, Any], model: Any, **_given: Any) -> None:
        tables = [params.get("TableName"), *params.get("RequestItems", {})]
        asked.extend(model.name for table in tables if table == "test-members")

    events.register("provide-client-params.dynamodb.*", note, unique_id="members")
    try:
        act()
    finally:
        events.unregister("provide-client-params.dynamodb.*", unique_id="members")
    return len(asked) - 1


def test_an_item_for_tagged_members_says_so_and_opens_to_who_is_tagged(mall: Mall) -> None:
    mall.offer("one", **INVITED)
    mall.offer("two")
    token, member_id = mall.member()
    quote = mall.quote(token, "one")

    barred = mall.redeem(token, quote["quote"])
    before = seen(mall, token), seen(mall, token, affordable="true")
    one = mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id="one").data
    tag(mall, member_id, "内测")

    assert (quote["why_not"], one["why_not"]) == (TOLD, TOLD)
    assert (barred.json["code"], barred.json["msg"]) == (42211, "仅限受邀会员")
    assert before == ({"one": TOLD, "two": []}, {"two": []})
    assert seen(mall, token) == {"one": [], "two": []}
    assert mall.quote(token, "one")["can_redeem"] is True
    assert mall.redeem(token, quote["quote"]).status == 200


def test_another_tag_and_another_members_tag_open_nothing(mall: Mall) -> None:
    mall.offer("one", **INVITED)
    (token, member_id), (_, other_id) = mall.member(), mall.member()
    tag(mall, member_id, "老用户")
    tag(mall, other_id)

    assert mall.bought(token, "one").json["code"] == 42211
    assert mall.left("one") == (5, 0)


def test_who_loses_the_tag_after_the_quote_gets_nothing_and_pays_nothing(mall: Mall) -> None:
    mall.offer("one", **INVITED)
    token, member_id = mall.member(1000)
    tag(mall, member_id)
    quote = mall.quote(token, "one")["quote"]
    tag(mall, member_id, action="take")

    assert mall.redeem(token, quote).json["code"] == 42211
    assert (mall.ledger.read(member_id).available_points, mall.left("one")) == (1000, (5, 0))


def test_a_redemption_that_was_made_is_answered_though_the_tag_is_gone(mall: Mall) -> None:
    mall.offer("one", **INVITED)
    token, member_id = mall.member(1000)
    tag(mall, member_id)
    quote = mall.quote(token, "one")["quote"]
    made = mall.redeem(token, quote).data
    tag(mall, member_id, action="take")

    assert mall.redeem(token, quote).data == {**made, "replayed": True}


def test_a_tag_that_is_taken_while_the_redemption_is_contended_is_found_gone(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    mall.offer("one", **INVITED)
    token, member_id = mall.member(1000)
    tag(mall, member_id)
    quote = mall.quote(token, "one")["quote"]

    def meanwhile() -> None:
        tag(mall, member_id, action="take")
        mall.counter.give(member_id, 1)  # so that the account is read and judged anew

    client = Meanwhile(mall.ledger.dynamo, meanwhile)
    overtaken = replace(mall.ledger, dynamo=client)
    monkeypatch.setattr("chalicelib.spending.offers.open_room.open_ledger", lambda: overtaken)

    assert mall.redeem(token, quote).json["code"] == 42211
    assert client.happened
    assert (mall.ledger.read(member_id).available_points, mall.left("one")) == (1001, (5, 0))


def test_a_tag_of_either_id_of_a_merged_member_opens_it_by_both(mall: Mall) -> None:
    offers = offers_of(mall, "one", **INVITED)
    (one, one_id), (other, other_id) = mall.member(1000), mall.member(1000)
    tag(mall, one_id)
    offers.merge(one_id, other_id)

    assert mall.bought(one, "one").status == 200
    assert mall.bought(other, "one").status == 200


@pytest.mark.parametrize("template", [FLASH, SECKILL])
@pytest.mark.parametrize(("of_the_item", "of_the_offer"), [(INVITED, {}), ({}, INVITED)], ids=["item", "offer"])
def test_an_offer_is_for_whom_its_item_and_it_are(
    mall: Mall, template: dict[str, Any], of_the_item: dict[str, Any], of_the_offer: dict[str, Any]
) -> None:
    offers = offers_of(mall, "one", **of_the_item)
    offers.on(template, **of_the_offer)
    token, member_id = mall.member()
    before, quoted = offers.seen(token)[0]["why_not"], offers.quote(token).data
    barred = mall.redeem(token, quoted["quote"])
    tag(mall, member_id)

    assert (before, quoted["why_not"], barred.json["code"]) == (TOLD, TOLD, 42211)
    assert offers.seen(token)[0]["why_not"] == []
    assert mall.redeem(token, quoted["quote"]).status == 200


def test_nobody_without_the_tag_opens_or_joins_a_group(mall: Mall) -> None:
    offers = offers_of(mall, "one")
    offers.on(GROUP, **INVITED)
    (mei, mei_id), (lan, lan_id) = mall.member(1000), mall.member(1000)

    barred = offers.open(mei)
    tag(mall, mei_id)
    group_id = offers.open(mei).data["id"]
    outsider = offers.join(lan, group_id)
    held = offers.points(lan_id), offers.left()
    tag(mall, lan_id)

    assert (barred.json["code"], outsider.json["code"]) == (42211, 42211)
    assert held == ((1000, 0), (3, 1))
    assert offers.join(lan, group_id).data["state"] == "formed"


def test_a_group_gives_what_it_promised_to_who_joined_tagged_and_lost_the_tag(mall: Mall) -> None:
    offers = offers_of(mall, "one")
    offers.on(GROUP, **INVITED)
    members = [mall.member(1000) for _ in range(2)]
    for _, member_id in members:
        tag(mall, member_id)
    group_id = offers.open(members[0][0]).data["id"]
    tag(mall, members[0][1], action="take")

    formed = offers.join(members[1][0], group_id).data

    assert formed["state"] == "formed"
    assert offers.group(members[0][0], group_id)["place"]["state"] == "given"


def test_tags_cost_one_read_more_and_only_where_they_are_asked_for(mall: Mall) -> None:
    mall.offer("one", **HAT, **INVITED)
    mall.offer("two", **HAT)
    token, member_id = mall.member(3000)
    tag(mall, member_id)
    tagged, plain = (mall.quote(token, item_id)["quote"] for item_id in ("one", "two"))

    asked, units = cost(lambda: mall.redeem(token, tagged, SHIP))

    assert (asked, units) == (["BatchGetItem", "BatchGetItem", "TransactWriteItems"], 8)
    assert cost(lambda: mall.redeem(token, plain, SHIP)) == (["BatchGetItem", "TransactWriteItems"], 8)


def test_a_whole_mall_for_tagged_members_is_listed_by_one_read_of_his_tags(mall: Mall) -> None:
    offers = offers_of(mall, "plain")
    token, _ = mall.member()

    plain = member_reads(mall, lambda: seen(mall, token)), member_reads(mall, lambda: offers.seen(token))
    for item_id in ("one", "two", "three"):
        mall.offer(item_id, **INVITED)
        Offers(mall, item_id).on(offer_id=item_id, **INVITED)

    assert plain == (0, 0)
    assert member_reads(mall, lambda: seen(mall, token)) == 1
    assert member_reads(mall, lambda: offers.seen(token)) == 1


def test_a_level_that_bars_a_member_is_told_before_his_missing_tag(mall: Mall) -> None:
    mall.offer("one", who={"levels": ["gold"], "tags": ["vip"]})
    token, member_id = mall.member()
    tag(mall, member_id)

    assert [one["reason"] for one in seen(mall, token)["one"]] == ["levels"]
