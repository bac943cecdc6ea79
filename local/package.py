"""Sources to a deployable package: Chalice's zip and template, completed; made again only when a source changed."""

from __future__ import annotations

import compileall
import fcntl
import hashlib
import json
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from py_compile import PycInvalidationMode

from local.places import REGION, ROOT, Mend
from local.template import Template, complete

KEEP = 3
"""Packages kept beside the newest, so that going back and forth between two sources is quick."""
UNUSED = ("cffi/", "pycparser/", "pydantic/v1/", "pydantic/mypy.py")
UNUSED_ENDS = (".pyi", ".h", "/sbom.json", ".cyclonedx.json", ".dist-info/RECORD")
"""What comes along with the packages and nobody asks for when a function runs: of cffi `cryptography` needs the
compiled backend alone; pydantic's first version is for those who still import it; the rest for builders and checkers.
"""
WITHOUT_SOURCES = ("cryptography", "pydantic", "pydantic_core", "typing_inspection", "annotated_types", "chalicelib")
"""Packages of which the zip has the bytecode alone, where their sources were: those would be a seventh of it. Bytecode
names its source and line, which is what our logs say of a fault; our own goes without its docstrings.
"""


@dataclass(frozen=True, slots=True)
class Package:
    """What a deploy needs: the zip, the template, and the hash of the sources both were made from."""

    directory: Path
    source: str

    @property
    def zip(self) -> Path:
        return self.directory / "deployment.zip"

    @property
    def template(self) -> Template:
        parsed: Template = json.loads((self.directory / "template.json").read_text())
        return parsed

    @property
    def own_code(self) -> Path:
        """The zip without the packages it carries, for the embedded cloud.

        Its functions find the same pinned packages in the runner's environment, on any kind of machine; a full copy is
        a thousand files for every warm worker.
        """
        return self.directory / "own-code.zip"


def package(store: Path, *, root: Path = ROOT) -> Package:
    """The package of the sources as they are; a few milliseconds when it was made before."""
    source = source_hash(root)
    made = Package(store / source, source)
    if made.directory.is_dir():
        return made
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (store / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Chalice's own cache in .chalice/deployments bears one writer at a time
        if not made.directory.is_dir():
            with tempfile.TemporaryDirectory(dir=store) as unfinished:
                _chalice(root, Path(unfinished))
                if source_hash(root) != source:
                    raise Mend("the sources changed while they were packaged: try again")
                _finish(Path(unfinished) / "deployment.zip")
                (Path(unfinished) / "done").mkdir()
                _own_code_only(Path(unfinished) / "deployment.zip", Path(unfinished) / "own-code.zip")
                for name in ("deployment.zip", "own-code.zip", "template.json"):
                    (Path(unfinished) / name).rename(Path(unfinished) / "done" / name)
                (Path(unfinished) / "done").rename(made.directory)
            _prune(store, made)
    return made


def source_hash(root: Path) -> str:
    """One hash over everything that ends up in the package or shapes it."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {version('chalice')}".encode())
    for path in sorted(_sources(root)):
        digest.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:20]


def _sources(root: Path) -> Iterator[Path]:
    yield root / "app.py"
    yield root / "requirements.txt"
    yield from (root / ".chalice").glob("*.json")
    yield from (p for p in (root / "chalicelib").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    yield from (p for p in (root / "vendor").rglob("*") if p.is_file())
    yield root / "local" / "template.py"
    yield root / "local" / "package.py"


def _chalice(root: Path, out: Path) -> None:
    command = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"]
    arguments = ["package", "--stage", "jifen", "--merge-template", ".chalice/resources.json", str(out)]
    env = {
        name: value for name, value in os.environ.items() if name != "AWS_PROFILE"
    }  # packaging asks no cloud anything
    env |= {"AWS_DEFAULT_REGION": REGION, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run([*command, *arguments], cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Mend(f"Chalice could not package the sources:\n{(done.stderr or done.stdout).strip()[-2000:]}")
    packaged = json.loads((out / "sam.json").read_text())
    (out / "template.json").write_text(json.dumps(complete(packaged), ensure_ascii=False, indent=1))


def _finish(package_zip: Path) -> None:
    """Leave out what no function asks for, and put each module's bytecode beside it: Lambda's code is read-only, a cold
    start would compile every module anew.

    Bytecode is marked as never to be checked against its source (PEP 552): times of files do not survive a zip.
    """
    with tempfile.TemporaryDirectory() as unzipped:
        with zipfile.ZipFile(package_zip) as archive:
            kept = [
                name for name in archive.namelist() if not name.startswith(UNUSED) and not name.endswith(UNUSED_ENDS)
            ]
            archive.extractall(unzipped, kept)
        mode = PycInvalidationMode.UNCHECKED_HASH
        for source in [path for name in WITHOUT_SOURCES for path in Path(unzipped, name).rglob("*.py")]:
            shown = source.relative_to(unzipped).as_posix()
            optimize = 2 if shown.startswith("chalicelib/") else -1
            py_compile.compile(
                str(source),
                str(source.with_suffix(".pyc")),
                shown,
                doraise=True,
                invalidation_mode=mode,
                optimize=optimize,
            )
            source.unlink()
        if not compileall.compile_dir(unzipped, quiet=1, stripdir=unzipped, invalidation_mode=mode):
            raise Mend("a module of the package could not be compiled")
        with zipfile.ZipFile(package_zip, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(path for path in Path(unzipped).rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(unzipped).as_posix())


def _own_code_only(full: Path, thin: Path) -> None:
    with zipfile.ZipFile(full) as source, zipfile.ZipFile(thin, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            if entry.filename.startswith(("app.py", "__pycache__/app.", "chalicelib/")):
                target.writestr(entry, source.read(entry))


def _prune(store: Path, newest: Package) -> None:
    others = [path for path in store.iterdir() if path.is_dir() and path != newest.directory]
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEEP:]:
        shutil.rmtree(path, ignore_errors=True)
