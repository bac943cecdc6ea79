"""All APIs and all admin calls of the stand-in: a new one is in the list of its module, a new module is named here."""

from __future__ import annotations

from functools import partial

from local.stand_in import admin, login_apis, shipping_apis, subscription_apis, token_apis
from local.stand_in.duiba import apis as duiba_apis
from local.stand_in.edge import StandIn
from local.stand_in.official import admin as official_admin
from local.stand_in.official import apis as official_apis
from local.stand_in.official import mass_apis
from local.stand_in.partner import admin as partner_admin
from local.stand_in.partner import apis as partner_apis
from local.stand_in.pay import admin as pay_admin
from local.stand_in.pay import apis as pay_apis
from local.stand_in.pay.keys import PlatformKey
from local.stand_in.routing import Routes
from local.stand_in.shops import admin as shops_admin
from local.stand_in.wecom import admin as wecom_admin
from local.stand_in.wecom import apis as wecom_apis
from local.stand_in.world import new_world

APIS = (
    *token_apis.APIS,
    *login_apis.APIS,
    *subscription_apis.APIS,
    *shipping_apis.APIS,
    *official_apis.APIS,
    *mass_apis.APIS,
    *wecom_apis.APIS,
    *pay_apis.APIS,
    *duiba_apis.APIS,
    *partner_apis.APIS,
)
HANDLES = (
    *admin.HANDLES,
    *login_apis.HANDLES,
    *subscription_apis.HANDLES,
    *shipping_apis.HANDLES,
    *official_admin.HANDLES,
    *wecom_admin.HANDLES,
    *pay_admin.HANDLES,
    *duiba_apis.HANDLES,
    *shops_admin.HANDLES,
    *partner_admin.HANDLES,
)


def stand_in(pay_key: PlatformKey | None = None, callback_base: str = "") -> StandIn:
    """The whole stand-in at its beginning, which a reset goes back to."""
    return StandIn(Routes(APIS), HANDLES, partial(new_world, pay_key=pay_key, callback_base=callback_base))
