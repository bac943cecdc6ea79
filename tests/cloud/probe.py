"""A small stack that asks the embedded cloud what it does: a stream, a queue with dead letters, an API that echoes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

STREAM_CODE = """
import boto3, os
def handler(event, context):
    dynamo = boto3.client("dynamodb")
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["pk"]["S"]
        dynamo.update_item(TableName=os.environ["SEEN"], Key={"pk": {"S": key}},
            UpdateExpression="ADD times :one", ExpressionAttributeValues={":one": {"N": "1"}})
        if key.startswith("poison"):
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
"""
QUEUE_CODE = """
def handler(event, context):
    bad = [one["messageId"] for one in event["Records"] if one["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in bad]}
"""
ECHO_CODE = """
import json
def handler(event, context):
    seen = {"path": event["path"], "body": event["body"], "encoded": event["isBase64Encoded"],
            "headers": event["headers"], "query": event["multiValueQueryStringParameters"]}
    return {"statusCode": 409, "headers": {"Retry-After": "7", "Content-Type": "application/json"},
            "body": json.dumps(seen, ensure_ascii=False)}
"""


def table(stream: bool = False) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    if stream:
        properties["StreamSpecification"] = {"StreamViewType": "NEW_IMAGE"}
    return {"Type": "AWS::DynamoDB::Table", "Properties": properties}


def function(code: str, events: dict[str, Any], policies: list[Any]) -> dict[str, Any]:
    properties = {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "InlineCode": code,
        "Events": events,
        "Policies": policies,
        "Environment": {"Variables": {"SEEN": {"Ref": "Seen"}}},
    }
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def template(description: str = "first") -> dict[str, Any]:
    report = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
    stream = {
        "Stream": {"Fn::GetAtt": ["Written", "StreamArn"]},
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 1,
        "MaximumRetryAttempts": 1,
        **report,
    }
    queue = {"Queue": {"Fn::GetAtt": ["Queue", "Arn"]}, "BatchSize": 10, **report}
    echo = {"Path": "/echo/{rest}", "Method": "post"}
    seen = {"DynamoDBCrudPolicy": {"TableName": {"Ref": "Seen"}}}
    dead = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 2}
    outputs = ("Written", "Seen", "Queue", "Dead", "ServerlessRestApi")
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": description,
        "Resources": {
            "Written": table(stream=True),
            "Seen": table(),
            "Dead": {"Type": "AWS::SQS::Queue"},
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 4, "RedrivePolicy": dead}},
            "OnStream": function(STREAM_CODE, {"Stream": {"Type": "DynamoDB", "Properties": stream}}, [seen]),
            "OnQueue": function(QUEUE_CODE, {"Queue": {"Type": "SQS", "Properties": queue}}, []),
            "Echo": function(ECHO_CODE, {"Api": {"Type": "Api", "Properties": echo}}, []),
            "Note": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": description}},
        },
        "Outputs": {name: {"Value": {"Ref": name}} for name in outputs},
    }


def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    """The first true answer; the last one when time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer
