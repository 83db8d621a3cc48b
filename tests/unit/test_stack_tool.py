"""tools/stack.py, with stand-ins for apt-get, dpkg and the tools; no network."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "stack.py"

APT_GET = """
arguments = sys.argv[1:]
if "indextargets" in arguments:
    print("Elsewhere|main|stable|https://other.example.test/")
    print("Debian|main|stable-security|https://security.example.test/")
    print("Debian|main|stable|https://mirror.example.test/debian/")
elif "download" in arguments:
    open(arguments[-1] + "_1_all.deb", "w").close()
"""
DPKG = """
tool = pathlib.Path(sys.argv[3], "usr/bin/promtool")
tool.parent.mkdir(parents=True)
tool.write_text("#!/bin/sh\\necho promtool, version 3.5.0")
tool.chmod(0o755)
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module; its folder and PATH are empty."""
    spec = importlib.util.spec_from_file_location("stack_under_test", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("SANCTUM_STACK_DIR", str(tmp_path / "stack"))
    return module


def put_command(path: Path, code: str) -> Path:
    """Write a command that runs some Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable} -S\nimport pathlib, sys\n{code}\n")
    path.chmod(0o755)
    return path


def put_package_manager(tmp_path: Path, apt_get: str = APT_GET, dpkg: str = DPKG) -> None:
    """Put stand-ins for Debian's programs on PATH."""
    put_command(tmp_path / "path" / "apt-get", apt_get)
    put_command(tmp_path / "path" / "dpkg", dpkg)
    put_command(tmp_path / "path" / "dpkg-deb", "print('3.5.0-1')")
    put_command(tmp_path / "path" / "readlink", "print(pathlib.Path(sys.argv[2]).resolve())")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("promtool, version 2.42.0+ds (branch: debian/sid, revision: 1)", "2.42.0"),
        ("victoria-metrics-20240226-172011-tags-v1.97.2-0-gd4b1", "1.97.2"),
        ("Docker Compose version v2.40.3", "2.40.3"),
        ("Chromium 150.0.7871.100 built on Debian", "150.0.7871.100"),
        ("no number 7 here", None),
        ("", None),
    ],
)
def test_version_is_read(stack: ModuleType, text: str, version: str | None) -> None:
    """The number is found in what each tool prints."""
    assert stack.parse_version(text) == version


def test_versions_compare_as_numbers(stack: ModuleType) -> None:
    """A longer number is not a greater one."""
    assert stack.new_enough("1.145.0", (1, 100))
    assert stack.new_enough("3.0", (3, 0))
    assert not stack.new_enough("1.99.9", (1, 100))
    assert not stack.new_enough("2.42.0", (3, 0))


def test_nothing_is_located_in_an_empty_place(stack: ModuleType, tmp_path: Path) -> None:
    """Locating neither finds nor makes anything."""
    assert stack.locate("promtool") is None
    assert not (tmp_path / "stack").exists()


def test_good_tool_on_path_is_located_and_linked(
    stack: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PATH comes first, and a tool that went away is noticed."""
    tool = put_command(tmp_path / "path" / "alertmanager", "print('alertmanager, version 0.28.1')")
    assert stack.locate("alertmanager") == tool
    assert stack.main(["alertmanager"]) == 0
    link = tmp_path / "stack" / "bin" / "alertmanager"
    assert capsys.readouterr().out == f"alertmanager\t{link}\t0.28.1\tPATH\n"
    assert stack.locate("alertmanager") == link
    tool.unlink()
    assert stack.locate("alertmanager") is None


@pytest.mark.parametrize("code", ["print('promtool, version 2.42.0')", "sys.exit(3)", "print()"])
def test_old_or_broken_tool_on_path_is_passed_over(
    stack: ModuleType, tmp_path: Path, code: str
) -> None:
    """What is on PATH has to run and to be new enough."""
    put_command(tmp_path / "path" / "promtool", code)
    assert stack.locate("promtool") is None


def test_own_folder_on_path_is_not_taken_for_a_source(
    stack: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool is never linked to itself."""
    put_command(tmp_path / "stack" / "bin" / "promtool", "print('promtool, version 3.5.0')")
    monkeypatch.setenv("PATH", str(tmp_path / "stack" / "bin"))
    assert stack.locate("promtool") is None


def test_without_a_package_manager_the_package_is_named(
    stack: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what to install."""
    assert stack.main(["promtool"]) == 1
    complaint = capsys.readouterr().err
    assert "install promtool, e.g. the package 'prometheus' of your distribution" in complaint
    assert "put it on PATH" in complaint


def test_package_is_unpacked_once(
    stack: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mirror is the machine's own, and a second run asks no one."""
    put_package_manager(tmp_path)
    assert stack.main(["promtool"]) == 0
    first = capsys.readouterr().out
    link = tmp_path / "stack" / "bin" / "promtool"
    assert first == f"promtool\t{link}\t3.5.0\tDebian sid, promtool 3.5.0-1\n"
    sources = (tmp_path / "stack" / "apt" / "sid" / "sid.list").read_text()
    assert sources.endswith(" https://mirror.example.test/debian/ sid main\n")
    assert stack.locate("promtool") == link
    put_package_manager(tmp_path, apt_get="sys.exit('used again')")
    assert stack.main(["promtool"]) == 0
    assert capsys.readouterr().out == first


def test_failed_unpacking_leaves_no_tool(
    stack: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tool is there whole or not at all."""
    put_package_manager(tmp_path, dpkg=DPKG + "sys.exit('archive is cut short')\n")
    assert stack.main(["promtool"]) == 1
    assert "archive is cut short" in capsys.readouterr().err
    assert stack.locate("promtool") is None
    assert not list((tmp_path / "stack" / "pkg").iterdir())


def test_list_gets_nothing(
    stack: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Listing shows every name and leaves no trace."""
    assert stack.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(stack.TOOLS)
    assert not (tmp_path / "stack").exists()


@pytest.mark.parametrize("arguments", [[], ["no-such-tool"]])
def test_wrong_names_are_refused(stack: ModuleType, arguments: list[str]) -> None:
    """No name and an unknown name are usage errors."""
    with pytest.raises(SystemExit) as refusal:
        stack.main(arguments)
    assert refusal.value.code == 2
