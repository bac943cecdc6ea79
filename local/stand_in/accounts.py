"""Who is registered outside: apps and Official Accounts, a corp, merchants. A few are there at first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, TypeVar, get_args

from local.stand_in.wire import Unknown

Kind = Literal["mini_program", "service", "subscription"]


@dataclass(frozen=True, slots=True)
class App:
    """A mini-program or an Official Account. `push_*`: where its events go, and with which keys, in safe mode."""

    appid: str
    secret: str
    kind: str
    original_id: str = "gh_000000000000"
    verified: bool = True
    open_platform: str = ""
    """Apps of one open platform account give a person one unionid; empty: none is given."""
    protected: bool = False
    """With it an admin must confirm each mass sending within half an hour."""
    publish_id_is_number: bool = False
    push_url: str = ""
    push_token: str = ""
    push_aes_key: str = ""


@dataclass(frozen=True, slots=True)
class Corp:
    """A WeCom corp with the secrets of its apps, and the callback of its customer contact events."""

    corpid: str
    secrets: tuple[str, ...]
    gives_unionid: bool = True
    open_platform: str = ""
    lists_members: bool = True
    """Whether its group events say who came and went, as newer ones do."""
    push_url: str = ""
    push_token: str = ""
    push_aes_key: str = ""


@dataclass(frozen=True, slots=True)
class Merchant:
    """A WeChat Pay merchant: the serial and public key (PEM) its own requests are signed with, its APIv3 key."""

    mchid: str
    serial: str
    public_key: str
    apiv3_key: str
    appids: tuple[str, ...] = ()


Registered = TypeVar("Registered", App, Corp, Merchant)


class Accounts:
    def __init__(self) -> None:
        self.apps: dict[str, App] = {one.appid: one for one in FIRST_APPS}
        self.corps: dict[str, Corp] = {FIRST_CORP.corpid: FIRST_CORP}
        self.merchants: dict[str, Merchant] = {}

    def put_app(self, given: Mapping[str, Any]) -> App:
        app = _read(App, given)
        if app.kind not in get_args(Kind):
            raise Unknown(f"kind is one of {', '.join(get_args(Kind))}")
        self.apps[app.appid] = app
        return app

    def put_corp(self, given: Mapping[str, Any]) -> Corp:
        corp = _read(Corp, given)
        self.corps[corp.corpid] = corp
        return corp

    def put_merchant(self, given: Mapping[str, Any]) -> Merchant:
        merchant = _read(Merchant, given)
        if len(merchant.apiv3_key.encode()) != 32:
            raise Unknown("apiv3_key is 32 bytes long")
        self.merchants[merchant.mchid] = merchant
        return merchant

    def app(self, appid: str) -> App:
        """Raises Unknown."""
        if appid not in self.apps:
            raise Unknown(f"no app {appid}")
        return self.apps[appid]

    def corp(self, corpid: str) -> Corp:
        """Raises Unknown."""
        if corpid not in self.corps:
            raise Unknown(f"no corp {corpid}")
        return self.corps[corpid]


FIRST_APPS = (
    App("wx00000000000000a1", "a1" * 16, "mini_program", "gh_a10000000000", open_platform="op1"),
    App("wx00000000000000b1", "b1" * 16, "service", "gh_b10000000000", open_platform="op1"),
    App("wx00000000000000c1", "c1" * 16, "subscription", "gh_c10000000000", verified=False),
)
FIRST_CORP = Corp("ww00000000000000d1", ("d1" * 16,), open_platform="op1")


def _read(kind: type[Registered], given: Mapping[str, Any]) -> Registered:
    """A record of its fields, lists as tuples. Raises Unknown naming what is missing, unknown or of another type."""
    known = {field.name: field for field in fields(kind)}
    for name, field in known.items():
        if name not in given and field.default is MISSING:
            raise Unknown(f"{name} is missing")
    for name, value in given.items():
        if name not in known:
            raise Unknown(f"{name} is not known: there are {', '.join(known)}")
        wanted = {"str": str, "bool": bool}.get(str(known[name].type), list)
        if not isinstance(value, wanted):
            raise Unknown(f"{name} is {wanted.__name__}")
    read: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return kind(**read)
