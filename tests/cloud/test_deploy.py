"""One deploy path for AWS and the embedded cloud: only the endpoint, the zip and the known differences differ."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deploy import Target, deploy
from local.package import Package
from local.places import Mend
from local.template import for_embedded_cloud, with_code


@dataclass
class FakeCloud:
    """S3 and CloudFormation as far as a deploy goes."""

    standing: dict[str, Any] | None = None
    ends_as: str = "CREATE_COMPLETE"
    unchanged: bool = False
    calls: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)
    meta: Any = field(default_factory=lambda: SimpleNamespace(endpoint_url="https://s3.example"))

    def create_bucket(self, **_request: Any) -> None:
        self.calls.append("create_bucket")

    def put_object(self, *, Bucket: str, Key: str, Body: Any) -> None:  # noqa: N803  # boto3's own names
        self.calls.append("put_object")
        self.objects[f"{Bucket}/{Key}"] = Body if isinstance(Body, bytes) else Body.read()

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.standing is None:
            raise ClientError({"Error": {"Message": f"Stack {StackName} does not exist"}}, "DescribeStacks")
        return {"Stacks": [self.standing]}

    def create_stack(self, **request: Any) -> None:
        self._settle("create_stack", request)

    def update_stack(self, **request: Any) -> None:
        if self.unchanged:
            raise ClientError({"Error": {"Message": "No updates are to be performed."}}, "UpdateStack")
        self._settle("update_stack", request)

    def describe_stack_events(self, **_request: Any) -> dict[str, Any]:
        event = {"ResourceStatus": "CREATE_FAILED", "LogicalResourceId": "LedgerTable", "ResourceStatusReason": "limit"}
        return {"StackEvents": [event]}

    def _settle(self, call: str, request: dict[str, Any]) -> None:
        self.calls.append(call)
        self.request = request
        outputs = [{"OutputKey": "EndpointURL", "OutputValue": "https://api.example/api/"}]
        self.standing = {"StackStatus": self.ends_as, "Outputs": outputs}


def _deploy(patch: pytest.MonkeyPatch, cloud: FakeCloud, package: Package, endpoint: str | None) -> dict[str, str]:
    patch.setattr(Target, "client", lambda *_arguments, **_options: cloud)
    return deploy(Target("bucket", endpoint), "jifen-prod", package, {"Stage": "prod"})


def test_to_aws_goes_the_full_zip_and_the_template_as_packaged(
    monkeypatch: pytest.MonkeyPatch, packaged: Package
) -> None:
    cloud = FakeCloud()
    outputs = _deploy(monkeypatch, cloud, packaged, None)
    key = f"jifen/{packaged.source}.zip"
    assert cloud.calls == ["put_object", "put_object", "create_stack"]
    assert cloud.objects[f"bucket/{key}"] == packaged.zip.read_bytes()
    assert json.loads(cloud.objects["bucket/jifen/jifen-prod.json"]) == with_code(packaged.template, "bucket", key)
    assert cloud.request["TemplateURL"] == "https://s3.example/bucket/jifen/jifen-prod.json"
    assert cloud.request["Parameters"] == [{"ParameterKey": "Stage", "ParameterValue": "prod"}]
    assert outputs == {"EndpointURL": "https://api.example/api/"}


def test_the_embedded_cloud_gets_the_same_but_for_what_it_understands_otherwise(
    monkeypatch: pytest.MonkeyPatch, packaged: Package
) -> None:
    cloud = FakeCloud()
    _deploy(monkeypatch, cloud, packaged, "http://127.0.0.1:1")
    key = f"jifen/{packaged.source}.zip"
    assert cloud.calls == ["create_bucket", "put_object", "put_object", "create_stack"]
    assert cloud.objects[f"bucket/{key}"] == packaged.own_code.read_bytes()
    sent = json.loads(cloud.objects["bucket/jifen/jifen-prod.json"])
    assert sent == for_embedded_cloud(with_code(packaged.template, "bucket", key))


def test_an_update_keeps_parameters_that_were_not_given(monkeypatch: pytest.MonkeyPatch, packaged: Package) -> None:
    known = [{"ParameterKey": name, "ParameterValue": "x"} for name in ("Stage", "DueShards", "GoneSinceThen")]
    cloud = FakeCloud(standing={"StackStatus": "UPDATE_COMPLETE", "Parameters": known}, ends_as="UPDATE_COMPLETE")
    _deploy(monkeypatch, cloud, packaged, None)
    assert cloud.calls[-1] == "update_stack"
    assert cloud.request["Parameters"] == [
        {"ParameterKey": "Stage", "ParameterValue": "prod"},
        {"ParameterKey": "DueShards", "UsePreviousValue": True},
    ]


def test_nothing_to_update_is_no_failure(monkeypatch: pytest.MonkeyPatch, packaged: Package) -> None:
    outputs = [{"OutputKey": "RestAPIId", "OutputValue": "one"}]
    cloud = FakeCloud(standing={"StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}, unchanged=True)
    assert _deploy(monkeypatch, cloud, packaged, None) == {"RestAPIId": "one"}


def test_a_failure_says_which_resource_and_why(monkeypatch: pytest.MonkeyPatch, packaged: Package) -> None:
    with pytest.raises(Mend, match="ROLLBACK_COMPLETE: LedgerTable: limit"):
        _deploy(monkeypatch, FakeCloud(ends_as="ROLLBACK_COMPLETE"), packaged, None)
    with pytest.raises(Mend, match="delete it"):
        _deploy(monkeypatch, FakeCloud(standing={"StackStatus": "ROLLBACK_COMPLETE"}), packaged, None)


def test_a_parameter_the_template_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch, packaged: Package) -> None:
    monkeypatch.setattr(Target, "client", lambda *_arguments, **_options: FakeCloud())
    with pytest.raises(Mend, match="no parameter Shards"):
        deploy(Target("bucket"), "jifen-prod", packaged, {"Shards": "8"})
