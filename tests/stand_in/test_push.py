"""Sealed messages: wechatpy's published vectors, and wechatpy reading what we seal."""

from __future__ import annotations

from wechatpy.crypto import WeChatCrypto
from wechatpy.work.crypto import WeChatCrypto as WorkCrypto

from local.stand_in import push
from local.stand_in.push import Keys

KEYS = Keys("http://127.0.0.1/", "123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a")
REPLY = """<xml>
<MsgType><![CDATA[text]]></MsgType>
<Content><![CDATA[test]]></Content>
<FromUserName><![CDATA[wx49f0ab532d5d035a]]></FromUserName>
<ToUserName><![CDATA[messense]]></ToUserName>
<AgentID>1</AgentID>
<CreateTime>1411525903</CreateTime>
</xml>"""
"""The vector of wechatpy's own tests (MIT), with 1234567890123456 as its salt."""
ENCRYPTED = (
    "9s4gMv99m88kKTh/H8IdkOiMg6bisoy3ypwy9H4hvSPe9nsGaqyw5hhSjdYbcrKk+j3nba4HMOTzHrluLBYqxgNcBqGsL8GqxlhZgURnAtObves"
    "El5nZ+uBE8bviY0LWke8Zy9V/QYKxNV2FqllNXcfmstttyIkMKCCmVbCFM2JTF5wY0nFhHZSjPUL2Q1qvSUCUld+/WIXrx0oyKQmpB6o8NRrrNr"
    "sDf03oxI1p9FxUgMnwKKZeOA/uu+2IEvEBtb7muXsVbwbgX05UPPJvFurDXafG0RQyPR+mf1nDnAtQmmNOuiR5MIkdQ39xn1vWwi1O5oazPoQJz0"
    "nTYjxxEE8kv3kFxtAGVRe3ypD3WeK2XeFYFMNMpatF9XiKzHo3"
)


def test_the_published_vector_is_sealed_and_signed_to_the_byte() -> None:
    sealed = push.seal(KEYS, REPLY, timestamp="1411525903", nonce="461056294", salt=b"1234567890123456")

    assert sealed.encrypted == ENCRYPTED
    assert sealed.signature == "407518b7649e86ef23978113f92d27afa9296533"


def test_the_published_signature_of_a_url_check() -> None:
    echo = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q=="

    assert push.sign("123456", "1411443780", "437374425", echo) == "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96"


def test_wechatpy_reads_what_we_seal_whatever_its_length() -> None:
    for length in (0, 1, 11, 12, 31, 32, 1000):
        message = f"<xml><Content>{'文' * length}</Content></xml>"
        sealed = push.seal(KEYS, message, timestamp="1", nonce="2", salt=b"0123456789abcdef")
        body = push.xml({"Encrypt": sealed.encrypted})
        for crypto in (WeChatCrypto, WorkCrypto):
            judge = crypto(KEYS.token, KEYS.aes_key, KEYS.receive_id)
            assert judge.decrypt_message(body, sealed.signature, "1", "2") == message


def test_xml_nests_and_repeats() -> None:
    made = push.xml({"a": "甲", "n": 1, "deep": {"item": [{"i": 1}, {"i": 2}]}, "none": {}})

    assert made == (
        "<xml><a><![CDATA[甲]]></a><n>1</n><deep><item><i>1</i></item><item><i>2</i></item></deep><none></none></xml>"
    )
