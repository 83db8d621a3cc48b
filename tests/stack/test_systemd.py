"""systemd takes the units of deploy/systemd, and finds little that they could do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import recordings
from tests.stack.conftest import missing

pytestmark = pytest.mark.stack

UNITS = recordings.ROOT / "deploy" / "systemd"
SYSTEM, USER = UNITS / "sanctum-exporter.service", UNITS / "user" / "sanctum-exporter.service"
PROGRAMS = ("/opt/sanctum-exporter/bin/", "%h/.local/bin/")
MOST_EXPOSED = 15
"""Tenths of systemd's points, of which an unprotected service has 96."""


def analyze(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze, which needs no systemd that runs."""
    program = shutil.which("systemd-analyze")
    if program is None:
        missing("systemd-analyze is not here: apt-get install systemd would bring it")
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    return subprocess.run(
        [program, *arguments], env=environ, capture_output=True, text=True, check=False
    )


def installed_here(unit: Path, folder: Path) -> Path:
    """Return a copy that starts the exporter of these tests."""
    text = unit.read_text("utf-8")
    (place,) = (place for place in PROGRAMS if f"ExecStart={place}sanctum-exporter watch" in text)
    copy = folder / unit.name
    copy.write_text(text.replace(f"={place}", f"={Path(sys.executable).parent}/"), "utf-8")
    return copy


@pytest.mark.parametrize(("unit", "manager"), [(SYSTEM, "--system"), (USER, "--user")])
def test_systemd_takes_a_unit(unit: Path, manager: str, tmp_path: Path) -> None:
    """No setting is misspelt or out of place, and the program is where the unit says."""
    copy = installed_here(unit, tmp_path)
    done = analyze("verify", manager, "--man=no", str(copy), folder=tmp_path)
    ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, ours) == (0, [])


def test_a_misspelt_setting_is_noticed(tmp_path: Path) -> None:
    """The check above is able to fail: a setting that systemd does not know is said."""
    copy = installed_here(SYSTEM, tmp_path)
    copy.write_text(copy.read_text("utf-8").replace("NoNewPrivileges=", "NoNewPriviledges="))
    assert "NoNewPriviledges" in analyze("verify", "--man=no", str(copy), folder=tmp_path).stderr


def test_little_is_left_to_the_exporter() -> None:
    """Of what a service may do, systemd finds less than a sixth left to the one of the machine."""
    done = analyze(
        "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(SYSTEM), folder=UNITS
    )
    assert done.returncode == 0, done.stdout
