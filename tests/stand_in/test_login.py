"""Log-in codes and phone codes: once, five minutes, one app; one person in two apps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from tests.stand_in.outsiders import MINI, SERVICE, WECHAT, Admin, Json, redirect

PATH = "/sns/jscode2session"
PHONE = "/wxa/business/getuserphonenumber"


def _log_in(admin: Admin, code: str, app: tuple[str, str] = MINI) -> Json:
    return admin.call(WECHAT, PATH, appid=app[0], secret=app[1], js_code=code, grant_type="authorization_code")


def _mint(admin: Admin, **given: object) -> str:
    return str(admin.post("/login-codes", {"appid": MINI[0], "person": "somebody", **given})["code"])


def test_a_code_is_good_once(admin: Admin) -> None:
    code = _mint(admin)
    session = _log_in(admin, code)

    assert set(session) == {"session_key", "openid", "unionid"}
    assert len(session["openid"]) == 28
    assert _log_in(admin, code)["errcode"] == 40163


def test_of_calls_at_once_one_gets_the_session(admin: Admin) -> None:
    code = _mint(admin)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _log_in(admin, code), range(8)))

    assert sorted(one.get("errcode", 0) for one in answers) == [0] + [40163] * 7


def test_a_code_lives_five_minutes(admin: Admin) -> None:
    kept, late = _mint(admin), _mint(admin)
    admin.advance(299)
    assert "openid" in _log_in(admin, kept)

    admin.advance(1)
    assert _log_in(admin, late)["errcode"] == 40029


def test_a_code_of_nobody_of_another_app_or_of_a_risk_is_refused(admin: Admin) -> None:
    assert _log_in(admin, "made-up")["errcode"] == 40029
    assert _log_in(admin, _mint(admin), SERVICE)["errcode"] == 40029
    assert _log_in(admin, _mint(admin, blocked=True))["errcode"] == 40226
    assert _log_in(admin, "")["errcode"] == 41008


def test_one_person_has_one_unionid_in_two_apps_and_an_openid_in_each(admin: Admin) -> None:
    here = _log_in(admin, _mint(admin))
    there = _log_in(admin, _mint(admin, appid=SERVICE[0]), SERVICE)
    other = _log_in(admin, _mint(admin, person="somebody else"))

    assert here["unionid"] == there["unionid"] != other["unionid"]
    assert len({here["openid"], there["openid"], other["openid"]}) == 3


def test_an_app_of_no_open_platform_account_gets_no_unionid(admin: Admin) -> None:
    admin.post("/apps", {"appid": "wxlone", "secret": "s", "kind": "mini_program"})
    session = _log_in(admin, _mint(admin, appid="wxlone"), ("wxlone", "s"))

    assert set(session) == {"session_key", "openid"}


def test_a_hundred_log_ins_a_minute_of_one_user(admin: Admin) -> None:
    for _ in range(100):
        assert "openid" in _log_in(admin, _mint(admin))

    assert _log_in(admin, _mint(admin))["errcode"] == 45011
    assert "openid" in _log_in(admin, _mint(admin, person="somebody else"))
    admin.advance(60)
    assert "openid" in _log_in(admin, _mint(admin))


def test_a_phone_code_is_another_code_than_that_of_a_log_in(admin: Admin) -> None:
    token = admin.token(MINI)
    code = admin.post("/phone-codes", {"appid": MINI[0], "number": "13800000000"})["code"]
    phone = admin.call(WECHAT, PHONE, {"code": code}, access_token=token)["phone_info"]

    assert (phone["phoneNumber"], phone["purePhoneNumber"], phone["countryCode"]) == ("13800000000",) * 2 + ("86",)
    assert phone["watermark"]["appid"] == MINI[0]
    for wrong in (code, _mint(admin), "made-up"):
        assert admin.call(WECHAT, PHONE, {"code": wrong}, access_token=token)["errcode"] == 40029
    assert _log_in(admin, code)["errcode"] == 40029


def test_a_phone_code_ends_and_belongs_to_its_app(admin: Admin) -> None:
    admin.post("/apps", {"appid": "wxlone", "secret": "s", "kind": "mini_program"})
    mint = {"appid": "wxlone", "number": "13800000000"}
    code = admin.post("/phone-codes", mint)["code"]
    assert admin.call(WECHAT, PHONE, {"code": code}, access_token=admin.token(MINI))["errcode"] == 40013

    admin.advance(300)
    token = admin.token(("wxlone", "s"))
    assert admin.call(WECHAT, PHONE, {"code": code}, access_token=token)["errcode"] == 40029


def test_an_official_account_has_no_phone_numbers(admin: Admin) -> None:
    assert admin.call(WECHAT, PHONE, {"code": "x"}, access_token=admin.token(SERVICE))["errcode"] == 48001


def test_wechatpy_logs_in(admin: Admin) -> None:
    client = WeChatClient(*MINI)
    redirect(client._http, admin.url)
    code = _mint(admin)
    session = client.wxa.code_to_session(code)

    assert session["openid"].startswith("o")
    with pytest.raises(WeChatClientException) as refused:
        client.wxa.code_to_session(code)
    assert refused.value.errcode == 40163
    phone = admin.post("/phone-codes", {"appid": MINI[0], "number": "13800000000"})["code"]
    assert client.wxa.get_phone_number(phone)["phone_info"]["purePhoneNumber"] == "13800000000"
