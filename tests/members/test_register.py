"""Registering, resolving and binding identities."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.members.model import MAX_EXTERNAL_ID_CHARS, Identity
from chalicelib.members.register import bind_identity, register, resolve
from chalicelib.members.table import MembersTable
from chalicelib.runtime.dynamo import Cancelled, Reason

MEI = "m" + "1" * 24
LAN = "m" + "2" * 24
WECHAT = Identity("wechat", "openid-1")
SHOP = Identity("youzan", "buyer-1")


def test_registering_again_answers_the_member_that_is_there(stage: Any) -> None:
    first = register(stage.table, WECHAT, MEI, stage.now)
    again = register(stage.table, WECHAT, LAN, stage.later(hours=1))

    assert (first.member_id, first.is_new) == (MEI, True)
    assert (again.member_id, again.is_new) == (MEI, False)
    assert stage.table.member(LAN) is None


def test_registration_is_one_transaction_without_a_read(stage: Any) -> None:
    calls = Recorder(stage.table.dynamo)

    register(MembersTable(calls, stage.table.name), WECHAT, MEI, stage.now)

    assert calls.made == ["transact_write_items"]


def test_a_member_id_that_is_taken_is_a_defect_and_changes_nobody(stage: Any) -> None:
    register(stage.table, WECHAT, MEI, stage.now)

    with pytest.raises(Cancelled):
        register(stage.table, SHOP, MEI, stage.now)

    assert resolve(stage.table, [SHOP]) == {}


def test_resolving_leaves_unbound_identities_out(stage: Any) -> None:
    register(stage.table, WECHAT, MEI, stage.now)

    assert resolve(stage.table, [WECHAT, SHOP, WECHAT]) == {WECHAT: MEI}
    assert resolve(stage.table, []) == {}


def test_five_hundred_identities_are_five_batch_reads(stage: Any) -> None:
    buyers = [Identity("youzan", f"buyer-{number}") for number in range(500)]
    register(stage.table, buyers[0], MEI, stage.now)
    register(stage.table, buyers[499], LAN, stage.now)
    calls = Recorder(stage.table.dynamo)

    found = resolve(MembersTable(calls, stage.table.name), buyers)

    assert found == {buyers[0]: MEI, buyers[499]: LAN}
    assert calls.made == ["batch_get_item"] * 5


def test_unprocessed_keys_are_asked_again(stage: Any) -> None:
    register(stage.table, WECHAT, MEI, stage.now)
    register(stage.table, SHOP, LAN, stage.now)
    slow = Unprocessing(stage.table.dynamo, times=2)

    found = resolve(MembersTable(slow, stage.table.name, pause=stage.pauses.append), [WECHAT, SHOP])

    assert found == {WECHAT: MEI, SHOP: LAN}
    assert len(stage.pauses) == 2


def test_keys_that_stay_unprocessed_end_in_try_again_later(stage: Any) -> None:
    stuck = Unprocessing(stage.table.dynamo, times=99)

    with pytest.raises(JifenError) as refused:
        resolve(MembersTable(stuck, stage.table.name, pause=stage.pauses.append), [WECHAT])

    assert refused.value.code is Code.UNAVAILABLE
    assert refused.value.retry_after_seconds == 1


def test_binding_adds_an_identity_and_keeps_who_did_it(stage: Any) -> None:
    register(stage.table, WECHAT, MEI, stage.now)

    bound = bind_identity(stage.table, MEI, SHOP, "s" + "a" * 24, stage.later(hours=1))

    assert (bound.member_id, bound.bound_at, bound.replayed) == (MEI, stage.now, False)
    assert resolve(stage.table, [SHOP, WECHAT]) == {SHOP: MEI, WECHAT: MEI}
    assert stage.table.member(MEI).identity_count == 2
    assert stage.table.links([SHOP])[SHOP].bound_by == "s" + "a" * 24


def test_the_same_binding_again_is_replayed_with_its_first_instant(stage: Any) -> None:
    register(stage.table, WECHAT, MEI, stage.now)
    first = bind_identity(stage.table, MEI, SHOP, "s1", stage.now)

    again = bind_identity(stage.table, MEI, SHOP, "s2", stage.later(days=1))

    assert (again.bound_at, again.replayed) == (first.bound_at, True)
    assert stage.table.member(MEI).identity_count == 2


def test_another_members_identity_cannot_be_bound(stage: Any) -> None:
    register(stage.table, WECHAT, MEI, stage.now)
    register(stage.table, SHOP, LAN, stage.now)
    before = stage.rows()

    with pytest.raises(JifenError) as refused:
        bind_identity(stage.table, MEI, SHOP, "s1", stage.now)

    assert refused.value.code is Code.IDENTITY_TAKEN
    assert stage.rows() == before


def test_an_identity_cannot_be_bound_to_nobody(stage: Any) -> None:
    with pytest.raises(JifenError) as refused:
        bind_identity(stage.table, MEI, SHOP, "s1", stage.now)

    assert refused.value.code is Code.MEMBER_NOT_FOUND
    assert stage.rows() == []


def test_contention_is_tried_again_and_then_answered_as_busy(stage: Any) -> None:
    contended = Contended(stage.table.dynamo, times=2)
    table = MembersTable(contended, stage.table.name, pause=stage.pauses.append)

    assert register(table, WECHAT, MEI, stage.now).is_new is True
    assert all(0 <= pause <= 0.1 for pause in stage.pauses)

    contended.times = 99
    with pytest.raises(JifenError) as refused:
        register(table, SHOP, LAN, stage.now)
    assert refused.value.code is Code.BUSY
    assert refused.value.retry_after_seconds == 1


@pytest.mark.parametrize("forged", ["x#LINK", "../y", "a%23b", "MEMBER#m1", "买家", "🧧👨‍👩‍👧", "\u202eabc", " a "])
def test_no_character_of_an_outside_id_forges_another_key(stage: Any, forged: str) -> None:
    register(stage.table, Identity("youzan", forged), MEI, stage.now)
    neighbours = [Identity("youzan", forged + "#"), Identity("youzan", forged.split("#")[0] + "%23"), WECHAT]

    assert resolve(stage.table, [Identity("youzan", forged)]) == {Identity("youzan", forged): MEI}
    assert resolve(stage.table, neighbours) == {}
    assert Identity("youzan", forged).key().count("#") == 2


@pytest.mark.parametrize("bad", ["", "a\x00b", "a\nb", "\x7f", "\ud800", "x" * (MAX_EXTERNAL_ID_CHARS + 1)])
def test_an_outside_id_that_no_platform_sends_is_refused(bad: str) -> None:
    with pytest.raises(JifenError) as refused:
        Identity("youzan", bad)

    assert (refused.value.code, refused.value.field) == (Code.INVALID_REQUEST, "buyer_id")


@pytest.mark.parametrize("bad", ["", "Youzan", "you#zan", "1youzan", "有赞", "y" * 33])
def test_a_platform_is_a_plain_word(bad: str) -> None:
    with pytest.raises(JifenError) as refused:
        Identity(bad, "buyer-1")

    assert refused.value.field == "platform"


def test_the_longest_outside_id_still_fits_a_key(stage: Any) -> None:
    longest = Identity("y" * 32, "🧧" * MAX_EXTERNAL_ID_CHARS)

    assert len(longest.key()) < 2048
    assert register(stage.table, longest, MEI, stage.now).is_new


def test_a_link_keeps_its_instant(stage: Any) -> None:
    at = stage.now + timedelta(milliseconds=7)
    register(stage.table, WECHAT, MEI, at)

    assert stage.table.links([WECHAT])[WECHAT].bound_at == at


class Recorder:
    """A client that writes down which calls were made."""

    def __init__(self, client: Any) -> None:
        self._client, self.made = client, []

    def __getattr__(self, name: str) -> Any:
        if name == "exceptions":
            return self._client.exceptions
        self.made.append(name)
        return getattr(self._client, name)


class Unprocessing:
    """A client that leaves all keys but the first unprocessed, a number of times."""

    def __init__(self, client: Any, times: int) -> None:
        self._client, self._times = client, times

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803  # boto3's own word
        if self._times == 0:
            return self._client.batch_get_item(RequestItems=RequestItems)
        self._times -= 1
        ((name, asked),) = RequestItems.items()
        split = 1 if len(asked["Keys"]) > 1 else 0
        answer = {"Responses": {name: []}}
        if split:
            answer = self._client.batch_get_item(RequestItems={name: {**asked, "Keys": asked["Keys"][:split]}})
        return {**answer, "UnprocessedKeys": {name: {**asked, "Keys": asked["Keys"][split:]}}}


class Contended:
    """A client whose transactions meet another one, a number of times."""

    def __init__(self, client: Any, times: int) -> None:
        self._client, self.times = client, times
        self.exceptions = client.exceptions

    def transact_write_items(self, **given: Any) -> Any:
        if self.times:
            self.times -= 1
            raise Cancelled([Reason("TransactionConflict", None)] + [Reason("None", None)] * 2)
        return self._client.transact_write_items(**given)
