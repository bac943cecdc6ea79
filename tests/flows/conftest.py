"""One admin and one published programme for all flows of the deployed stage."""

from __future__ import annotations

import secrets

import pytest

from local.http_client import Api
from local.stack import Stack
from tests.flows.stage import flow_document


@pytest.fixture(scope="module")
def admin(cloud: Stack) -> Api:
    """The bootstrap admin, on a stage with the flows' programme published."""
    api = Api(cloud.api_url, cloud.secret("ADMIN_KEY_SECRET"))
    body = {"version": 1, "effective_from": "2020-01-01T00:00:00+08:00", "document": flow_document()}
    api.post("/v1/staff/programme/versions", body)
    return api


@pytest.fixture
def name() -> str:
    """A name nobody has used in this run."""
    return secrets.token_hex(6)
