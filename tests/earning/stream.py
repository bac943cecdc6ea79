"""Records of the orders stream as DynamoDB delivered them: read from the stream of the table a test has written to."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.moto_cloud import moto_client


def stream_records(dynamo: Any, table: str) -> list[dict[str, Any]]:
    """Every record of a table's stream, oldest first, in the form Lambda hands over."""
    arn = dynamo.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    streams = moto_client("dynamodbstreams")
    records = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records += streams.get_records(ShardIterator=iterator)["Records"]
    for record in records:
        # Lambda gives seconds where boto3 gives a datetime.
        record["dynamodb"]["ApproximateCreationDateTime"] = int(
            record["dynamodb"]["ApproximateCreationDateTime"].timestamp()
        )
        if "NewImage" in record["dynamodb"]:
            record["dynamodb"]["NewImage"] = _as_json(record["dynamodb"]["NewImage"])
    return records


def _as_json(typed: Any) -> Any:
    """A typed image as Lambda hands it over: JSON has no bytes, so they come as base64."""
    if isinstance(typed, bytes):
        return b64encode(typed).decode()
    if isinstance(typed, dict):
        return {name: _as_json(value) for name, value in typed.items()}
    return [_as_json(value) for value in typed] if isinstance(typed, list) else typed
