"""This process as one of a stage's functions: the same settings, the same tables, the same code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import EndpointConnectionError

from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from local import deploy as cloudformation
from local import process
from local.deploy import Target
from local.places import Mend, default_places
from local.stack import Cloud, Stack

EMBEDDED_STAGES = ("local", "replay")


@contextmanager
def adopted(stack: Stack) -> Iterator[None]:
    """Within it this process has the stage's settings; whatever was opened for another stage is opened anew."""
    before = dict(os.environ)
    os.environ.update(stack.environment())
    _reopen()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        _reopen()


def _reopen() -> None:
    boto3.DEFAULT_SESSION = None  # it remembers the first credentials it was asked with
    for cached in (settings, dynamo.client, dynamo.service):
        cached.cache_clear()


def find_stack(stage: str) -> Stack:
    """A stage that is deployed and running, here or (any other name) in the AWS account boto3 finds. Raises Mend."""
    if stage in EMBEDDED_STAGES:
        places = default_places()
        if not process.running(places.cloud_lock):
            raise Mend("the embedded cloud is not running: `make run` first")
        try:
            standing = Cloud(places, started=False).stack(stage)
        except EndpointConnectionError:
            raise Mend("the embedded cloud runs on another port: set JIFEN_CLOUD_PORT as when it was started") from None
        if standing is None:
            raise Mend(f"stage {stage} is not deployed here: `make run` first")
        return standing
    outputs = cloudformation.outputs(Target(bucket=""), f"jifen-{stage}")
    if outputs is None:
        raise Mend(f"there is no stack jifen-{stage} in this account and region: `make deploy STAGE={stage}` first")
    return Stack(stage, outputs, Target(bucket=""))
