"""The programme over HTTP: staff read the versions and publish the next one."""

from __future__ import annotations

from typing import Annotated, Any

from chalice.app import Blueprint
from pydantic import AwareDatetime, Field

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, endpoint

bp = Blueprint(__name__)
MAX_DIGITS = 6


class VersionIn(Body):
    """A version to publish. `version` is the number it must get; the document is the programme itself."""

    version: Annotated[int, Field(ge=1, le=999_999)]
    effective_from: Annotated[AwareDatetime, Field(strict=False)]
    document: dict[str, Any]


@bp.route("/staff/programme/versions", methods=["GET"])
@endpoint(bp, caller=staff("operator", "reviewer", "finance"))
def get_programme_versions(_call: Call) -> Json:
    """List the published versions, newest first."""
    versions = [
        {
            "version": terms.version,
            "name": terms.programme.name,
            "effective_from": in_zone(terms.effective_from, terms.zone),
            "rules": len(terms.programme.rules),
        }
        for terms in reversed(open_programme().book().versions)
    ]
    return {"list": versions, "next_cursor": None, "has_more": False}


@bp.route("/staff/programme/versions/{version}", methods=["GET"])
@endpoint(bp, caller=staff("operator", "reviewer", "finance"))
def get_programme_version(_call: Call, version: str) -> Json:
    """One published version, as the document it was."""
    number = int(version) if version.isascii() and version.isdigit() and len(version) <= MAX_DIGITS else 0
    document = open_programme().document(number)
    if document is None:
        raise JifenError(Code.VERSION_NOT_FOUND)
    return {"version": number, "document": document}


@bp.route("/staff/programme/versions", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("admin"), body=VersionIn)
def post_programme_version(call: Call) -> Json:
    """Publish the next version of the programme."""
    done = publish(
        open_programme(),
        version=call.body.version,
        document=call.body.document,
        effective_from=call.body.effective_from,
        published_by=call.caller.id,
        now=call.now,
    )
    return {"version": done.version, "replayed": done.replayed}
