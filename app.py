"""The deployed application: one Chalice app, one blueprint per room. No logic lives here."""

from chalice.app import Chalice

from chalicelib.connect.doudian.routes import bp as doudian_routes
from chalicelib.connect.duiba.routes import bp as duiba_routes
from chalicelib.connect.events import bp as connect_events
from chalicelib.connect.push_routes import bp as push_routes
from chalicelib.connect.webhooks.events import bp as webhook_events
from chalicelib.connect.webhooks.routes import bp as webhook_routes
from chalicelib.connect.wechat.message_events import bp as message_events
from chalicelib.connect.wechat.message_routes import bp as message_routes
from chalicelib.connect.wechat_pay.routes import bp as wechat_pay_routes
from chalicelib.connect.wecom.routes import bp as wecom_routes
from chalicelib.connect.youzan.routes import bp as youzan_routes
from chalicelib.earning.behaviour_events import bp as behaviour_events
from chalicelib.earning.behaviour_routes import bp as behaviour_routes
from chalicelib.earning.check_in_events import bp as check_in_events
from chalicelib.earning.check_in_routes import bp as check_in_routes
from chalicelib.earning.claim_routes import bp as claim_routes
from chalicelib.earning.events import bp as earning_events
from chalicelib.earning.penalty_routes import bp as penalty_routes
from chalicelib.earning.routes import bp as earning_routes
from chalicelib.earning.simulation_events import bp as simulation_events
from chalicelib.earning.simulation_routes import bp as simulation_routes
from chalicelib.insight.events import bp as insight_events
from chalicelib.insight.routes import bp as insight_routes
from chalicelib.insight.stage_routes import bp as stage_routes
from chalicelib.ledger.adjustment_routes import bp as adjustment_routes
from chalicelib.ledger.events import bp as ledger_events
from chalicelib.ledger.routes import bp as ledger_routes
from chalicelib.members.level_routes import bp as level_routes
from chalicelib.members.routes import bp as members_routes
from chalicelib.programme.routes import bp as programme_routes
from chalicelib.publishing.events import bp as publishing_events
from chalicelib.publishing.routes import bp as publishing_routes
from chalicelib.runtime.edge import one_error_shape
from chalicelib.spending.checkout.events import bp as checkout_events
from chalicelib.spending.checkout.feed_routes import bp as checkout_feed_routes
from chalicelib.spending.checkout.routes import bp as checkout_routes
from chalicelib.spending.exchange.events import bp as exchange_events
from chalicelib.spending.exchange.routes import bp as exchange_routes
from chalicelib.spending.exchange.staff_routes import bp as exchange_staff_routes
from chalicelib.spending.gifts.events import bp as gift_events
from chalicelib.spending.gifts.routes import bp as gift_routes
from chalicelib.spending.goods.coupon_routes import bp as coupon_routes
from chalicelib.spending.lottery.routes import bp as lottery_routes
from chalicelib.spending.lottery.staff_routes import bp as lottery_staff_routes
from chalicelib.spending.mall.events import bp as mall_events
from chalicelib.spending.mall.fulfil_routes import bp as mall_fulfil_routes
from chalicelib.spending.mall.routes import bp as mall_routes
from chalicelib.spending.mall.staff_routes import bp as mall_staff_routes
from chalicelib.spending.mall.store_routes import bp as store_routes
from chalicelib.spending.offers.events import bp as offer_events
from chalicelib.spending.offers.routes import bp as offer_routes
from chalicelib.spending.offers.staff_routes import bp as offer_staff_routes

app = Chalice(app_name="jifen")
app.register_middleware(one_error_shape, "http")
for blueprint in (
    adjustment_routes,
    behaviour_routes,
    check_in_routes,
    checkout_feed_routes,
    checkout_routes,
    claim_routes,
    coupon_routes,
    doudian_routes,
    duiba_routes,
    earning_routes,
    exchange_routes,
    exchange_staff_routes,
    gift_routes,
    insight_routes,
    ledger_routes,
    level_routes,
    mall_fulfil_routes,
    lottery_routes,
    lottery_staff_routes,
    mall_routes,
    mall_staff_routes,
    members_routes,
    offer_routes,
    offer_staff_routes,
    message_routes,
    penalty_routes,
    programme_routes,
    publishing_routes,
    push_routes,
    simulation_routes,
    stage_routes,
    store_routes,
    wechat_pay_routes,
    youzan_routes,
    wecom_routes,
    webhook_routes,
):
    app.register_blueprint(blueprint, url_prefix="/v1")
for blueprint in (
    behaviour_events,
    check_in_events,
    checkout_events,
    connect_events,
    earning_events,
    exchange_events,
    gift_events,
    insight_events,
    ledger_events,
    mall_events,
    message_events,
    offer_events,
    publishing_events,
    simulation_events,
    webhook_events,
):
    app.register_blueprint(blueprint)
