"""Every way Jifen says no, in one list.

    JifenError
      code      a `Code`: stable number, Chinese message fit to show; number // 100 is the HTTP status
      msg       the same message, or a more exact one
      field     the offending field's path, when there is one
      retry_after_seconds  only where trying again later helps

Pure: rooms raise it, the edges alone translate it. The same table is printed in docs/api.md.
"""

from __future__ import annotations

from enum import Enum


class Code(Enum):
    """Stable error codes: (number, message)."""

    INVALID_REQUEST = 40000, "请求内容有误"
    MALFORMED_BODY = 40001, "请求体不是合法的JSON"
    INVALID_CURSOR = 40002, "翻页参数无效,请从头查询"
    INVALID_TERMS = 40003, "积分方案内容有误"
    NOT_LOGGED_IN = 40100, "请先登录"
    BAD_SIGNATURE = 40101, "签名校验失败"
    STALE_TIMESTAMP = 40102, "请求时间超出允许范围"
    LOGIN_CODE_INVALID = 40103, "登录凭证无效或已使用"
    LOGIN_REFUSED = 40301, "微信提示该账号存在风险,暂时不能登录"
    NOT_ALLOWED = 40300, "没有权限进行此操作"
    ROUTE_NOT_FOUND = 40400, "接口不存在"
    MEMBER_NOT_FOUND = 40401, "会员不存在"
    ISSUE_NOT_FOUND = 40402, "推文计划不存在"
    STAFF_KEY_NOT_FOUND = 40403, "员工密钥不存在"
    FIGURES_UNKNOWN = 40406, "这份推文没有公众号数据"
    PARKED_RECORD_NOT_FOUND = 40404, "没有这条待处理记录"
    VERSION_NOT_FOUND = 40405, "没有这个版本"
    DRAFT_NOT_FOUND = 40430, "没有这份草稿"
    RULE_NOT_FOUND = 40431, "没有这条规则"
    ADJUSTMENT_NOT_FOUND = 40460, "没有这笔积分调整"
    ORDER_NOT_FOUND = 40440, "没有这笔订单的积分记录"
    BEHAVIOUR_NOT_FOUND = 40470, "这件事没有积分记录"
    PENALTY_NOT_FOUND = 40471, "没有这笔扣分"
    SIMULATION_NOT_FOUND = 40480, "没有这次模拟"
    TOTALS_NOT_FOUND = 40490, "这一天还没有汇总数据"
    MONTH_NOT_FOUND = 40491, "这个月还没有月结"
    STAGES_NOT_COUNTED = 40492, "会员阶段还没有统计,每天凌晨统计一次"
    ITEM_NOT_FOUND = 40410, "没有这件商品"
    REDEMPTION_NOT_FOUND = 40411, "没有这笔兑换"
    COUPON_NOT_FOUND = 40412, "没有这张优惠券"
    LOTTERY_NOT_FOUND = 40425, "没有这个抽奖活动"
    DRAW_NOT_FOUND = 40426, "没有这次抽奖"
    GIFT_PLAN_NOT_FOUND = 40413, "没有这个支付有礼活动"
    PAYMENT_NOT_FOUND = 40414, "没有这笔支付"
    OFFER_NOT_FOUND = 40415, "没有这个优惠活动"
    GROUP_NOT_FOUND = 40416, "没有这个团"
    PARTNER_NOT_FOUND = 40417, "没有这个通兑伙伴"
    EXCHANGE_NOT_FOUND = 40418, "没有这笔通兑"
    WEBHOOK_ENDPOINT_NOT_FOUND = 40495, "没有这个推送地址"
    WEBHOOK_DELIVERY_NOT_FOUND = 40496, "没有这次推送"
    DEDUCTION_NOT_FOUND = 40420, "这笔订单没有用积分抵扣"
    METHOD_NOT_ALLOWED = 40500, "请求方法不支持"
    KEY_REUSED = 40900, "同一凭证的内容不一致"
    INSUFFICIENT_POINTS = 40901, "积分不足"
    BUSY = 40902, "操作太频繁,请稍后再试"
    ORDER_CHANGED = 40903, "订单内容与之前收到的不一致"
    ORDER_REFUNDED = 40941, "所属订单已全额退款"
    IDENTITY_TAKEN = 40904, "该买家账号已绑定其他会员"
    ISSUE_STATE = 40905, "推文当前状态不能这样操作"
    VERSION_TAKEN = 40906, "该版本已被他人更新,请刷新后再试"
    ACTIVITY_OFF = 40907, "活动暂未开放"
    CLAIM_OFF = 40942, "这个平台的订单暂不支持认领"
    ORDER_OWNED = 40943, "订单已归属其他会员"
    ALREADY_CHECKED_IN = 40908, "今天已经签到过了"
    MEMBER_FROZEN = 40950, "账户已冻结,暂时不能使用积分"
    BUDGET_SPENT = 40951, "本期活动名额已满"
    SOLD_OUT = 40954, "已兑完"
    ALREADY_OWNED = 40955, "你已经拥有它了"
    COUPON_STATE = 40956, "这张优惠券当前不能这样操作"
    HOLD_CLOSED = 40952, "这笔预扣积分已经处理完了"
    PENDING_CLOSED = 40953, "这笔待入账积分已经处理完了"
    NOTHING_TO_RESTORE = 40957, "这笔消耗没有可退回的积分"
    ADJUSTMENT_STATE = 40960, "这笔调整已经处理过了"
    ADJUSTMENT_LIMIT = 40961, "超过当日积分调整上限"
    ADJUSTMENT_LAPSED = 40962, "申请已超过30天,请重新提交"
    BATCH_TAKEN = 40963, "同样内容的批次已提交过"
    FREEZE_STATE = 40964, "账户已经是这个状态"
    TRANSFER_OFF = 40965, "积分转赠暂未开放"
    TRANSFER_LIMIT = 40966, "已达今日转赠上限"
    TRANSFER_REFUSED = 40967, "对方暂时不能接收积分"
    MERGE_REFUSED = 40968, "这两个账户不能合并"
    PENALTY_STATE = 40970, "这笔扣分当前不能这样处理"
    LEVELS_OFF = 40980, "当前方案没有会员等级"
    MONTH_OPEN = 40990, "这个月还没有结束,不能月结"
    PREVIOUS_MONTH_OPEN = 40991, "请先完成上个月的月结"
    TOTALS_INCOMPLETE = 40992, "汇总数据还不完整,请稍后再试"
    MONTH_NOT_LAST = 40993, "只能重新打开最近一次月结的月份"
    STAGES_OFF = 40994, "当前方案没有会员阶段"
    WEBHOOK_LIMIT = 40995, "推送地址最多20个,请先删除不用的"
    WEBHOOK_DELIVERY_WAITING = 40996, "这次推送还在进行,不用重放"
    ITEM_STATE = 40912, "商品当前状态不能这样操作"
    ITEM_CHANGED = 40913, "商品刚刚有变动,请重新确认"
    PURCHASE_LIMIT = 40914, "已达兑换上限"
    REDEMPTION_STATE = 40915, "这笔兑换当前不能这样操作"
    OFFER_STATE = 40916, "优惠活动当前不能这样操作"
    GROUP_FULL = 40917, "这个团已满"
    GROUP_CLOSED = 40918, "这个团已结束"
    ALREADY_JOINED = 40919, "你已经在这个团里了"
    DRAW_COST_CHANGED = 40924, "这次抽奖的花费与确认的不同"
    LOTTERY_CLOSED = 40925, "现在不能抽奖"
    DRAW_LIMIT = 40926, "今天的抽奖次数已用完"
    NO_CHANCE = 40927, "没有抽奖机会了"
    LOTTERY_STATE = 40928, "抽奖活动当前不能这样操作"
    PRIZE_STATE = 40929, "这个奖品当前不能领取"
    DEDUCTION_OFF = 40920, "积分抵扣暂未开放"
    ORDER_DEDUCTED = 40921, "这笔订单已经用积分抵扣过了"
    EXCHANGE_LIMIT = 40935, "已达今天的通兑上限"
    EXCHANGE_STATE = 40936, "这笔通兑当前不能这样操作"
    DRAFT_STATE = 40930, "草稿已发布,不能再改"
    PARKED_RECORD_UNREADABLE = 40909, "这条记录还不能处理,请先修复订单数据"
    BODY_TOO_LARGE = 41300, "请求内容过大"
    UNSUPPORTED_MEDIA_TYPE = 41500, "请求类型不支持,请使用application/json"
    MAKE_UP_REFUSED = 42240, "这一天不能补签"
    REWARD_REFUSED = 42241, "这个奖励还不能领取"
    ISSUE_INCOMPLETE = 42200, "推文内容不完整,不能通过审核"
    REFUND_EXCEEDS_ORDER = 42201, "退款金额超过订单金额"
    ISSUE_IN_PAST = 42202, "发布时间已过,请先改期再审核"
    TOO_MANY_REFUNDS = 42203, "这笔订单的退款次数过多"
    COVER_REFUSED = 42204, "这张图片不能作封面"
    PREVIEW_REFUSED = 42205, "这份推文不能预览"
    NOTICE_TOO_SHORT = 42230, "对会员不利的调整需要提前公布"
    IMPORT_INVALID = 42260, "导入内容有误,未保存任何一行"
    VALIDITY_OVER = 42261, "积分有效期已过,请重新提交"
    TRANSFER_CODE_INVALID = 42262, "转赠码无效或已过期"
    TRANSFER_TO_SELF = 42263, "不能转赠给自己"
    TRANSFER_TOO_SMALL = 42264, "低于单次转赠的最少积分"
    PENDING_NOT_RAISED = 42265, "待入账积分只能调低,增加请提交积分调整"
    PHONE_CODE_INVALID = 42266, "手机号授权已失效,请重新点击授权"
    QUOTE_INVALID = 42210, "报价无效或已过期,请重新确认"
    NOT_FOR_YOU = 42211, "暂不符合兑换条件"
    NOT_ON_SALE = 42212, "现在不能兑换"
    DELIVERY_MISSING = 42213, "请填写收货信息"
    EXCHANGE_TOO_SMALL = 42215, "低于每次通兑的最少积分"
    PICK_UP_CODE_INVALID = 42214, "取货码不对,请核对后重试"
    ADULTS_ONLY = 42225, "抽奖仅限年满18周岁的会员参加"
    LOTTERY_INVALID = 42226, "抽奖活动的内容有误"
    NOT_IN_FAVOUR = 42227, "已公示的抽奖只能作对会员有利的调整"
    NOT_ELIGIBLE = 42228, "暂不符合参加条件"
    DEDUCTION_EXCEEDED = 42220, "超过这笔订单可抵扣的积分"
    APPEAL_CLOSED = 42270, "申诉期限已过"
    LEVEL_TRIAL_REFUSED = 42290, "暂不能体验这个等级"
    LEVEL_REFUSED = 42291, "不能这样设置等级"
    WINDOW_REFUSED = 42280, "模拟的时间范围不合要求"
    CLAIM_LIMIT = 42900, "今天的订单认领次数已达上限,请明天再试"
    PICK_UP_LOCKED = 42910, "取货码输错次数过多,请15分钟后再试"
    WEBHOOK_URL_REFUSED = 42295, "推送地址应为https网址,域名公开,端口443或1024以上"
    INTERNAL = 50000, "服务出错了,请稍后再试"
    UNAVAILABLE = 50300, "服务繁忙,请稍后再试"
    LOGIN_CLOSED = 50301, "登录暂未开放"
    TERMS_MISSING = 50302, "积分方案尚未发布"
    NOT_CONNECTED = 50303, "该渠道尚未接通"

    @property
    def number(self) -> int:
        return self.value[0]

    @property
    def msg(self) -> str:
        return self.value[1]

    @property
    def http_status(self) -> int:
        return self.number // 100


class JifenError(Exception):
    """A refusal or a fault that an edge turns into its own protocol's answer."""

    def __init__(
        self,
        code: Code,
        msg: str | None = None,
        *,
        field: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(f"{code.name}: {msg or code.msg}" + (f" [{field}]" if field else ""))
        self.code = code
        self.msg = msg or code.msg
        self.field = field
        self.retry_after_seconds = retry_after_seconds
