"""What the web configuration file may say, and what is said of all else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sanctum_exporter.web.access.configuration import (
    HttpServer,
    RateLimit,
    TlsServer,
    WebConfiguration,
    parse,
    read,
)

# Every option of exporter-toolkit that can be honoured.
FULL = b"""
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [prometheus.example, 10.0.0.1]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP256]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    X-XSS-Protection: 0
basic_auth_users:
  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze
rate_limit:
  interval: "1s"
  burst: 20
"""


def test_every_option_is_read() -> None:
    """Each value arrives in its field; a number among the headers is the text that was written."""
    assert parse(FULL) == WebConfiguration(
        tls_server_config=TlsServer(
            cert_file="server.crt",
            key_file="server.key",
            client_auth_type="RequireAndVerifyClientCert",
            client_ca_file="ca.crt",
            client_allowed_sans=("prometheus.example", "10.0.0.1"),
            min_version="TLS12",
            max_version="TLS13",
            cipher_suites=("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",),
            prefer_server_cipher_suites=False,
            curve_preferences=("CurveP256",),
        ),
        http_server_config=HttpServer(
            http2=False, headers={"X-Frame-Options": "deny", "X-XSS-Protection": "0"}
        ),
        basic_auth_users={"alice": "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"},
        rate_limit=RateLimit(interval="1s", burst=20),
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# nothing\n",
        b"tls_server_config:\nhttp_server_config:\nrate_limit:\n",
        b"rate_limit:\n  interval:\n",
    ],
    ids=["empty", "a comment", "sections without options", "an option without a value"],
)
def test_what_is_blank_is_left_out(content: bytes) -> None:
    """A file that says nothing turns nothing on, as in exporter-toolkit."""
    assert parse(content) == WebConfiguration()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("tls_config: {}", "object contains unknown field `tls_config`"),
        (
            "tls_server_config: {cert_fle: a}",
            "tls_server_config: object contains unknown field `cert_fle`",
        ),
        ("http_server_config: {http3: true}", "http_server_config: object contains unknown"),
        ("http_server_config: {http2: true}", "http_server_config.http2: this server speaks HTTP"),
        ("rate_limit: {interval: 1s}", "rate_limit.burst: no request would be answered"),
        ("rate_limit: {interval: soon}", "rate_limit.interval: 'soon' is not a duration"),
        ("rate_limit: {burst: many}", "rate_limit.burst: expected `int`, got `str`"),
        (
            "tls_server_config: {prefer_server_cipher_suites: perhaps}",
            "tls_server_config.prefer_server_cipher_suites: expected `bool`",
        ),
        ("tls_server_config: [a]", "tls_server_config: expected `object"),
        ("basic_auth_users: {alice: [x]}", "basic_auth_users[...]: expected `str`"),
        (
            "http_server_config: {headers: {Server: me}}",
            "http_server_config.headers.Server: cannot be set; these can: Content-Security-Policy",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: allow}}",
            "http_server_config.headers.X-Frame-Options: is 'allow'; write deny or sameorigin",
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "0\\r\\nSet-Cookie: a=b"}}',
            "http_server_config.headers.X-XSS-Protection: is '0\\r\\nSet-Cookie: a=b'; write one",
        ),
        ("a: 1\nb: [", "line 2: "),
        ("a: b: c", "line 1: mapping values are not allowed here"),
        ("basic_auth_users:\n  bob: x\n  bob: y", "line 3: bob stands there twice"),
        ("a list", "holds no sections"),
        ("- a", "holds no sections"),
        ("? [a]\n: b", "line 1: "),
        ("[" * 5000, "is nested too deeply"),
        ("a: !!python/object/apply:os.system [false]", "object contains unknown field `a`"),
        ("&a [*a]", "line 1: "),
        ("a: \x00", "is not text in UTF-8"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(content: str, message: str) -> None:
    """The error begins with the line or the field, and says what is wrong there."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        parse(content.encode())


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    """The reason is the operating system's."""
    with pytest.raises(ValueError, match=r"^cannot be read: No such file or directory$"):
        read(tmp_path / "web.yml")


def test_a_file_without_end_is_refused() -> None:
    """Something else that was named by mistake is not read into memory."""
    with pytest.raises(ValueError, match=r"^is longer than 1 MiB"):
        read(Path("/dev/zero"))


def said_of(content: bytes) -> str | None:
    """Return why a content is refused, None if it is not."""
    try:
        parse(content)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "content",
    [
        b"basic_auth_users: {alice: [S3CRET]}",
        b"tls_server_config: {key: [S3CRET]}",
        b"basic_auth_users: {alice: S3CRET}\nbogus: 1",
        b"basic_auth_users:\n  alice: S3CRET: a",
    ],
    ids=["user", "key", "beside", "syntax"],
)
def test_no_message_has_a_secret(content: bytes) -> None:
    """What stands at a user or a key is never quoted."""
    said = said_of(content)
    assert said is not None
    assert "S3CRET" not in said
