"""Where a webhook may go: what URLs are read as, and which addresses a name may stand for."""

from __future__ import annotations

import pytest

from chalicelib.connect.webhooks.address import Forbidden, Target, allowed, target_of

PUBLIC = ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.com", Target(True, "hooks.example.com", 443, "/")),
        ("https://hooks.example.com:8443/a/b?c=d", Target(True, "hooks.example.com", 8443, "/a/b?c=d")),
        ("https://xn--fiqs8s.example/%E7%A7%AF", Target(True, "xn--fiqs8s.example", 443, "/%E7%A7%AF")),
    ],
)
def test_a_plain_https_url_is_read(url: str, target: Target) -> None:
    assert target_of(url, is_local=False) == target


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "HTTPS://hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com/#x",
        "https://hooks.example.com/?a#x",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:80/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com:/",
        "https://hooks.example.com./",
        "https://hooks..example.com/",
        "https://-hooks.example.com/",
        "https://hooks_1.example.com/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/a\r\nHost: x",
        "https://hooks.example.com/\n",
        "https://例子.example/",
        "https://localhost/",
        "https://localhost:8443/",
        "https://intranet/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://a.0x7f/",
        "https://93.184.216.34/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "//hooks.example.com/",
        "",
        "https://hooks.example.com/" + "a" * 500,
    ],
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(Forbidden):
        target_of(url, is_local=False)


def test_a_laptop_may_be_told_on_loopback_in_plain_http_and_nothing_else_more() -> None:
    assert target_of("http://127.0.0.1:5000/hooks", is_local=True) == Target(False, "127.0.0.1", 5000, "/hooks")
    assert target_of("http://localhost/hooks", is_local=True).port == 80
    for url in ("http://hooks.example.com/", "http://10.0.0.1/", "http://127.0.0.1:22/", "https://[::1]/"):
        with pytest.raises(Forbidden):
            target_of(url, is_local=True)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:93.184.216.34",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2606:2800:220:1::1%eth0",
        "0177.0.0.1",
        "2130706433",
        "hooks.example.com",
        "",
    ],
)
def test_an_address_that_is_not_on_the_public_internet_is_refused(address: str) -> None:
    for told in ([address], [*PUBLIC, address]):
        with pytest.raises(Forbidden):
            allowed(told, is_local=False)


def test_public_addresses_are_allowed_and_no_address_is_none() -> None:
    assert allowed([*PUBLIC, PUBLIC[0]], is_local=False) == PUBLIC
    with pytest.raises(Forbidden):
        allowed([], is_local=False)


def test_a_laptop_reaches_its_loopback_and_no_private_address() -> None:
    assert allowed(["127.0.0.1", "::1"], is_local=True) == ("127.0.0.1", "::1")
    with pytest.raises(Forbidden):
        allowed(["192.168.1.1"], is_local=True)
