#!/usr/bin/env python3
"""Put the real servers and tools that the tests need into a project-local folder.

    python tools/stack.py [--dir DIR] [--list] NAME...

Each tool comes from the first of these that has it: what is on PATH (if new enough),
Debian's suite ``sid``, and the machine's own suite.  Packages are downloaded with a private
apt configuration and unpacked, not installed: no root is needed and the system stays as it is.
The folder is ``.stack`` beside this script's folder, ``$SANCTUM_STACK_DIR`` or ``--dir``;
afterwards ``<folder>/bin/NAME`` runs the tool.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

QUICK, SLOW = 30.0, 900.0
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# "-c" is read after the system's own settings; hooks are cleared since they act on the system.
APT_CONF = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
Debug::NoLocking "true";
Acquire { Retries "3"; http::Timeout "30"; https::Timeout "30"; Languages "none"; };
Dir { State::Lists "HOME/lists"; Cache "HOME/cache"; };
"""
# An empty package status keeps versions installed on the machine out of the choice.
SID_CONF = """\
#clear APT::Default-Release;
Dir::Etc { sourcelist "HOME/sources.list"; sourceparts "/dev/null"; };
Dir::Etc { preferences "/dev/null"; preferencesparts "/dev/null"; };
Dir::State::status "HOME/status";
"""
FONTS_CONF = """\
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
</fontconfig>
"""
WRAPPER = """\
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")
export FONTCONFIG_FILE="$root/fonts.conf"
export LD_LIBRARY_PATH="LIBRARIES${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$root/BINARY" "$@"
"""


class StackError(Exception):
    """A tool cannot be had from one source, or from any."""


@dataclass(frozen=True)
class Tool:
    """Where a tool is found and how new it has to be."""

    minimum: tuple[int, ...]
    commands: tuple[str, ...]
    packages: tuple[str, ...]
    binary: str
    suites: tuple[str, ...] = ("sid", "own")
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """What is known of a tool that is in place; target is relative to the folder if inside it."""

    version: str
    origin: str
    target: str


def _tool(minimum: tuple[int, ...], packages: str, *commands: str) -> Tool:
    return Tool(minimum, commands, tuple(packages.split()), f"usr/bin/{commands[0]}")


_ALERTS, _VM = "prometheus-alertmanager", "victoria-metrics"
TOOLS: dict[str, Tool] = {
    # Before Prometheus 3 promtool was part of Debian's package "prometheus".
    "promtool": _tool((3, 0), "promtool prometheus", "promtool"),
    "prometheus": _tool((3, 0), "prometheus", "prometheus"),
    "alertmanager": _tool((0, 27), _ALERTS, "prometheus-alertmanager", "alertmanager"),
    "amtool": _tool((0, 27), _ALERTS, "amtool"),
    "victoria-metrics": _tool((1, 100), _VM, "victoria-metrics", "victoria-metrics-prod"),
    "vmagent": _tool((1, 100), _VM, "vmagent", "vmagent-prod"),
    "vmalert": _tool((1, 100), _VM, "vmalert", "vmalert-prod"),
    "docker-compose": _tool((2, 20), "docker-compose", "docker-compose"),
    # Its many libraries have to match the machine's libc, hence no other suite.
    "chromium": Tool(
        (120,),
        ("chromium", "chromium-browser", "google-chrome"),
        ("chromium",),
        "usr/lib/chromium/chromium",
        suites=("own",),
        needs=("fonts-dejavu-core",),
    ),
}


def run(argv: Sequence[str | Path], timeout: float = QUICK, cwd: Path | None = None) -> str:
    """Run a command and return its output; StackError if it fails or takes too long."""
    title = Path(argv[0]).name
    env = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    # Files, not pipes: a grandchild that holds a pipe open would outlast the timeout.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            status = subprocess.call(
                argv,
                timeout=timeout,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        except OSError as error:
            raise StackError(f"{title}: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise StackError(f"{title}: not done after {timeout:.0f} s") from error
        out.seek(0)
        err.seek(0)
        said, complaint = (file.read().decode(errors="replace").strip() for file in (out, err))
    if status:
        last = (complaint or said or "no message").splitlines()[-1]
        raise StackError(f"{title}: exit status {status}: {last}")
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
        try:
            record = Record(**json.loads((self.dir / "record" / name).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        parts = (self.dir / "bin" / name, self.dir / record.target)
        return record if all(p.is_file() and os.access(p, os.X_OK) for p in parts) else None

    def on_path(self, name: str) -> Record | None:
        """Return a record of a new enough tool on PATH; bin/ itself does not count."""
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        others = [f for f in folders if f and Path(f).resolve() != (self.dir / "bin").resolve()]
        for command in TOOLS[name].commands:
            if found := shutil.which(command, path=os.pathsep.join(others) or os.devnull):
                with suppress(StackError):
                    version = parse_version(run([found, "--version"]))
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
            shutil.rmtree(self.dir / "tmp", ignore_errors=True)

    def get(self, name: str) -> Record:
        """Return the record of a tool, putting it in place if it is not; call it locked."""
        if record := self.recorded(name):
            return record
        record, tool, problems = self.on_path(name), TOOLS[name], ["not on PATH or too old there"]
        suites = tool.suites if shutil.which("apt-get") else ()
        for suite, package in itertools.product(suites, tool.packages):
            if not record:
                try:
                    record = self._from_package(name, package, suite)
                except StackError as error:
                    problems.append(f"{package} of suite {suite}: {error}")
        if not record:
            hint = f"install {name}, e.g. the package '{tool.packages[-1]}' of your distribution"
            problems += [] if suites else ["there is no apt-get to get it with"]
            raise StackError(f"{hint}, and put it on PATH ({'; '.join(problems)})")
        self._put(name, record)
        return record

    def _put(self, name: str, record: Record) -> None:
        """Write bin/NAME and then the record, each in one step."""
        new = self.dir / "tmp" / "new"
        if Path(record.target).is_absolute():
            # No symlink: some commands look at the name that they are called by.
            new.write_text(f'#!/bin/sh\nexec {shlex.quote(record.target)} "$@"\n')
            new.chmod(0o755)
        else:
            new.symlink_to(Path("..") / record.target)
        new.replace(self.dir / "bin" / name)
        new.write_text(json.dumps(asdict(record)))
        new.replace(self.dir / "record" / name)

    def _from_package(self, name: str, package: str, suite: str) -> Record:
        """Take a tool from a package, unpacked earlier or now, that it is seen to run from."""
        tool = TOOLS[name]
        home = self.dir / "pkg" / f"{package}@{suite}"
        root = home if home.is_dir() else self._unpack(tool, package, suite)
        start = "run" if tool.needs else tool.binary
        if not (root / start).is_file():
            raise StackError(f"has no {tool.binary}")
        packaged = (root / "PACKAGE-VERSION").read_text()
        # Debian's VictoriaMetrics says no version of its own.
        version = parse_version(run([root / start, "--version"])) or parse_version(packaged)
        if root != home:
            root.rename(home)
        system = platform.freedesktop_os_release() if suite == "own" else {"ID": "debian"}
        release = system.get("VERSION_CODENAME", system.get("VERSION_ID", suite))
        origin = f"{system['ID'].capitalize()} {release}, {package} {packaged}"
        if version and not new_enough(version, tool.minimum):
            origin += f" (older than {'.'.join(map(str, tool.minimum))})"
        return Record(version or packaged, origin, str((home / start).relative_to(self.dir)))

    def _unpack(self, tool: Tool, package: str, suite: str) -> Path:
        """Download a package, with what it needs if the tool says so, into a temporary root."""
        apt = self._apt(suite)
        print(f"stack: getting {package} from suite {suite}", file=sys.stderr)
        work = Path(tempfile.mkdtemp(dir=self.dir / "tmp"))
        root = work / "root"
        for folder in (root, work / "partial"):
            folder.mkdir()
        if tool.needs:
            apt += ["-y", "--download-only", "--reinstall", "--no-install-recommends"]
            apt += ["-o", f"Dir::Cache::archives={work}/"]
            run([*apt, "install", package, *tool.needs], SLOW)
        else:
            run([*apt, "download", package], SLOW, cwd=work)
        for archive in work.glob("*.deb"):
            run(["dpkg", "-x", archive, root], SLOW)
            if archive.name.startswith(f"{package}_"):
                version = run(["dpkg-deb", "-f", archive, "Version"])
                (root / "PACKAGE-VERSION").write_text(version)
            archive.unlink()
        if tool.needs:
            folders = {f"$root/{p.parent.relative_to(root)}" for p in root.rglob("lib*.so*")}
            wrapper = WRAPPER.replace("LIBRARIES", ":".join(sorted(folders)))
            (root / "fonts.conf").write_text(FONTS_CONF)
            (root / "run").write_text(wrapper.replace("BINARY", tool.binary))
            (root / "run").chmod(0o755)
        return root

    def _apt(self, suite: str) -> list[str]:
        """Return an apt-get command for one suite, its package lists fresh."""
        home = self.dir / "apt" / suite
        command = ["apt-get", "-q", "-c", str(home / "apt.conf")]
        if suite not in self._updated:
            for folder in (home / "lists/partial", home / "cache/archives/partial"):
                folder.mkdir(parents=True, exist_ok=True)
            conf = APT_CONF
            if suite == "sid":
                conf += SID_CONF
                options = f"arch={run(['dpkg', '--print-architecture'])} target=Packages"
                options += f" signed-by={KEYRING}" if KEYRING.is_file() else ""
                (home / "sources.list").write_text(f"deb [{options}] {self._mirror()} sid main\n")
                (home / "status").touch()
            (home / "apt.conf").write_text(conf.replace("HOME", str(home)))
            run([*command, "update"], SLOW)
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
    if stack.recorded(name):
        return stack.dir / "bin" / name
    record = stack.on_path(name)
    return Path(record.target) if record else None


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
            known = (record.version, record.origin) if record else ("-", "not there yet")
            print(name, stack.dir / "bin" / name if record else "-", *known, sep="\t")
    return status


if __name__ == "__main__":
    sys.exit(main())
