"""Signatures and seals of message push: vectors published with wechatpy, wechatpy as the other side, bent bits."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto
from wechatpy.work.crypto import WeChatCrypto as WorkCrypto

from chalicelib.connect import push_crypto
from chalicelib.connect.push_message import fields_of
from chalicelib.errors import Code, JifenError
from local.stand_in import push
from local.stand_in.push import Keys

TOKEN, AES_KEY, RECEIVE_ID = "123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a"
ECHO = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q=="
ECHO_SIGNATURE, ECHO_AT, ECHO_NONCE = "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96", "1411443780", "437374425"
MESSAGE = (
    "RgqEoJj5A4EMYlLvWO1F86ioRjZfaex/gePD0gOXTxpsq5Yj4GNglrBb8I2BAJVODGajiFnXBu7mCPatfjsu6IHCrsTyeDXzF6Bv283dGymzxh6ydJRv"
    "ZsryDyZbLTE7rhnus50qGPMfp2wASFlzEgMW9z1ef/RD8XzaFYgm7iTdaXpXaG4+BiYyolBug/gYNx410cvkKR2/nPwBiT+P4hIiOAQqGp/TywZBtDh1"
    "yCF2KOd0gpiMZ5jSw3e29mTvmUHzkVQiMS6td7vXUaWOMZnYZlF3So2SjHnwh4jYFxdgpkHHqIrH/54SNdshoQgWYEvccTKe7FS709/5t6NMxuGhcUGA"
    "POQipvWTT4dShyqio7mlsl5noTrb++x6En749zCpQVhDpbV6GDnTbcX2e8K9QaNWHp91eBdCRxthuL0="
)
"""The messages of wechatpy's own tests (MIT), with their signatures."""
MESSAGE_SIGNATURE, MESSAGE_AT, MESSAGE_NONCE = "74d92dfeb87ba7c714f89d98870ae5eb62dff26d", "1411525903", "461056294"
WE = Keys("", TOKEN, AES_KEY, RECEIVE_ID)


def opened(sealed: str, *, aes_key: str = AES_KEY, receive_id: str = RECEIVE_ID) -> bytes:
    return push_crypto.decrypt(sealed, aes_key=aes_key, receive_id=receive_id)


def sealed_raw(plain: bytes) -> str:
    """These very bytes under the key: what no honest sender would seal."""
    key = base64.b64decode(AES_KEY + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def refusal(sealed: str, **given: str) -> Code:
    with pytest.raises(JifenError) as refused:
        opened(sealed, **given)
    return refused.value.code


def test_the_published_signatures_are_true_and_not_with_another_nonce() -> None:
    push_crypto.verify(ECHO_SIGNATURE, TOKEN, ECHO_AT, ECHO_NONCE, ECHO)
    push_crypto.verify(MESSAGE_SIGNATURE, TOKEN, MESSAGE_AT, MESSAGE_NONCE, MESSAGE)

    with pytest.raises(JifenError) as refused:
        push_crypto.verify(ECHO_SIGNATURE, TOKEN, ECHO_AT, "437374424", ECHO)
    assert refused.value.code is Code.BAD_SIGNATURE


def test_the_published_messages_are_opened() -> None:
    fields = fields_of(opened(MESSAGE))

    assert (fields["Content"], fields["FromUserName"]) == ("test", "messense")
    assert opened(ECHO) == b"5927782489442352469"


@pytest.mark.parametrize("crypto", [WeChatCrypto, WorkCrypto])
@pytest.mark.parametrize("length", [0, 1, 10, 11, 12, 31, 32, 33, 2000])
def test_what_wechatpy_seals_is_opened_whatever_its_length(crypto: type[WeChatCrypto], length: int) -> None:
    message = f"<xml><Content>{'文' * length}</Content></xml>"
    told = fields_of(crypto(TOKEN, AES_KEY, RECEIVE_ID).encrypt_message(message, "n", "1").encode())

    push_crypto.verify(told["MsgSignature"], TOKEN, "1", "n", told["Encrypt"])
    assert opened(told["Encrypt"]).decode() == message


@given(message=st.binary(max_size=200), salt=st.binary(min_size=16, max_size=16))
def test_any_bytes_come_back_as_they_were_sealed(message: bytes, salt: bytes) -> None:
    plain = salt + len(message).to_bytes(4, "big") + message + RECEIVE_ID.encode()
    padding = 32 - len(plain) % 32

    assert opened(sealed_raw(plain + bytes([padding]) * padding)) == message


@pytest.mark.parametrize("place", range(40))
def test_a_signature_of_which_one_bit_is_another_is_refused(place: int) -> None:
    bent = ECHO_SIGNATURE[:place] + chr(ord(ECHO_SIGNATURE[place]) ^ 1) + ECHO_SIGNATURE[place + 1 :]

    with pytest.raises(JifenError) as refused:
        push_crypto.verify(bent, TOKEN, ECHO_AT, ECHO_NONCE, ECHO)
    assert refused.value.code is Code.BAD_SIGNATURE


@pytest.mark.parametrize("told", ["", "x", ECHO_SIGNATURE.upper(), ECHO_SIGNATURE + "0", "签名", "\ud800"])
def test_a_signature_of_another_form_is_refused(told: str) -> None:
    with pytest.raises(JifenError) as refused:
        push_crypto.verify(told, TOKEN, ECHO_AT, ECHO_NONCE, ECHO)
    assert refused.value.code is Code.BAD_SIGNATURE


def test_a_message_to_another_account_is_refused() -> None:
    for other in ("wx49f0ab532d5d035b", "wx49f0ab532d5d035", "", "Xwx49f0ab532d5d035a"):
        assert refusal(MESSAGE, receive_id=other) is Code.BAD_SIGNATURE


def test_another_accounts_key_opens_nothing() -> None:
    assert refusal(MESSAGE, aes_key="a" * 43) in (Code.MALFORMED_BODY, Code.BAD_SIGNATURE)


@pytest.mark.parametrize("key", ["", "a" * 42, "a" * 44, "?" * 43])
def test_a_key_of_ours_that_is_none_is_our_own_fault(key: str) -> None:
    with pytest.raises(ValueError):
        opened(MESSAGE, aes_key=key)


@pytest.mark.parametrize(
    "sealed", ["", "AAAA", "A" * 22 + "==x", "签名", "####", "\ud800", MESSAGE[:-4], " " + MESSAGE]
)
def test_what_no_cipher_made_is_refused(sealed: str) -> None:
    assert refusal(sealed) is Code.MALFORMED_BODY


@pytest.mark.parametrize(
    "plain",
    [
        b"\0" * 32,
        b"\x21" * 32 * 2,
        b"x" * 30 + b"\x01\x02",
        b"\x20" * 32,
        b"s" * 16 + b"\xff\xff\xff\xff" + b"x" * 11 + b"\x01",
        b"s" * 16 + (12).to_bytes(4, "big") + b"x" * 11 + b"\x01",
        b"s" * 16 + b"\x10" * 16,
        b"s" * 16 + bytes(4) + RECEIVE_ID.encode() + bytes(25) + b"\x1a",
    ],
)
def test_what_the_key_opens_but_is_no_message_is_refused(plain: bytes) -> None:
    assert refusal(sealed_raw(plain)) is Code.MALFORMED_BODY


def test_any_bit_of_a_sealed_message_that_is_another_is_told_by_its_signature() -> None:
    sealed = push.seal(WE, "<xml><a>1</a></xml>", timestamp="1", nonce="2", salt=b"0123456789abcdef")
    raw = base64.b64decode(sealed.encrypted)
    for place in range(len(raw) * 8):
        bent = bytearray(raw)
        bent[place // 8] ^= 1 << place % 8
        with pytest.raises(JifenError) as refused:
            push_crypto.verify(sealed.signature, TOKEN, "1", "2", base64.b64encode(bent).decode())
        assert refused.value.code is Code.BAD_SIGNATURE
