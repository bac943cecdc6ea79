"""The deployed application: which module has which routes, one or a few in each room. No logic lives here."""

from chalicelib.runtime.edge import one_error_shape
from chalicelib.runtime.late import LateApp

ROUTES = {
    "chalicelib.connect.doudian.routes": ("/callbacks/doudian",),
    "chalicelib.connect.duiba.routes": (
        "/callbacks/duiba",
        "/me/duiba-link",
    ),
    "chalicelib.connect.push_routes": (
        "/callbacks/mini-program",
        "/callbacks/official-account",
        "/callbacks/wecom",
    ),
    "chalicelib.connect.webhooks.routes": ("/staff/webhook-endpoints",),
    "chalicelib.connect.wechat.message_routes": ("/me/message-grants",),
    "chalicelib.connect.wechat_pay.routes": ("/callbacks/wechat-pay",),
    "chalicelib.connect.wecom.routes": (
        "/staff/customer-groups",
        "/staff/group-robot-messages",
        "/staff/group-tasks",
    ),
    "chalicelib.connect.youzan.routes": ("/callbacks/youzan",),
    "chalicelib.earning.behaviour_routes": (
        "/ingest/events",
        "/me/behaviours",
        "/me/refused-awards",
        "/me/tasks",
        "/me/ways-to-earn",
        "/staff/behaviour-voids",
        "/staff/members/{member_id}/refused-awards",
    ),
    "chalicelib.earning.check_in_routes": ("/me/check-ins",),
    "chalicelib.earning.claim_routes": (
        "/me/order-claims",
        "/staff/order-claims",
    ),
    "chalicelib.earning.penalty_routes": (
        "/me/penalties",
        "/staff/penalties",
    ),
    "chalicelib.earning.routes": (
        "/ingest/orders",
        "/ingest/refund-quotes",
        "/me/phones",
        "/staff/members/{member_id}/identities",
        "/staff/members/{member_id}/phones",
        "/staff/parked-orders",
        "/staff/refund-quotes",
    ),
    "chalicelib.earning.simulation_routes": ("/staff/programme/simulations",),
    "chalicelib.insight.routes": (
        "/staff/month-closes",
        "/staff/reports/budget",
        "/staff/reports/liability",
    ),
    "chalicelib.insight.stage_routes": (
        "/me/stage",
        "/staff/members/{member_id}/stage",
        "/staff/reports/stages",
    ),
    "chalicelib.ledger.adjustment_routes": (
        "/staff/adjustment-batches",
        "/staff/adjustment-checks",
        "/staff/adjustments",
    ),
    "chalicelib.ledger.routes": (
        "/me/balance",
        "/me/entries",
        "/me/pending",
        "/me/transfer-code",
        "/me/transfers",
        "/staff/members/{member_id}/balance",
        "/staff/members/{member_id}/entries",
        "/staff/members/{member_id}/freeze",
        "/staff/members/{member_id}/pending-changes",
        "/staff/members/{member_id}/unfreeze",
    ),
    "chalicelib.members.level_routes": (
        "/me/level",
        "/me/level-changes",
        "/me/level-trials",
        "/me/levels",
        "/me/notices",
        "/me/privileges",
        "/staff/members/{member_id}/level",
        "/staff/members/{member_id}/level-changes",
        "/staff/members/{member_id}/level-trials",
        "/staff/members/{member_id}/levels",
        "/staff/members/{member_id}/privileges",
    ),
    "chalicelib.members.routes": (
        "/me",
        "/sessions",
        "/staff/keys",
        "/staff/members/{member_id}/merges",
    ),
    "chalicelib.members.tag_routes": (
        "/staff/members/{member_id}/tags",
        "/staff/tag-changes",
    ),
    "chalicelib.programme.routes": (
        "/programme",
        "/staff/programme/drafts",
        "/staff/programme/pauses",
        "/staff/programme/rules",
        "/staff/programme/trials",
        "/staff/programme/versions",
    ),
    "chalicelib.publishing.routes": (
        "/staff/cadence",
        "/staff/covers",
        "/staff/issues",
        "/staff/outbox",
    ),
    "chalicelib.spending.checkout.feed_routes": (
        "/ingest/checkout-captures",
        "/ingest/checkout-holds",
        "/ingest/checkout-quotes",
        "/ingest/checkout-refunds",
        "/ingest/checkout-releases",
    ),
    "chalicelib.spending.checkout.routes": (
        "/me/checkout-holds",
        "/me/checkout-quotes",
        "/me/checkout-releases",
    ),
    "chalicelib.spending.exchange.routes": (
        "/me/exchange-partners",
        "/me/exchanges",
    ),
    "chalicelib.spending.exchange.staff_routes": (
        "/staff/exchange-partners",
        "/staff/exchanges",
    ),
    "chalicelib.spending.gifts.routes": (
        "/me/payment-gifts",
        "/staff/payment-gifts",
        "/staff/payments",
    ),
    "chalicelib.spending.goods.coupon_routes": (
        "/ingest/coupon-returns",
        "/ingest/coupon-uses",
        "/staff/coupons",
        "/staff/members/{member_id}/coupons",
    ),
    "chalicelib.spending.lottery.routes": (
        "/lotteries",
        "/me/lotteries",
        "/me/prizes",
    ),
    "chalicelib.spending.lottery.staff_routes": ("/staff/lotteries",),
    "chalicelib.spending.mall.fulfil_routes": (
        "/staff/mall/pick-ups",
        "/staff/mall/redemptions",
        "/staff/mall/ship-list",
        "/staff/mall/tracking-files",
        "/staff/members/{member_id}/redemptions",
    ),
    "chalicelib.spending.mall.routes": (
        "/me/badges",
        "/me/coupons",
        "/me/mall",
        "/me/redemptions",
    ),
    "chalicelib.spending.mall.staff_routes": (
        "/staff/mall/code-pools",
        "/staff/mall/items",
    ),
    "chalicelib.spending.offers.routes": (
        "/me/groups",
        "/me/offers",
    ),
    "chalicelib.spending.offers.staff_routes": ("/staff/offers",),
}
EVENTS = (
    "chalicelib.connect.events",
    "chalicelib.connect.webhooks.events",
    "chalicelib.connect.wechat.message_events",
    "chalicelib.earning.behaviour_events",
    "chalicelib.earning.check_in_events",
    "chalicelib.earning.events",
    "chalicelib.earning.simulation_events",
    "chalicelib.insight.events",
    "chalicelib.ledger.events",
    "chalicelib.publishing.events",
    "chalicelib.spending.checkout.events",
    "chalicelib.spending.exchange.events",
    "chalicelib.spending.gifts.events",
    "chalicelib.spending.mall.events",
    "chalicelib.spending.offers.events",
)

app = LateApp("jifen", routes=ROUTES, events=EVENTS)
app.register_middleware(one_error_shape, "http")
