"""A boto3 client with its network taken away: what an operation asks is recorded once, then answered from memory.

The first run goes to moto. The measured runs get the same raw answers, and so does the floor, a bare boto3 client that
sends the very same requests.
"""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse


class Asked(NamedTuple):
    """One request and its parsed answer."""

    name: str
    request: dict[str, Any]
    answer: dict[str, Any]


class Recorder:
    """Passes calls on to a client of any kind and keeps them."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.asked: list[Asked] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if name in ("exceptions", "meta"):
            return method

        def call(**request: Any) -> Any:
            answer = method(**request)
            self.asked.append(Asked(name, request, answer or {}))
            return answer

        return call


class Replay:
    """A client that is only its answers: what an operation costs on it is our own share and nothing else."""

    def __init__(self, recorder: Recorder) -> None:
        self.exceptions = recorder.client.exceptions
        self._answers = [asked.answer for asked in recorder.asked]
        self._place = 0

    def rewind(self) -> None:
        """The next request is the operation's first again."""
        self._place = 0

    def __getattr__(self, _name: str) -> Any:
        return self._next

    def _next(self, **_request: Any) -> Any:
        self._place += 1
        return self._answers[self._place - 1]


class Wire:
    """The raw answers of a boto3 client; once `cut`, the client gets them again without a network."""

    def __init__(self, client: Any, bodies: list[bytes] | None = None) -> None:
        self.client = client
        self.bodies: list[bytes] = [] if bodies is None else bodies
        self._place = 0
        client.meta.events.register("after-call.dynamodb", self._keep, unique_id="keep")

    def cut(self) -> None:
        """From here on no request leaves the process."""
        self.client.meta.events.unregister("after-call.dynamodb", unique_id="keep")
        self.client.meta.events.register_first("before-send.dynamodb", self._answer)

    def rewind(self) -> None:
        """The next request is the operation's first again."""
        self._place = 0

    def _keep(self, http_response: Any, **_given: Any) -> None:
        self.bodies.append(http_response.content)

    def _answer(self, request: Any, **_given: Any) -> AWSResponse:
        body = self.bodies[self._place]
        self._place += 1
        headers = {"content-type": "application/x-amz-json-1.0", "content-length": str(len(body))}
        return AWSResponse(request.url, 200, headers, _Raw(body))


class _Raw(io.BytesIO):
    def stream(self, **_given: Any) -> Any:
        yield self.read()
