"""What we sign for WeChat Pay, held against another implementation."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from time_machine import travel
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import build_authorization

from chalicelib.connect.wechat_pay.signing import Merchant, authorization, payment_request, signature
from tests.connect.merchant import APIV3, KEY, MCHID, NOTIFY_URL, PRIVATE, PUBLIC, SERIAL
from tests.members.stage import NOON
from tests.stand_in.outsiders import MINI

MERCHANT = Merchant(MCHID, MINI[0], SERIAL, PRIVATE, NOTIFY_URL, {})
NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"


def parts(header: str) -> dict[str, str]:
    scheme, _, given = header.partition(" ")
    return {"scheme": scheme, **dict(re.findall(r'(\w+)="([^"]*)"', given))}


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/v3/certificates", ""),
        ("GET", "/v3/pay/transactions/out-trade-no/JF000001?mchid=1900000001", ""),
        ("POST", "/v3/pay/transactions/jsapi", '{"description":"保温杯","amount":{"total":990}}'),
        ("POST", "/v3/refund/domestic/refunds", "ends with a line\n"),
    ],
)
def test_a_request_is_signed_as_another_implementation_signs_it(method: str, target: str, body: str) -> None:
    with travel(NOON, tick=False):
        theirs = build_authorization(target, method, MCHID, SERIAL, KEY, data=body, nonce_str=NONCE)

    ours = authorization(MERCHANT, method, target, body.encode(), timestamp=NOON, nonce=NONCE)

    assert parts(ours) == parts(theirs)
    assert parts(ours)["scheme"] == "WECHATPAY2-SHA256-RSA2048"


def test_a_phone_is_handed_what_another_implementation_would_sign() -> None:
    judge = WeChatPay(
        wechatpay_type=WeChatPayType.MINIPROG,
        mchid=MCHID,
        private_key=PRIVATE,
        cert_serial_no=SERIAL,
        apiv3_key=APIV3,
        appid=MINI[0],
        public_key=PUBLIC,
        public_key_id="PUB_KEY_ID_1",
    )

    asked = payment_request(MERCHANT, "wx201410272009395522657a690389285100", timestamp=NOON, nonce=NONCE)

    seconds, package = str(int(NOON.timestamp())), "prepay_id=wx201410272009395522657a690389285100"
    assert asked == {
        "timeStamp": seconds,
        "nonceStr": NONCE,
        "package": package,
        "signType": "RSA",
        "paySign": judge.sign([MINI[0], seconds, NONCE, package]),
    }


def test_the_signed_lines_are_the_five_of_the_documents() -> None:
    import base64

    header = authorization(MERCHANT, "POST", "/v3/a?b=c", b"{}", timestamp=NOON, nonce="n")

    lines = f"POST\n/v3/a?b=c\n{int(NOON.timestamp())}\nn\n{{}}\n".encode()
    KEY.public_key().verify(base64.b64decode(parts(header)["signature"]), lines, PKCS1v15(), SHA256())


def test_a_key_that_is_none_is_our_own_mistake_and_is_not_shown() -> None:
    curve = generate_private_key(SECP256R1())
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    with pytest.raises(ValueError, match="no RSA key"):
        signature(pem, b"")
    with pytest.raises(ValueError, match="cannot be read") as refused:
        signature("-----BEGIN PRIVATE KEY-----\nabcd\n-----END PRIVATE KEY-----", b"")
    assert "abcd" not in str(refused.value)
