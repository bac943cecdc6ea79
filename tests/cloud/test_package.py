"""Each handler loads as Lambda loads it: from the unzipped package, with nothing beside it but Lambda's own boto3."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.package import Package
from local.template import functions
from tests.connect.test_push_crypto import AES_KEY, MESSAGE, RECEIVE_ID
from tests.connect.test_wechat_pay_signature import CERTIFICATE, PUBLISHED_BODY, PUBLISHED_HEADERS, PUBLISHED_PLAIN

LAMBDAS_OWN = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
OPEN_A_PUSH = """
import sys
sys.path[:0] = sys.argv[1:3]
import app
before = {"cryptography", "defusedxml"} & set(sys.modules)
from chalicelib.connect.push_crypto import decrypt
from chalicelib.connect.push_message import fields_of
opened = decrypt(sys.argv[3], aes_key=sys.argv[4], receive_id=sys.argv[5])
print(sorted(before), fields_of(opened)["Content"])
"""
LOAD = """
import importlib, sys
package, own, handler = sys.argv[1:]
sys.path[:0] = [package, own]
module, _, name = handler.rpartition(".")
assert callable(getattr(importlib.import_module(module), name))
print("app" in sys.modules)
"""


@pytest.fixture(scope="module")
def unzipped(packaged: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(packaged.zip) as archive:
        archive.extractall(directory)
    return directory


@pytest.fixture(scope="module")
def lambdas_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("own")
    for name in LAMBDAS_OWN:
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (directory / source.name).symlink_to(source)
    return directory


ON_LAMBDAS_KIND = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the package holds Lambda's own wheels"
)
CHECK_A_SIGNATURE = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from chalicelib.connect.wechat_pay.signature import decrypt, verify
from chalicelib.errors import JifenError
from datetime import datetime, UTC
given = json.loads(sys.stdin.read())
verify(given["headers"], given["body"].encode(), datetime.fromtimestamp(1624523846, UTC), given["keys"])
print(decrypt(b"testMchAPIv3Key0", json.loads(given["body"])["resource"]).decode(), end="")
"""


@ON_LAMBDAS_KIND
def test_what_is_left_of_the_packages_still_checks_and_opens_a_notice(unzipped: Path, lambdas_own: Path) -> None:
    given = {"headers": PUBLISHED_HEADERS, "body": PUBLISHED_BODY.decode(), "keys": {"D7CE59D1F522D701": CERTIFICATE}}
    command = [sys.executable, "-I", "-S", "-c", CHECK_A_SIGNATURE, str(unzipped), str(lambdas_own)]

    done = subprocess.run(
        command, capture_output=True, text=True, input=json.dumps(given), timeout=60, cwd=unzipped, check=False
    )

    assert done.stdout.encode() == PUBLISHED_PLAIN, done.stderr


@ON_LAMBDAS_KIND
def test_no_package_is_loaded_for_a_callback_that_did_not_come(unzipped: Path, lambdas_own: Path) -> None:
    loaded = "import sys; sys.path[:0] = sys.argv[1:]; import app; print('cryptography' in sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", loaded, str(unzipped), str(lambdas_own)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=unzipped, check=False)

    assert done.stdout.strip() == "False", done.stderr


@ON_LAMBDAS_KIND
def test_every_handler_loads_as_lambda_loads_it(packaged: Package, unzipped: Path, lambdas_own: Path) -> None:
    template = packaged.template
    for name in functions(template):
        handler = template["Resources"][name]["Properties"]["Handler"]
        command = [sys.executable, "-I", "-S", "-c", LOAD, str(unzipped), str(lambdas_own), handler]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=unzipped, check=False)
        assert done.returncode == 0, f"{handler}: {done.stderr}"
        assert done.stdout.strip() == str(handler.startswith("app.")), f"{handler} must not need app.py"


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the package holds Lambda's own wheels"
)
def test_what_is_left_of_the_packages_opens_a_push_and_is_loaded_for_it_alone(
    unzipped: Path, lambdas_own: Path
) -> None:
    given = [str(unzipped), str(lambdas_own), MESSAGE, AES_KEY, RECEIVE_ID]
    command = [sys.executable, "-I", "-S", "-c", OPEN_A_PUSH, *given]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=unzipped, check=False)

    assert done.stdout.strip() == "[] test", done.stderr


def test_every_module_comes_with_bytecode_that_is_used_without_a_look_at_its_source(unzipped: Path) -> None:
    unchecked_hash = (0b01).to_bytes(4, "little")
    without = [
        source
        for source in unzipped.rglob("*.py")
        if not (compiled := Path(importlib.util.cache_from_source(os.fspath(source)))).is_file()
        or compiled.read_bytes()[:8] != importlib.util.MAGIC_NUMBER + unchecked_hash
    ]

    assert not without
