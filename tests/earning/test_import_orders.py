"""A file of orders into a stage, on the feed's own path: counted, explained row by row, resumable, repeatable."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from moto import mock_aws

from chalicelib.earning.order import order_key
from chalicelib.earning.table import open_orders
from chalicelib.errors import JifenError
from chalicelib.members.model import Identity
from chalicelib.members.register import register
from chalicelib.members.table import open_members
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from local import import_orders as tool
from local.import_orders import CHUNK, Run, import_orders
from local.places import ROOT
from tests.moto_cloud import moto_tables
from tests.tables import QUEUES

MEMBER = "m" + "0" * 24
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
FILE = """订单号,买家ID,付款时间,实付金额,备注
1,小明,2024/5/6 7:08,12.99,
1.23E+18,小明,2024/5/6 7:08,12.99,
2,路人,2024/5/6 7:08,1,
3,小明,2024/5/6 7:08,1.005,
4,小明,2034/5/6 7:08,1,
1,小明,2024/5/6 7:08,13,
"""


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stage this process has adopted: tables, published terms, one member."""
    given = {"STAGE": "test", "LOGIN": "closed", "DUE_SHARDS": "8", "ADMIN_KEY_SECRET": "-"}
    given |= {
        "ORDER_FEED_SECRET": "-",
        "PHONE_SECRET": "phone-key",
        "QUOTE_SECRET": "quote-key",
        "CONNECT_SECRET": "-",
        "OUTSIDE_URL": "",
        "SUBSCRIBE_MESSAGES": "off",
    }
    given |= dict.fromkeys(QUEUES, "-") | {"AWS_DEFAULT_REGION": "cn-north-1"}
    given |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "testing")
    with mock_aws():
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        for name, value in moto_tables(dynamo.client(), "test").items():
            monkeypatch.setenv(name, value)
        document = json.loads((ROOT / "local" / "programmes" / "demo.json").read_text())
        publish(open_programme(), version=1, document=document, effective_from=SINCE, published_by="test", now=SINCE)
        register(open_members(), Identity("tmall", "小明"), MEMBER, SINCE)
        yield
    settings.cache_clear()


def load(text: str, run_file: Path, *, own_dates: bool = False) -> Counter[str]:
    return import_orders(text.encode(), platform="tmall", run_file=run_file, own_dates=own_dates)


def test_good_rows_are_kept_and_bad_ones_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = load(FILE, tmp_path / "run")

    assert counts == Counter(accepted=1, waiting=1, refused=4)
    printed = capsys.readouterr().out
    assert "columns not used: 备注" in printed
    assert "第3行「订单号」已被Excel改成科学计数法(1.23E+18)" in printed
    assert "第5行「实付金额」应为金额" in printed
    assert "第6行「付款时间」在未来" in printed
    assert "第7行「订单号」订单内容与之前收到的不一致" in printed
    (order,) = open_orders().orders([order_key("tmall", "1")])
    assert (order.member_id, order.paid and order.paid.paid_fen) == (MEMBER, 1299)


def test_a_finished_file_again_is_all_duplicates(tmp_path: Path) -> None:
    load(FILE, tmp_path / "run")

    again = load(FILE, tmp_path / "run")

    assert again == Counter(duplicate=2, refused=4)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = load("".join(FILE.splitlines(keepends=True)[:3]), tmp_path / "first rows")
    Run(tmp_path / "run", next_row=2, counts=done).save()

    counts = load(FILE, tmp_path / "run")

    assert "continuing at row 4" in capsys.readouterr().out
    assert counts == Counter(accepted=1, waiting=1, refused=4)


def test_more_rows_than_a_call_holds_go_in_several(tmp_path: Path) -> None:
    rows = "".join(f"{number},小明,20240506,1\n" for number in range(1, CHUNK + 6))

    counts = load("order_no,buyer_id,paid_at,paid_fen\n" + rows, tmp_path / "run")

    assert counts == Counter(accepted=CHUNK + 5)
    assert json.loads((tmp_path / "run").read_text())["next_row"] == CHUNK + 5


def test_a_replay_receives_each_order_at_its_own_date(tmp_path: Path) -> None:
    load(FILE, tmp_path / "run", own_dates=True)

    (order,) = open_orders().orders([order_key("tmall", "2")])
    assert order.received_at == datetime(2024, 5, 5, 23, 8, tzinfo=UTC)


def test_a_file_that_is_no_sheet_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(JifenError):
        load("hello", tmp_path / "run")

    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--file", "nowhere.csv", "--platform", "tmall"], "cannot be read"),
        (["--file", "", "--platform", "tmall"], "cannot be read"),
        (["--file", "a.csv", "--platform", "天猫"], "PLATFORM is"),
        (["--file", "a.csv", "--platform", "tmall", "--own-dates", "--stage", "prod"], "replays history"),
    ],
)
def test_a_wrong_call_gets_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(arguments) == 1
    assert words in capsys.readouterr().err


def test_a_files_phones_are_kept_as_digests_by_the_stages_own_key(tmp_path: Path) -> None:
    dynamo.service("secretsmanager").create_secret(Name="phone-key", SecretString="a-key-of-this-test-0123456789")
    text = "order_no,buyer_id,paid_at,paid_fen,phone\n1,小明,20240506,1,13800138000\n2,小明,20240506,1,138\n"

    counts = load(text, tmp_path / "run")

    assert counts == Counter(accepted=1, refused=1)
    (order,) = open_orders().orders([order_key("tmall", "1")])
    assert order.paid
    assert len(order.paid.phone) == 64
