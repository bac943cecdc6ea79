"""WeChat Pay's signature and seal: the published notice, what passes, what does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_curve_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.connect.wechat_pay.signature import decrypt, verify
from chalicelib.errors import Code, JifenError
from tests.connect import pay
from tests.connect.stage import PAY_SERIAL, PUBLIC_PEM, SECRETS

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
KEYS = {PAY_SERIAL: PUBLIC_PEM}
BODY = pay.notice(pay.PAYMENT)

# The notice that WeChat Pay's own SDK for Go tests itself with (Apache-2.0).
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIDVzCCAj+gAwIBAgIJANfOWdH1ItcBMA0GCSqGSIb3DQEBCwUAMEIxCzAJBgNV
BAYTAlhYMRUwEwYDVQQHDAxEZWZhdWx0IENpdHkxHDAaBgNVBAoME0RlZmF1bHQg
Q29tcGFueSBMdGQwHhcNMjEwNDI3MDg1NTIzWhcNMzEwNDI1MDg1NTIzWjBCMQsw
CQYDVQQGEwJYWDEVMBMGA1UEBwwMRGVmYXVsdCBDaXR5MRwwGgYDVQQKDBNEZWZh
dWx0IENvbXBhbnkgTHRkMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA
2VCTd91fnUn73Xy9DLvt/V62TVxRTEEstVdeRaZ3B3leO0pldE806mXO4RwdHXag
HQ4vGeZN0yqm++rDsGK+U3AH7kejyD2pXshNP9Cq5YwbptiLGtjcquw4HNxJQUOm
DeJf2vg6byms9RUipiq4SzbJKqJFlUpbuIPDpSpWz10PYmyCNeDGUUK65E5h2B83
4uxl1zNLYQCrkdBzb8oUxwYeP5a2DNxmjL5lsJML7DGr5znsevnoqGRwTm9fxCGf
y8wus7hwKz6clt3Whmmda7UAdb1c08hEQFVRbF14AR73xbnd8N0obCWJPCbzMCtk
aSef4FdEEgEXJiw0VAJT8wIDAQABo1AwTjAdBgNVHQ4EFgQUT1c7nd/SUO76HSoZ
umNUJv1R5PwwHwYDVR0jBBgwFoAUT1c7nd/SUO76HSoZumNUJv1R5PwwDAYDVR0T
BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAfTjxKRQMzNB/U6ZoCUS+BSNfa2Oh
0plMN6ZuzwiVVZwg1jywvv5yv04koS7Pd4i9E4gt9ZBUQXlpq+A3oOCEEHNRR6b2
kyazGRM7s0OP5X21WrbpSmKmU6K7hkfx30yYs08LVs/Q8DIhvaj1FCFeJzUCzYn/
fHMq4tsbKO0dKAeydPM/nrUZBmaYQVKMVOORGLFjFKVO7JV6Kq/R86ouhjEPgJOe
2xulNBUcjicqtZlBdEh/PWCYP2SpGVDclKm8jeo175T3EVAkdKzzmfpxtMmnMlmq
cTJOU9TxuGvNASMtjj7pYIerTx+xgZDXEVBWFW9PjJ0TV06tCRsgSHItgg==
-----END CERTIFICATE-----"""
PUBLISHED_AT = datetime.fromtimestamp(1624523846, UTC)
PUBLISHED_HEADERS = {
    "wechatpay-nonce": "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz",
    "wechatpay-timestamp": "1624523846",
    "wechatpay-serial": "D7CE59D1F522D701",
    "wechatpay-signature": "tJHIiIS9eB2hAYstmAmbbD3ZE5LiIm/Ug5tuL4fC0YOFRWIHV39UFIZXC0e9Wl6lBu6sKvkqDkzpqzBsVHyXF"
    "lbYZTOQrVdG4b6LfTnK4mikv9++ixJMd3vTf2yCqvBkh98zs3Ds5zsYQakzbcwhmw4fMJs4nPLws28H0UW9FjDR//rxELLwXvV1VEA1I"
    "BLX70xptjL8hrfUjEE8kkry6yNJTHZRU8CAc7qHli2Ng1V1qb9ARbK8A3ThmFmPQvRGrapI/jS2laKKgYUmfdEdkNO6B2Cke5e8VTxY4"
    "06ArAmQ90GAihDwIcb16TQMnzCMBoutnwZKNiKRACrFmtxw2Q==",
}
PUBLISHED_BODY = (
    '{"id":"3119dfba-e649-5eec-ab1e-3412bc4d2e17","create_time":"2021-06-24T16:37:26+08:00",'
    '"resource_type":"encrypt-resource","event_type":"PAYSCORE.USER_OPEN_SERVICE","summary":"签约成功",'
    '"resource":{"original_type":"payscore","algorithm":"AEAD_AES_256_GCM",'
    '"ciphertext":"YDS3lKPaC4Y52Gf3uhft5qUBlIa8b428AWTtTauHQfQrRw+X1WpiuHIDy0vo1Vd6VEq67aVyqPdDYMkRVSDaZL3iZt'
    "tevRMOoPKMifozg6XPWjIZumks/GpT48lI4NizyeaqLBokNebthah3o1H76qSlO9NkDjp9bzmKLEYYH9TEklFUpsvPqOTOcgSLgh21YJXYR"
    '7dEBXFgRLiNIKRgO5JdXh1hccRUAlyVWxE54PXpnQ==","associated_data":"payscore","nonce":"Kj7QIyUiYx1q"}}'
).encode()
PUBLISHED_KEY = b"testMchAPIv3Key0"
PUBLISHED_PLAIN = (
    b'{"mchid":"1234567890","appid":"054aa7d7a2a54ab5898df65bd96f001c",'
    b'"create_time":"2020-06-30T12:12:00+08:00","out_contract_code":"21640bdbd08e473e828f3206a2741c6e"}'
)


def headers(**given: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in pay.signed(BODY, NOW, **given).items()}


def code_of(given: dict[str, str], body: bytes = BODY, now: datetime = NOW, keys: Any = KEYS) -> Code:
    with pytest.raises(JifenError) as refused:
        verify(given, body, now, keys)
    return refused.value.code


def test_the_published_notice_is_wechat_pays_at_its_own_time() -> None:
    verify(PUBLISHED_HEADERS, PUBLISHED_BODY, PUBLISHED_AT, {"D7CE59D1F522D701": CERTIFICATE})

    assert decrypt(PUBLISHED_KEY, json.loads(PUBLISHED_BODY)["resource"]) == PUBLISHED_PLAIN


def test_the_published_notice_is_stale_today() -> None:
    assert code_of(PUBLISHED_HEADERS, PUBLISHED_BODY, NOW, {"D7CE59D1F522D701": CERTIFICATE}) is Code.STALE_TIMESTAMP


def test_a_notice_under_the_public_key_passes() -> None:
    verify(headers(), BODY, NOW, KEYS)


def test_every_wrong_bit_of_a_signature_is_refused() -> None:
    right = headers()
    text = right["wechatpay-signature"].encode()

    for bit in range(len(text) * 8):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        assert code_of({**right, "wechatpay-signature": changed.decode("latin-1")}) is Code.BAD_SIGNATURE, bit


def test_a_wrong_bit_anywhere_in_the_body_is_refused() -> None:
    right = headers()

    for place in range(len(BODY)):
        changed = bytearray(BODY)
        changed[place] ^= 1 << place % 8
        assert code_of(right, bytes(changed)) is Code.BAD_SIGNATURE, place


@pytest.mark.parametrize("skew", [-300, 0, 300])
def test_clocks_may_be_five_minutes_apart(skew: int) -> None:
    verify(headers(skew=skew), BODY, NOW, KEYS)


@pytest.mark.parametrize("skew", [-301, 301, -86_400, 86_400 * 365])
def test_a_notice_further_off_is_stale_either_way(skew: int) -> None:
    assert code_of(headers(skew=skew)) is Code.STALE_TIMESTAMP


@pytest.mark.parametrize(
    "changed",
    [
        {"wechatpay-signature": "WECHATPAY/SIGNTEST/" + "A" * 325},
        {"wechatpay-signature": "WECHATPAY/SIGNTEST/"},
        {"wechatpay-signature": ""},
        {"wechatpay-signature": "签名"},
        {"wechatpay-signature": "A" * 344},
        {"wechatpay-signature": "A" * 100_000},
        {"wechatpay-serial": "PUB_KEY_ID_0000000000000000000000000000"},
        {"wechatpay-serial": ""},
        {"wechatpay-nonce": ""},
        {"wechatpay-nonce": "a\nb"},
        {"wechatpay-nonce": "随机"},
        {"wechatpay-timestamp": ""},
        {"wechatpay-timestamp": "-1"},
        {"wechatpay-timestamp": "１７７２４２４０００"},
        {"wechatpay-timestamp": "1" * 13},
        {"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"},
    ],
)
def test_a_misshapen_header_is_a_bad_signature(changed: dict[str, str]) -> None:
    assert code_of({**headers(), **changed}) is Code.BAD_SIGNATURE


@pytest.mark.parametrize("missing", ["timestamp", "nonce", "serial", "signature"])
def test_a_missing_header_is_a_bad_signature(missing: str) -> None:
    given = headers()
    del given[f"wechatpay-{missing}"]

    assert code_of(given) is Code.BAD_SIGNATURE


def test_the_type_of_the_signature_may_be_left_out() -> None:
    given = headers()
    del given["wechatpay-signature-type"]

    verify(given, BODY, NOW, KEYS)


def test_another_key_under_a_known_serial_is_refused() -> None:
    other = generate_private_key(public_exponent=65537, key_size=2048)

    assert code_of(headers(key=other)) is Code.BAD_SIGNATURE


def test_a_key_that_is_no_rsa_key_is_our_own_mistake() -> None:
    curve = generate_curve_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(ValueError, match="no RSA key"):
        verify(headers(), BODY, NOW, {PAY_SERIAL: curve.decode()})


def test_a_signature_is_for_its_own_moment_only() -> None:
    earlier = {name.lower(): value for name, value in pay.signed(BODY, NOW - timedelta(seconds=9)).items()}

    moved = {**earlier, "wechatpay-timestamp": str(int(NOW.timestamp()))}

    assert code_of(moved) is Code.BAD_SIGNATURE


@pytest.mark.parametrize(
    "changed",
    [
        {"algorithm": "AEAD_SM4_GCM"},
        {"algorithm": None},
        {"nonce": ""},
        {"nonce": None},
        {"nonce": "another-nonc"},
        {"associated_data": "refund"},
        {"associated_data": None},
        {"associated_data": 7},
        {"ciphertext": ""},
        {"ciphertext": None},
        {"ciphertext": "不是"},
        {"ciphertext": "AAAA"},
    ],
)
def test_a_resource_that_was_not_sealed_like_this_does_not_open(changed: dict[str, Any]) -> None:
    resource = {**json.loads(BODY)["resource"], **changed}

    with pytest.raises(JifenError) as refused:
        decrypt(SECRETS["api_v3_key"].encode(), resource)

    assert refused.value.code is Code.BAD_SIGNATURE


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(JifenError) as refused:
        decrypt(b"another-key-of-exactly-32-bytes!", json.loads(BODY)["resource"])

    assert refused.value.code is Code.BAD_SIGNATURE
