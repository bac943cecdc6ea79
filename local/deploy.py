"""A package to a stack by CloudFormation: one path, whether the cloud is AWS or the embedded one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.package import Package
from local.places import KEY, REGION, Mend
from local.template import dump, for_embedded_cloud, with_code

WAIT_SECONDS = 1800
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
Client = Any


@dataclass(frozen=True, slots=True)
class Target:
    """A cloud to deploy to. With no endpoint it is AWS, with the credentials and region boto3 finds by itself."""

    bucket: str
    endpoint: str | None = None

    def client(self, service: str, *, read_seconds: int = 60) -> Client:
        import boto3
        from botocore.config import Config

        if self.endpoint is None:
            return boto3.client(service, config=Config(retries={"mode": "standard"}))
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1 if service == "lambda" else 3},
            read_timeout=read_seconds,
            max_pool_connections=32,
            proxies={},  # a proxy in the environment is not for loopback
            s3={"addressing_style": "path"},
        )
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
            config=config,
        )


def deploy(target: Target, stack: str, package: Package, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create the stack or update it; its outputs. Parameters not given stay as they were. Raises Mend."""
    template_url = _upload(target, stack, package)
    cloudformation = target.client("cloudformation")
    standing = _describe(cloudformation, stack)
    if standing is not None and standing["StackStatus"] == "ROLLBACK_COMPLETE":
        raise Mend(
            f"stack {stack} failed when it was created: delete it (`aws cloudformation delete-stack`), then again"
        )
    request = {
        "StackName": stack,
        "TemplateURL": template_url,
        "Capabilities": CAPABILITIES,
        "Parameters": _parameters(package.template["Parameters"], parameters, standing),
    }
    if standing is None:
        cloudformation.create_stack(**request)
    elif not _update(cloudformation, request):
        return _outputs(standing)
    return _outputs(_settled(cloudformation, stack))


def outputs(target: Target, stack: str) -> dict[str, str] | None:
    """What a deployed stack offers, or None when there is no such stack."""
    standing = _describe(target.client("cloudformation"), stack)
    return _outputs(standing) if standing else None


def _upload(target: Target, stack: str, package: Package) -> str:
    """Code under its sources' hash, template under its stack's name; the template's address."""
    s3 = target.client("s3")
    if target.endpoint is not None:
        s3.create_bucket(Bucket=target.bucket)
    key = f"jifen/{package.source}.zip"
    zip_path: Path = package.zip if target.endpoint is None else package.own_code
    with zip_path.open("rb") as body:
        s3.put_object(Bucket=target.bucket, Key=key, Body=body)
    template = with_code(package.template, target.bucket, key)
    if target.endpoint is not None:
        template = for_embedded_cloud(template)
    template_key = f"jifen/{stack}.json"
    s3.put_object(Bucket=target.bucket, Key=template_key, Body=dump(template).encode())
    return f"{s3.meta.endpoint_url}/{target.bucket}/{template_key}"


def _parameters(
    known: Mapping[str, Any], given: Mapping[str, str], standing: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    for name in given:
        if name not in known:
            raise Mend(f"there is no parameter {name}: the template knows {', '.join(known)}")
    kept = [one["ParameterKey"] for one in (standing or {}).get("Parameters", [])]
    return [
        *({"ParameterKey": name, "ParameterValue": str(value)} for name, value in given.items()),
        *({"ParameterKey": name, "UsePreviousValue": True} for name in kept if name in known and name not in given),
    ]


def _update(cloudformation: Client, request: Mapping[str, Any]) -> bool:
    """Whether there was anything to update."""
    from botocore.exceptions import ClientError

    try:
        cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates" in error.response["Error"]["Message"]:
            return False
        raise
    return True


def _settled(cloudformation: Client, stack: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    pause = 0.2
    while time.monotonic() < deadline:
        standing = _describe(cloudformation, stack) or {"StackStatus": "DELETED"}
        status = standing["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return standing
        if not status.endswith("_IN_PROGRESS"):
            raise Mend(f"stack {stack} ended as {status}: {_reasons(cloudformation, stack)}")
        time.sleep(pause)
        pause = min(pause * 1.5, 5)
    raise Mend(f"stack {stack} is still not settled after {WAIT_SECONDS} s: look at its events, then deploy again")


def _reasons(cloudformation: Client, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [one for one in events if one["ResourceStatus"].endswith("_FAILED")]
    return (
        "; ".join(f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', '?')}" for one in failed[-5:]) or "?"
    )


def _describe(cloudformation: Client, stack: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        found: list[dict[str, Any]] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    live = [one for one in found if one["StackStatus"] != "DELETE_COMPLETE"]
    return live[0] if live else None


def _outputs(standing: Mapping[str, Any]) -> dict[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in standing.get("Outputs", [])}
