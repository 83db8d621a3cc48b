"""Certificates of an authority that a test makes up."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import trustme


class Certificates:
    """An authority, and files with what it has issued.

    Args:
        folder: where the files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.authority_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.authority_file)

    def issue(self, name: str, *identities: str) -> tuple[Path, Path]:
        """Issue a certificate, and return the files ``NAME.crt`` and ``NAME.key``."""
        issued = self.authority.issue_cert(*identities, key_type=trustme.KeyType.ECDSA)
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return certificate, key

    def client_context(self, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """Return the context of a client that trusts the authority."""
        context = ssl.create_default_context(cafile=self.authority_file)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, host: str = "127.0.0.1"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Return both ends of a connection, the server's first, after the handshake.

    Raises:
        ssl.SSLError: if either end refuses the other.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=host),
    )
    # A client goes first, and no handshake has more than these rounds.
    for _ in range(4):
        for end in reversed(ends):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    # The server of TLS 1.3 is through when it has heard the last of the client.
    for end in ends:
        assert end.cipher() is not None
    return ends
