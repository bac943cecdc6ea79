"""`python -m local.cloud run | stop | status | package | deploy`: what the Makefile calls."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from local import process, say
from local.deploy import Target, deploy
from local.nights import catch_up, caught_up, now
from local.package import package
from local.places import ROOT, Mend, default_places
from local.stack import PACKAGES, Cloud, FunctionFailed, Stack, start

OF_THE_EMBEDDED_CLOUD = ("local", "replay", "test")


def run() -> None:
    """Start or reuse, deploy or update, catch up, then the main job."""
    say.line("Jifen on this machine")
    cloud = start()
    known = cloud.stack("local")
    stack = cloud.deploy("local")
    if known is None:
        caught_up(cloud, now())
    else:
        _catch_up(stack, cloud)
    _main_job(stack, cloud)


def _catch_up(stack: Stack, cloud: Cloud) -> None:
    try:
        catch_up(stack, cloud)
    except FunctionFailed as failed:  # e.g. a first run that was interrupted before it published its terms
        say.line(f"  could not catch up, the next run tries again: {failed}")


def _main_job(stack: Stack, cloud: Cloud) -> None:
    from local import main_job

    main_job.main(stack, cloud)


def stop() -> None:
    cloud = Cloud(default_places(), started=False)
    if not cloud.running:
        say.line("  nothing was running")
        return
    with say.step("stopping, and saving all data"):
        cloud.stop()
    say.line("  stopped; `make run` continues with the same data")


def status() -> None:
    places = default_places()
    for name, lock, url in (
        ("embedded cloud", places.cloud_lock, places.endpoint),
        ("local address", places.front_lock, places.front_url),
        ("stand-in", places.stand_in_lock, places.stand_in_url),
    ):
        seen = process.running(lock)
        say.line(f"  {name:15} {url:28} {f'running as process {seen.pid}' if seen else 'not running'}")


def make_package() -> None:
    with say.step("packaging"):
        made = package(PACKAGES)
    size = made.zip.stat().st_size / 1e6
    say.line(f"  {made.zip.relative_to(ROOT)}: {size:.1f} MB")
    say.line(f"  {made.directory.relative_to(ROOT)}/template.json")


def deploy_to_aws(stage: str, bucket: str, parameters: Sequence[str]) -> None:
    """The same package and path, to the account and region that boto3's own configuration names."""
    if stage in OF_THE_EMBEDDED_CLOUD:
        raise Mend(f"stage {stage} belongs to the embedded cloud, where functions trust more: name another for AWS")
    for one in parameters:
        if "=" not in one:
            raise Mend(f"{one!r} is no parameter: write NAME=VALUE")
    given = dict(one.split("=", 1) for one in parameters)
    with say.step("packaging"):
        made = package(PACKAGES)
    with say.step(f"deploying stage {stage} to AWS"):
        outputs = deploy(Target(bucket), f"jifen-{stage}", made, {**given, "Stage": stage})
    say.line(f"  API: {outputs['EndpointURL']}v1/")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.cloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "stop", "status", "package"):
        commands.add_parser(name)
    to_aws = commands.add_parser("deploy")
    to_aws.add_argument("--stage", required=True)
    to_aws.add_argument("--bucket", required=True)
    to_aws.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "deploy":
            deploy_to_aws(chosen.stage, chosen.bucket, chosen.parameter)
        else:
            {"run": run, "stop": stop, "status": status, "package": make_package}[chosen.command]()
    except (ClientError, BotoCoreError) as refused:
        say.trouble(f"the cloud refused: {refused}")
        return 1
    except (Mend, FunctionFailed) as trouble:
        say.trouble(str(trouble))
        return 1
    except KeyboardInterrupt:
        say.trouble("interrupted; `make stop` ends what runs in the background")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
