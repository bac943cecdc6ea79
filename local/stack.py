"""The embedded cloud and its stacks as tools and tests use them.

cloud = start()                                   # or start(Places(...)) for one of its own
stack = cloud.deploy("local", {"DueShards": "8"})
stack.invoke("start_expiry", scheduled_event(at))
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import deploy as cloudformation
from local import embedded, process, say
from local.deploy import Client, Target
from local.package import package
from local.places import HOST, KEY, REGION, ROOT, Places, default_places
from local.template import function_output, setting_output

PACKAGES = ROOT / ".local" / "packages"
BUCKET = "jifen-packages"
API_STAGE = "api"
LAPTOP = {"Login": "demo", "DueShards": "8", "OrdersRetrySeconds": "5", "ExpiryRetrySeconds": "60"}
"""Template parameters of every stage in the embedded cloud; a deploy may say otherwise."""


class FunctionFailed(Exception):  # it says what happened
    """An invoked function raised; the text is its error."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One deployed stage."""

    stage: str
    outputs: Mapping[str, str]
    target: Target
    front_url: str | None = None

    @property
    def name(self) -> str:
        return f"jifen-{self.stage}"

    @property
    def api_url(self) -> str:
        """Where `/v1/...` is reached: the stable address of the local stage, else the API's own."""
        if self.front_url:
            return self.front_url
        if self.target.endpoint:
            return self.target.endpoint + api_path(self.outputs)
        return self.outputs["EndpointURL"].rstrip("/")

    def client(self, service: str) -> Client:
        return self.target.client(service)

    def environment(self) -> dict[str, str]:
        """The functions' settings, so that a tool in this process can use the same code; locally also the endpoint."""
        prefix = "Setting"
        settings = {
            _variable(name.removeprefix(prefix)): value
            for name, value in self.outputs.items()
            if name.startswith(prefix)
        }
        if self.target.endpoint:
            settings |= {
                "AWS_ENDPOINT_URL": self.target.endpoint,
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": KEY,
                "AWS_DEFAULT_REGION": REGION,
                "NO_PROXY": f"{HOST},localhost",
            }
        return settings

    def setting(self, variable: str) -> str:
        """One of the functions' settings, e.g. ORDERS_TABLE."""
        return self.outputs[setting_output(variable)]

    def secret(self, variable: str) -> str:
        """The value of the secret a setting names, e.g. ADMIN_KEY_SECRET."""
        found = self.client("secretsmanager").get_secret_value(SecretId=self.setting(variable))
        return str(found["SecretString"])

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Call a function by its handler's name and wait; its answer. Raises FunctionFailed."""
        client = self.target.client("lambda", read_seconds=910)
        answer = client.invoke(FunctionName=self.outputs[function_output(function)], Payload=json.dumps(event).encode())
        payload = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise FunctionFailed(f"{function}: {payload.decode()[:2000]}")
        return json.loads(payload or b"null")


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running embedded cloud."""

    places: Places
    started: bool
    """False when it was running already."""

    @property
    def target(self) -> Target:
        return Target(BUCKET, self.places.endpoint)

    def client(self, service: str) -> Client:
        return self.target.client(service)

    def deploy(
        self, stage: str, parameters: Mapping[str, str] | None = None, *, root: Path = ROOT, quiet: bool = False
    ) -> Stack:
        """Package the sources if they changed, create or update the stage's stack, and point the front at `local`."""
        with say.step("packaging", quiet=quiet):
            made = package(PACKAGES, root=root)
        with say.step(f"deploying stage {stage}", quiet=quiet):
            outside = {"OutsideUrl": self.places.stand_in_url}
            given = {**LAPTOP, **outside, **(parameters or {}), "Stage": stage}
            outputs = cloudformation.deploy(self.target, f"jifen-{stage}", made, given)
        return self._serving(stage, outputs)

    def stack(self, stage: str) -> Stack | None:
        """A stage as it was deployed before, or None."""
        outputs = cloudformation.outputs(self.target, f"jifen-{stage}")
        return Stack(stage, outputs, self.target, self._front_of(stage)) if outputs else None

    @property
    def running(self) -> bool:
        """Whether the cloud, its front or its stand-in runs."""
        locks = (self.places.cloud_lock, self.places.front_lock, self.places.stand_in_lock)
        return any(process.running(lock) for lock in locks)

    def stop(self) -> None:
        """End all of it, keeping the cloud's data; nothing to do when nothing runs."""
        embedded.stop(self.places)

    def _serving(self, stage: str, outputs: Mapping[str, str]) -> Stack:
        if stage == "local":
            unfinished = self.places.api.with_suffix(".new")
            unfinished.write_text(api_path(outputs))
            unfinished.rename(self.places.api)
            embedded.start_front(self.places)
        return Stack(stage, outputs, self.target, self._front_of(stage))

    def _front_of(self, stage: str) -> str | None:
        return self.places.front_url if stage == "local" else None


def api_path(outputs: Mapping[str, str]) -> str:
    """The path under which the embedded cloud serves an API."""
    return f"/restapis/{outputs['RestAPIId']}/{API_STAGE}/_user_request_"


def start(places: Places | None = None, *, quiet: bool = False) -> Cloud:
    """Start the embedded cloud and its stand-in, or reuse what runs; waits until they answer. Raises Mend."""
    places = places or default_places()
    cloud = Cloud(places, started=embedded.start(places, quiet=quiet))
    embedded.start_stand_in(places)
    return cloud


def _variable(output: str) -> str:
    """SettingLedgerTable's name as its variable: LEDGER_TABLE."""
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in output).lstrip("_")
