"""A campaign's document, checked: types and bounds by pydantic, sense by sense.py; every fault names its path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chalicelib.errors import Code, JifenError
from chalicelib.programme.model import Programme
from chalicelib.runtime.bodies import invalid
from chalicelib.spending.lottery.campaign import Campaign
from chalicelib.spending.lottery.sense import faults_of

Fault = tuple[str, str]
"""(path, what is wrong there in Chinese)."""


@cache
def _adapter() -> TypeAdapter[Campaign]:
    return TypeAdapter(Campaign)


def read_campaign(document: Mapping[str, Any]) -> Campaign:
    """The campaign that a document describes; raises JifenError LOTTERY_INVALID with the path of the first fault."""
    try:
        return _adapter().validate_json(json.dumps(document))
    except ValidationError as error:
        raise invalid(error, Code.LOTTERY_INVALID, document) from None


def faults(document: Mapping[str, Any], programme: Programme, now: datetime) -> list[Fault]:
    """Everything that forbids publishing a document now; empty when nothing does."""
    try:
        campaign = read_campaign(document)
    except JifenError as error:
        return [(error.field or "", error.msg.removeprefix(error.field or ""))]
    return list(faults_of(campaign, programme, now))


def require_sense(document: Mapping[str, Any], programme: Programme, now: datetime) -> Campaign:
    """The campaign of a document that may be published now; raises JifenError LOTTERY_INVALID with the first fault."""
    campaign = read_campaign(document)
    for path, reason in faults_of(campaign, programme, now):
        raise JifenError(Code.LOTTERY_INVALID, f"{path}{reason}", field=path)
    return campaign
