"""A web configuration file on the commands that serve, run as a user runs them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest

from sanctum_exporter.web.health import is_healthy
from tests.asking import ask
from tests.certificates import Certificates
from tests.processes import ExporterProcess, exporter
from tests.programs import free_address
from tests.waiting import eventually

TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
CLIENTS = (
    "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.pem, "
    "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [prometheus]}\n"
)
USERS = f"basic_auth_users: {{eve: {bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}}}\n"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """An authority, and a certificate for the server."""
    made = Certificates(tmp_path)
    made.issue("server", "127.0.0.1")
    return made


def basic(password: str) -> str:
    """Return the header of a client that says it is eve."""
    return f"Basic {base64.b64encode(f'eve:{password}'.encode()).decode()}"


def watching(folder: Path, *contents: str) -> list[str]:
    """Write a web configuration file, and return the command that uses it."""
    path = folder / "web.yml"
    path.write_text("".join(contents))
    return ["watch", str(folder), "--web.config.file", str(path)]


@pytest.fixture
def guarded(certificates: Certificates) -> Iterator[ExporterProcess]:
    """An exporter that asks for a password, by TLS."""
    with exporter(*watching(certificates.folder, TLS, USERS)) as running:
        yield running


def test_nothing_is_seen_without_the_password(
    guarded: ExporterProcess, certificates: Certificates
) -> None:
    """Metrics, page and what is not there are behind it, by TLS only; the probes are not."""
    url, context = guarded.url, certificates.client_context()
    assert url.startswith("https://127.0.0.1:")
    for path in ("/metrics", "/", "/style.css", "/nothing"):
        assert ask(f"{url}{path}", context=context).status == 401
        assert ask(f"{url}{path}", context=context, Authorization=basic("wrong")).status == 401
    answer = ask(f"{url}/metrics", context=context, Authorization=basic("right"))
    assert answer.status == 200
    assert "sanctum_exporter_build_info" in answer.text
    assert ask(f"{url}/-/healthy", context=context).text == "healthy\n"
    assert ask(f"{url}/-/ready", context=context).text.startswith("not ready: ")
    assert ask(url.replace("https", "http") + "/metrics", Authorization=basic("right")).status == 0


def test_a_flood_of_wrong_passwords_costs_no_scrape(
    guarded: ExporterProcess, certificates: Certificates
) -> None:
    """Whoever is known is answered meanwhile, from the attacker's own address too."""
    url, context = f"{guarded.url}/metrics", certificates.client_context()
    assert ask(url, context=context, Authorization=basic("right")).status == 200

    def attack(number: int) -> int:
        return ask(url, context=context, Authorization=basic(str(number))).status

    with ThreadPoolExecutor(8) as attackers:
        attacks = attackers.map(attack, range(200))
        scrapes = [ask(url, context=context, Authorization=basic("right")) for _ in range(20)]
        refused = list(attacks)
    assert {each.status for each in scrapes} == {200}
    assert set(refused) == {401, 429}
    # Ten at once, and one each second that it took.
    assert refused.count(401) < 60
    assert sum("wrong user or password" in line for line in guarded.said) <= 2


def test_a_client_without_an_allowed_certificate_is_refused(certificates: Certificates) -> None:
    """One with an allowed name scrapes; probes need none, for an orchestrator has none."""
    prometheus = certificates.client_context(certificates.issue("prometheus", "prometheus"))
    other = certificates.client_context(certificates.issue("other", "other"))
    nobody = certificates.client_context()
    with exporter(*watching(certificates.folder, CLIENTS)) as running:
        asked = {
            name: ask(f"{running.url}/metrics", context=context).status
            for name, context in (("prometheus", prometheus), ("other", other), ("nobody", nobody))
        }
        assert asked == {"prometheus": 200, "other": 403, "nobody": 403}
        assert ask(f"{running.url}/-/healthy", context=nobody).status == 200


def test_protected_probes_need_a_certificate_in_the_handshake(certificates: Certificates) -> None:
    """With --web.protect-health nobody without one gets as far as a request."""
    prometheus = certificates.client_context(certificates.issue("prometheus", "prometheus"))
    with exporter(*watching(certificates.folder, CLIENTS), "--web.protect-health") as running:
        url = f"{running.url}/-/healthy"
        assert ask(url, context=prometheus).status == 200
        assert ask(url, context=certificates.client_context()).status == 0


def test_a_certificate_is_exchanged_without_a_restart(certificates: Certificates) -> None:
    """The next connections are made with the new one, which the old authority does not know."""
    with exporter(*watching(certificates.folder, TLS)) as running:
        url, before = f"{running.url}/metrics", certificates.client_context()
        assert ask(url, context=before).status == 200
        renewed = Certificates(certificates.folder)
        renewed.issue("server", "127.0.0.1")
        eventually(lambda: ask(url, context=renewed.client_context()).status == 200)
        assert ask(url, context=before).status == 0
        running.wait_for("web.yml: read anew")


def test_a_broken_version_is_told_once_and_changes_nothing(certificates: Certificates) -> None:
    """The password from before is still the right one."""
    with exporter(*watching(certificates.folder, USERS)) as running:
        url = f"{running.url}/metrics"
        (certificates.folder / "web.yml").write_text("basic_auth_users: {eve: plain}\n")

        def is_told() -> bool:
            answer = ask(url, Authorization=basic("right"))
            assert answer.status == 200
            return any("stays in force" in line for line in running.said)

        eventually(is_told)
        assert "web.yml: basic_auth_users.eve: is no bcrypt hash" in "\n".join(running.said)


def test_prometheus_is_told_the_scheme(certificates: Certificates) -> None:
    """The entry for its discovery names it, where it is not the usual one."""
    entry = certificates.folder / "target.json"
    command = watching(certificates.folder, TLS)
    with exporter(*command, "--web.sd-file", str(entry)) as running:
        running.wait_for("serving https://")
        (group,) = json.loads(entry.read_text())
        assert group["labels"]["__scheme__"] == "https"


@pytest.mark.parametrize(
    ("contents", "options"),
    [
        ([], []),
        ([TLS], []),
        ([TLS, USERS], ["--web.protect-health"]),
        ([CLIENTS], []),
    ],
    ids=["open", "TLS", "a password for the probes too", "certificates"],
)
def test_the_health_check_of_the_image_finds_a_living_exporter(
    certificates: Certificates, contents: list[str], options: list[str]
) -> None:
    """Whatever the web configuration file says, and with nothing of its secrets."""
    with exporter(*watching(certificates.folder, *contents), *options) as running:
        address = running.url.partition("://")[2]
        assert is_healthy(address)
        assert running.stop() == 0
    assert not is_healthy(address)


def test_the_health_check_is_a_program(certificates: Certificates) -> None:
    """Its exit status is what Docker looks at, and it says nothing."""
    command = [sys.executable, "-m", "sanctum_exporter.web.health"]
    dead = subprocess.run([*command, free_address()], capture_output=True, check=False)
    assert (dead.returncode, dead.stdout, dead.stderr) == (1, b"", b"")
    with exporter(*watching(certificates.folder, TLS)) as running:
        address = running.url.partition("://")[2]
        alive = subprocess.run([*command, address], capture_output=True, check=False)
    assert (alive.returncode, alive.stdout, alive.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--web.config.file", "no.yml"],
            "sanctum-exporter: FOLDER/no.yml: cannot be read: No such file or directory",
        ),
        (
            ["--web.config.file", "web.yml"],
            "sanctum-exporter: FOLDER/web.yml: tls_server_config: object contains unknown field",
        ),
        (
            ["--web.protect-health"],
            "sanctum-exporter: --web.protect-health protects nothing without --web.config.file",
        ),
        (
            ["--web.config.file", "web.yml", "--no-web", "--otlp.endpoint", "http://127.0.0.1:9"],
            "sanctum-exporter: --web.config.file guards a port, and --no-web opens none",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_2(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    """Nothing is served that somebody wanted to protect."""
    (tmp_path / "web.yml").write_text("tls_server_config: {crt_file: a}\n")
    command = [sys.executable, "-m", "sanctum_exporter", "demo", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith(message.replace("FOLDER", str(tmp_path)))
    assert len(ended.stderr.splitlines()) == 1
