"""The web configuration file, read anew as it changes."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path

import bcrypt
import pytest

from sanctum_exporter.web.access.access import Access
from sanctum_exporter.web.gateway import Environ, StartResponse, call
from tests.certificates import Certificates, handshake
from tests.clocks import Clock

USERS = f"basic_auth_users: {{eve: {bcrypt.hashpw(b'x', bcrypt.gensalt(4)).decode()}}}\n"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


def application(_environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Answer everybody."""
    start_response("200 OK", [])
    return [b""]


class Watched:
    """A web configuration file, its access, and the time by which both go."""

    def __init__(self, folder: Path, content: str) -> None:
        self.path = folder / "web.yml"
        self.clock = Clock(1_700_000_000.0)
        self.write(content)
        self.access = Access(self.path, clock=self.clock, now=self.clock)
        self._app = self.access.guard(application)

    def write(self, content: str, path: Path | None = None) -> None:
        """Write a file at the time of the clock."""
        path = path or self.path
        path.write_text(content)
        os.utime(path, (self.clock.now, self.clock.now))

    def connect(self, after_seconds: float) -> ssl.SSLContext | None:
        """Return the context of a connection that comes later."""
        self.clock.now += after_seconds
        return self.access.context()

    def lets_in(self) -> bool:
        """Return whether a request without a password is answered."""
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/metrics",
            "REMOTE_ADDR": "10.0.0.1",
            "sanctum.peer_certificate": None,
        }
        return call(self._app, environ).status == "200 OK"


def subject(context: ssl.SSLContext | None, certificates: Certificates) -> object:
    """Return the serial number of the certificate that a context shows."""
    assert context is not None
    certificate = handshake(context, certificates.client_context())[1].getpeercert()
    assert certificate is not None
    return certificate["serialNumber"]


def test_a_change_is_in_force_at_the_next_connection(tmp_path: Path) -> None:
    """Nobody restarts anything."""
    watched = Watched(tmp_path, "")
    assert watched.lets_in()
    watched.clock.now += 100
    watched.write(USERS)
    watched.connect(after_seconds=1.5)
    assert not watched.lets_in()


def test_a_file_that_is_being_written_is_not_read_yet(tmp_path: Path) -> None:
    """Half of it may say nothing of passwords: it has to be as it is for a second."""
    watched = Watched(tmp_path, USERS)
    watched.clock.now += 100
    watched.write("")
    watched.connect(after_seconds=0.5)
    assert not watched.lets_in()
    watched.write(USERS + "http_server_config: {http2: false}\n")
    watched.connect(after_seconds=1.5)
    assert not watched.lets_in()


def test_a_file_from_the_future_is_read(tmp_path: Path) -> None:
    """The clock of a file server may be ahead for years."""
    watched = Watched(tmp_path, "")
    watched.clock.now += 100
    watched.path.write_text(USERS)
    os.utime(watched.path, (watched.clock.now + 1e8, watched.clock.now + 1e8))
    watched.connect(after_seconds=1.5)
    assert not watched.lets_in()


def test_a_broken_version_leaves_the_old_one_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However many connections come; a version that works ends it."""
    watched = Watched(tmp_path, USERS)
    with caplog.at_level(logging.INFO, "sanctum_exporter"):
        watched.write("basic_auth_users: {eve: secret}\n")
        for _ in range(5):
            watched.connect(after_seconds=10)
        assert not watched.lets_in()
        watched.path.unlink()
        for _ in range(5):
            watched.connect(after_seconds=10)
        assert not watched.lets_in()
        watched.write("")
        watched.connect(after_seconds=10)
        assert watched.lets_in()
    problems = [
        "basic_auth_users.eve: is no bcrypt hash; `htpasswd -nBC 10 ''` makes one",
        "cannot be read: No such file or directory",
    ]
    assert caplog.messages == [
        *(f"{watched.path}: {each}; the version from before stays in force" for each in problems),
        f"{watched.path}: read anew",
    ]


def test_it_is_looked_at_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand connections a second cost one look."""
    watched = Watched(tmp_path, "")
    looks: list[Path] = []
    stat = Path.stat

    def look(path: Path) -> os.stat_result:
        looks.append(path)
        return stat(path)

    monkeypatch.setattr(Path, "stat", look)
    for _ in range(1000):
        watched.connect(after_seconds=0.01)
    assert 9 <= len(looks) <= 10


def test_a_new_certificate_is_shown_as_soon_as_it_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Certificate and key are replaced one after the other; between them the old pair is shown."""
    certificates = Certificates(tmp_path)
    certificates.issue("server", "127.0.0.1")
    watched = Watched(tmp_path, TLS)
    before = subject(watched.connect(after_seconds=1.5), certificates)
    certificate, key = certificates.issue("new", "127.0.0.1")

    certificate.replace(tmp_path / "server.crt")
    assert subject(watched.connect(after_seconds=1.5), certificates) == before
    assert "certificate and key are no pair" in caplog.text
    key.replace(tmp_path / "server.key")
    after = subject(watched.connect(after_seconds=1.5), certificates)
    assert after != before


def test_a_secret_that_kubernetes_mounts_is_noticed(tmp_path: Path) -> None:
    """There the files are links into a folder that is itself exchanged."""
    certificates = Certificates(tmp_path)
    for version in ("1", "2"):
        folder = tmp_path / version
        folder.mkdir()
        for file in certificates.issue("server", "127.0.0.1"):
            file.rename(folder / file.name)
    (tmp_path / "..data").symlink_to("1")
    for name in ("server.crt", "server.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    watched = Watched(tmp_path, TLS)
    before = subject(watched.connect(after_seconds=1.5), certificates)
    (tmp_path / "..new").symlink_to("2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert subject(watched.connect(after_seconds=1.5), certificates) != before


@pytest.mark.parametrize(("before", "after"), [(TLS, ""), ("", TLS)], ids=["off", "on"])
def test_tls_is_neither_turned_on_nor_off_under_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, before: str, after: str
) -> None:
    """Scrapers know one scheme; the log says what it takes."""
    Certificates(tmp_path).issue("server", "127.0.0.1")
    watched = Watched(tmp_path, before)
    watched.write(after)
    assert (watched.connect(after_seconds=10) is None) == (before == "")
    assert "TLS can be turned on and off by a restart only" in caplog.text


def test_a_file_that_cannot_be_used_at_the_start_is_an_error(tmp_path: Path) -> None:
    """Nothing is served that somebody wanted to protect; the message names file and field."""
    path = tmp_path / "web.yml"
    path.write_text("tls_server_config: {cert_file: a}\n")
    with pytest.raises(ValueError, match=r"/web\.yml: tls_server_config\.cert_file: cannot read"):
        Access(path)


def test_a_folder_that_is_left_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training may change into another one; the file is still found."""
    monkeypatch.chdir(tmp_path)
    Path("web.yml").write_text("")
    clock = Clock()
    access = Access(Path("web.yml"), clock=clock, now=clock)
    monkeypatch.chdir("/")
    (tmp_path / "web.yml").write_text("nonsense: 1\n")
    clock.now += 10
    assert access.context() is None


def test_yaml_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    (tmp_path / "web.yml").touch()
    with pytest.raises(ValueError, match=r"needs the Python module yaml: pip install 'sanctum-exp"):
        Access(tmp_path / "web.yml")
