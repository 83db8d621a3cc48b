"""TLS as the web configuration file asks for it, with handshakes in memory."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from sanctum_exporter.web.access.configuration import TlsServer
from sanctum_exporter.web.access.tls import files, names, server_context
from tests.certificates import Certificates, handshake

REQUIRED = "RequireAndVerifyClientCert"
IF_GIVEN = "VerifyClientCertIfGiven"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """An authority, and a certificate for the server in server.crt and server.key."""
    made = Certificates(tmp_path)
    made.issue("server", "127.0.0.1")
    return made


def context(
    certificates: Certificates, *, let_health_through: bool = False, **settings: Any
) -> ssl.SSLContext:
    """Return the context of a server with the certificate and other settings."""
    with_pair: dict[str, Any] = {"cert_file": "server.crt", "key_file": "server.key"} | settings
    return server_context(
        TlsServer(**with_pair), certificates.folder, let_health_through=let_health_through
    )


def test_a_client_that_trusts_the_authority_connects(certificates: Certificates) -> None:
    """Relative names are relative to the folder, and TLS 1.3 is spoken if both can."""
    server, client = handshake(context(certificates), certificates.client_context())
    assert server.version() == "TLSv1.3"
    assert client.getpeercert() is not None


def test_certificate_and_key_can_stand_in_the_file_itself(certificates: Certificates) -> None:
    """Inline PEM serves as the files do."""
    inline: dict[str, Any] = {
        "cert": (certificates.folder / "server.crt").read_text(),
        "key": (certificates.folder / "server.key").read_text(),
    }
    own = context(certificates, cert_file="", key_file="", **inline)
    assert handshake(own, certificates.client_context())[0].version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cert_file": ""}, "tls_server_config.cert_file: is missing"),
        ({"key_file": ""}, "tls_server_config.key_file: is missing"),
        ({"cert": "x"}, "tls_server_config.cert: is there and cert_file too; write one"),
        (
            {"cert_file": "none.crt"},
            "tls_server_config.cert_file: cannot read FOLDER/none.crt: No such file or directory",
        ),
        (
            {"key_file": "other.key"},
            "tls_server_config: certificate and key are no pair, or no PEM",
        ),
        ({"key_file": "server.crt"}, "tls_server_config: certificate and key are no pair"),
        ({"cert_file": "", "cert": "no PEM"}, "tls_server_config: certificate and key are no pair"),
        ({"cert_file": "", "cert": "x" * 70000}, "tls_server_config: certificate or key is too"),
        (
            {"key_file": "encrypted.key"},
            "tls_server_config.key: is encrypted; take the passphrase off it",
        ),
        ({"min_version": "TLS9"}, "tls_server_config.min_version: is 'TLS9'; write TLS12 or TLS13"),
        ({"min_version": "TLS10"}, "tls_server_config.min_version: TLS10 is not spoken any more"),
        ({"max_version": "TLS11"}, "tls_server_config.max_version: TLS11 is not spoken any more"),
        (
            {"min_version": "TLS13", "max_version": "TLS12"},
            "tls_server_config.max_version: is below min_version",
        ),
        (
            {"cipher_suites": ("TLS_RSA_WITH_RC4_128_SHA",)},
            "tls_server_config.cipher_suites: TLS_RSA_WITH_RC4_128_SHA cannot be chosen; ",
        ),
        (
            {"cipher_suites": ("TLS_AES_128_GCM_SHA256",)},
            "tls_server_config.cipher_suites: TLS_AES_128_GCM_SHA256 cannot be chosen; those of T",
        ),
        (
            {"curve_preferences": ("CurveP224",)},
            "tls_server_config.curve_preferences: CurveP224 is not known; write one of CurveP256",
        ),
        (
            {"curve_preferences": ("CurveP256", "X25519")},
            "tls_server_config.curve_preferences: Python can be told one curve only",
        ),
        (
            {"client_auth_type": "RequestClientCert"},
            "tls_server_config.client_auth_type: RequestClientCert asks for certificates that nob",
        ),
        (
            {"client_auth_type": "RequireAnyClientCert"},
            "tls_server_config.client_auth_type: RequireAnyClientCert asks for certificates",
        ),
        (
            {"client_auth_type": "Perhaps"},
            "tls_server_config.client_auth_type: is 'Perhaps'; write NoClientCert, Verify",
        ),
        (
            {"client_auth_type": REQUIRED},
            "tls_server_config.client_ca_file: is missing, and client_auth_type is Require",
        ),
        (
            {"client_ca_file": "ca.pem"},
            "tls_server_config.client_ca_file: means nothing without client_auth_type",
        ),
        (
            {"client_allowed_sans": ("a",)},
            "tls_server_config.client_allowed_sans: means nothing without client_auth_type",
        ),
        (
            {"client_auth_type": REQUIRED, "client_ca": "no PEM"},
            "tls_server_config.client_ca: is no certificate of an authority in PEM",
        ),
        (
            {"client_auth_type": REQUIRED, "client_ca": "ca", "client_ca_file": "ca.pem"},
            "tls_server_config.client_ca: is there and client_ca_file too; write one",
        ),
    ],
)
def test_what_cannot_be_had_is_refused_by_its_name(
    certificates: Certificates, settings: dict[str, Any], message: str
) -> None:
    """The error names the field, and what would do."""
    certificates.issue("other", "127.0.0.1")
    key = serialization.load_pem_private_key(
        (certificates.folder / "server.key").read_bytes(), None
    )
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (certificates.folder / "encrypted.key").write_bytes(encrypted)
    message = message.replace("FOLDER", str(certificates.folder))
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        context(certificates, **settings)


@pytest.mark.parametrize(
    ("settings", "spoken"),
    [
        ({}, {"TLSv1.2": True, "TLSv1.3": True}),
        ({"min_version": "TLS13"}, {"TLSv1.2": False, "TLSv1.3": True}),
        ({"max_version": "TLS12"}, {"TLSv1.2": True, "TLSv1.3": False}),
    ],
    ids=["both", "min_version", "max_version"],
)
def test_the_versions_are_those_of_the_file(
    certificates: Certificates, settings: dict[str, Any], spoken: dict[str, bool]
) -> None:
    """A client that speaks one version only gets in or not."""
    server = context(certificates, **settings)
    versions = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
    for name, version in versions.items():
        client = certificates.client_context()
        client.minimum_version = client.maximum_version = version
        if spoken[name]:
            assert handshake(server, client)[0].version() == name
        else:
            with pytest.raises(ssl.SSLError):
                handshake(server, client)


@pytest.mark.parametrize(
    ("server_prefers", "chosen"),
    [(True, "ECDHE-ECDSA-AES256-GCM-SHA384"), (False, "ECDHE-ECDSA-CHACHA20-POLY1305")],
)
def test_the_suite_is_the_first_of_whoever_is_preferred(
    certificates: Certificates, server_prefers: bool, chosen: str
) -> None:
    """The order is the server's, or the client's where the file says so."""
    server = context(
        certificates,
        max_version="TLS12",
        prefer_server_cipher_suites=server_prefers,
        cipher_suites=(
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
    )
    client = certificates.client_context()
    client.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384")
    cipher = handshake(server, client)[0].cipher()
    assert cipher is not None
    assert cipher[0] == chosen
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        handshake(server, client)


@pytest.mark.parametrize(
    ("curve", "name"),
    [("CurveP256", "prime256v1"), ("CurveP384", "secp384r1"), ("CurveP521", "secp521r1")],
)
def test_the_curve_is_that_of_the_file(certificates: Certificates, curve: str, name: str) -> None:
    """A client with the same curve connects, one with another does not."""
    server = context(certificates, curve_preferences=(curve,))
    client = certificates.client_context()
    client.set_ecdh_curve(name)
    handshake(server, client)
    client.set_ecdh_curve("secp384r1" if name != "secp384r1" else "prime256v1")
    with pytest.raises(ssl.SSLError):
        handshake(server, client)


@pytest.mark.parametrize(
    ("kind", "let_health_through", "without"),
    [(REQUIRED, False, False), (REQUIRED, True, True), (IF_GIVEN, False, True)],
    ids=["required", "required later", "if given"],
)
def test_a_client_certificate_is_verified_whether_it_is_required_or_not(
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    let_health_through: bool,
    without: bool,
) -> None:
    """One of the authority gets in, one of another never; without any it depends."""
    server = context(
        certificates,
        client_auth_type=kind,
        client_ca_file="ca.pem",
        let_health_through=let_health_through,
    )
    own = certificates.client_context(certificates.issue("client", "prometheus.example"))
    end, _ = handshake(server, own)
    certificate = end.getpeercert()
    assert certificate is not None
    assert names(certificate) == {"prometheus.example"}

    other = Certificates(tmp_path_factory.mktemp("other")).issue("client", "prometheus.example")
    with pytest.raises(ssl.SSLError):
        handshake(server, certificates.client_context(other))

    if without:
        assert not handshake(server, certificates.client_context())[0].getpeercert()
    else:
        with pytest.raises(ssl.SSLError):
            handshake(server, certificates.client_context())


def test_names_of_every_kind_are_written_as_in_the_file(certificates: Certificates) -> None:
    """DNS names, addresses and mail addresses, as exporter-toolkit compares them."""
    server = context(certificates, client_auth_type=REQUIRED, client_ca_file="ca.pem")
    identities = ("a.example", "10.0.0.1", "2001:db8::1", "me@a.example")
    client = certificates.client_context(certificates.issue("client", *identities))
    certificate = handshake(server, client)[0].getpeercert()
    assert certificate is not None
    assert names(certificate) == set(identities)


def test_the_files_are_those_that_are_named() -> None:
    """What is inline or absolute is as it is."""
    settings = TlsServer(cert_file="a.crt", key_file="/etc/a.key", client_ca="PEM")
    assert files(settings, Path("/web")) == (Path("/web/a.crt"), Path("/etc/a.key"))


def test_a_certificate_chain_is_sent_whole(tmp_path: Path) -> None:
    """A client that knows only the root follows the intermediate one of the file."""
    root = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = root.create_child_ca(key_type=trustme.KeyType.ECDSA).issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    root.cert_pem.write_to_path(tmp_path / "ca.pem")
    settings = TlsServer(cert_file="both.pem", key_file="both.pem")
    server = server_context(settings, tmp_path, let_health_through=False)
    handshake(server, ssl.create_default_context(cafile=tmp_path / "ca.pem"))
