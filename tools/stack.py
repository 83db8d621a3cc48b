#!/usr/bin/env python3
"""Put the real servers and tools that the tests need into a project-local folder.

    python tools/stack.py [--dir DIR] [--list] NAME...

The folder is ``.stack`` beside this one, ``$SANCTUM_STACK_DIR`` or ``--dir``; <folder>/bin/NAME
is then had from PATH (if new enough there), Debian's suite ``sid`` or the machine's own suite.
Packages are unpacked, not installed: no root is needed and the system stays as it is.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from platform import freedesktop_os_release
from typing import NamedTuple

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# "-c" is read after the system's own settings; hooks are cleared since they act on the system.
APT_CONF = """\
#clear APT::Update;
APT::Sandbox::User "root"; Debug::NoLocking "true";
Acquire { Retries "3"; http::Timeout "30"; https::Timeout "30"; Languages "none"; };
Dir { State::Lists "HOME/lists"; Cache "HOME/cache"; };
"""
# An empty package status keeps versions installed on the machine out of the choice.
SID_CONF = """\
#clear APT::Default-Release;
Dir::Etc { sourcelist "HOME/sid.list"; sourceparts "/dev/null"; preferences "/dev/null"; };
Dir { Etc::preferencesparts "/dev/null"; State::status "HOME/status"; };
"""
FONTS_CONF = """\
<fontconfig><dir prefix="relative">usr/share/fonts</dir><cachedir prefix="xdg">fontconfig</cachedir>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
  <alias><family>serif</family><prefer><family>DejaVu Serif</family></prefer></alias></fontconfig>
"""
WRAPPER = """\
#!/bin/sh
root=$(readlink -f "$0") && root=${root%/*}
exec 9<"$root/usr/share/prometheus"
export FONTCONFIG_FILE="$root/fonts.conf"
export LD_LIBRARY_PATH="LIBRARIES${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$root/PROGRAM" "$@"
"""
# Debian's Prometheus programs look for files in DATA of the system, where a package that is only
# unpacked has put none; OPEN_DATA, just as long, is the folder that WRAPPER holds open.
DATA, OPEN_DATA = b"/usr/share/prometheus", b"/proc/self/fd/9//////"


class StackError(Exception):
    """A tool cannot be had from one source, or from any."""


class Tool(NamedTuple):
    """Where a tool is found and how new it has to be."""

    minimum: tuple[int, ...]
    packages: str
    commands: str
    folder: str = "usr/bin"
    # A program with many libraries needs ones that match the machine's libc.
    libraries: bool = False
    tell_version: str = "--version"


class Record(NamedTuple):
    """What is known of a tool: its version, where it was had from and where bin/NAME leads."""

    version: str
    origin: str
    target: str


_ALERTS, _VM = "prometheus-alertmanager", "victoria-metrics"
_BROWSERS = "chromium chromium-browser google-chrome"
TOOLS = {
    # Before Prometheus 3 promtool was part of Debian's package "prometheus".
    "promtool": Tool((3, 0), "promtool prometheus", "promtool"),
    "prometheus": Tool((3, 0), "prometheus", "prometheus"),
    "alertmanager": Tool((0, 27), _ALERTS, f"{_ALERTS} alertmanager"),
    "amtool": Tool((0, 27), _ALERTS, "amtool"),
    "victoria-metrics": Tool((1, 100), _VM, f"{_VM} {_VM}-prod"),
    "vmagent": Tool((1, 100), _VM, "vmagent vmagent-prod"),
    "vmalert": Tool((1, 100), _VM, "vmalert vmalert-prod"),
    "kubectl": Tool(
        (1, 21), "kubectl kubernetes-client", "kubectl", tell_version="version --client"
    ),
    "docker-compose": Tool((2, 20), "docker-compose", "docker-compose"),
    "mtail": Tool((3, 0), "mtail", "mtail"),
    "tmux": Tool((3, 2), "tmux", "tmux", libraries=True, tell_version="-V"),
    "chromium": Tool((120,), "chromium", _BROWSERS, "usr/lib/chromium", libraries=True),
}


def run(argv: Sequence[str | Path], timeout: float = 900, cwd: Path | None = None) -> str:
    """Run a command and return its output; StackError if it fails or takes too long."""
    try:
        done = subprocess.run(argv, cwd=cwd, timeout=timeout, capture_output=True, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(str(error)) from error
    said, complaint = (text.decode(errors="replace").strip() for text in (done.stdout, done.stderr))
    if done.returncode:
        last = (complaint or said or "no message").splitlines()[-1]
        raise StackError(f"{Path(argv[0]).name}: exit status {done.returncode}: {last}")
    return said or complaint


def parse_version(text: str) -> str | None:
    """Return the first dotted version number in a tool's --version output."""
    match = re.search(r"(?<![\w.])v?(\d+(?:\.\d+)+)", text)
    return match[1] if match else None


def new_enough(version: str, minimum: tuple[int, ...]) -> bool:
    """Compare a dotted version number with a minimum."""
    return tuple(int(part) for part in version.split(".")) >= minimum


class Stack:
    """The project-local folder: bin/, pkg/ (unpacked packages), record/ and apt/."""

    def __init__(self, directory: Path | None = None) -> None:
        default = Path(__file__).resolve().parent.parent / ".stack"
        self.dir = (directory or Path(os.environ.get("SANCTUM_STACK_DIR") or default)).absolute()
        self._updated: set[str] = set()

    def recorded(self, name: str) -> Record | None:
        """Return the record of a tool that is in place and can be run."""
        if os.access(self.dir / "bin" / name, os.X_OK):
            with suppress(OSError, ValueError, TypeError):
                return Record(**json.loads((self.dir / "record" / name).read_text()))
        return None

    def on_path(self, name: str) -> Record | None:
        """Return a record of a new enough tool on PATH; bin/ itself does not count."""
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        others = [f for f in folders if f and Path(f).resolve() != (self.dir / "bin").resolve()]
        for command in TOOLS[name].commands.split():
            if found := shutil.which(command, path=os.pathsep.join(others) or os.devnull):
                with suppress(StackError):
                    version = parse_version(
                        run([found, *TOOLS[name].tell_version.split()], timeout=30)
                    )
                    if version and new_enough(version, TOOLS[name].minimum):
                        return Record(version, "PATH", str(Path(found).absolute()))
        return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs off the folder; what a broken-off run left behind is removed."""
        for part in ("bin", "pkg", "record"):
            (self.dir / part).mkdir(parents=True, exist_ok=True)
        (self.dir / ".gitignore").write_text("*\n")
        with (self.dir / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self.dir / "tmp", ignore_errors=True)
            (self.dir / "tmp").mkdir()
            yield

    def get(self, name: str) -> Record:
        """Return the record of a tool, putting it in place if it is not; call it locked."""
        if record := self.recorded(name):
            return record
        record, tool = self.on_path(name), TOOLS[name]
        suites, packages = ["own"] if tool.libraries else ["sid", "own"], tool.packages.split()
        problems = ["none on PATH is new enough"]
        if not shutil.which("apt-get"):
            suites, problems = [], [*problems, "there is no apt-get to get it with"]
        for suite, package in itertools.product(suites, packages):
            if not record:
                try:
                    record = self._from_package(tool, package, suite)
                except StackError as error:
                    problems.append(f"{package} of suite {suite}: {error}")
        if not record:
            hint = f"e.g. the package '{packages[-1]}' of your distribution, and put it on PATH"
            raise StackError(f"install {name}, {hint} ({'; '.join(problems)})")
        new = self.dir / "tmp" / "new"
        new.symlink_to(record.target)
        new.replace(self.dir / "bin" / name)
        new.write_text(json.dumps(record._asdict()))
        new.replace(self.dir / "record" / name)
        return record

    def _from_package(self, tool: Tool, package: str, suite: str) -> Record:
        """Take a tool from a package, unpacked earlier or now, that it is seen to run from."""
        home = self.dir / "pkg" / f"{package}@{suite}"
        root = home if home.is_dir() else self._unpack(tool, package, suite)
        program = Path(tool.folder, tool.commands.split()[0])
        start = root / f"run-{program.name}"
        libraries = {f"$root/{file.parent.relative_to(root)}" for file in root.rglob("lib*.so*")}
        wrapper = WRAPPER.replace("LIBRARIES", ":".join(sorted(libraries)) or "$root/usr/lib")
        start.write_text(wrapper.replace("PROGRAM", str(program)))
        start.chmod(0o755)
        packaged = (root / "PACKAGE-VERSION").read_text()
        # Debian's VictoriaMetrics says no version of its own.
        version = parse_version(
            run([start, *tool.tell_version.split()], timeout=30)
        ) or parse_version(packaged)
        root.rename(home)
        place = "Debian sid" if suite == "sid" else freedesktop_os_release()["PRETTY_NAME"]
        origin = f"{place}, {package} {packaged}"
        if version and not new_enough(version, tool.minimum):
            origin += f" (older than {'.'.join(map(str, tool.minimum))})"
        return Record(version or packaged, origin, f"../pkg/{home.name}/{start.name}")

    def _unpack(self, tool: Tool, package: str, suite: str) -> Path:
        """Download a package, with what it needs if the tool says so, into a temporary root."""
        apt = self._apt(suite)
        print(f"stack: getting {package} from suite {suite}", file=sys.stderr)
        work = Path(tempfile.mkdtemp(dir=self.dir / "tmp"))
        root = work / "root"
        (work / "partial").mkdir()
        if tool.libraries:
            apt += ["-y", "--download-only", "--reinstall", "--no-install-recommends"]
            apt += ["-o", f"Dir::Cache::archives={work}/"]
            run([*apt, "install", package, "fonts-dejavu-core"])
        else:
            run([*apt, "download", package], cwd=work)
        for archive in work.glob("*.deb"):
            run(["dpkg", "-x", archive, root])
            if archive.name.startswith(f"{package}_"):
                (root / "PACKAGE-VERSION").write_text(run(["dpkg-deb", "-f", archive, "Version"]))
            archive.unlink()
        (root / "fonts.conf").write_text(FONTS_CONF)
        (root / "usr/share/prometheus").mkdir(parents=True, exist_ok=True)
        for file in root.glob("usr/bin/*"):
            if not file.is_symlink():
                file.write_bytes(file.read_bytes().replace(DATA, OPEN_DATA))
        return root

    def _apt(self, suite: str) -> list[str]:
        """Return an apt-get command for one suite, its package lists fresh."""
        home = self.dir / "apt" / suite
        command = ["apt-get", "-q", "-c", str(home / "apt.conf")]
        if suite not in self._updated:
            for folder in (home / "lists/partial", home / "cache/archives/partial"):
                folder.mkdir(parents=True, exist_ok=True)
            conf = APT_CONF + (SID_CONF if suite == "sid" else "")
            if suite == "sid":
                key = f"signed-by={KEYRING}" if KEYRING.is_file() else ""
                source = home / "sid.list"
                source.write_text(f"deb [{key} target=Packages] {self._mirror()} sid main\n")
                (home / "status").touch()
            (home / "apt.conf").write_text(conf.replace("HOME", str(home)))
            run([*command, "update"])
            self._updated.add(suite)
        return command

    def _mirror(self) -> str:
        """Return the address of the Debian archive that the machine's own apt uses."""
        form = "$(ORIGIN)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)"
        # Only lists that were fetched tell their origin; a fresh container has none.
        for fetch in (False, True):
            apt = self._apt("own") if fetch else ["apt-get"]
            for row in run([*apt, "indextargets", "--format", form]).splitlines():
                origin, component, release, uri = (row.split("|") + [""] * 3)[:4]
                if (origin, component) == ("Debian", "main") and "security" not in release:
                    return uri
        raise StackError("this machine's apt knows no Debian archive")


def locate(name: str) -> Path | None:
    """Return a tool's path, from the folder or a good enough one on PATH; downloads nothing."""
    stack = Stack()
    found = stack.dir / "bin" / name if stack.recorded(name) else None
    record = None if found else stack.on_path(name)
    return Path(record.target) if record else found


def known() -> dict[str, str]:
    """Return the versions of the tools that the folder holds, by name."""
    stack = Stack()
    records = {name: stack.recorded(name) for name in TOOLS}
    return {name: record.version for name, record in records.items() if record}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 1 if a tool cannot be had."""
    parser = argparse.ArgumentParser(description="Get the servers that the tests need.")
    parser.add_argument("--dir", type=Path, help="folder to use, instead of .stack")
    parser.add_argument("--list", action="store_true", help="say what there is, get nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TOOLS))
    options = parser.parse_args(arguments)
    if not (options.names or options.list) or not set(options.names) <= set(TOOLS):
        parser.error(f"the names are: {', '.join(TOOLS)}")
    stack, status = Stack(options.dir), 0
    for name in options.names or TOOLS:
        record = stack.recorded(name)
        try:
            if not record and not options.list:
                with stack.locked():
                    record = stack.get(name)
        except (StackError, OSError) as error:
            print(f"stack: {error}", file=sys.stderr)
            status = 1
        else:
            version, origin, _ = record or ("-", "not there yet", "")
            print(name, stack.dir / "bin" / name if record else "-", version, origin, sep="\t")
    return status


if __name__ == "__main__":
    sys.exit(main())
