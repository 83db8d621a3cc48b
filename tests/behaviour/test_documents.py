"""What README and docs/ tell somebody to do works, and what they speak of is there."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sanctum_exporter import __version__
from tests.documents import Block, anchors, blocks, cells, links
from tests.recordings import ROOT
from tests.stack.conftest import missing
from tests.waiting import DEADLINE_SECONDS
from tools.stack import Stack, locate

SOURCE = ROOT / "src" / "sanctum_exporter"
NOT_COMMANDS = {"ini", "json", "promql", "text", "yaml"}
SHELLS = {"bash", "sh"}
COMMANDS = {*SHELLS, "python"}
STAND_IN = "with the stand-in of the tests for esper-lite"


def of_kind(kinds: set[str], *markers: str) -> list[Any]:
    """Return the blocks of some languages whose marker is one of some, as parameters."""
    return [
        pytest.param(block, id=block.place)
        for block in blocks()
        if block.kind in kinds and re.fullmatch("|".join(markers), block.marker)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like a clone, and can be written into."""
    for entry in ROOT.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of somebody who has installed the exporter."""
    programs = [Path(sys.executable).parent, Stack().dir / "bin", os.environ["PATH"]]
    return {
        "PATH": os.pathsep.join(map(str, programs)),
        "PYTHONPATH": str(ROOT / "tests" / "standin"),
        "HOME": str(folder),
        "SANCTUM_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
    }


def run(folder: Path, *command: str) -> None:
    """Run a command that has to succeed, and to say nothing of a fault."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_every_block_says_what_it_is() -> None:
    """A language is named at each block, so that no command hides; a marker says something."""
    for block in blocks():
        assert block.kind in NOT_COMMANDS | COMMANDS, block.place
        if block.kind in COMMANDS:
            known = rf"|serves|needs [\w-]+|not run: .{{5,}}|{STAND_IN}"
            assert re.fullmatch(known, block.marker), block.place


@pytest.mark.parametrize("block", of_kind(SHELLS, "", "needs .*", STAND_IN))
def test_commands_succeed(block: Block, folder: Path) -> None:
    """Whoever copies these commands from a page into a shell sees no error."""
    needed = block.marker.removeprefix("needs ") if block.marker.startswith("needs ") else "sh"
    if shutil.which(needed) is None and locate(needed) is None:
        missing(f"{block.place} needs {needed}, which is not here")
    run(folder, "/bin/sh", "-eu", "-c", block.code)


@pytest.mark.parametrize("block", of_kind(SHELLS, "serves"))
def test_commands_serve(block: Block, folder: Path) -> None:
    """Each of these commands says that it serves or pushes, and ends well when it is told to."""
    commands = [line.partition("#")[0].strip() for line in block.code.splitlines()]
    for command in filter(None, commands):
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        with process.stderr as lines:
            assert any(re.search(r": (serving|pushing to) ", line) for line in lines), command
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_SECONDS) == 0, command


@pytest.mark.parametrize("block", of_kind({"python"}, "", STAND_IN))
def test_python_runs(block: Block, folder: Path) -> None:
    """Code that is a whole program is one, beside the stand-in of esper-lite."""
    run(folder, sys.executable, "-c", block.code)


@pytest.mark.parametrize("block", of_kind({"python"}, "not run: .*"))
def test_other_python_is_python(block: Block) -> None:
    """A fragment has no mistake of grammar."""
    ast.parse(block.code)


def test_links_lead_somewhere() -> None:
    """Every relative link leads to a file that is there, and to a heading of it."""
    for page, to in links():
        path, _, anchor = to.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.relative_to(ROOT)} leads to {to}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.relative_to(ROOT)} leads to {to}"


@cache
def messages() -> list[str]:
    """Return every text of the source, with "…" for what is put into it."""
    found = []
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [
                str(part.value) if isinstance(part, ast.Constant) else "…"
                for part in parts
                if isinstance(part, (ast.Constant, ast.FormattedValue))
            ]
            found.append(re.sub(r"%[-.\w]*[sdgr]", "…", "".join(texts)))
    return found


QUOTED = [
    row[0].strip("`")
    for row in cells(ROOT / "docs" / "troubleshooting.md")
    if row[0].startswith("`")
]


@pytest.mark.parametrize("quoted", QUOTED)
def test_troubleshooting_quotes_what_is_said(quoted: str) -> None:
    """What somebody looks for, having seen it, is what the program says, word for word."""
    assert any(quoted in text for text in messages())


def test_a_text_that_nobody_says_is_noticed() -> None:
    """The check above is able to fail, and there is something to check."""
    assert len(QUOTED) > 30
    assert not any("waiting for a run of …" in text for text in messages())


WAY = [
    (match[1], match[2])
    for row in cells(ROOT / "docs" / "architecture.md")
    for cell in row
    if (match := re.fullmatch(r"`([\w/]+\.py)`: `(\w+)`", cell))
]


@pytest.mark.parametrize(("file", "name"), WAY)
def test_the_way_of_an_event_goes_through_what_is_there(file: str, name: str) -> None:
    """Each step names a file, and what that file defines."""
    tree = ast.parse((SOURCE / file).read_text("utf-8"))
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }
    constants = {
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert name in defined | constants


def test_architecture_speaks_of_files_that_are_there() -> None:
    """Every file and room that page and picture name exists; the way has fifteen steps."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    picture = (ROOT / "docs" / "images" / "architecture.svg").read_text("utf-8")
    named = set(re.findall(r"`([\w/]+\.py)`", page))
    named |= set(re.findall(r"(?<=[> ])(\w+(?:/(?=[<, ;])|\.py))", picture))
    assert {"readings.py", "state/"} <= named
    assert [name for name in sorted(named) if not (SOURCE / name).exists()] == []
    assert len(WAY) == 15


def test_rules_dashboards_and_manifests_say_what_they_are_made_for() -> None:
    """Whoever has only a file of them knows the version whose metrics it needs."""
    for file in (ROOT / "rules").glob("*.yml"):
        assert file.read_text("utf-8").startswith(f"# For sanctum-exporter {__version__}; ")
    for file in (ROOT / "grafana" / "dashboards").glob("*.json"):
        tags = yaml.safe_load(file.read_text("utf-8"))["tags"]
        assert f"sanctum-exporter-{__version__}" in tags
    trainer = ROOT / "deploy" / "kubernetes" / "trainer" / "kustomization.yaml"
    images = {
        each["name"]: each["newTag"] for each in yaml.safe_load(trainer.read_text())["images"]
    }
    assert images["sanctum-exporter"] == __version__
