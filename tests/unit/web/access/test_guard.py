"""Who is let through to an application, and what the others are told."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from sanctum_exporter.web.access.guard import Guard
from sanctum_exporter.web.access.policy import Policy, load
from sanctum_exporter.web.gateway import Environ, Response, StartResponse, call
from tests.certificates import Certificates
from tests.clocks import Clock

# The least cost that there is: these tests are not about the time that it takes.
HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{eve: {HASH}}}\n"


def application(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer everybody."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Frame-Options", "ours")])
    return [b"metrics"]


class Guarded:
    """The application behind a web configuration file."""

    def __init__(self, folder: Path, content: str, *, protect_health: bool = False) -> None:
        self.clock = Clock()
        self.path = folder / "web.yml"
        self.policy = self.load(content)
        self._guard = Guard(
            application, lambda: self.policy, protect_health=protect_health, clock=self.clock
        )

    def load(self, content: str) -> Policy:
        """Put another version in force."""
        self.path.write_text(content)
        self.policy = load(self.path, protect_health=False)
        return self.policy

    def ask(
        self,
        path: str = "/metrics",
        *,
        authorization: str | None = None,
        client: str = "10.0.0.1",
        certificate: dict[str, Any] | None = None,
    ) -> Response:
        """Return the answer to a request."""
        environ: Environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "REMOTE_ADDR": client,
            "sanctum.peer_certificate": certificate,
        }
        if authorization is not None:
            environ["HTTP_AUTHORIZATION"] = authorization
        return call(self._guard, environ)


def basic(user: str, password: str) -> str:
    """Return the header of a client that says who it is."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize("path", ["/metrics", "/", "/style.css", "/nothing", "/-/healthy/", "//-/"])
def test_every_path_is_behind_the_password(tmp_path: Path, path: str) -> None:
    """Without it, nothing is told apart; with it, the application answers."""
    guarded = Guarded(tmp_path, USERS)
    refused = guarded.ask(path)
    assert refused.status == "401 Unauthorized"
    assert refused.body == b"give a user and the right password\n"
    assert dict(refused.headers)["WWW-Authenticate"].startswith("Basic realm=")
    assert guarded.ask(path, authorization=basic("eve", "right")).body == b"metrics"


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_probes_are_let_through_unless_they_are_protected(tmp_path: Path, path: str) -> None:
    """An orchestrator has no password; a switch asks it for one all the same."""
    content = f"{USERS}rate_limit: {{interval: 1h, burst: 1}}\n"
    guarded = Guarded(tmp_path, content)
    assert [guarded.ask(path).status for _ in range(3)] == ["200 OK"] * 3
    protected = Guarded(tmp_path, USERS, protect_health=True)
    assert protected.ask(path).status == "401 Unauthorized"
    assert protected.ask(path, authorization=basic("eve", "right")).status == "200 OK"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic ZXZlOnJpZ2h0!",
        "Basic \xe9",
        "Basic ZXZl",
        "Bearer ZXZlOnJpZ2h0",
        basic("eve", "wrong"),
        basic("Eve", "right"),
        basic("", ""),
        basic("eve", "right\n"),
    ],
)
def test_what_is_not_the_right_password_is_refused(tmp_path: Path, authorization: str) -> None:
    """Whatever stands in the header, the answer is the same."""
    guarded = Guarded(tmp_path, USERS)
    assert guarded.ask(authorization=authorization) == guarded.ask()


def test_the_scheme_is_understood_however_it_is_written(tmp_path: Path) -> None:
    """Its case does not matter (RFC 9110)."""
    header = basic("eve", "right").replace("Basic", "basic")
    assert Guarded(tmp_path, USERS).ask(authorization=header).status == "200 OK"


def test_a_password_may_have_colons_and_other_letters(tmp_path: Path) -> None:
    """All behind the first colon is the password, as UTF-8."""
    stored = bcrypt.hashpw("pa:ß:".encode(), bcrypt.gensalt(4)).decode()
    guarded = Guarded(tmp_path, f"basic_auth_users: {{jürgen: {stored}}}\n")
    assert guarded.ask(authorization=basic("jürgen", "pa:ß:")).status == "200 OK"


def test_too_many_wrong_passwords_are_refused_at_once_and_for_a_second(tmp_path: Path) -> None:
    """The answer says when to come again, and then the right one is right."""
    guarded = Guarded(tmp_path, USERS)
    wrong = [guarded.ask(authorization=basic("eve", str(number))) for number in range(30)]
    assert [each.status for each in wrong] == ["401 Unauthorized"] * 10 + [
        "429 Too Many Requests"
    ] * 20
    assert dict(wrong[-1].headers)["Retry-After"] == "1"
    guarded.clock.now += 1.01
    assert guarded.ask(authorization=basic("eve", "right")).status == "200 OK"


def test_wrong_passwords_are_logged_without_flooding_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line a minute names the address, never the user, who may be a password."""
    guarded = Guarded(tmp_path, USERS)
    with caplog.at_level(logging.INFO, "sanctum_exporter"):
        for number in range(50):
            guarded.ask(authorization=basic("hunter2", str(number)), client="10.9.9.9")
        guarded.clock.now += 61
        guarded.ask(authorization=basic("hunter2", "again"), client="10.9.9.9")
    line = "a request from 10.9.9.9 was refused: wrong user or password"
    assert caplog.messages == [line, f"{line} (49 more since the last such line)"]


def test_headers_of_the_file_replace_those_of_an_answer(tmp_path: Path) -> None:
    """Refusals have them too, and a blank one is left out."""
    headers = "{X-Frame-Options: deny, X-Content-Type-Options: '', X-XSS-Protection: 0}"
    guarded = Guarded(tmp_path, f"{USERS}http_server_config: {{headers: {headers}}}\n")
    answer = guarded.ask(authorization=basic("eve", "right"))
    assert sorted(answer.headers) == [
        ("Content-Type", "text/plain"),
        ("X-Frame-Options", "deny"),
        ("X-XSS-Protection", "0"),
    ]
    refused = dict(guarded.ask().headers)
    assert refused["X-Frame-Options"] == "deny"
    assert "X-Content-Type-Options" not in refused
    assert "WWW-Authenticate" in refused


def test_a_rate_limit_lets_a_burst_through_and_then_one_each_interval(tmp_path: Path) -> None:
    """A change of it begins anew, and all else of the file leaves it as it is."""
    guarded = Guarded(tmp_path, "rate_limit: {interval: 2s, burst: 3}\n")
    statuses = [guarded.ask().status for _ in range(5)]
    assert statuses == ["200 OK"] * 3 + ["429 Too Many Requests"] * 2
    guarded.clock.now += 2.01
    assert [guarded.ask().status for _ in range(2)] == ["200 OK", "429 Too Many Requests"]
    guarded.load("rate_limit: {interval: 2s, burst: 3}\nhttp_server_config: {http2: false}\n")
    assert guarded.ask().status == "429 Too Many Requests"
    guarded.load("")
    assert guarded.ask().status == "200 OK"


def test_strangers_cannot_use_the_rate_limit_up(tmp_path: Path) -> None:
    """Only who is let in counts, so a flood of refusals costs no scrape."""
    guarded = Guarded(tmp_path, f"{USERS}rate_limit: {{interval: 1h, burst: 1}}\n")
    assert {guarded.ask().status for _ in range(5)} == {"401 Unauthorized"}
    right = basic("eve", "right")
    statuses = [guarded.ask(authorization=right).status for _ in range(2)]
    assert statuses == ["200 OK", "429 Too Many Requests"]


NAMED = {"subjectAltName": (("DNS", "prometheus.example"), ("IP Address", "10.0.0.1"))}


@pytest.mark.parametrize(
    ("kind", "allowed", "certificate", "status"),
    [
        ("RequireAndVerifyClientCert", "", NAMED, "200 OK"),
        ("RequireAndVerifyClientCert", "", None, "403 Forbidden"),
        ("RequireAndVerifyClientCert", "a, 10.0.0.1", NAMED, "200 OK"),
        ("RequireAndVerifyClientCert", "example", NAMED, "403 Forbidden"),
        ("RequireAndVerifyClientCert", "a", {"subject": ()}, "403 Forbidden"),
        ("VerifyClientCertIfGiven", "a", None, "200 OK"),
        ("VerifyClientCertIfGiven", "a", NAMED, "403 Forbidden"),
    ],
)
def test_certificates_and_their_names_decide(
    tmp_path: Path, kind: str, allowed: str, certificate: dict[str, Any] | None, status: str
) -> None:
    """One that is required has to be there, and one that is there needs an allowed name."""
    Certificates(tmp_path).issue("server", "127.0.0.1")
    guarded = Guarded(
        tmp_path,
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.pem, "
        f"client_auth_type: {kind}, client_allowed_sans: [{allowed}]}}\n",
    )
    assert guarded.ask(certificate=certificate).status == status
    assert guarded.ask("/-/healthy").status == "200 OK"


def test_a_certificate_does_not_replace_a_password(tmp_path: Path) -> None:
    """Where the file asks for both, both are needed, as in exporter-toolkit."""
    Certificates(tmp_path).issue("server", "127.0.0.1")
    guarded = Guarded(
        tmp_path,
        f"{USERS}tls_server_config: {{cert_file: server.crt, key_file: server.key, "
        "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert}\n",
    )
    right = basic("eve", "right")
    assert guarded.ask(certificate=NAMED).status == "401 Unauthorized"
    assert guarded.ask(authorization=right).status == "403 Forbidden"
    assert guarded.ask(certificate=NAMED, authorization=right).status == "200 OK"
