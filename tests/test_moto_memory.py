"""What the suite remembers of moto answers as moto itself does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import Shape
from moto import mock_aws
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models import DynamoDBBackend

from tests import moto_memory
from tests.moto_cloud import moto_client, moto_queues, moto_secrets, moto_tables

ITEM = {
    "pk": {"S": "M#m1"},
    "sk": {"S": "-"},
    "due": {
        "M": {"at": {"S": "2026"}, "deep": {"L": [{"N": "1"}, {"M": {"S": {"BOOL": False}, "x": {"NULL": True}}}]}}
    },
    "hash": {"B": b"\x00\xff"},
    "empty": {"M": {}},
    "none": {"L": []},
}


def test_every_attribute_of_every_answer_is_found_as_moto_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, Any]] = []

    def both(serializer: ResponseSerializer, value: Any, key: str, shape: Shape) -> Any:
        found = moto_memory.get_value(serializer, value, key, shape)
        asked.append((found, moto_memory.own_get_value(serializer, value, key, shape)))
        return found

    monkeypatch.setattr(ResponseSerializer, "get_value", both)
    with mock_aws():
        dynamo, sqs, secrets = (moto_client(name) for name in ("dynamodb", "sqs", "secretsmanager"))
        table = moto_tables(dynamo, "memory")["MEMBERS_TABLE"]
        dynamo.put_item(TableName=table, Item=ITEM)
        kept = dynamo.scan(TableName=table)["Items"]
        put = {"TableName": table, "Item": ITEM, "ConditionExpression": "attribute_not_exists(pk)"}
        put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        with pytest.raises(dynamo.exceptions.TransactionCanceledException) as refused:
            dynamo.transact_write_items(TransactItems=[{"Put": put}])
        dynamo.describe_table(TableName=table)
        url = moto_queues(sqs, ["memory"])["memory"]
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "{}"
        moto_secrets(secrets, {"memory": "kept"})
        assert secrets.get_secret_value(SecretId="memory")["SecretString"] == "kept"

    assert kept == [ITEM]
    assert refused.value.response["CancellationReasons"][0]["Item"] == ITEM
    assert len(asked) > 300
    assert all(found is own or found == own for found, own in asked)


def test_each_test_finds_its_tables_queues_and_secrets_as_they_were_made() -> None:
    for _test in range(2):
        with mock_aws():
            dynamo, sqs, secrets = (moto_client(name) for name in ("dynamodb", "sqs", "secretsmanager"))
            names = moto_tables(dynamo, "memory")
            url = moto_queues(sqs, ["memory"])["memory"]
            moto_secrets(secrets, {"memory": "kept"})

            assert dynamo.list_tables()["TableNames"] == sorted(names.values(), key=list(names.values()).index)
            assert not any(dynamo.scan(TableName=name)["Items"] for name in names.values())
            assert "Messages" not in sqs.receive_message(QueueUrl=url)
            assert secrets.get_secret_value(SecretId="memory")["SecretString"] == "kept"

            stream = dynamo.describe_table(TableName=names["JOURNAL_TABLE"])["Table"]["LatestStreamArn"]
            streams = moto_client("dynamodbstreams")
            shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
            first = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
            assert streams.get_records(ShardIterator=first["ShardIterator"])["Records"] == []

            dynamo.put_item(TableName=names["MEMBERS_TABLE"], Item=ITEM)
            dynamo.put_item(TableName=names["JOURNAL_TABLE"], Item=ITEM)
            sqs.send_message(QueueUrl=url, MessageBody="{}")
            secrets.put_secret_value(SecretId="memory", SecretString="rotated")


def a_key(number: int) -> dict[str, Any]:
    return {"pk": {"S": "M#m1"}, "sk": {"S": f"{number}"}}


def state(table: str) -> tuple[Any, ...]:
    """Everything a table holds, and what its stream has told."""
    dynamo, streams = moto_client("dynamodb"), moto_client("dynamodbstreams")
    arn = dynamo.describe_table(TableName=table)["Table"].get("LatestStreamArn")
    told: list[Any] = []
    if arn:
        shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        first = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        told = [
            [
                record["eventName"],
                *(record["dynamodb"].get(name) for name in ("Keys", "SequenceNumber", "OldImage", "NewImage")),
            ]
            for record in streams.get_records(ShardIterator=first["ShardIterator"])["Records"]
        ]
    return dynamo.scan(TableName=table)["Items"], told


def written(table: str, *, refused: bool) -> list[tuple[Any, ...]]:
    """The table before and after a transaction that puts, changes in depth, deletes and checks, and after one more."""
    dynamo = moto_client("dynamodb")
    for number in range(4):
        dynamo.put_item(TableName=table, Item={**a_key(number), "deep": {"M": {"n": {"N": "1"}}}, "gone": {"S": "x"}})
    before = state(table)
    standing = "attribute_exists(pk)" if not refused else "attribute_not_exists(pk)"
    writes: list[Any] = [
        {"Put": {"TableName": table, "Item": {**a_key(0), "new": {"BOOL": True}}}},
        {
            "Update": {
                "TableName": table,
                "Key": a_key(1),
                "UpdateExpression": "SET deep.n = deep.n + :one, added = :one REMOVE gone",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        },
        {"Delete": {"TableName": table, "Key": a_key(2)}},
        {"Put": {"TableName": table, "Item": {**a_key(9), "new": {"BOOL": True}}}},
        {"ConditionCheck": {"TableName": table, "Key": a_key(3), "ConditionExpression": standing}},
    ]
    try:
        dynamo.transact_write_items(TransactItems=writes)
    except dynamo.exceptions.TransactionCanceledException:
        assert refused
    after = state(table)
    dynamo.update_item(
        TableName=table, Key=a_key(1), UpdateExpression="SET late = :a", ExpressionAttributeValues={":a": {"S": "z"}}
    )
    return [before, after, state(table)]


@pytest.mark.parametrize("room", ["MEMBERS", "JOURNAL"])
@pytest.mark.parametrize("refused", [False, True])
def test_a_transaction_writes_all_or_nothing_as_moto_itself_does(
    monkeypatch: pytest.MonkeyPatch, room: str, refused: bool
) -> None:
    with mock_aws():
        table = moto_tables(moto_client("dynamodb"), "memory")[f"{room}_TABLE"]
        found = written(table, refused=refused)
    monkeypatch.setattr(DynamoDBBackend, "transact_write_items", moto_memory.own_transact)
    with mock_aws():
        table = moto_tables(moto_client("dynamodb"), "memory")[f"{room}_TABLE"]
        own = written(table, refused=refused)

    assert found == own
    assert (found[0] == found[1]) is refused
