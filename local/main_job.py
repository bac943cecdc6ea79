"""The main job, end to end, as its users do it: through the public API, the signed feed, a file, the stream, the rules.

Every run does it anew for the same member, with order numbers of its own; what earlier runs left stays.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.errors import Code
from chalicelib.runtime.clock import in_zone, utc_now
from local import say
from local.http_client import Api, Refused
from local.import_orders import import_orders
from local.in_process import adopted
from local.lottery_job import draw_once, open_wheel
from local.mall_job import buy_a_bottle, fill_mall, open_stores, redeem_coupon
from local.nights import run_night
from local.outside import World, a_cover, connect, new_world
from local.places import ROOT, Mend, default_places
from local.replay import deploy_stage, replay_slice
from local.stack import Cloud, Stack
from local.statement import print_outcome, print_statement

ZONE = "Asia/Shanghai"
MEMBER = "m001"
TMALL_BUYER = "tb-m001"
WAIT_S = 90
SLICE_CUSTOMERS = 40


@dataclass
class Job:
    """One run: its stage, its callers, and what it has to tell."""

    stack: Stack
    now: datetime
    admin: Api
    run: str
    outcomes: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, what: str, outcome: str) -> None:
        self.outcomes.append((what, outcome))
        say.line(f"  ✓ {what}: {outcome}")

    def order(self, number: int) -> str:
        return f"{self.run}{number:02d}"


def main(stack: Stack, cloud: Cloud) -> None:
    """Perform the main job on a deployed stage and print what happened."""
    now = utc_now()
    run = f"{now:%Y%m%d%H%M%S}"
    world = new_world(cloud.places)
    connect(stack, world, cloud.places)
    job = Job(stack, now, Api(stack.api_url, stack.secret("ADMIN_KEY_SECRET")), run)
    say.line("\nThe main job")
    _publish_programme(job)
    staff, staff_ids = _staff(job)
    issue_id = _plan_issue(job, staff["operator"], staff["reviewer"])
    member, member_id = _log_in(job)
    _expire(job, member, member_id)
    _check_in(job, member)
    _orders_by_feed(job, member)
    _orders_by_file(job, member, member_id)
    _refund(job, member)
    _behaviour(job, member)
    _adjust(job, member, member_id, staff["operator"], staff["reviewer"])
    job.tell("points mall", f"{fill_mall(staff['operator'])} items on sale, {open_stores(staff['operator'])} stores")
    job.tell("redemption", redeem_coupon(member))
    job.tell("points and money", buy_a_bottle(member, world, _await))
    job.tell("lottery", draw_once(member, open_wheel(staff["operator"], staff["reviewer"], job.now), job.run))
    say.line("\nReal purchases")
    replay_slice(deploy_stage(cloud), SLICE_CUSTOMERS)
    say.line()
    _await_issue(job, world, issue_id)
    for staff_id in staff_ids:
        job.admin.delete(f"/v1/staff/keys/{staff_id}")
    print_outcome(job.outcomes)
    print_statement(member)
    _what_next(stack, member)


def _publish_programme(job: Job) -> None:
    """Publish the demo programme; where kept data has an older one, what is worse for members waits its notice days."""
    document = json.loads((ROOT / "local/programmes/demo.json").read_text())
    versions = "/v1/staff/programme/versions"
    newest = next(iter(job.admin.get(versions)["list"]), None)
    number = newest["version"] if newest else 0
    if newest and job.admin.get(f"{versions}/{number}")["document"] == document:
        job.tell("programme", f"version {number} is in force, or announced")
        return
    starts_at = job.now if newest else datetime(2020, 1, 1, tzinfo=ZoneInfo(ZONE))
    body = {"version": number + 1, "effective_from": in_zone(starts_at, ZONE), "document": document}
    try:
        job.admin.post(versions, body)
    except Refused as refused:
        if refused.answer["code"] != Code.NOTICE_TOO_SHORT.number:
            raise
        starts_at = job.now + timedelta(days=document["notice_days"] + 1)
        job.admin.post(versions, {**body, "effective_from": in_zone(starts_at, ZONE)})
    job.tell("programme", f"{document['name']} published as version {number + 1}, from {starts_at:%Y-%m-%d}")


def _staff(job: Job) -> tuple[dict[str, Api], list[str]]:
    """An operator and a reviewer for this run, with keys of their own."""
    keys = {
        role: job.admin.post("/v1/staff/keys", {"name": f"{role}-{job.run}", "roles": [role]})
        for role in ("operator", "reviewer")
    }
    return {role: job.admin.as_caller(key["key"]) for role, key in keys.items()}, [
        key["staff_id"] for key in keys.values()
    ]


def _plan_issue(job: Job, operator: Api, reviewer: Api) -> str:
    """An operator drafts, a reviewer approves; the first approval is refused because the points item is missing."""
    plan = {**json.loads((ROOT / "local/issue.json").read_text()), "channel": "official_account"}
    cover = operator.post("/v1/staff/covers", {"picture": b64encode(a_cover(job.run)).decode()})
    for slot in ("headline", "second", "third"):
        plan[slot]["cover_media_id"] = cover["cover_media_id"]
    plan["publish_at"] = in_zone(utc_now() + timedelta(seconds=20), ZONE)
    points_item = plan["third"].pop("points_item")
    issue = operator.post("/v1/staff/issues", plan, Idempotency_Key=f"main-job-{job.run}")
    approval = f"/v1/staff/issues/{issue['id']}/approval"
    try:
        reviewer.post(approval, {"version": issue["version"]})
    except Refused as refused:
        job.tell("approval without points item", f"refused: {refused.answer['msg']} [{refused.answer['field']}]")
    else:
        raise Mend("an issue without its points item was approved")
    plan["third"]["points_item"] = points_item
    issue = operator.put(f"/v1/staff/issues/{issue['id']}", {**plan, "version": issue["version"]})
    reviewer.post(approval, {"version": issue["version"]})
    job.tell("publication", f"headline, second and third planned and approved for {plan['publish_at'][11:19]}")
    return str(issue["id"])


def _await_issue(job: Job, world: World, issue_id: str) -> None:
    """The minute rule fires it, and WeChat tells in the end whom it reached; nothing here does."""

    def reached() -> Any:
        issue = job.admin.get(f"/v1/staff/issues/{issue_id}")
        return issue if issue["state"] == "failed" or issue["outcome"] else None

    with say.step("waiting for the minute rule to fire the publication, and for its outcome"):
        issue = _await(reached, "the publication was not sent, or WeChat told no outcome")
    if issue["state"] == "failed":
        raise Mend(f"the publication failed: {issue['failure']}")
    drafts, sendings = world.received("/cgi-bin/draft/add"), world.received("/cgi-bin/message/mass/sendall")
    articles = sum(len(draft["body"]["articles"]) for draft in drafts)
    reached_by = f"{issue['outcome']['sent']} of {issue['outcome']['total']} followers reached"
    job.tell(
        "publication fired",
        f"planned {issue['publish_at'][11:19]}, sent {issue['sent_at'][11:19]}; the Official Account got {len(drafts)} "
        f"draft of {articles} articles and {len(sendings)} sending to all, {reached_by}",
    )


def _log_in(job: Job) -> tuple[Api, str]:
    session = Api(job.stack.api_url).post("/v1/sessions", {"code": f"demo-{MEMBER}-{job.run}"})
    job.tell("log-in", f"member {session['member_id'][:9]}… {'registered' if session['is_new'] else 'known'}")
    return Api(job.stack.api_url, session["token"]), session["member_id"]


def _check_in(job: Job, member: Api) -> None:
    first, again = member.post("/v1/me/check-ins"), member.post("/v1/me/check-ins")
    calendar = member.get("/v1/me/check-ins")
    job.tell(
        "check-in",
        f"{first['points']} points{' (done today already)' if first['replayed'] else ''}, day {first['streak_days']} "
        f"of the run, {calendar['next_reward_days']} to the next reward; asked again: replayed={again['replayed']}",
    )


def _orders_by_feed(job: Job, member: Api) -> None:
    """A signed call, delivered twice: the second time everything is a duplicate. What was received long enough ago is
    spendable at once, the rest waits for its day.
    """
    old = {**_paid(job, 2, 5_050), "paid_at": in_zone(job.now - timedelta(days=10), ZONE)}
    came = {
        "kind": "receipt",
        "platform": "wechat",
        "order_no": job.order(2),
        "received_at": in_zone(job.now - timedelta(days=8), ZONE),
    }
    orders = [_paid(job, 1, 12_990), old, came, {**_paid(job, 3, 100), "paid_fen": "1.00"}]
    answers = [_signed(job, "/v1/ingest/orders", {"orders": orders})["list"] for _ in range(2)]
    first = _await(lambda: _entry(member, "earn", job.order(1), "order"), "the stream did not credit the first order")
    _await(lambda: _entry(member, "activate", job.order(2)), "the received order's points did not become available")
    shown = ["/".join(one["result"] for one in answer) for answer in answers]
    job.tell("signed order feed", f"{shown[0]}; repeated: {shown[1]}")
    job.tell("points of orders", f"{first['points']}: {first['reason']}; of goods received 8 days ago: at once")


def _orders_by_file(job: Job, member: Api, member_id: str) -> None:
    """A shop's CSV in GBK: an unbound buyer's order waits until staff bind the buyer; a bad row is named."""
    stranger = f"tb-{job.run}"
    rows = [
        "订单号,买家ID,付款时间,实付金额",
        f"{job.order(4)},{stranger},{in_zone(job.now, ZONE)},88.80",
        f"1.23E+18,{stranger},{in_zone(job.now, ZONE)},10.00",
    ]
    counts = _import(job, "\n".join(rows).encode("gbk"))
    bound = job.admin.post(f"/v1/staff/members/{member_id}/identities", {"platform": "tmall", "buyer_id": stranger})
    credited = _await(lambda: _entry(member, "earn", job.order(4), "order"), "the waiting order was not credited")
    counted = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
    job.tell(
        "CSV of orders",
        f"{counted}; buyer bound, {bound['released_orders']} order credited: {credited['points']:+d} points",
    )


def _import(job: Job, raw: bytes, *, own_dates: bool = False) -> Any:
    with adopted(job.stack):
        run_file = default_places().home / "imports" / f"main-job-{job.run}-{own_dates}.json"
        return import_orders(raw, platform="tmall", run_file=run_file, own_dates=own_dates)


def _refund(job: Job, member: Api) -> None:
    """Part of the first order is refunded; the refund of an order not heard of yet comes before it."""
    records = [_refund_of(job, 1, 3_000), _refund_of(job, 5, 2_000)]
    _signed(job, "/v1/ingest/orders", {"orders": records})
    first = _await(lambda: _entry(member, "reverse", job.order(1)), "the refund was not taken back")
    _signed(job, "/v1/ingest/orders", {"orders": [_paid(job, 5, 6_000)]})
    early = _await(lambda: _entry(member, "reverse", job.order(5)), "the early refund was not booked")
    job.tell(
        "refunds",
        f"{first['points']} points of the first order; a refund that came before its order: +60 {early['points']}",
    )


def _behaviour(job: Job, member: Api) -> None:
    """A review, told twice by the shop's signed feed: two rules answer it, once."""
    told = {
        "source": "shop",
        "event_id": f"review-{job.run}",
        "indicator": "review",
        "member": {"platform": "wechat", "buyer_id": f"demo-{MEMBER}"},
        "occurred_at": in_zone(job.now, ZONE),
        "length": 36,
    }
    answers = [_signed(job, "/v1/ingest/events", {"events": [told]})["list"][0]["result"] for _ in range(2)]
    entry = _await(lambda: _latest(member, "review"), "the review earned nothing")
    job.tell("behaviour event", f"{'/'.join(answers)}: {entry['reason']}")


def _adjust(job: Job, member: Api, member_id: str, operator: Api, reviewer: Api) -> None:
    """Points by hand need a reason and a second person."""
    proposed = operator.post(
        "/v1/staff/adjustments",
        {
            "member_id": member_id,
            "points": 330,
            "points_class": "activity",
            "validity": {"kind": "days", "days": 90},
            "reason": "晒单活动补发",
        },
        Idempotency_Key=f"main-job-{job.run}",
    )
    path = f"/v1/staff/adjustments/{proposed['id']}/approve"
    try:
        operator.post(path)
    except Refused as refused:
        alone = refused.answer["msg"]
    else:
        raise Mend("an adjustment was approved by its own proposer")
    reviewer.post(path)
    entry = _await(lambda: _latest(member, "adjustment"), "the adjustment was not posted")
    job.tell("adjustment", f"proposer alone: {alone}; second person: {entry['points']:+d} {entry['reason']}")


def _latest(member: Api, activity: str) -> Any:
    entries = member.get("/v1/me/entries?limit=10")["list"]
    return next((one for one in entries if one["activity"] == activity), None)


def _expire(job: Job, member: Api, member_id: str) -> None:
    """An order of two years ago, imported with its own date: its points ended since, and the night books that."""
    paid_at = job.now - timedelta(days=730)
    job.admin.post(f"/v1/staff/members/{member_id}/identities", {"platform": "tmall", "buyer_id": TMALL_BUYER})
    rows = ["订单号,买家ID,付款时间,实付金额", f"{job.order(9)},{TMALL_BUYER},{in_zone(paid_at, ZONE)},66.00"]
    _import(job, "\n".join(rows).encode(), own_dates=True)
    _await(lambda: _entry(member, "earn", job.order(9)), "the old order was not credited")
    with say.step("a night passes"):
        run_night(job.stack, job.now.replace(hour=16, minute=5, second=0, microsecond=0) - timedelta(days=1))
    expired = _await(lambda: _entry(member, "expire", ""), "the night expired nothing")
    job.tell("night", f"{-expired['points']} points of an order of {paid_at:%Y-%m-%d} became available and ended since")


def _signed(job: Job, path: str, body: dict[str, Any]) -> Any:
    return Api(job.stack.api_url).post_signed(path, body, job.stack.secret("ORDER_FEED_SECRET"))


def _entry(member: Api, kind: str, order_no: str, rule: str = "") -> Any:
    """The newest entry of a kind that names an order (or none); with a rule, the one that this rule paid."""
    for one in member.get("/v1/me/entries?limit=50")["list"]:
        rules = {part["rule"] for part in one["breakdown"]}
        if one["kind"] == kind and one.get("order_no", "") == order_no and (not rule or rule in rules):
            return one
    return None


def _paid(job: Job, number: int, paid_fen: int) -> dict[str, Any]:
    return {
        "kind": "paid",
        "platform": "wechat",
        "order_no": job.order(number),
        "buyer_id": f"demo-{MEMBER}",
        "paid_at": in_zone(job.now, ZONE),
        "paid_fen": paid_fen,
    }


def _refund_of(job: Job, number: int, refunded_fen: int) -> dict[str, Any]:
    return {
        "kind": "refund",
        "platform": "wechat",
        "order_no": job.order(number),
        "refund_no": f"R{job.order(number)}",
        "refunded_fen": refunded_fen,
        "refunded_at": in_zone(job.now, ZONE),
    }


def _await(ready: Callable[[], Any], trouble: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := ready()):
        if time.monotonic() > deadline:
            raise Mend(f"{trouble} within {WAIT_S} s: read {default_places().cloud_log}")
        time.sleep(0.2)
    return found


def _what_next(stack: Stack, member: Api) -> None:
    say.line(f"""
The API stays up at {stack.api_url}/v1/ until `make stop`. Try:

  curl -s -X POST {stack.api_url}/v1/me/check-ins -H 'Authorization: Bearer {member.token}'
  curl -s '{stack.api_url}/v1/me/entries?limit=3' -H 'Authorization: Bearer {member.token}'
  curl -s -X POST {stack.api_url}/v1/sessions -H 'Content-Type: application/json' -d '{{"code":"demo-me-0001"}}'
  make import FILE=orders.csv PLATFORM=tmall      orders from a file of yours
  make replay                                     69,659 real purchases, every night of two years
  make run                                        again: same data, missed nights are caught up
""")
