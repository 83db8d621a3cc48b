"""Build what is released, and check it as somebody who has nothing else.

Usage: ``.venvs/release/bin/python -m tools.release [--dist DIR] [--tag TAG] [--tests PYTHON]``

Into ``dist/`` go wheel, sdist, an SBOM of what the wheel is installed with, and the checksums of
all. The same commit gives the same wheel and sdist. ``--tag`` refuses a tag that is not of this
version, or a version that the changelog does not have. ``--tests`` runs the unit tests of the
unpacked sdist, with a Python that has what they need.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import runpy
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "src" / "sanctum_exporter"
CHECKSUMS: Final = "SHA256SUMS"
_DEMO: Final = ("demo", "--no-panel", "--duration=30s", "--web.listen-address=127.0.0.1:0")
_SHOWN_BY_THE_DEMO: Final = 'sanctum_total_slots{group_id="default"} 12.0'
_TRIES: Final = 50
_SECONDS_BETWEEN: Final = 0.2


def version() -> str:
    """Return the version that is built."""
    found: str = runpy.run_path(str(PACKAGE / "_version.py"))["__version__"]
    return found


def check_tag(tag: str) -> None:
    """Refuse a tag that does not belong to what is built."""
    if tag != f"v{version()}":
        refuse(f"the tag is {tag}, and _version.py says {version()}: change one of them")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    if not re.search(rf"(?m)^## \[{re.escape(version())}\] - \d{{4}}-\d\d-\d\d$", changelog):
        refuse(f'CHANGELOG.md has no "## [{version()}] - DATE": give "Unreleased" that heading')


def build(dist: Path) -> tuple[Path, Path]:
    """Return the wheel and the sdist, newly built; the folder has to be empty."""
    dist.mkdir(parents=True, exist_ok=True)
    if left := sorted(path.name for path in dist.iterdir()):
        refuse(f"{dist} is not empty, and would be released with the rest: {', '.join(left)}")
    committed = said("git", "log", "-1", "--format=%ct")
    run("-m", "build", "--no-isolation", "--outdir", str(dist), str(ROOT), epoch=committed)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return wheel, sdist


def check_files(wheel: Path, sdist: Path) -> None:
    """Refuse metadata that an index would not show, and a wheel that lacks or adds a file."""
    run("-m", "twine", "check", "--strict", str(wheel), str(sdist))
    run("-m", "check_wheel_contents", "--package", str(PACKAGE), str(wheel))


def install(wheel: Path, folder: Path) -> Path:
    """Return the Python of an environment that has the wheel, and what it needs, as pinned."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = (
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "--python",
        str(python),
        "install",
    )
    run(*pip, "--require-hashes", "-r", str(ROOT / "requirements.txt"))
    run(*pip, "--no-deps", str(wheel))
    return python


def write_sbom(python: Path, sbom: Path) -> None:
    """Write what is in an environment."""
    committed = said("git", "log", "-1", "--format=%ct")
    run(
        *("-m", "cyclonedx_py", "environment", "--output-reproducible"),
        *("--pyproject", str(ROOT / "pyproject.toml"), "-o", str(sbom), str(python)),
        epoch=committed,
    )
    # It knows the version only where pyproject.toml says it itself.
    document = json.loads(sbom.read_text("utf-8"))
    document["metadata"]["component"]["version"] = version()
    sbom.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def try_demo(python: Path, folder: Path) -> None:
    """Refuse a wheel whose demo shows nothing to a scraper, started away from the repository."""
    program = python.with_name("sanctum-exporter")
    process = subprocess.Popen(
        [program, *_DEMO], cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True
    )
    try:
        # Its lines end with it, so that this waits for no demo that has ended.
        said = (re.search(r"serving (http://[\d.:]+)", line) for line in process.stderr or ())
        place = next(filter(None, said), None)
        if place is None:
            refuse("the demo ended before it served anything")
        if not _is_shown(f"{place[1]}/metrics"):
            refuse(f"the demo does not say {_SHOWN_BY_THE_DEMO}")
    finally:
        process.terminate()
        process.communicate()


def _is_shown(url: str) -> bool:
    """Tell whether the demo's metrics are there, within its first seconds."""
    for _ in range(_TRIES):
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - of our own demo
            if _SHOWN_BY_THE_DEMO in answer.read().decode():
                return True
        time.sleep(_SECONDS_BETWEEN)
    return False


def try_tests(sdist: Path, python: str, folder: Path) -> None:
    """Refuse an sdist whose unit and parity tests fail."""
    subprocess.run(["tar", "-xf", str(sdist), "-C", str(folder)], check=True)
    (unpacked,) = folder.iterdir()
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit", "tests/parity")
    path = str(unpacked / "src")
    subprocess.run(
        [python, *tests], cwd=unpacked, env={**environment(), "PYTHONPATH": path}, check=True
    )


def write_checksums(dist: Path) -> None:
    """Write the checksum of every file, as ``sha256sum --check`` reads them."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(dist.iterdir())
    ]
    (dist / CHECKSUMS).write_text("".join(lines), "utf-8")


def environment() -> Mapping[str, str]:
    """Return an environment that leads to no other Python code."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*arguments: str, epoch: str | None = None) -> None:
    """Run this Python with arguments; an error ends the release."""
    dated = {} if epoch is None else {"SOURCE_DATE_EPOCH": epoch}
    subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**environment(), **dated}, check=True
    )


def said(*command: str) -> str:
    """Return what a program says."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def refuse(why: str) -> NoReturn:
    """End the release."""
    sys.exit(f"not released: {why}")


def release(dist: Path, tag: str | None, tests: str | None) -> None:
    """Build into a folder and check it; the Python ``tests`` runs the tests of the sdist."""
    if tag is not None:
        check_tag(tag)
    wheel, sdist = build(dist)
    check_files(wheel, sdist)
    with tempfile.TemporaryDirectory() as scratch:
        away = Path(scratch)
        python = install(wheel, away / "installed")
        try_demo(python, away)
        write_sbom(python, dist / f"sanctum_exporter-{version()}.cdx.json")
        if tests is not None:
            (away / "sdist").mkdir()
            try_tests(sdist, tests, away / "sdist")
    write_checksums(dist)
    for path in sorted(dist.iterdir()):
        print(f"{path.stat().st_size:>9,}  {path}")


def main() -> None:
    """Build and check."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the files go")
    parser.add_argument("--tag", help="refuse a tag that is not of this version")
    parser.add_argument("--tests", metavar="PYTHON", help="run the tests of the sdist with it")
    options = parser.parse_args()
    try:
        release(options.dist, options.tag, options.tests)
    except subprocess.CalledProcessError as error:
        refuse(f"{' '.join(map(str, error.cmd))} ended with status {error.returncode}")


if __name__ == "__main__":
    main()
