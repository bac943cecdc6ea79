"""WeChat Pay's own published notification (wechatpay-go, Apache-2.0): our sealing and verifying agree with it."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate

from local.stand_in.pay.signing import sealed, verified
from tests.connect.test_wechat_pay_signature import CERTIFICATE

SIGNATURE = (
    "tJHIiIS9eB2hAYstmAmbbD3ZE5LiIm/Ug5tuL4fC0YOFRWIHV39UFIZXC0e9Wl6lBu6sKvkqDkzpqzBsVHyXFlbYZTOQrVdG4b6L"
    "fTnK4mikv9++ixJMd3vTf2yCqvBkh98zs3Ds5zsYQakzbcwhmw4fMJs4nPLws28H0UW9FjDR//rxELLwXvV1VEA1IBLX70xptjL8"
    "hrfUjEE8kkry6yNJTHZRU8CAc7qHli2Ng1V1qb9ARbK8A3ThmFmPQvRGrapI/jS2laKKgYUmfdEdkNO6B2Cke5e8VTxY406ArAmQ"
    "90GAihDwIcb16TQMnzCMBoutnwZKNiKRACrFmtxw2Q=="
)
BODY = (
    '{"id":"3119dfba-e649-5eec-ab1e-3412bc4d2e17","create_time":"2021-06-24T16:37:26+08:00","resource_typ'
    'e":"encrypt-resource","event_type":"PAYSCORE.USER_OPEN_SERVICE","summary":"签约成功","resource":{"origin'
    'al_type":"payscore","algorithm":"AEAD_AES_256_GCM","ciphertext":"YDS3lKPaC4Y52Gf3uhft5qUBlIa8b428AWT'
    "tTauHQfQrRw+X1WpiuHIDy0vo1Vd6VEq67aVyqPdDYMkRVSDaZL3iZttevRMOoPKMifozg6XPWjIZumks/GpT48lI4NizyeaqLBo"
    "kNebthah3o1H76qSlO9NkDjp9bzmKLEYYH9TEklFUpsvPqOTOcgSLgh21YJXYR7dEBXFgRLiNIKRgO5JdXh1hccRUAlyVWxE54PX"
    'pnQ==","associated_data":"payscore","nonce":"Kj7QIyUiYx1q"}}'
)
PLAIN = (
    '{"mchid":"1234567890","appid":"054aa7d7a2a54ab5898df65bd96f001c","create_time":"2020-06-30T12:12:00+'
    '08:00","out_contract_code":"21640bdbd08e473e828f3206a2741c6e"}'
)
HEAD = "1624523846\nEcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz\n"


def _public_key() -> str:
    key = load_pem_x509_certificate(CERTIFICATE.encode()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def test_the_published_signature_is_good_over_exactly_its_bytes() -> None:
    key = _public_key()

    assert verified(key, f"{HEAD}{BODY}\n".encode(), SIGNATURE)
    assert not verified(key, f"{HEAD}{BODY} \n".encode(), SIGNATURE)
    assert not verified(key, f"{HEAD}{BODY}\n".encode(), SIGNATURE[:-4] + "AAA=")


def test_the_published_resource_is_sealed_to_the_byte() -> None:
    published = json.loads(BODY)["resource"]

    assert sealed("testMchAPIv3Key0", published["nonce"], "payscore", json.loads(PLAIN)) == published
