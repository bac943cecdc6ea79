"""The brand's merchant at the stand-in's WeChat Pay, and what a member pays by it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chalicelib.connect.wechat_pay.api import PayApi, open_pay
from chalicelib.connect.wechat_pay.orders import OrderAsked
from chalicelib.runtime import secret_values
from tests.members.stage import NOON, Stage
from tests.outside_world import ACCOUNTS
from tests.stand_in.outsiders import MINI, Admin, Json

MCHID, SERIAL, APIV3 = "1900000001", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", "apiv3-key-of-the-tests-32-bytes!"
KEY = generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
NOTIFY_URL = "https://jifen.example/v1/callbacks/wechat-pay"
PAYER = "o" * 28
NUMBER = "JF20260302000001"
ASKED = OrderAsked(NUMBER, "保温杯 3000积分+9.9元", 990, PAYER, NOON + timedelta(minutes=15))


def register(world: Admin) -> Json:
    """Have the stand-in know the merchant; what the stage's secret says of it."""
    world.post(
        "/merchants",
        {"mchid": MCHID, "serial": SERIAL, "public_key": PUBLIC, "apiv3_key": APIV3, "appids": [MINI[0]]},
    )
    own = world.get("/pay-key")
    return {
        "mchid": MCHID,
        "appid": MINI[0],
        "api_v3_key": APIV3,
        "keys": {own["key_id"]: own["public_key"]},
        "serial": SERIAL,
        "private_key": PRIVATE,
        "notify_url": NOTIFY_URL,
    }


def connect(stage: Stage, merchant: Json) -> None:
    """Put what is known of the merchant into the stage's secret."""
    stage.rotate("connect", json.dumps({**ACCOUNTS, "wechat_pay": merchant}))
    secret_values.forget()


def open_merchant(stage: Stage, world: Admin) -> PayApi:
    connect(stage, register(world))
    return open_pay(stage.now)


def paid_by(world: Admin, **given: Any) -> Json:
    """The member pays."""
    return world.post("/payments", {"mchid": MCHID, "out_trade_no": NUMBER, "quiet": True, **given})
