"""What we lean on in the embedded cloud, and where it differs from AWS: an upgrade that changes one shows here."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from local import process
from local.places import REGION, Places
from local.stack import Cloud, start
from tests.cloud import probe

pytestmark = pytest.mark.cloud
STACK = "probe"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud of its own with the probe deployed: these tests restart it."""
    home: Path = tmp_path_factory.mktemp("cloud")
    places = Places(home, process.free_port(), process.free_port())
    cloud = start(places, quiet=True)
    try:
        cloud.client("cloudformation").create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(probe.template()),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        assert _status(cloud) == "CREATE_COMPLETE"
        yield cloud
    finally:
        cloud.stop()


def _status(cloud: Cloud) -> str:
    def settled() -> str | None:
        (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        status: str = stack["StackStatus"]
        return None if status.endswith("IN_PROGRESS") else status

    return str(probe.until(settled))


def _outputs(cloud: Cloud) -> dict[str, str]:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def _write(cloud: Cloud, *keys: str) -> None:
    table = _outputs(cloud)["Written"]
    for key in keys:
        cloud.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": key}})


def _seen(cloud: Cloud, prefix: str) -> dict[str, int]:
    items = cloud.client("dynamodb").scan(TableName=_outputs(cloud)["Seen"])["Items"]
    return {one["pk"]["S"]: int(one["times"]["N"]) for one in items if prefix in one["pk"]["S"]}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's own list of listeners")
def test_only_loopback_listens(embedded: Cloud) -> None:
    seen = process.running(embedded.places.cloud_lock)
    assert seen is not None
    sockets = {link.readlink().name for link in Path(f"/proc/{seen.pid}/fd").iterdir() if link.is_symlink()}
    listeners = []
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                listeners.append(fields[1])
    address = socket.inet_aton("127.0.0.1")[::-1].hex().upper()
    assert listeners == [f"{address}:{embedded.places.cloud_port:04X}"]


def test_a_partial_failure_of_a_stream_batch_is_not_delivered_again(embedded: Cloud) -> None:
    """AWS delivers again from the lowest reported record on; so settle_orders reports none and queues it instead."""
    _write(embedded, "p-1", "poison-p-2", "p-3")
    assert probe.until(lambda: "poison-p-2" in _seen(embedded, "p-"))
    _write(embedded, "p-4")
    assert probe.until(lambda: "p-4" in _seen(embedded, "p-"))
    assert _seen(embedded, "p-")["poison-p-2"] == 1


def test_a_partial_failure_of_a_queue_batch_ends_in_dead_letters(embedded: Cloud) -> None:
    queue, dead = _outputs(embedded)["Queue"], _outputs(embedded)["Dead"]
    sqs = embedded.client("sqs")
    for body in ("good-1", "bad-1", "good-2"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    found = probe.until(lambda: sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"))
    assert [one["Body"] for one in found] == ["bad-1"]
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_body_arrives_as_it_was_sent_and_an_answer_leaves_as_it_was_given(embedded: Cloud) -> None:
    base = f"{embedded.places.endpoint}/restapis/{_outputs(embedded)['ServerlessRestApi']}/Prod/_user_request_"
    body = '{"备注": "积分\\u00e9",  "n":1e0}\r\n'
    headers = {"Content-Type": "application/json", "X-Signature": "v1=Ab+/="}
    with urllib3.PoolManager() as pool:
        answer = pool.request(
            "POST", f"{base}/echo/a?x=%E7%A7%AF&x=2", body=body.encode(), headers=headers, timeout=30, retries=False
        )
    assert answer.status == 409
    assert answer.headers["Retry-After"] == "7"
    event = answer.json()
    assert (event["path"], event["body"], event["encoded"]) == ("/echo/a", body, False)
    assert event["query"] == {"x": ["积", "2"]}
    assert {name.lower(): value for name, value in event["headers"].items()}["x-signature"] == "v1=Ab+/="


def test_batch_actions_of_a_queue_must_be_granted_by_name(embedded: Cloud) -> None:
    """AWS grants them with the single action; while this differs, `for_embedded_cloud` adds them."""
    queue, iam = _outputs(embedded)["Queue"], embedded.client("iam")
    grant = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    role = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
    iam.put_role_policy(RoleName="sender", PolicyName="send", PolicyDocument=json.dumps({"Statement": [grant]}))
    given = embedded.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    sender = boto3.client(
        "sqs",
        endpoint_url=embedded.places.endpoint,
        region_name=REGION,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    sender.send_message(QueueUrl=queue, MessageBody="good")
    with pytest.raises(ClientError, match="AccessDenied"):
        sender.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "good"}])


def test_an_update_keeps_data_and_an_unchanged_template_is_refused_as_such(embedded: Cloud) -> None:
    _write(embedded, "kept")
    cloudformation = embedded.client("cloudformation")
    request: dict[str, Any] = {"StackName": STACK, "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]}
    cloudformation.update_stack(TemplateBody=json.dumps(probe.template("second")), **request)
    assert _status(embedded) == "UPDATE_COMPLETE"
    item = embedded.client("dynamodb").get_item(TableName=_outputs(embedded)["Written"], Key={"pk": {"S": "kept"}})
    assert "Item" in item
    with pytest.raises(ClientError, match="No updates are to be performed"):
        cloudformation.update_stack(TemplateBody=json.dumps(probe.template("second")), **request)


def test_a_restart_keeps_what_was_written_and_delivers_what_is_written_after_it(embedded: Cloud) -> None:
    """Positions in streams outlive a restart, records do not: `start` drops them, or new records would be skipped."""
    before = {f"r-{n}" for n in range(6)}
    _write(embedded, *sorted(before))
    assert probe.until(lambda: set(_seen(embedded, "r-")) == before)
    embedded.stop()
    positions = json.loads((embedded.places.state / "lambda.json").read_text())
    assert "dynamodb_stream_positions" in json.dumps(positions), "they are not kept any more: stop clearing them"
    assert embedded.places.saved_at.exists()
    start(embedded.places, quiet=True)
    assert set(_seen(embedded, "r-")) == before
    after = {f"r-{n}" for n in range(6, 12)}
    _write(embedded, *sorted(after))
    assert probe.until(lambda: set(_seen(embedded, "r-")) == before | after)


def test_temporary_files_are_gone_after_a_stop(embedded: Cloud) -> None:
    embedded.stop()
    assert list(embedded.places.tmp.iterdir()) == []
    start(embedded.places, quiet=True)
