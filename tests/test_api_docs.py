"""docs/api.md against the app: every route with its callers, fields and a real answer, every error code; none more.

`python -m tests.test_api_docs` writes the generated sections anew. The examples are answers of the deployed app to one
scripted day, with ids that count upwards.
"""

from __future__ import annotations

import inspect
import json
import re
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import TypeAdapter

from chalicelib.connect.doudian.routes import doudian
from chalicelib.connect.duiba.routes import duiba
from chalicelib.connect.push_routes import Push, UrlCheck
from chalicelib.connect.webhooks.deliver import Sender, deliver
from chalicelib.connect.webhooks.lanes import open_lanes
from chalicelib.connect.webhooks.model import Attempt
from chalicelib.connect.webhooks.table import open_endpoints
from chalicelib.connect.webhooks.tell import tell
from chalicelib.connect.wechat_pay.routes import wechat_pay
from chalicelib.connect.youzan.routes import youzan
from chalicelib.earning import simulation_events
from chalicelib.earning.behaviour_events import settle_behaviours
from chalicelib.earning.behaviour_feed import EventRecord
from chalicelib.earning.claims_table import open_claims
from chalicelib.earning.order_feed import PaidRecord, ReceiptRecord, RefundRecord
from chalicelib.earning.settle_claims import settle_claims
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import open_orders
from chalicelib.errors import Code
from chalicelib.insight.close_days import close_days
from chalicelib.insight.close_stages import close_stages
from chalicelib.insight.events import record_entries
from chalicelib.insight.table import open_insight
from chalicelib.ledger.events import post_adjustments
from chalicelib.ledger.items import notice_item
from chalicelib.ledger.model import Notice
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import StaffCheck, member, order_feed
from chalicelib.members.roles import Role
from chalicelib.members.signature import sign
from chalicelib.programme import table as programme_table
from chalicelib.programme.model import Programme
from chalicelib.publishing.channels.port import Channel, ChannelRefused
from chalicelib.publishing.model import Issue, Receipt
from chalicelib.publishing.send_due import send_due
from chalicelib.publishing.table import PublishingTable, open_publishing
from chalicelib.runtime import secret_values
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.dynamo import encode_item, service
from chalicelib.runtime.edge import anyone
from chalicelib.runtime.settings import settings
from chalicelib.spending.exchange.partner import Partner
from chalicelib.spending.gifts.plan import GiftPlan
from chalicelib.spending.lottery.campaign import Campaign
from chalicelib.spending.mall.item import MallItem
from chalicelib.spending.offers.offer import Offer
from tests.connect import mall, pay, pushes, shops
from tests.connect.allowing import EXPIRING, REMINDER, configure
from tests.connect.stage import ACCOUNTS
from tests.earning.stream import stream_records
from tests.members.stage import ADMIN_KEY, FEED_SECRET, Stage, invoke, lambda_event, open_stage
from tests.outside_world import open_world
from tests.spending.after_sales_day import after_sales_day
from tests.spending.checkout_day import checkout_day
from tests.spending.day import mall_day
from tests.spending.exchange_day import exchange_day
from tests.spending.lottery_day import lottery_day
from tests.spending.offers_day import offers_day
from tests.stand_in.official import PNG
from tests.stand_in.outsiders import CORP, MINI, SERVICE, Admin

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/api.md"
AGAIN = "run `python -m tests.test_api_docs`, look at the difference in docs/api.md, and mend the words around it"
GROUPS = {
    "For members": ("sessions", "me", "programme", "lotteries"),
    "For shops": ("ingest",),
    "For outside systems": ("callbacks",),
    "For staff": ("staff",),
}
METHODS = ("GET", "POST", "PUT", "DELETE")
LONG = ("document", "sections", "headline", "second", "third", "history", "breakdown")
"""What only the fullest example of its kind shows in full."""
BODIES_IN_FULL = {("POST", "/v1/staff/issues")}
ANSWERS_IN_FULL = {("GET", "/v1/staff/issues/{issue_id}"), ("GET", "/v1/me/entries")}
_SECTION = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Key = tuple[str, str]


_CALLERS: dict[Any, str] = {
    anyone: "anyone",
    member: "the member",
    order_feed: "a signed call",
    wechat_pay: "WeChat Pay",
    duiba: "Duiba",
    youzan: "Youzan",
    doudian: "Doudian",
    **{check(system): "WeChat" for check in (Push, UrlCheck) for system in ("official_account", "mini_program")},
    **{check("wecom"): "WeCom" for check in (Push, UrlCheck)},
}


@dataclass(frozen=True)
class Route:
    """One route as the app declares it."""

    method: str
    path: str
    view: Any

    @property
    def key(self) -> Key:
        return self.method, self.path

    @property
    def callers(self) -> str:
        check = self.view.caller_check
        if isinstance(check, StaffCheck):
            return "staff: " + ", ".join(role.value for role in Role if role in check.roles)
        return _CALLERS[check]

    @property
    def summary(self) -> str:
        return " ".join(inspect.getdoc(self.view).split())  # type: ignore[union-attr]  # every view has one

    def declared(self, name: str) -> Any:
        """What `endpoint` was told besides the callers and the body; a callback is told less."""
        return inspect.getclosurevars(self.view).nonlocals.get(name, ())


@dataclass(frozen=True)
class Example:
    """One call of the scripted day and its data."""

    asked: str
    body: Any
    data: Any


def routes() -> list[Route]:
    """Every route, by group, path and method."""
    from app import app

    def place(route: Route) -> tuple[int, str, int]:
        room = route.path.split("/")[2]
        group = next(number for number, rooms in enumerate(GROUPS.values()) if room in rooms)
        return group, route.path, METHODS.index(route.method)

    found = [
        Route(method, path, entry.view_function)
        for path, methods in app.routes.items()
        for method, entry in methods.items()
    ]
    return sorted(found, key=place)


@dataclass
class Day:
    """The scripted day: calls of the app, the first of each route kept as its example."""

    stage: Stage
    examples: dict[Key, Example] = field(default_factory=dict)

    def call(self, key: Key, body: Any = None, *, token: str = "", query: str = "", **given: Any) -> Any:
        from app import app

        method, path = key
        named = {name: given.pop(name) for name in re.findall(r"{(\w+)}", path)}
        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if raw else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= self._signature(raw or b"") if "/ingest/" in path else {}
        headers |= {name.replace("_", "-"): value for name, value in given.items()}
        parameters = {name: [value] for name, value in (pair.split("=") for pair in query.split("&") if pair)}
        answer = invoke(app, method, path, headers=headers, body=raw, query=parameters, path_parameters=named)
        asked = f"{method} {path.format(**named)}" + (f"?{query}" if query else "")
        self.examples.setdefault(key, Example(asked, body, answer.data))
        return answer.data

    def callback(self, key: Key, *, body: Any = None, query: Mapping[str, str] | None = None, **given: Any) -> None:
        """A call of an outside system, answered in its own format; `shown` stands for a sealed body."""
        from app import app

        method, path = key
        raw = body if isinstance(body, bytes) else None
        headers = {"Content-Type": "application/json", **given.get("headers", {})} if raw else {}
        several = {name: [value] for name, value in (query or {}).items()}
        answer = app(lambda_event(method, path, headers=headers, body=raw, query=several), None)
        assert answer["statusCode"] == 200, answer
        is_json = answer["headers"]["Content-Type"].startswith("application/json")
        told = json.loads(answer["body"]) if is_json else answer["body"]
        asked = f"{method} {path}" + (f"?{urlencode(query)}" if query else "")
        self.examples.setdefault(key, Example(asked, given.get("shown"), told))

    def _signature(self, raw: bytes) -> dict[str, str]:
        timestamp, nonce = str(int(self.stage.now.timestamp())), secrets.token_hex(16)
        return {
            "X-Jifen-Timestamp": timestamp,
            "X-Jifen-Nonce": nonce,
            "X-Jifen-Signature": sign(FEED_SECRET, timestamp, nonce, raw),
        }


@contextmanager
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    """A day on an empty stage; ids and tokens count upwards instead of being random."""
    numbers = count(1)
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto's streams know no account's own endpoint
    monkeypatch.setattr(secrets, "token_hex", lambda size: f"{next(numbers):0{2 * size}x}")
    monkeypatch.setattr(secrets, "randbelow", lambda below: next(numbers) % below)
    monkeypatch.setattr(secrets, "token_urlsafe", lambda size: f"{next(numbers):0{-(-4 * size // 3)}d}")
    with open_stage(monkeypatch) as stage:
        monkeypatch.setattr(simulation_events, "utc_now", lambda: stage.now)
        programme_table.forget()
        yield Day(stage)
        programme_table.forget()


def run_the_day(day: Day) -> dict[Key, Example]:
    """Every route at least once."""
    _programme(day)
    member_id = _member(day)
    _orders(day, member_id)
    operator, reviewer = _staff(day)
    _refund_quotes(day, operator)
    _issues(day, operator, reviewer)
    _terms(day, member_id, operator)
    _simulation(day, operator)
    _behaviours(day, member_id, reviewer)
    _levels(day, member_id, operator)
    _tags(day, member_id, operator)
    _penalties(day, member_id, operator, reviewer)
    _pending(day, member_id, operator)
    _transfer(day)
    _adjustments(day, member_id, operator, reviewer)
    _import(day, member_id, operator, reviewer)
    _finance(day)
    _stages(day, member_id, operator)
    _claims(day, member_id)
    _outside_systems(day)
    _outside(day, operator)
    _pushes(day)
    _webhooks(day, operator)
    _spending(day, operator)
    _lottery(day, operator, reviewer)
    _merge(day, member_id)
    checkout_day(day)
    return day.examples


def _spending(day: Day, operator: str) -> None:
    """Mei spends points; see tests/spending/day.py, after_sales_day.py and exchange_day.py."""
    session = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0040"})
    mall_day(day, session["token"], session["member_id"], operator)
    after_sales_day(day, session["token"], session["member_id"], operator)
    offers_day(day, session["token"], session["member_id"], operator)
    exchange_day(day, operator)


def _lottery(day: Day, operator: str, reviewer: str) -> None:
    """Mei draws; see tests/spending/lottery_day.py."""
    session = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0047"})
    lottery_day(day, session["token"], session["member_id"], operator, reviewer)


def _messages(queue_url: str) -> list[dict[str, str]]:
    """All that waits in a queue, as its function is given it: what the queue does, where there is one."""
    found: list[dict[str, str]] = []
    while messages := service("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        found += [{"messageId": one["MessageId"], "body": one["Body"]} for one in messages]
    return found


def _context() -> Any:
    """A function's context with three minutes left."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: 180_000)


def _document() -> dict[str, Any]:
    """The demo programme, with a penalty, with a reward that is claimed by hand, and with transfers allowed."""
    document: dict[str, Any] = json.loads((ROOT / "local/programmes/demo.json").read_text())
    by_days = next(rule for rule in document["rules"] if rule["amount"]["kind"] == "cumulative")
    by_days["amount"] |= {"rewards": [{"days": 2, "points": 5}, {"days": 15, "points": 20}], "claim": "by_hand"}
    penalty = {
        "id": "malicious_review",
        "name": "恶意差评",
        "activity": "malicious_review",
        "points_class": "behaviour",
        "amount": {"kind": "fixed", "points": 20},
        "validity": {"kind": "months", "months": 12},
        "text": "经核实的恶意差评扣20分",
    }
    others = [rule for rule in document["rules"] if rule["id"] != penalty["id"]]
    transfer = {"min_points": 10, "max_points_per_day": 500, "times_per_day": 3}
    return {**document, "transfer": transfer, "rules": [*others, penalty]}


def _programme(day: Day) -> None:
    document = _document()
    body = {"version": 1, "effective_from": "2026-01-01T00:00:00+08:00", "document": document}
    day.call(("POST", "/v1/staff/programme/versions"), body, token=ADMIN_KEY)
    day.call(("GET", "/v1/staff/programme/versions"), token=ADMIN_KEY)
    day.call(("GET", "/v1/staff/programme/versions/{version}"), token=ADMIN_KEY, version="1")


def _terms(day: Day, member_id: str, operator: str) -> None:
    """A rule goes on trial in the next version; another is paused for an hour."""
    document = _document()
    rules = {rule["id"]: rule for rule in document["rules"]}
    rules["add_to_cart"] |= {"enabled": True, "trial": {"members": [member_id]}}
    path, draft = "/v1/staff/programme/drafts", {"name": "加购积分试行", "document": document}
    draft_id = day.call(("POST", path), draft, token=operator, Idempotency_Key="cart-trial")["id"]
    rules["review"]["amount"]["points"] += 1
    edited = {**draft, "version": 1}
    day.call(("PUT", path + "/{draft_id}"), edited, token=operator, draft_id=draft_id)
    day.call(("GET", path), token=operator)
    day.call(("GET", path + "/{draft_id}"), token=operator, draft_id=draft_id)
    day.call(("POST", path + "/{draft_id}/validate"), token=operator, draft_id=draft_id)
    day.call(("GET", path + "/{draft_id}/difference"), token=operator, draft_id=draft_id)
    publication = {"version": 2, "effective_from": "2026-03-04T21:00:00+08:00", "note": "登录积分先给内部会员试行"}
    day.call(("POST", path + "/{draft_id}/publish"), publication, token=ADMIN_KEY, draft_id=draft_id)
    day.call(("GET", "/v1/programme"))
    day.stage.later(hours=2)
    versions = "/v1/staff/programme/versions/{version}/difference"
    day.call(("GET", versions), token=operator, version="1", query="to=2")
    day.call(("GET", "/v1/staff/programme/trials"), token=operator)
    rule = "/v1/staff/programme/rules/{rule_id}"
    day.call(("POST", rule + "/pause"), {"reason": "评价接口被刷"}, token=operator, rule_id="review")
    day.stage.later(hours=1)
    day.call(("POST", rule + "/resume"), {"reason": "已修复"}, token=operator, rule_id="review")
    day.call(("GET", "/v1/staff/programme/pauses"), token=operator)
    other = day.call(("POST", path), draft, token=operator, Idempotency_Key="by-mistake")["id"]
    day.call(("DELETE", path + "/{draft_id}"), token=operator, draft_id=other)


def _behaviours(day: Day, member_id: str, reviewer: str) -> None:
    """A review told by a shop, a report of the member's own, and what did not earn."""
    review = {"source": "tmall", "indicator": "review", "occurred_at": "2026-03-04T21:40:00+08:00"}
    text = "车灯很亮,夜骑看得清楚,就是充电口的胶塞有点紧,要用指甲抠一下"
    events = [
        {**review, "event_id": "review-77", "member": {"platform": "tmall", "buyer_id": "tb-42"}, "text": text},
        {**review, "event_id": "review-78", "member": {"member_id": member_id}, "length": 4},
        {**review, "event_id": "review-79", "member": {"platform": "tmall", "buyer_id": "nobody"}},
    ]
    day.call(("POST", "/v1/ingest/events"), {"events": events})
    settle_behaviours({"Records": _messages(settings().behaviours_queue_url)}, None)
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0002"})["token"]
    day.call(("POST", "/v1/me/behaviours"), {"indicator": "add_to_cart"}, token=token)
    day.call(("POST", "/v1/me/behaviours"), {"indicator": "add_to_cart", "subject": "pad"}, token=token)
    day.call(("GET", "/v1/me/tasks"), token=token)
    day.call(("GET", "/v1/me/ways-to-earn"), token=token)
    day.call(("GET", "/v1/me/refused-awards"), token=token)
    path = "/v1/staff/members/{member_id}/refused-awards"
    day.call(("GET", path), token=reviewer, query="limit=1", member_id=member_id)
    void = {"source": "tmall", "event_id": "review-78", "reason": "评价已删除"}
    day.call(("POST", "/v1/staff/behaviour-voids"), void, token=reviewer)


def _outside(day: Day, operator: str) -> None:
    """Mei allows messages; staff look at the customer groups and have a robot write into one."""
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0007"})["token"]
    with pytest.MonkeyPatch.context() as monkeypatch, open_world(day.stage, monkeypatch) as world:
        configure(day.stage, world, robots={"ops": world.post("/robots", {})["key"]})
        secret_values.forget()
        told = {"results": {REMINDER: "accept", EXPIRING: "reject"}}
        day.call(("POST", "/v1/me/message-grants"), told, token=token, Idempotency_Key="tap-1")
        day.call(("GET", "/v1/me/message-grants"), token=token)
        code = world.post("/phone-codes", {"appid": MINI[0], "person": "mei", "number": "13800000001"})["code"]
        day.call(("POST", "/v1/me/phones"), {"code": code}, token=token)
        _official_account(day, world, operator)
        chat_id = world.post("/groups", {"corpid": CORP[0], "name": "杭州车友一群", "owner": "guide-1"})["chat_id"]
        world.post("/group-joins", {"chat_id": chat_id, "members": [{"person": "mei"}, {"person": "lan"}]})
        world.advance(2)
        day.call(("GET", "/v1/staff/customer-groups"), token=operator, query="owner=guide-1&limit=20")
        task = {"sender": "guide-1", "chat_ids": [chat_id], "text": "周三会员日,积分双倍"}
        path = "/v1/staff/group-tasks"
        asked = day.call(("POST", path), task, token=operator, Idempotency_Key="task-1")["task_id"]
        day.call(("GET", path + "/{task_id}"), token=operator, task_id=asked, query="sender=guide-1")
        said = {"robot": "ops", "kind": "markdown", "content": "**周三会员日**推文还没有审核"}
        day.call(("POST", "/v1/staff/group-robot-messages"), said, token=operator, Idempotency_Key="alarm-1")


def _levels(day: Day, member_id: str, operator: str) -> None:
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0006"})["token"]
    day.call(("POST", "/v1/me/level-trials"), {"level": "gold"}, token=token)
    for path in ("level", "levels", "level-changes"):
        day.call(("GET", f"/v1/me/{path}"), token=token)
    day.call(("GET", "/v1/me/privileges"), token=token)
    ending = Notice("points_expiring", date(2026, 3, 2), {"points": {"2026-03-31": 180, "2026-04-01": 120}})
    ledger = open_ledger()
    ledger.dynamo.put_item(TableName=ledger.ledger, Item=encode_item(notice_item(member_id, ending)))
    day.call(("GET", "/v1/me/notices"), token=token)
    path = "/v1/staff/members/{member_id}"
    day.call(("GET", path + "/level"), token=operator, member_id=member_id)
    day.call(("GET", path + "/level-changes"), token=operator, member_id=member_id)
    day.call(("GET", path + "/privileges"), token=operator, query="price_fen=19990", member_id=member_id)
    lan = day.call(("POST", "/v1/sessions"), {"code": "demo-lan-0006"})["member_id"]
    given = {"level": "platinum", "days": 30, "reason": "骑行大使"}
    day.call(("POST", path + "/level-trials"), given, token=operator, member_id=lan, Idempotency_Key="ambassador-1")
    given = {"level": "gold", "until_on": "2026-12-31", "reason": "收购品牌的老会员"}
    day.call(("POST", path + "/levels"), given, token=operator, member_id=lan, Idempotency_Key="level-1")


def _tags(day: Day, member_id: str, operator: str) -> None:
    """A member is tagged, and somebody nobody knows is not."""
    path, tags = "/v1/staff/members/{member_id}/tags", ["内测用户", "骑行大使"]
    body = {"version": 0, "tags": tags, "reason": "新车灯内测名单"}
    day.call(("PUT", path), body, token=operator, member_id=member_id)
    many = {"tag": "内测用户", "action": "take", "member_ids": [member_id, "m" + "9" * 24], "reason": "内测结束"}
    day.call(("POST", "/v1/staff/tag-changes"), many, token=operator)
    day.call(("GET", path), token=operator, member_id=member_id)


def _penalties(day: Day, member_id: str, operator: str, reviewer: str) -> None:
    """One is dropped, one stands, one is overturned."""
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0003"})["token"]
    path, one = "/v1/staff/penalties", "/v1/staff/penalties/{penalty_id}"
    proposal = {
        "member_id": member_id,
        "indicator": "malicious_review",
        "evidence": "https://shop.example/complaints/42",
    }
    ids = []
    for number, reason in enumerate(("经核实为恶意差评", "威胁差评索赔", "重复提交")):
        body = {**proposal, "reason": reason}
        ids.append(day.call(("POST", path), body, token=operator, Idempotency_Key=f"complaint-{number}")["id"])
        day.stage.later(minutes=1)
    day.call(("POST", one + "/decline"), {"note": "与上一笔相同"}, token=reviewer, penalty_id=ids[2])
    for penalty_id, text in zip(ids[:2], ("那不是我写的", "我要申诉"), strict=True):
        day.call(("POST", one + "/approve"), {"note": "已核对聊天记录"}, token=reviewer, penalty_id=penalty_id)
        day.call(("POST", "/v1/me/penalties/{penalty_id}/appeal"), {"text": text}, token=token, penalty_id=penalty_id)
    day.call(("POST", one + "/overturn"), {"note": "账号当时被盗"}, token=ADMIN_KEY, penalty_id=ids[0])
    day.call(("POST", one + "/uphold"), {"note": "证据充分"}, token=ADMIN_KEY, penalty_id=ids[1])
    day.call(("GET", path), token=operator, query="state=declined&limit=20")
    day.call(("GET", one), token=operator, penalty_id=ids[0])
    day.call(("GET", "/v1/me/penalties"), token=token)


def _pending(day: Day, member_id: str, operator: str) -> None:
    """Points of an order wait for its receipt; staff let them in at once."""
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0004"})["token"]
    day.call(("GET", "/v1/me/pending"), token=token)
    path = "/v1/staff/members/{member_id}"
    named = day.call(("GET", path + "/balance"), token=operator, member_id=member_id)["pending"][0]
    change = {"cause": named["cause"], "rule": named["rule"], "change": "activate", "reason": "已核实签收"}
    changes = path + "/pending-changes"
    day.call(("POST", changes), change, token=operator, member_id=member_id, Idempotency_Key="signed-for")


def _transfer(day: Day) -> None:
    """Mei passes points on to Lan, who shows a code."""
    mei, lan = (day.call(("POST", "/v1/sessions"), {"code": f"demo-{name}-0005"})["token"] for name in ("mei", "lan"))
    code = day.call(("GET", "/v1/me/transfer-code"), token=lan)["code"]
    body = {"code": code, "points": 20}
    day.call(("POST", "/v1/me/transfers"), body, token=mei, Idempotency_Key="for-lan")


def _adjustments(day: Day, member_id: str, operator: str, reviewer: str) -> None:
    """One is approved, one withdrawn; the member is frozen for a minute."""
    path, one = "/v1/staff/adjustments", "/v1/staff/adjustments/{adjustment_id}"
    body = {
        "member_id": member_id,
        "points": 50,
        "points_class": "activity",
        "expires_on": "2026-12-31",
        "reason": "物流延误补偿",
        "evidence": "工单 42",
    }
    ids = []
    for number in range(2):
        ids.append(day.call(("POST", path), body, token=operator, Idempotency_Key=f"ticket-{number}")["id"])
        day.stage.later(minutes=1)
    day.call(("GET", path), token=reviewer, query="state=proposed&limit=20")
    day.call(("POST", one + "/approve"), token=reviewer, adjustment_id=ids[0])
    day.call(("POST", one + "/decline"), {"reason": "重复提交"}, token=operator, adjustment_id=ids[1])
    day.call(("GET", one), token=reviewer, adjustment_id=ids[0])
    member = "/v1/staff/members/{member_id}"
    day.call(("GET", member + "/entries"), token=operator, member_id=member_id, query="limit=1")
    frozen, released = {"reason": "疑似盗号"}, {"reason": "本人已核实"}
    day.call(("POST", member + "/freeze"), frozen, token=operator, member_id=member_id, Idempotency_Key="case-7")
    day.stage.later(minutes=1)
    day.call(("POST", member + "/unfreeze"), released, token=operator, member_id=member_id, Idempotency_Key="case-7b")


def _import(day: Day, member_id: str, operator: str, reviewer: str) -> None:
    """A file of two lines is looked at, imported, approved and posted; another is withdrawn."""
    path, one = "/v1/staff/adjustment-batches", "/v1/staff/adjustment-batches/{batch_id}"
    lines = ["member_id,points,class,expires_on,reason", f"{member_id},30,activity,2026-12-31,双十一补发"]
    text = "\n".join([*lines, f"{member_id},-5000,,,多发收回"]) + "\n"
    day.call(("POST", "/v1/staff/adjustment-checks"), {"csv": text.replace("30", "3.0")}, token=operator)
    body = {"name": "双十一补发", "csv": text}
    batch_id = day.call(("POST", path), body, token=operator, Idempotency_Key="double-eleven")["id"]
    day.call(("GET", path), token=reviewer, query="state=proposed&limit=20")
    day.call(("POST", one + "/approve"), token=reviewer, batch_id=batch_id)
    post_adjustments({"Records": _messages(settings().adjustments_queue_url)}, _context())
    day.call(("GET", one), token=reviewer, batch_id=batch_id)
    day.call(("GET", one + "/rows"), token=reviewer, batch_id=batch_id)
    other = {**body, "csv": text.replace("30", "31")}
    other_id = day.call(("POST", path), other, token=operator, Idempotency_Key="by-mistake")["id"]
    day.call(("POST", one + "/decline"), {"reason": "文件传错了"}, token=operator, batch_id=other_id)


def _webhooks(day: Day, operator: str) -> None:
    """An endpoint is registered and tried out, fails, is mended, gets a new secret and is told once more."""
    path, one = "/v1/staff/webhook-endpoints", "/v1/staff/webhook-endpoints/{endpoint_id}"
    wanted = {"url": "https://erp.example.com/jifen", "kinds": ["points.earned", "level.changed"], "description": "ERP"}
    made = day.call(("POST", path), wanted, token=ADMIN_KEY, Idempotency_Key="erp")
    named = {"endpoint_id": made["id"]}
    day.call(("POST", one + "/test-events"), token=operator, Idempotency_Key="try", **named)
    day.stage.later(minutes=1)
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0011"})["token"]
    day.call(("POST", "/v1/me/check-ins"), token=token)
    endpoints, lanes = open_endpoints(), open_lanes()
    waiting = tell(
        stream_records(day.stage.cloud, settings().journal_table), endpoints.endpoints(), lanes=lanes, now=day.stage.now
    )
    answers = iter([503, 410])
    sender = Sender(endpoints, lanes, open_ledger(), lambda *_given: Attempt(next(answers)), lambda: day.stage.now)
    deliver(waiting[0], "one", sender)
    day.stage.later(minutes=1)
    deliver(waiting[0], "two", sender)
    day.call(("GET", one + "/deliveries"), token=operator, query="limit=20", **named)
    edited = {**wanted, "url": "https://erp.example.com/points", "enabled": True, "version": 2}
    day.call(("PUT", one), edited, token=ADMIN_KEY, **named)
    day.stage.later(minutes=1)
    day.call(("POST", one + "/secret-rotation"), {"version": 3}, token=ADMIN_KEY, **named)
    span = {"from": "2026-04-03T00:00:00+08:00", "to": "2026-04-04T00:00:00+08:00"}
    day.call(("POST", one + "/replays"), span, token=operator, Idempotency_Key="missed", **named)
    day.call(("GET", path), token=operator)
    day.call(("GET", one), token=operator, **named)
    day.call(("DELETE", one), token=ADMIN_KEY, **named)


def _finance(day: Day) -> None:
    """March is over: what the day booked is summed, reported, closed, exported and opened again."""
    record_entries({"Records": stream_records(day.stage.cloud, settings().journal_table)}, _context())
    day.stage.now = datetime.fromisoformat("2026-04-03T01:00:00+00:00")
    close_days(open_insight(), day.stage.now.date())
    named = {"name": "finance-2", "roles": ["finance"]}
    finance = day.call(("POST", "/v1/staff/keys"), named, token=ADMIN_KEY)["key"]
    day.call(("GET", "/v1/staff/reports/liability"), token=finance, query="on=2026-03-31")
    day.call(("GET", "/v1/staff/reports/budget"), token=finance, query="month=2026-03")
    path, one = "/v1/staff/month-closes", "/v1/staff/month-closes/{month}"
    day.call(("POST", path), {"month": "2026-03"}, token=finance)
    day.call(("GET", one), token=finance, month="2026-03")
    day.call(("GET", one + "/export"), token=finance, month="2026-03")
    day.call(("POST", one + "/reopenings"), {"reason": "补记一笔退款"}, token=ADMIN_KEY, month="2026-03")
    day.call(("GET", path), token=finance)


def _stages(day: Day, member_id: str, operator: str) -> None:
    """The night after has counted the stages; Mei looks at hers, and so does her guide."""
    now = day.stage.now
    close_stages(open_insight().stages, programme_table.terms_at(now), date(2026, 4, 2), now=now)
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0010"})["token"]
    day.call(("GET", "/v1/me/stage"), token=token)
    day.call(("GET", "/v1/staff/members/{member_id}/stage"), token=operator, member_id=member_id)
    day.call(("GET", "/v1/staff/reports/stages"), token=operator)


def _outside_systems(day: Day) -> None:
    """Each connected system tells what it has to tell."""
    day.stage.rotate("connect", json.dumps(ACCOUNTS))
    secret_values.forget()
    now = day.stage.now
    paid = {**pay.PAYMENT, "success_time": "2026-04-03T08:59:30+08:00"}
    notice = pay.notice(paid)
    shown = json.loads(notice)
    shown["resource"] |= {"ciphertext": "…", "nonce": "…"}
    day.callback(("POST", pay.PATH), body=notice, headers=pay.signed(notice, now), shown=shown)
    messages = (
        (shops.YOUZAN, shops.envelope("youzan_trade_RefundSuccess", shops.REFUND)),
        (shops.DOUDIAN, [shops.PAID]),
    )
    for path, message in messages:
        raw = json.dumps(message, ensure_ascii=False).encode()
        headers = {"Event-Sign": shops.signature(path, raw)}
        day.callback(("POST", path), body=raw, headers=headers, shown=message)
    _mall(day)


def _mall(day: Day) -> None:
    """Mei goes to Duiba's mall, redeems something there and wins a few points in a game."""
    document = _document()
    next(rule for rule in document["rules"] if rule["id"] == "review")["amount"]["points"] += 1  # as in version 2
    document["indicators"].append({"id": "duiba", "name": "商城活动", "dimension": "activity"})
    won = {"id": "duiba", "name": "商城活动", "activity": "duiba", "points_class": "activity"}
    amount, validity = {"kind": "fixed", "points": 1}, {"kind": "months", "months": 3}
    document["rules"].append({**won, "amount": amount, "validity": validity})
    version = {"version": 3, "effective_from": "2026-04-03T09:00:00+08:00", "document": document}
    day.call(("POST", "/v1/staff/programme/versions"), version, token=ADMIN_KEY)
    programme_table.forget()
    day.stage.later(minutes=1)
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0009"})["token"]
    url = day.call(("GET", "/v1/me/duiba-link"), token=token)["url"]
    uid = parse_qs(urlsplit(url).query)["uid"][0]
    common = {"uid": uid, "appKey": mall.APP_KEY, "timestamp": str(int(day.stage.now.timestamp()) * 1000)}
    asked = {**common, "orderNum": "24252000B", "credits": "5", "type": "object", "description": "车铃"}
    day.callback(("GET", mall.DEDUCT), query=mall.signed(asked))
    result = {**common, "orderNum": "24252000B", "success": "true", "errorMessage": "", "bizId": "duiba.24252000B"}
    day.callback(("GET", mall.NOTIFY), query=mall.signed(result))
    won_points = {**common, "orderNum": "24252001B", "credits": "8", "type": "game"}
    day.callback(("GET", mall.ADD), query=mall.signed(won_points))


def _pushes(day: Day) -> None:
    """WeChat and WeCom check their addresses, then push an event each."""
    day.stage.rotate("connect", json.dumps(pushes.ACCOUNTS))
    secret_values.forget()
    for system, path in pushes.PATHS.items():
        message = pushes.CHAT_CHANGED if system == "wecom" else pushes.SUBSCRIBED
        sealed = pushes.seal(system, message, as_json=True)
        shown = {**json.loads(sealed.body), "Encrypt": "…"}
        day.callback(("GET", path), query=pushes.url_check(system))
        day.callback(("POST", path), query=sealed.query, body=sealed.body, shown=shown)


def _official_account(day: Day, world: Admin, operator: str) -> None:
    """An issue for all followers is shown to one of them, sent, and looked at the day after."""
    began_at = day.stage.now
    cover = day.call(("POST", "/v1/staff/covers"), {"picture": b64encode(PNG[:24]).decode()}, token=operator)
    plan = {**json.loads((ROOT / "local/issue.json").read_text()), "channel": "official_account"}
    plan["publish_at"] = in_zone(began_at + timedelta(minutes=1), "Asia/Shanghai")
    for slot in ("headline", "second", "third"):
        plan[slot]["cover_media_id"] = cover["cover_media_id"]
    issue = day.call(("POST", "/v1/staff/issues"), plan, token=operator, Idempotency_Key="to-all")
    path = "/v1/staff/issues/{issue_id}"
    openid = world.post("/followers", {"appid": SERVICE[0], "person": "mei", "tags": []})["openid"]
    day.call(("POST", f"{path}/previews"), {"openid": openid}, token=operator, issue_id=issue["id"])
    day.call(("POST", f"{path}/approval"), {"version": 1}, token=ADMIN_KEY, issue_id=issue["id"])
    send_due(open_publishing(), now=began_at + timedelta(minutes=1))
    world.advance(2 * 86_400)
    day.stage.now = began_at + timedelta(days=2)
    day.call(("GET", f"{path}/figures"), token=operator, issue_id=issue["id"])
    day.stage.now = began_at


def _merge(day: Day, member_id: str) -> None:
    """Mei had come by another account before WeChat said that it was she."""
    other = day.call(("POST", "/v1/sessions"), {"code": "demo-meimei-0001"})["member_id"]
    body = {"other_member_id": other, "reason": "本人到店确认为同一人"}
    day.call(("POST", "/v1/staff/members/{member_id}/merges"), body, token=ADMIN_KEY, member_id=member_id)


def _member(day: Day) -> str:
    """Mei registers, misses her first day's check-in and makes it up the next day."""
    day.stage.later(days=-1)
    session = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0001"})
    token = session["token"]
    settle_behaviours({"Records": _messages(settings().behaviours_queue_url)}, None)
    day.stage.later(days=1)
    day.call(("GET", "/v1/me"), token=token)
    day.call(("POST", "/v1/me/check-ins"), token=token)
    day.call(("PUT", "/v1/me/check-ins/reminder"), {"hour": 20}, token=token)
    day.call(("GET", "/v1/me/check-ins"), token=token, query="month=2026-03")
    day.call(("POST", "/v1/me/check-ins/make-ups"), {"on": "2026-03-01"}, token=token)
    day.call(("POST", "/v1/me/check-ins/rewards"), {"rule": "check_in_month", "days": 2}, token=token)
    _settle_an_order(day)
    day.call(("GET", "/v1/me/balance"), token=token)
    day.call(("GET", "/v1/me/entries"), token=token, query="limit=2")
    day.call(("DELETE", "/v1/sessions"), token=token)
    return str(session["member_id"])


def _claims(day: Day, member_id: str) -> None:
    """Mei claims an order before it comes, and one that comes without her; staff bind her phone, and look at both."""
    token = day.call(("POST", "/v1/sessions"), {"code": "demo-mei-0008"})["token"]
    path = "/v1/me/order-claims"
    day.call(("POST", path), {"platform": "tmall", "order_no": "20260402 9901", "paid_fen": 19900}, token=token)
    sold = {"kind": "paid", "platform": "tmall", "buyer_id": "tb-77", "paid_at": "2026-04-02T11:00:00+08:00"}
    orders = [{**sold, "order_no": f"20260402{number}01", "paid_fen": 19900} for number in (98, 99)]
    day.call(("POST", "/v1/ingest/orders"), {"orders": orders})
    (order,) = open_orders().orders(["tmall#202604029901"])
    settle_claims(order, claims=open_claims(), book=programme_table.terms_book(), now=day.stage.now)
    day.call(("GET", path), token=token)
    asked = "platform=tmall&order_no=202604029901"
    day.call(("GET", "/v1/staff/order-claims"), token=ADMIN_KEY, query=asked)
    given = {"platform": "tmall", "order_no": "202604029801", "member_id": member_id, "reason": "出示了付款凭证"}
    day.call(("POST", "/v1/staff/order-claims/assignments"), given, token=ADMIN_KEY)
    phone = {"phone": "13800138000"}
    day.call(("POST", "/v1/staff/members/{member_id}/phones"), phone, token=ADMIN_KEY, member_id=member_id)


def _settle_an_order(day: Day) -> None:
    paid = {"kind": "paid", "platform": "wechat", "buyer_id": "demo-mei", "paid_at": "2026-03-02T11:58:00+08:00"}
    lines = [
        {"line_no": "1", "sku": "HELMET-M", "category": "头盔", "paid_fen": 8990},
        {"line_no": "2", "sku": "LIGHT-2", "category": "车灯", "paid_fen": 4000, "quantity": 2},
    ]
    orders = [
        {**paid, "order_no": "420001", "paid_fen": 13990, "freight_fen": 1000, "lines": lines},
        {**paid, "order_no": "2026030201", "platform": "tmall", "buyer_id": "tb-42", "paid_fen": 8880},
        {
            "kind": "refund",
            "platform": "wechat",
            "order_no": "420001",
            "refund_no": "R1",
            "refunded_fen": 3000,
            "refunded_at": "2026-03-02T11:59:00+08:00",
            "lines": [{"line_no": "1", "refunded_fen": 3000}],
        },
        {
            "kind": "receipt",
            "platform": "tmall",
            "order_no": "2026030201",
            "received_at": "2026-03-02T11:59:30+08:00",
        },
        {**paid, "order_no": "420002", "paid_fen": "1.00"},
    ]
    day.call(("POST", "/v1/ingest/orders"), {"orders": orders})
    (order,) = open_orders().orders(["wechat#420001"])  # what the stream does, where there is one
    settle_order(order, ledger=open_ledger(), book=programme_table.terms_book())


def _orders(day: Day, member_id: str) -> None:
    identity = {"platform": "tmall", "buyer_id": "tb-42"}
    path = "/v1/staff/members/{member_id}/identities"
    day.call(("POST", path), identity, token=ADMIN_KEY, member_id=member_id)
    open_orders().park("parked-0001", json.dumps({"order": "tmall#2026030201"}), day.stage.now)
    day.call(("GET", "/v1/staff/parked-orders"), token=ADMIN_KEY)
    day.call(("POST", "/v1/staff/parked-orders/{record_id}/replays"), token=ADMIN_KEY, record_id="parked-0001")
    open_orders().park("parked-0002", "not a record", day.stage.now)
    day.call(("DELETE", "/v1/staff/parked-orders/{record_id}"), token=ADMIN_KEY, record_id="parked-0002")


def _refund_quotes(day: Day, operator: str) -> None:
    """A shop asks what a refund would take back, then customer service does."""
    asked = {"platform": "wechat", "order_no": "420001", "refunded_fen": 4000}
    line = {**asked, "lines": [{"line_no": "2", "refunded_fen": 4000}]}
    day.call(("POST", "/v1/ingest/refund-quotes"), line)
    day.call(("POST", "/v1/staff/refund-quotes"), {**asked, "refunded_fen": 1000, "freight_fen": 1000}, token=operator)


def _simulation(day: Day, operator: str) -> None:
    """What the first version would have paid since the member came."""
    path, asked = "/v1/staff/programme/simulations", {"version": 1, "from_on": "2026-03-01", "to_on": "2026-03-03"}
    simulation_id = day.call(("POST", path), asked, token=operator, Idempotency_Key="since-march")["id"]
    simulation_events.run_simulation({"Records": _messages(settings().simulations_queue_url)}, _context())
    day.call(("GET", path), token=operator, query="limit=20")
    day.call(("GET", path + "/{simulation_id}"), token=operator, simulation_id=simulation_id)


def _staff(day: Day) -> tuple[str, str]:
    path = "/v1/staff/keys"
    keys = [
        day.call(("POST", path), {"name": f"{role}-1", "roles": [role]}, token=ADMIN_KEY)
        for role in ("operator", "reviewer", "finance")
    ]
    day.call(("GET", path), token=ADMIN_KEY)
    day.call(("DELETE", path + "/{staff_id}"), token=ADMIN_KEY, staff_id=keys[2]["staff_id"])
    return keys[0]["key"], keys[1]["key"]


def _issues(day: Day, operator: str, reviewer: str) -> None:
    path = "/v1/staff/issues"
    plan = json.loads((ROOT / "local/issue.json").read_text()) | {"publish_at": "2026-03-04T20:00:00+08:00"}
    issue_id = day.call(("POST", path), plan, token=operator, Idempotency_Key="wednesday-1")["id"]
    day.call(("GET", path), token=operator, query="month=2026-03&limit=20")
    day.call(("GET", path + "/{issue_id}"), token=operator, issue_id=issue_id)
    edited = {**plan, "title": "三月会员日", "version": 1}
    day.call(("PUT", path + "/{issue_id}"), edited, token=operator, issue_id=issue_id)
    day.call(("POST", path + "/{issue_id}/approval"), {"version": 2}, token=reviewer, issue_id=issue_id)
    day.call(("GET", "/v1/staff/cadence"), token=operator, query="month=2026-03")
    day.stage.now = datetime.fromisoformat("2026-03-04T12:00:30+00:00")
    send_due(open_publishing(), now=day.stage.now, channels={"outbox": Channel(_refuse, deduplicates=True)})
    day.call(("POST", path + "/{issue_id}/retry"), {"version": 6}, token=reviewer, issue_id=issue_id)
    send_due(open_publishing(), now=day.stage.later(minutes=1))
    day.call(("GET", "/v1/staff/outbox"), token=operator, query="month=2026-03")
    other = day.call(("POST", path), plan, token=operator, Idempotency_Key="wednesday-2")["id"]
    day.call(("POST", path + "/{issue_id}/cancellation"), {"reason": "重复"}, token=operator, issue_id=other)


def _refuse(_table: PublishingTable, _issue: Issue, _now: datetime) -> Receipt:
    raise ChannelRefused("channel closed")


def sections(examples: Mapping[Key, Example]) -> dict[str, str]:
    """The generated sections of docs/api.md by name."""
    records = [record.model_json_schema() for record in (PaidRecord, RefundRecord, ReceiptRecord)]
    return {
        "list": _list_of_routes(),
        "routes": "\n".join(_groups(examples)),
        "order-records": "\n".join(_objects(records)),
        "event-records": "\n".join(_objects([EventRecord.model_json_schema()])),
        "programme": "\n".join(_objects([TypeAdapter(Programme).json_schema()])),
        "item": "\n".join(_objects([_beyond(MallItem, Programme)])),
        "offer": "\n".join(_objects([_beyond(Offer, Programme, MallItem)])),
        "gift-plan": "\n".join(_objects([_beyond(GiftPlan, Programme, MallItem)])),
        "partner": "\n".join(_objects([_beyond(Partner, Programme)])),
        "lottery": "\n".join(_objects([_beyond(Campaign, Programme)])),
        "errors": _errors(),
    }


def _list_of_routes() -> str:
    lines = ["| route | who may call | what it does |", "| --- | --- | --- |"]
    lines += [f"| `{route.method} {route.path}` | {route.callers} | {route.summary} |" for route in routes()]
    return "\n".join(lines) + "\n"


def _errors() -> str:
    lines = ["| code | HTTP | name | `msg` |", "| --- | --- | --- | --- |"]
    lines += [f"| {code.number} | {code.http_status} | `{code.name}` | {code.msg} |" for code in Code]
    return "\n".join(lines) + "\n"


def _groups(examples: Mapping[Key, Example]) -> Iterator[str]:
    for group, rooms in GROUPS.items():
        yield f"## {group}\n"
        for route in routes():
            if route.path.split("/")[2] in rooms:
                yield from _route(route, examples[route.key])


def _route(route: Route, example: Example) -> Iterator[str]:
    yield f"### {route.method} {route.path}\n"
    yield f"{route.summary}\n"
    facts = [f"Callers: {route.callers}."]
    if query := sorted(route.declared("query")):
        facts.append("Query: " + ", ".join(f"`{name}`" for name in query) + ".")
    if route.view.body_model:
        facts.append(f"Body: up to {route.declared('limit_bytes') // 1024} KB.")
    yield " ".join(facts) + "\n"
    if route.view.body_model:
        yield from _objects([route.view.body_model.model_json_schema()], named=False)
    yield f"```\n{example.asked}\n```\n"
    if example.body is not None:
        yield _json(example.body, in_full=route.key in BODIES_IN_FULL)
    yield "answers\n"
    if isinstance(example.data, str):
        yield f"```\n{example.data}\n```\n"
        return
    yield _json(example.data, in_full=route.key in ANSWERS_IN_FULL)


def _beyond(kind: type, *known: type) -> dict[str, Any]:
    """A document's schema, without the parts that documents told before it have, too."""
    schema = TypeAdapter(kind).json_schema()
    for before in known:
        for name in TypeAdapter(before).json_schema().get("$defs", {}).keys() & schema.get("$defs", {}).keys():
            schema["$defs"][name].pop("properties", None)
    return schema


def _objects(schemas: list[dict[str, Any]], *, named: bool = True) -> Iterator[str]:
    """A table for each object of these schemas; unnamed ones are the body itself, with its parts below it."""
    for schema in schemas:
        if named:
            yield _heading(schema)
        yield from _table(schema, schema.get("$defs", {}))
        for part in schema.get("$defs", {}).values():
            if "properties" in part:
                yield _heading(part)
                yield from _table(part, schema["$defs"])


def _heading(schema: Mapping[str, Any]) -> str:
    return f"`{schema['title']}`: {' '.join(schema['description'].split())}\n"


def _table(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[str]:
    yield "| field | type | needed | limits |\n| --- | --- | --- | --- |"
    for name, one in schema["properties"].items():
        needed = "yes" if name in schema.get("required", ()) else "no"
        yield f"| `{name}` | {_type(one, parts)} | {needed} | {_limits(one)} |"
    yield ""


def _type(one: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return _type(parts[name], parts) if "enum" in parts[name] else f"`{name}`"
    if several := one.get("anyOf") or one.get("oneOf"):
        return " or ".join(_type(part, parts) for part in several)
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    if "prefixItems" in one:
        return f"[{', '.join(_type(part, parts) for part in one['prefixItems'])}]"
    if one["type"] == "array":
        return f"list of {_type(one['items'], parts)}"
    if one.get("format") in _FORMATS:
        return _FORMATS[one["format"]]
    kind: str = one["type"]
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(kind, kind)


_FORMATS = {"date-time": "instant", "date": "day `YYYY-MM-DD`"}


def _limits(one: Mapping[str, Any]) -> str:
    limits = []
    stated = [part for part in one.get("anyOf", ()) if part.get("type") != "null"]
    if len(stated) == 1:  # what may also be null has its limits inside
        one = {**stated[0], **one}
    for low, high, unit in (
        ("minLength", "maxLength", " characters"),
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", " of them"),
    ):
        if high in one:
            limits.append(f"{one.get(low, 0):,} to {one[high]:,}{unit}")
    if "pattern" in one:
        is_plain = one["pattern"].startswith(r"^[^\x00")
        limits.append("no control characters" if is_plain else f"`{one['pattern']}`".replace("|", r"\|"))
    default = one.get("default")
    if default not in (None, "", []) and not isinstance(default, dict):
        limits.append(f"`{default if isinstance(default, str) else json.dumps(default)}` when left out")
    return ", ".join(limits)


def _json(value: Any, *, in_full: bool) -> str:
    shown = value if in_full else _abridged(value)
    return f"```json\n{json.dumps(shown, ensure_ascii=False, indent=2)}\n```\n"


def _abridged(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "…" if name in LONG and isinstance(part, dict | list) else _abridged(part)
            for name, part in value.items()
        }
    return [_abridged(part) for part in value] if isinstance(value, list) else value


def the_examples() -> dict[Key, Example]:
    """What the scripted day answered, on a stage of its own."""
    with pytest.MonkeyPatch.context() as monkeypatch, opened(monkeypatch) as day:
        return run_the_day(day)


@pytest.fixture(scope="module")
def examples() -> dict[Key, Example]:
    return the_examples()


@pytest.fixture(scope="module")
def generated(examples: dict[Key, Example]) -> dict[str, str]:
    return sections(examples)


def test_the_day_calls_every_route(examples: dict[Key, Example]) -> None:
    assert examples.keys() == {route.key for route in routes()}, "give the new route its call in the scripted day"


@pytest.mark.parametrize("name", ["list", "routes", "order-records", "event-records", "programme", "errors"])
def test_a_generated_section_is_as_the_code_has_it(generated: dict[str, str], name: str) -> None:
    written = {found[2]: found[0] for found in _SECTION.finditer(DOCUMENT.read_text())}

    assert name in written, f"docs/api.md has no section {name}"
    assert written[name] == _framed(name, generated[name]), f"section {name} of docs/api.md is stale: {AGAIN}"


def test_the_words_name_no_route_and_no_code_that_is_not_there() -> None:
    words = _SECTION.sub("", DOCUMENT.read_text())
    known = {f"{route.method} {route.path}" for route in routes()}

    assert set(re.findall(r"(?:GET|POST|PUT|DELETE) /v1/[a-z0-9/{}_.-]+", words)) <= known
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", words)) <= {code.name for code in Code}
    assert set(map(int, re.findall(r"\b([45]\d{4})\b", words))) <= {code.number for code in Code}


def _framed(name: str, text: str) -> str:
    return f"<!-- generated: {name} -->\n{text}<!-- end -->"


def _write_anew() -> None:
    found = sections(the_examples())
    anew = _SECTION.sub(lambda section: _framed(section[2], found[section[2]]), DOCUMENT.read_text())
    DOCUMENT.write_text(anew)


if __name__ == "__main__":
    _write_anew()
