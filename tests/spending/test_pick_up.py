"""Parcels picked up at a store: for the one code that is good, once, and nobody finds a code by trying."""

from __future__ import annotations

import pytest

from chalicelib.spending.mall import pick_up as picking
from chalicelib.spending.mall.table import MallTable, open_mall
from chalicelib.spending.mall.tries_table import open_tries
from tests.spending.after_sales import Desks, with_hats
from tests.spending.malls import Mall


def waiting(desks: Desks) -> tuple[str, str, str]:
    """(token, redemption, code) of a parcel that waits at a store."""
    token, _ = desks.mall.member()
    made = desks.parcel(token, way="pick_up")
    return token, made["id"], made["pick_up_code"]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


def test_the_code_is_told_once_kept_as_a_digest_and_good_once(mall: Mall) -> None:
    desks = with_hats(mall)
    token, id, code = waiting(desks)

    first, again = desks.hand_out(id, code).data, desks.hand_out(id, code).data
    other = desks.hand_out(id, code, name="another store")

    assert [first["replayed"], again["replayed"], other.json["code"]] == [False, True, 40915]
    assert (first["state"], first["store"]) == ("done", "sh01")
    assert "pick_up_code" not in desks.mine(token, id).data
    assert code not in str(mall.counter.stage.rows())


def test_a_new_code_kills_the_one_before(mall: Mall) -> None:
    desks = with_hats(mall)
    token, id, old = waiting(desks)
    other, _ = mall.member()

    foreign = desks.mine(other, id, "pick-up-code")
    new = desks.mine(token, id, "pick-up-code").data["pick_up_code"]

    assert foreign.json["code"] == 40411
    assert desks.hand_out(id, old).json["code"] == 42214
    assert desks.hand_out(id, new).data["state"] == "done"
    assert desks.mine(token, id, "pick-up-code").json["code"] == 40915


def test_wrong_unknown_and_not_to_be_picked_up_look_alike(mall: Mall) -> None:
    desks = with_hats(mall)
    token, id, code = waiting(desks)
    sent = desks.parcel(token)["id"]

    answers = [desks.hand_out(id, wrong(code)), desks.hand_out("0" * 24, code), desks.hand_out(sent, code)]

    assert len({(one.status, str(one.json)) for one in answers}) == 1
    assert answers[0].json["code"] == 42214


def test_after_five_wrong_codes_of_one_redemption_even_the_right_one_waits_15_minutes(mall: Mall) -> None:
    desks = with_hats(mall)
    _, id, code = waiting(desks)
    _, other, others = waiting(desks)

    tried = [desks.hand_out(id, wrong(code), name=f"store {n}").json["code"] for n in range(5)]
    locked = desks.hand_out(id, code, name="store 5")
    of_another = desks.hand_out(other, others, name="store 5")
    mall.counter.stage.later(minutes=14, seconds=59)
    still = desks.hand_out(id, code)
    mall.counter.stage.later(seconds=1)
    then = desks.hand_out(id, code)

    assert tried == [42214] * 5
    assert (locked.status, locked.json["code"], locked.headers["Retry-After"]) == (429, 42910, "901")
    assert [of_another.status, still.json["code"], then.status] == [200, 42910, 200]


def test_a_member_of_staff_who_tries_redemption_after_redemption_is_locked_too(mall: Mall) -> None:
    desks = with_hats(mall)
    parcels = [waiting(desks) for _ in range(3)]

    tried = [desks.hand_out(f"{n:024x}", "00000000").json["code"] for n in range(5)]
    locked = desks.hand_out(parcels[0][1], parcels[0][2])
    colleague = desks.hand_out(parcels[0][1], parcels[0][2], name="colleague")

    assert (tried, locked.json["code"], colleague.status) == ([42214] * 5, 42910, 200)


def test_right_codes_never_lock_anybody(mall: Mall) -> None:
    desks = with_hats(mall, stock=9)
    parcels = [waiting(desks) for _ in range(7)]

    assert {desks.hand_out(id, code).status for _, id, code in parcels for _ in range(2)} == {200}


def test_many_wrong_codes_at_once_are_five_all_the_same(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks = with_hats(mall)
    _, id, code = waiting(desks)
    looked: list[str] = []
    read = MallTable.redemption

    def count(table: MallTable, wanted: str) -> object:
        looked.append(wanted)
        return read(table, wanted)

    monkeypatch.setattr(MallTable, "redemption", count)
    for n in range(20):
        desks.hand_out(id, wrong(code), name=f"thief {n % 2}")

    assert len(looked) == 5


def test_of_two_stores_at_once_one_hands_it_out(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks = with_hats(mall)
    _, id, code = waiting(desks)
    stage, read, both = mall.counter.stage, MallTable.redemption, []

    def overtaken(table: MallTable, wanted: str) -> object:
        found = read(table, wanted)
        both.append(wanted)
        if len(both) == 2:  # the first look is for the code, the second for the change
            picking.pick_up(id, code, by="other", mall=table, tries=open_tries(), now=stage.now)
        return found

    monkeypatch.setattr(MallTable, "redemption", overtaken)
    refused = desks.hand_out(id, code)
    monkeypatch.setattr(MallTable, "redemption", read)

    found = open_mall().redemption(id)
    assert refused.json["code"] == 40915
    assert found
    assert found.picked_up_by == "other"


def test_what_was_cancelled_is_not_handed_out(mall: Mall) -> None:
    desks = with_hats(mall)
    token, id, code = waiting(desks)
    desks.give_up(token, id)

    assert desks.hand_out(id, code).json["code"] == 42214


@pytest.mark.parametrize("role", ["operator", "finance", "reviewer"])
def test_only_stores_and_customer_service_hand_out(mall: Mall, role: str) -> None:
    body = {"redemption_id": "0" * 24, "code": "00000000"}

    refused = mall.call("POST", "/v1/staff/mall/pick-ups", body, token=mall.counter.staff(role))

    assert refused.json["code"] == 40300
