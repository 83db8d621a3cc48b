"""TLS as the web configuration file asks for it, as far as Python's ``ssl`` can do it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from sanctum_exporter.web.access.configuration import TlsServer

REQUIRED: Final = "RequireAndVerifyClientCert"
_IF_GIVEN: Final = "VerifyClientCertIfGiven"
_UNVERIFIED: Final = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_OLD_VERSIONS: Final = ("TLS10", "TLS11")
_CURVES: Final = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
# Go's names of what its crypto/tls calls secure, and OpenSSL's.
_CIPHERS: Final = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}


def files(settings: TlsServer, folder: Path) -> tuple[Path, ...]:
    """Return the files that the settings name; relative names are relative to the folder."""
    names = (settings.cert_file, settings.key_file, settings.client_ca_file)
    return tuple(folder / name for name in names if name)


def server_context(
    settings: TlsServer, folder: Path, *, let_health_through: bool
) -> ssl.SSLContext:
    """Return what the server's side of a connection is made with.

    Args:
        settings: what the file says.
        folder: what relative names are relative to.
        let_health_through: do not insist on a client's certificate in the handshake, since
            nobody knows by then what it will ask for. One that is given is always verified.

    Raises:
        ValueError: if it cannot be had so; the message names the field.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _version("min_version", settings.min_version)
    context.maximum_version = _version("max_version", settings.max_version)
    if context.minimum_version > context.maximum_version:
        raise ValueError("tls_server_config.max_version: is below min_version")
    _set_ciphers(context, settings)
    _set_curve(context, settings)
    certificate = _pem(settings, folder, "cert", settings.cert, settings.cert_file)
    key = _pem(settings, folder, "key", settings.key, settings.key_file)
    try:
        with _as_file(certificate) as certificate_file, _as_file(key) as key_file:
            context.load_cert_chain(certificate_file, key_file, _no_password)
    except OSError:
        # Which of it OpenSSL does not like is lost, since it tries to seek in a pipe, too.
        raise ValueError("tls_server_config: certificate and key are no pair, or no PEM") from None
    _set_client_authentication(context, settings, folder, let_health_through=let_health_through)
    return context


def names(certificate: Mapping[str, Any]) -> frozenset[str]:
    """Return the subject alternative names of a certificate, as ``getpeercert`` gives it."""
    return frozenset(
        ip_address(name.strip()).compressed if kind == "IP Address" else name
        for kind, name in certificate.get("subjectAltName", ())
    )


def _version(field: str, name: str) -> ssl.TLSVersion:
    if name in _OLD_VERSIONS:
        raise ValueError(
            f"tls_server_config.{field}: {name} is not spoken any more (RFC 8996); write TLS12"
        )
    if name not in _VERSIONS:
        raise ValueError(f"tls_server_config.{field}: is {name!r}; write TLS12 or TLS13")
    return _VERSIONS[name]


def _set_ciphers(context: ssl.SSLContext, settings: TlsServer) -> None:
    for name in settings.cipher_suites:
        if name not in _CIPHERS:
            raise ValueError(
                f"tls_server_config.cipher_suites: {name} cannot be chosen; those of TLS 1.3 are "
                f"always on, and of TLS 1.2 there are {', '.join(_CIPHERS)}"
            )
    if settings.cipher_suites:
        context.set_ciphers(":".join(_CIPHERS[name] for name in settings.cipher_suites))
    if not settings.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE


def _set_curve(context: ssl.SSLContext, settings: TlsServer) -> None:
    field = "tls_server_config.curve_preferences"
    for name in settings.curve_preferences:
        if name not in _CURVES:
            raise ValueError(f"{field}: {name} is not known; write one of {', '.join(_CURVES)}")
    if len(settings.curve_preferences) > 1:
        raise ValueError(f"{field}: Python can be told one curve only; write one, or leave it out")
    for name in settings.curve_preferences:
        try:
            context.set_ecdh_curve(_CURVES[name])
        except (ValueError, ssl.SSLError):
            raise ValueError(f"{field}: this machine's OpenSSL does not have {name}") from None


def _set_client_authentication(
    context: ssl.SSLContext, settings: TlsServer, folder: Path, *, let_health_through: bool
) -> None:
    kind = settings.client_auth_type
    if kind in _UNVERIFIED:
        raise ValueError(
            f"tls_server_config.client_auth_type: {kind} asks for certificates that nobody "
            f"verifies, which Python cannot do; write {_IF_GIVEN} or {REQUIRED}"
        )
    if kind not in ("NoClientCert", _IF_GIVEN, REQUIRED):
        raise ValueError(
            f"tls_server_config.client_auth_type: is {kind!r}; write NoClientCert, {_IF_GIVEN} "
            f"or {REQUIRED}"
        )
    authority = settings.client_ca or settings.client_ca_file
    if kind == "NoClientCert":
        for field in ("client_ca", "client_ca_file", "client_allowed_sans"):
            if getattr(settings, field):
                raise ValueError(
                    f"tls_server_config.{field}: means nothing without client_auth_type; write "
                    f"client_auth_type: {REQUIRED}"
                )
        return
    if not authority:
        raise ValueError(
            f"tls_server_config.client_ca_file: is missing, and client_auth_type is {kind}"
        )
    pem = _pem(settings, folder, "client_ca", settings.client_ca, settings.client_ca_file)
    try:
        context.load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError):
        raise ValueError(
            "tls_server_config.client_ca: is no certificate of an authority in PEM"
        ) from None
    is_required = kind == REQUIRED and not let_health_through
    context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL


def _pem(settings: TlsServer, folder: Path, field: str, inline: str, file: str) -> bytes:
    """Return what a field holds, or the file that is named instead."""
    if inline and file:
        raise ValueError(f"tls_server_config.{field}: is there and {field}_file too; write one")
    if not inline and not file:
        raise ValueError(f"tls_server_config.{field}_file: is missing")
    if inline:
        return inline.encode()
    path = folder / file
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"tls_server_config.{field}_file: cannot read {path}: {error.strerror}"
        ) from None


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give the name of a file that can be read once; ``ssl`` takes keys from nothing else.

    It is a pipe: nothing of it ever lies on a disk, and both parts of a pair are what was read.
    """
    reading, writing = os.pipe()
    try:
        try:
            # A pipe holds 64 KiB, six times a long chain of certificates.
            os.set_blocking(writing, False)
            if os.write(writing, content) < len(content):
                raise ValueError("tls_server_config: certificate or key is too long")
        finally:
            os.close(writing)
        yield f"/dev/fd/{reading}"
    finally:
        with suppress(OSError):
            os.close(reading)


def _no_password() -> str:
    # Without this, OpenSSL would ask for it on the terminal, and wait.
    raise ValueError("tls_server_config.key: is encrypted; take the passphrase off it")
