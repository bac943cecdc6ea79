"""What went out for money is told to WeChat (发货信息录入), which holds that money until then.

It follows what was sent and never holds it up. The same may be told again, so who got no answer tells it again.
"""

from __future__ import annotations

from chalicelib.connect.wechat.api import WechatApi
from chalicelib.connect.wechat.shipping import Parcel, Reported, Shipping, Way, report_shipping
from chalicelib.runtime import log
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.carriers import carrier_code, masked
from chalicelib.spending.mall.fulfil import BY_ITSELF
from chalicelib.spending.mall.model import Redemption, Report
from chalicelib.spending.mall.revise import Step, revise
from chalicelib.spending.mall.table import MallTable

_ENDS = {
    Reported.REPORTED: Report.DONE,
    Reported.ALREADY: Report.DONE,
    Reported.REFUSED: Report.REFUSED,
}
"""Any other outcome leaves it to the next sweep."""
UNKNOWN_CARRIER = "微信没有这家快递公司,请更正为微信的快递公司编码"


def report_sent(redemption_id: str, *, mchid: str, mall: MallTable, api: WechatApi) -> Reported | None:
    """Tell WeChat, as of the api's instant, how a redemption went out; None when there is nothing to tell.

    What is told of a parcel whose number is corrected meanwhile is told again. Raises BUSY.
    """
    found = mall.redemption(redemption_id)
    if found is None or found.report is not Report.DUE:
        return None
    shipping = shipping_of(found, mchid)
    outcome = report_shipping(api, shipping) if shipping else Reported.REFUSED
    report = _ENDS.get(outcome)
    if report is None:
        return outcome
    why = "" if report is Report.DONE else "微信不接受" if shipping else UNKNOWN_CARRIER
    line = Line("reported" if report is Report.DONE else "report_refused", BY_ITSELF, api.now, why)

    def judge(standing: Redemption) -> Step | None:
        if standing.report is not Report.DUE or standing.tracking != found.tracking:
            return None
        return Step(standing._replace(report=report), line)

    noted = revise(redemption_id, judge, mall=mall)
    if report is Report.REFUSED and not noted.replayed:
        log.outcome("redemption_report_refused", redemption=redemption_id, why="refused" if shipping else "carrier")
    return outcome


def shipping_of(found: Redemption, mchid: str) -> Shipping | None:
    """What WeChat is told of a redemption; None when its carrier has no code there. Pure."""
    item = found.name + (f"×{found.quantity}" if found.quantity > 1 else "")
    way = Way.PICK_UP if found.delivery else Way.VIRTUAL
    told = Shipping(mchid, trade_number(found.id), found.payer, item, way)
    if found.tracking is None:
        return told
    company = carrier_code(found.tracking.carrier)
    if not company:
        return None
    # A phone is told only to the one that asks for it.
    contact = masked(found.delivery.phone) if company == "SF" and found.delivery else ""
    return told._replace(way=Way.EXPRESS, parcels=(Parcel(company, found.tracking.number, contact),))
