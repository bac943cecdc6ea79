"""`make draws`: thousands of draws by real chance through the deployed API, then what staff read of them, and an audit.

Not among the tests, it takes minutes: 250 members draw eight times each from 32 clients, some draws are asked for again
at once and some later.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from chalicelib.runtime.clock import utc_now
from chalicelib.spending.lottery.figures import chi_square
from local.audit import Report, audit
from local.http_client import Api
from local.in_process import adopted
from local.stack import Stack
from tests.flows.stage import at_once, funded, ledger_of, log_in, patiently, points
from tests.spending.lotteries import wheel, with_prize

pytestmark = pytest.mark.cloud
MEMBERS, EACH, CLIENTS = 250, 8, 32
DRAWS, AGAIN_AT_ONCE, AGAIN_LATER = MEMBERS * EACH, 100, 100
PRICE = 20
COUNTS = {"bottle": 3, "coupon": 40}
"""Pieces of limited prizes, about a seventh and a third of how often the wheel shows them."""

Told = dict[str, Any]


class Ask(NamedTuple):
    """One call for a draw: the same member and key are the same draw."""

    member: int
    key: str


def a_wheel() -> dict[str, Any]:
    """The demo's wheel from now on, with prizes that run out while it is drawn from."""
    now = utc_now()
    span = {"from_at": now - timedelta(hours=1), "until_at": now + timedelta(days=2)}
    times = {**span, "claim_until_at": span["until_at"] + timedelta(days=30)}
    document = wheel(**{name: at.isoformat() for name, at in times.items()}, points=PRICE, daily_draws=EACH)
    document = with_prize("bottle", document, count=COUNTS["bottle"], weight=110)
    document = with_prize("coupon", document, count=COUNTS["coupon"], fallback="p20")
    return with_prize("p10", document, weight=5_900)


def published(admin: Api, name: str) -> str:
    """A lottery that one of the staff wrote and another published."""
    operator, reviewer = (
        admin.as_caller(admin.post("/v1/staff/keys", {"name": f"{role}-{name}", "roles": [role]})["key"])
        for role in ("operator", "reviewer")
    )
    written = operator.post("/v1/staff/lotteries", {"document": a_wheel()}, Idempotency_Key=name)
    body = {"version": written["version"], "reason": "开始抽奖"}
    return str(reviewer.post(f"/v1/staff/lotteries/{written['id']}/publish", body)["id"])


def asks() -> list[Ask]:
    """Every draw in no order of its members'; some twice side by side, so that two clients ask at once, some at the
    end once more.
    """
    order = random.Random(1)
    once = [Ask(member, f"draw-{turn}") for turn in range(EACH) for member in range(MEMBERS)]
    order.shuffle(once)
    chosen = order.sample(once, AGAIN_AT_ONCE + AGAIN_LATER)
    twice = set(chosen[:AGAIN_AT_ONCE])
    beside = [ask for one in once for ask in ([one, one] if one in twice else [one])]
    return beside + chosen[AGAIN_AT_ONCE:]


def drawn(cloud: Stack, tokens: Sequence[str], lottery_id: str, wanted: Sequence[Ask]) -> list[tuple[Ask, Told]]:
    """What the clients were told, each of whom asks for every 32nd draw, one after the other."""

    def client(number: int) -> list[tuple[Ask, Told]]:
        api = Api(cloud.api_url)
        return [(one, draw(api.as_caller(tokens[one.member]), one.key)) for one in wanted[number::CLIENTS]]

    def draw(member: Api, key: str) -> Any:
        path = f"/v1/me/lotteries/{lottery_id}/draws"
        return patiently(lambda: member.post(path, {"is_adult": True}, Idempotency_Key=key))

    return [one for told in at_once(CLIENTS, client) for one in told]


def kept(admin: Api, lottery_id: str) -> dict[str, Told]:
    """Every draw as staff read it, by its id."""
    found: dict[str, Told] = {}
    cursor = ""
    while True:
        page = admin.get(f"/v1/staff/lotteries/{lottery_id}/draws?limit=500{cursor}")
        found |= {one["draw_id"]: one for one in page["list"]}
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_thousands_of_draws_over_http_are_what_was_published(cloud: Stack, admin: Api, name: str) -> None:
    lottery_id = published(admin, name)
    parts = at_once(16, lambda part: [log_in(cloud, f"{name}{one}") for one in range(part, MEMBERS, 16)])
    members = [member for part in parts for member in part]
    ids = [member.get("/v1/me")["member_id"] for member in members]
    ledger = ledger_of(cloud)
    for member_id in ids:
        funded(ledger, member_id, EACH * PRICE)

    began = time.monotonic()
    told = drawn(cloud, [member.token for member in members], lottery_id, asks())
    seconds = time.monotonic() - began

    first = {ask: answer for ask, answer in told if not answer["replayed"]}
    assert len(first) == len({answer["draw_id"] for answer in first.values()}) == DRAWS
    assert Counter(answer["replayed"] for _, answer in told) == {False: DRAWS, True: AGAIN_AT_ONCE + AGAIN_LATER}
    assert all({**answer, "replayed": False} == first[ask] for ask, answer in told)
    rows = kept(admin, lottery_id)
    assert len(rows) == DRAWS
    for ask, answer in first.items():
        row = rows[answer["draw_id"]]
        assert row["member_id"] == ids[ask.member]
        assert {key: row[key] for key in answer if key != "replayed"} == {
            key: value for key, value in answer.items() if key != "replayed"
        }
    won = Counter[int]()
    for ask, answer in first.items():
        won[ask.member] += answer["points_won"]
    balances = at_once(16, lambda part: [points(member) for member in members[part::16]])
    assert balances == [[won[number] for number in range(MEMBERS)[part::16]] for part in range(16)]

    fit = statistics_agree(admin.get(f"/v1/staff/lotteries/{lottery_id}/statistics"), list(first.values()))

    found: list[Any] = []
    report = Report(found.append)
    with adopted(cloud):
        audit(report, segments=1)
    assert found == []
    print(  # noqa: T201
        f"\n  {DRAWS:,} draws of {MEMBERS} members over HTTP from {CLIENTS} clients in {seconds:.0f} s, "
        f"{len(told) - DRAWS} asked again; {report.read['accounts']:,} accounts and {report.read['entries']:,} entries "
        f"audited; chi-square {fit['chi_square']}, below {fit['critical_999']} at {fit['degrees']} degrees"
    )


def statistics_agree(shown: Told, told: Sequence[Told]) -> Told:
    """Holds what staff read against what the clients were told; the fit of what the wheel showed to its odds."""
    observed = Counter(str(answer["wheel_prize"]) for answer in told)
    given = Counter(str(answer["prize"]) for answer in told)
    (fit,) = shown["fits"]
    sums = {
        "is_whole": True,
        "draws": DRAWS,
        "members": MEMBERS,
        "points_spent": DRAWS * PRICE,
        "points_won": sum(answer["points_won"] for answer in told),
        "drawn_by_chance": 0,
        "fallbacks": sum(answer["is_fallback"] for answer in told),
        "unexplained": [],
    }
    assert {name: shown[name] for name in sums} == sums
    assert Counter({one["id"]: one["given"] for one in shown["prizes"]}) == given
    assert {one["id"]: one["taken"] for one in shown["prizes"] if one["count"]} == {
        prize: min(count, observed[prize]) for prize, count in COUNTS.items()
    }
    assert sums["fallbacks"] == sum(max(observed[prize] - count, 0) for prize, count in COUNTS.items())
    assert all(given[prize] == min(count, observed[prize]) for prize, count in COUNTS.items())
    weights = {prize["id"]: prize["weight"] for prize in a_wheel()["prizes"]}
    assert (fit["draws"], Counter(fit["observed"])) == (DRAWS, observed)
    assert abs(Fraction(fit["chi_square"]) - chi_square(observed, weights)) <= Fraction(1, 10_000)
    assert Fraction(fit["chi_square"]) < Fraction(fit["critical_999"])  # one honest run of a thousand is above it
    return dict(fit)
