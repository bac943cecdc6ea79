"""Staff keys, their roles and their end."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.members import staff_keys, tokens
from chalicelib.members.access import BOOTSTRAP_ADMIN, StaffCheck, staff
from chalicelib.members.roles import Role
from chalicelib.runtime.edge import Request
from tests.members.stage import ADMIN_KEY


def create(http: Any, name: str, *roles: str, by: str = ADMIN_KEY) -> Any:
    return http("POST", "/v1/staff/keys", token=by, body=json.dumps({"name": name, "roles": roles}))


def revoke(http: Any, staff_id: str, by: str = ADMIN_KEY) -> Any:
    return http("DELETE", "/v1/staff/keys/{staff_id}", token=by, path_parameters={"staff_id": staff_id})


def passes(check: StaffCheck, key: str, stage: Any) -> bool:
    request = Request({"authorization": f"Bearer {key}"}, b"", "/v1/staff", stage.now)
    try:
        check(request)
    except JifenError as error:
        if error.code is Code.NOT_ALLOWED:
            return False
        raise
    return True


def test_the_bootstrap_admin_makes_a_key_that_works(http: Any, stage: Any) -> None:
    made = create(http, "客服一号", "customer_service", "guide").data

    caller = staff("guide")(Request({"authorization": f"Bearer {made['key']}"}, b"", "/v1/staff", stage.now))

    assert made["created_by"] == BOOTSTRAP_ADMIN
    assert made["created_at"] == "2026-03-02T12:00:00+08:00"
    assert made["key"].startswith(f"jfs_{made['staff_id']}_")
    assert (caller.kind, caller.id, caller.roles) == ("staff", made["staff_id"], {"customer_service", "guide"})


def test_a_key_is_answered_once_and_only_its_digest_is_stored(http: Any, stage: Any) -> None:
    made = create(http, "客服一号", "customer_service").data
    again = create(http, "客服一号", "customer_service").data

    assert (again["staff_id"], again["key"], again["replayed"]) == (made["staff_id"], None, True)
    assert made["key"] not in json.dumps(stage.rows())
    assert tokens.digest(made["key"]) in json.dumps(stage.rows())
    assert made["key"] not in json.dumps(http("GET", "/v1/staff/keys", token=ADMIN_KEY).json)


def test_a_name_with_other_roles_is_refused(http: Any, stage: Any) -> None:
    create(http, "客服一号", "customer_service")
    before = stage.rows()

    answer = create(http, "客服一号", "admin")

    assert (answer.status, answer.json["code"], answer.json["field"]) == (409, 40900, "name")
    assert stage.rows() == before


def test_a_revoked_key_is_dead_at_once_and_its_name_is_free(http: Any) -> None:
    made = create(http, "店长", "admin").data

    ended = revoke(http, made["staff_id"])
    refused = http("GET", "/v1/staff/keys", token=made["key"])
    anew = create(http, "店长", "store_manager").data

    assert ended.data == {"staff_id": made["staff_id"], "revoked_at": "2026-03-02T12:00:00+08:00", "replayed": False}
    assert (refused.status, refused.json["code"]) == (401, 40100)
    assert anew["staff_id"] != made["staff_id"]
    assert anew["replayed"] is False


def test_revoking_again_is_replayed_with_its_first_instant(http: Any, stage: Any) -> None:
    made = create(http, "店长", "store_manager").data
    first = revoke(http, made["staff_id"]).data
    anew = create(http, "店长", "guide").data
    stage.later(days=1)

    again = revoke(http, made["staff_id"]).data

    assert again == {**first, "replayed": True}
    assert create(http, "店长", "guide").data["staff_id"] == anew["staff_id"], "the later key keeps the name"


def test_two_revocations_at_once_end_a_key_once(stage: Any, http: Any) -> None:
    made = create(http, "店长", "store_manager").data
    seen_by_both = stage.table.staff_key(made["staff_id"])

    assert stage.table.revoke_staff_key(seen_by_both, "s1", stage.now) is True
    assert stage.table.revoke_staff_key(seen_by_both, "s2", stage.later(seconds=1)) is False
    assert stage.table.staff_key(made["staff_id"]).revoked_by == "s1"


@pytest.mark.parametrize("staff_id", ["s" + "0" * 24, "nobody", "%2e%2e", "KEY#x"])
def test_an_unknown_staff_id_is_not_found(http: Any, staff_id: str) -> None:
    answer = revoke(http, staff_id)

    assert (answer.status, answer.json["code"]) == (404, 40403)


def test_the_list_shows_who_made_and_ended_each_key(http: Any) -> None:
    admin = create(http, "管理员", "admin").data
    guide = create(http, "导购", "guide", by=admin["key"]).data
    revoke(http, guide["staff_id"], by=admin["key"])

    listed = http("GET", "/v1/staff/keys", token=admin["key"]).data

    by_name = {row["name"]: row for row in listed["list"]}
    assert by_name["导购"] == {
        "staff_id": guide["staff_id"],
        "name": "导购",
        "roles": ["guide"],
        "created_by": admin["staff_id"],
        "created_at": "2026-03-02T12:00:00+08:00",
        "revoked_by": admin["staff_id"],
        "revoked_at": "2026-03-02T12:00:00+08:00",
    }
    assert by_name["管理员"]["revoked_at"] is None
    assert (listed["has_more"], listed["next_cursor"]) == (False, None)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7])
def test_pages_hold_every_key_once(stage: Any, count: int) -> None:
    for number in range(count):
        key = tokens.new_staff_key(f"s{number:024x}")
        staff_keys.create_staff_key(
            stage.table, f"员工{number}", frozenset({Role.GUIDE}), key=key, actor="s1", now=stage.now
        )

    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page, cursor = staff_keys.list_staff_keys(stage.table, cursor, page_size=3)
        seen += [held.staff_id for held in page]
        pages += 1

    assert seen == [f"s{number:024x}" for number in range(count)]
    assert pages == max(1, -(-count // 3))


def test_an_edited_cursor_is_refused(http: Any) -> None:
    answer = http("GET", "/v1/staff/keys", token=ADMIN_KEY, query={"cursor": ["KEY#"]})

    assert (answer.status, answer.json["code"]) == (400, 40002)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "roles": ["guide"]}, "name"),
        ({"name": " 店长", "roles": ["guide"]}, "name"),
        ({"name": "长" * 33, "roles": ["guide"]}, "name"),
        ({"name": 7, "roles": ["guide"]}, "name"),
        ({"name": "店长", "roles": []}, "roles"),
        ({"name": "店长", "roles": "guide"}, "roles"),
        ({"name": "店长", "roles": ["owner"]}, "roles.0"),
        ({"name": "店长", "roles": ["guide"] * 8}, "roles"),
        ({"name": "店长", "roles": ["guide"], "staff_id": "s1"}, "staff_id"),
        ({"name": "店长"}, "roles"),
    ],
)
def test_a_bad_key_request_names_the_field_and_writes_nothing(http: Any, stage: Any, body: Any, field: str) -> None:
    answer = http("POST", "/v1/staff/keys", token=ADMIN_KEY, body=json.dumps(body))

    assert (answer.status, answer.json["code"], answer.json["field"]) == (400, 40000, field)
    assert stage.rows() == []


@pytest.mark.parametrize("role", Role)
def test_a_role_passes_where_it_is_named_and_admin_everywhere(http: Any, stage: Any, role: Role) -> None:
    key = create(http, "员工", role).data["key"]

    for allowed in itertools.chain([()], itertools.combinations(Role, 1), itertools.combinations(Role, 2)):
        assert passes(staff(*allowed), key, stage) == (role in allowed or role is Role.ADMIN), allowed


def test_staff_with_no_role_named_is_admin_alone() -> None:
    assert staff().roles == {Role.ADMIN}
    assert staff("guide").roles == {Role.ADMIN, Role.GUIDE}


def test_an_unknown_role_fails_where_the_route_is_declared() -> None:
    with pytest.raises(ValueError, match="owner"):
        staff("owner")


def test_a_key_with_a_wrong_rest_or_another_keys_rest_is_refused(http: Any) -> None:
    one = create(http, "甲", "admin").data
    other = create(http, "乙", "admin").data
    mixed = one["key"][:-43] + other["key"][-43:]

    for key in (mixed, one["key"][:-1] + ("A" if one["key"][-1] != "A" else "B"), one["key"] + "A", ADMIN_KEY + "x"):
        assert http("GET", "/v1/staff/keys", token=key).status == 401


def test_a_members_token_opens_no_staff_route_nor_a_staff_key_a_members(http: Any) -> None:
    token = http("POST", "/v1/sessions", body='{"code":"demo-mei-0001"}').data["token"]
    key = create(http, "客服", "customer_service").data["key"]

    assert http("GET", "/v1/staff/keys", token=token).status == 401
    assert http("GET", "/v1/me", token=key).status == 401
    assert http("GET", "/v1/me", token=ADMIN_KEY).status == 401
    assert http("GET", "/v1/staff/keys", token=key).json["code"] == 40300


def test_a_rotated_admin_key_dies_within_five_minutes(http: Any, stage: Any) -> None:
    assert http("GET", "/v1/staff/keys", token=ADMIN_KEY).status == 200
    stage.rotate("admin-key", "a-new-admin-key-0123456789")
    stage.later(minutes=5)

    assert http("GET", "/v1/staff/keys", token=ADMIN_KEY).status == 401
    assert http("GET", "/v1/staff/keys", token="a-new-admin-key-0123456789").status == 200
