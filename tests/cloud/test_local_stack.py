"""The deployed stage in the embedded cloud: rights, prices and answers that the code relies on."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.errors import Code
from local.places import REGION
from local.stack import Stack
from tests.cloud.test_template import SCHEDULES

pytestmark = pytest.mark.cloud

POSTING = ("SettleOrders", "SettleRetry", "ReconcileOrders", "ExpireShard", "APIHandler")


def test_a_stage_knows_the_stand_in_that_runs_beside_its_cloud(cloud: Stack) -> None:
    url = cloud.setting("OUTSIDE_URL")
    name = cloud.outputs["APIHandlerFunction"]
    given = cloud.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    assert given["OUTSIDE_URL"] == url
    with urllib3.PoolManager() as pool:
        assert "now" in pool.request("GET", f"{url}/_stand_in/clock").json()


def _as_function(stack: Stack, function: str) -> Any:
    """DynamoDB as the function's own role sees it."""
    import boto3

    name = stack.outputs[f"{function}Function"]
    role = stack.client("lambda").get_function_configuration(FunctionName=name)["Role"]
    given = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "dynamodb",
        endpoint_url=stack.target.endpoint,
        region_name=REGION,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        config=Config(proxies={}),
    )


@pytest.mark.parametrize("function", POSTING)
def test_a_function_may_append_to_the_journal_and_neither_change_nor_delete_nor_scan_it(
    cloud: Stack, function: str
) -> None:
    dynamo = _as_function(cloud, function)
    journal = cloud.setting("JOURNAL_TABLE")
    key = {"pk": {"S": f"rights#{uuid.uuid4()}"}, "sk": {"S": "1"}}
    dynamo.put_item(TableName=journal, Item=key)
    assert dynamo.get_item(TableName=journal, Key=key)["Item"] == key
    for refused in (
        lambda: dynamo.delete_item(TableName=journal, Key=key),
        lambda: dynamo.update_item(TableName=journal, Key=key, AttributeUpdates={"a": {"Value": {"S": "b"}}}),
        lambda: dynamo.transact_write_items(TransactItems=[{"Delete": {"TableName": journal, "Key": key}}]),
        lambda: dynamo.batch_write_item(RequestItems={journal: [{"DeleteRequest": {"Key": key}}]}),
        lambda: dynamo.scan(TableName=journal),
        lambda: dynamo.delete_item(TableName=cloud.setting("LEDGER_TABLE"), Key=key),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
    assert "Item" in dynamo.get_item(TableName=journal, Key=key)


def _posting(stack: Stack, account: dict[str, Any], entry: str) -> float:
    """The write units of one posting: account put, entry put."""
    entry_key = {"pk": account["pk"], "sk": {"S": entry}}
    answer = stack.client("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": stack.setting("LEDGER_TABLE"), "Item": account}},
            {"Put": {"TableName": stack.setting("JOURNAL_TABLE"), "Item": entry_key}},
        ],
        ReturnConsumedCapacity="INDEXES",
    )
    return sum(one["CapacityUnits"] for one in answer["ConsumedCapacity"])


def test_prices_of_a_posting_and_of_the_due_index(cloud: Stack) -> None:
    plain: dict[str, Any] = {"pk": {"S": f"price#{uuid.uuid4()}"}, "sk": {"S": "account"}}
    due = {**plain, "due_shard": {"S": "price"}, "due_key": {"S": "2026-01-31"}}
    earlier = {**due, "due_key": {"S": "2026-01-01"}}
    units = [_posting(cloud, account, str(n)) for n, account in enumerate((plain, due, earlier, plain))]
    assert units == [4, 5, 6, 5]


def test_the_stage_knows_itself_and_its_secrets(cloud: Stack) -> None:
    environment = cloud.environment()
    assert environment["STAGE"] == "test"
    assert environment["AWS_ENDPOINT_URL"] == cloud.target.endpoint
    for variable in ("ADMIN_KEY_SECRET", "ORDER_FEED_SECRET"):
        value = cloud.secret(variable)
        assert len(value) == 40
        assert value.isalnum()
    assert cloud.secret("ADMIN_KEY_SECRET") != cloud.secret("ORDER_FEED_SECRET")


def test_schedules_of_this_stage_are_silent(cloud: Stack) -> None:
    rules = cloud.client("events").list_rules(NamePrefix=cloud.name)["Rules"]
    assert len(rules) == len(SCHEDULES)
    assert {rule["State"] for rule in rules} == {"DISABLED"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nowhere"), ("DELETE", "/v1/me/check-ins"), ("GET", "/")])
def test_what_no_route_takes_is_answered_in_our_shape(cloud: Stack, method: str, path: str) -> None:
    with urllib3.PoolManager() as pool:
        answer = pool.request(method, cloud.api_url + path, timeout=30, retries=False)
    shape = json.loads(answer.data)
    assert answer.status == 404
    assert shape.pop("request_id")
    assert shape == {"code": Code.ROUTE_NOT_FOUND.number, "msg": Code.ROUTE_NOT_FOUND.msg, "data": None}


def test_a_route_that_needs_a_member_refuses_in_our_shape(cloud: Stack) -> None:
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", cloud.api_url + "/v1/me", timeout=30, retries=False)
    assert answer.status == 401
    assert json.loads(answer.data)["code"] == Code.NOT_LOGGED_IN.number
