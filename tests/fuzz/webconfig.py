"""Web configuration files: each is taken or refused in one line that names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from sanctum_exporter.web.access.policy import load
from tests.certificates import Certificates
from tests.fuzz.mutations import damaged

_AT_ONCE: Final = 100
_FILES: Final = (
    b"""tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus, "10.0.0.1"]
  min_version: TLS12
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [X25519]
""",
    b"""basic_auth_users:
  prometheus: $2b$04$8vRwqQWDIdpLpYlKZqPk4.PBzIVjEqkSMvLsCQoGQbFvVYIzJUbeK
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
rate_limit: {interval: 1s, burst: 20}
""",
    b"{}\n",
    b"""anchors: &a [1, *a]
<<: {tls_server_config: {cert: "x", key: |
  y
}}
""",
)


def run(random: Random) -> Iterator[int]:
    """Try files for ever; yield how many were tried since the last time.

    Raises:
        AssertionError: if a refusal is not one line that names the file.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "web.yml"
        Certificates(Path(folder)).issue("server", "127.0.0.1")
        while True:
            for _ in range(_AT_ONCE):
                content = damaged(random, _FILES)
                path.write_bytes(content)
                try:
                    load(path, protect_health=bool(random.randrange(2)))
                except ValueError as error:
                    said = str(error)
                    assert said.startswith(str(path)), content
                    assert said.isprintable(), content
            yield _AT_ONCE
