"""Orders claimed by number on the deployed stage: through its stream, by members at once, with its own secret."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from local.http_client import Api
from local.stack import Stack
from tests.flows.stage import at_once, deliver, log_in, paid, points, until

pytestmark = pytest.mark.cloud
PATH = "/v1/me/order-claims"


def states(members: list[Api]) -> list[str]:
    return [str(one["state"]) for member in members for one in member.get(PATH)["list"]]


@pytest.mark.parametrize("order_first", [True, False])
def test_members_who_claim_one_order_at_once_have_one_owner(
    cloud: Stack, admin: Api, name: str, order_first: bool
) -> None:
    members = [log_in(cloud, f"{name}{place}") for place in range(3)]
    order = {**paid(name, 1, 4200), "buyer_id": f"stranger-{name}"}
    claim = {"platform": "wechat", "order_no": order["order_no"]}

    def press(place: int) -> Any:
        return members[place].post(PATH, claim)

    if order_first:
        assert deliver(cloud, order) == ["waiting"]
    answers = at_once(3, press)
    if not order_first:
        assert deliver(cloud, order) == ["waiting"]

    assert {(answer["state"], answer["state_text"]) for answer in answers} == {("waiting", "已提交,核对后到账")}
    until(lambda: sum(points(member) for member in members) == 42)
    assert sorted(states(members)) == ["owned"] + ["waiting"] * 2
    owner = admin.get(f"/v1/staff/order-claims?platform=wechat&order_no={order['order_no']}")["member_id"]
    owned = [member.get("/v1/me")["member_id"] for member in members if points(member)]
    assert owned == [owner]


def test_a_sale_at_a_till_is_a_members_by_its_phone_or_by_the_phones_last_digits(
    cloud: Stack, admin: Api, name: str
) -> None:
    bound, claimant = log_in(cloud, f"{name}a"), log_in(cloud, f"{name}b")
    phone = f"139{secrets.randbelow(10**8):08d}"
    sale = {**paid(name, 1, 900), "platform": "pos", "channel": "pos", "buyer_id": f"till-{name}", "phone": phone}
    masked = {**sale, "order_no": f"{name}-2", "paid_fen": 700, "phone": f"139****{phone[-4:]}"}
    member_id = bound.get("/v1/me")["member_id"]

    assert deliver(cloud, sale, masked) == ["waiting", "waiting"]
    released = admin.post(f"/v1/staff/members/{member_id}/phones", {"phone": f"+86 {phone}"})["released_orders"]
    claimant.post(PATH, {"platform": "pos", "order_no": f"{name}-2", "phone_tail": phone[-4:]})

    assert released == 1
    until(lambda: (points(bound), points(claimant)) == (9, 7))
