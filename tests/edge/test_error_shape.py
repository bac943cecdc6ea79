"""Whatever goes wrong outside a view's own refusals comes back in the one shape and tells nothing it should not."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from chalice.app import BadRequestError, NotFoundError

from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import Cancelled, Reason
from tests.edge import probe
from tests.members.stage import lambda_event


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged meanwhile."""
    written: list[str] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: written.append(record.getMessage())  # type: ignore[method-assign]
    level = log._logger.level
    log._logger.addHandler(handler)
    log._logger.setLevel(logging.INFO)
    yield written
    log._logger.removeHandler(handler)
    log._logger.setLevel(level)


def shape_of(answer: Any) -> tuple[int, int]:
    assert set(answer.json) == {"code", "msg", "data", "request_id"}
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json["code"] // 100 == answer.status
    return answer.status, answer.json["code"]


def cloud_error(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "row m123"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetItem")


def test_codes_are_distinct_and_begin_with_their_status() -> None:
    numbers = [code.number for code in Code]

    assert len(set(numbers)) == len(numbers)
    assert all(400 <= code.http_status <= 503 for code in Code)


def test_a_method_that_a_route_lacks_is_405_and_names_those_it_has(ask: Any) -> None:
    answer = ask("PUT", "/items")

    assert shape_of(answer) == (405, 40500)
    assert answer.headers["Allow"] == "POST, GET"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_another_content_type_is_415(ask: Any, content_type: str) -> None:
    answer = ask("POST", "/items", body="{}", headers={"Content-Type": content_type})

    assert shape_of(answer) == (415, 41500)
    assert probe.seen == []


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_with_any_parameters_is_accepted(ask: Any, content_type: str) -> None:
    answer = ask("POST", "/items", body='{"name":"a","points":1}', headers={"Content-Type": content_type})

    assert answer.status == 200


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"requestContext": {}}, 500),
        ({**lambda_event("GET", "/items"), "multiValueHeaders": None, "headers": None}, 200),
        (lambda_event("DELETE", "/failing/{item_id}"), 500),
        (lambda_event("GET", "/no-such-resource"), 404),
    ],
    ids=["no HTTP event", "no headers", "no path parameter", "no such resource"],
)
def test_an_event_that_the_gateway_would_not_send_keeps_the_shape(event: Any, status: int, capsys: Any) -> None:
    answer = probe.app(event, None)

    assert set(json.loads(answer["body"])) == {"code", "msg", "data", "request_id"}
    assert answer["statusCode"] == status
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.parametrize("error", [RuntimeError("key m123"), KeyError("m123"), AssertionError(), ValueError("m123")])
def test_a_defect_is_an_opaque_500(ask: Any, error: Exception, lines: list[str]) -> None:
    probe.failures.append(error)

    answer = ask("DELETE", "/failing/{item_id}", path_parameters={"item_id": "x"})

    assert shape_of(answer) == (500, 50000)
    assert type(error).__name__ in lines[0]
    assert "m123" not in json.dumps([answer.json, lines])


def test_an_answer_that_is_no_json_is_a_defect_and_not_the_callers_fault(ask: Any) -> None:
    answer = ask("DELETE", "/failing/{item_id}", path_parameters={"item_id": "x"})

    assert shape_of(answer) == (500, 50000)


@pytest.mark.parametrize(
    "error",
    [
        cloud_error("ThrottlingException", 400),
        cloud_error("ProvisionedThroughputExceededException", 400),
        cloud_error("TransactionInProgressException", 400),
        cloud_error("InternalServerError", 500),
        EndpointConnectionError(endpoint_url="https://dynamodb.invalid"),
        ReadTimeoutError(endpoint_url="https://dynamodb.invalid"),
        Cancelled([Reason("TransactionConflict", None), Reason("None", None)]),
    ],
    ids=lambda error: str(error)[:40],
)
def test_a_cloud_that_is_busy_or_away_is_503_with_a_time_to_retry(ask: Any, error: Exception) -> None:
    probe.failures.append(error)

    answer = ask("DELETE", "/failing/{item_id}", path_parameters={"item_id": "x"})

    assert shape_of(answer) == (503, 50300)
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "error",
    [
        cloud_error("AccessDeniedException", 400),
        cloud_error("ValidationException", 400),
        Cancelled([Reason("ConditionalCheckFailed", None)]),
    ],
    ids=lambda error: str(error)[:40],
)
def test_a_cloud_that_refuses_us_is_our_defect(ask: Any, error: Exception) -> None:
    probe.failures.append(error)

    answer = ask("DELETE", "/failing/{item_id}", path_parameters={"item_id": "x"})

    assert shape_of(answer) == (500, 50000)


@pytest.mark.parametrize("error", [BadRequestError("x"), NotFoundError("x")])
def test_chalices_own_errors_raised_in_a_view_are_defects(ask: Any, error: Exception) -> None:
    probe.failures.append(error)

    assert shape_of(ask("DELETE", "/failing/{item_id}", path_parameters={"item_id": "x"})) == (500, 50000)


def test_a_refusal_may_say_when_to_come_again(ask: Any) -> None:
    answer = ask("DELETE", "/failing/{item_id}", path_parameters={"item_id": "late"})

    assert shape_of(answer) == (409, 40902)
    assert answer.headers["Retry-After"] == "2"


def test_no_answer_may_be_kept_by_a_cache(ask: Any) -> None:
    assert ask("GET", "/items").headers["Cache-Control"] == "no-store"
    assert ask("PUT", "/items").headers["Cache-Control"] == "no-store"


def test_a_log_line_has_neither_body_nor_credential(ask: Any, lines: list[str]) -> None:
    ask(
        "POST",
        "/items",
        body='{"name":"secret","points":1}',
        headers={"Content-Type": "application/json", "Authorization": "Bearer abc"},
    )

    (line,) = lines
    assert set(json.loads(line)) == {"event", "route", "status", "request_id", "ms"}


def test_an_error_prints_its_code_for_the_log_alone() -> None:
    assert str(JifenError(Code.BUSY)) == "BUSY: 操作太频繁,请稍后再试"
