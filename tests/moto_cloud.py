"""The cloud that moto plays, as each test finds it: tables, queues and secrets that stand already and hold nothing yet.

Each is asked for once per process, by the requests that a deployment makes. Every test gets copies of what moto made of
them: to ask again cost more than most tests. Clients come from one session, which keeps what botocore read for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import boto3
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from tests.tables import create_tables

REGION = "cn-north-1"

_tables: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
_queues: dict[str, str] = {}
_secrets: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}


def moto_client(service: str) -> Any:
    """A client of the test's own."""
    return _session().client(service, region_name=REGION)


@cache
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing")


def moto_tables(dynamo: Any, prefix: str) -> dict[str, str]:
    """Every table of the template, empty, as `<prefix>-<name>`; answers {environment variable: table name}."""
    standing = _backend("dynamodb").tables
    if prefix not in _tables:
        names = create_tables(dynamo, prefix)
        _tables[prefix] = deepcopy({name: standing[name] for name in names.values()}), names
    tables, names = _tables[prefix]
    standing.update(deepcopy(tables))
    return dict(names)


def moto_queues(sqs: Any, names: Iterable[str]) -> dict[str, str]:
    """Empty queues; answers {name: URL}. They hold locks, which cannot be copied: moto itself makes them anew."""
    urls = {}
    for name in names:
        if name not in _queues:
            _queues[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        _backend("sqs").create_queue(name, {})
        urls[name] = _queues[name]
    return urls


def moto_secrets(manager: Any, values: Mapping[str, str]) -> None:
    """Secrets of these values by name."""
    standing, wanted = _backend("secretsmanager").secrets, tuple(values.items())
    if wanted not in _secrets:
        for name, value in wanted:
            manager.create_secret(Name=name, SecretString=value)
        _secrets[wanted] = deepcopy({name: standing[name] for name in values})
    standing.update(deepcopy(_secrets[wanted]))


def _backend(service: Any) -> Any:
    return get_backend(service)[DEFAULT_ACCOUNT_ID][REGION]
