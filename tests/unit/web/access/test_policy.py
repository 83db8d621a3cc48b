"""One version of the web configuration file, whatever it holds."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sanctum_exporter.web.access.policy import load


def said_of(content: bytes, folders: pytest.TempPathFactory) -> str | None:
    """Return why a file is refused, None if it is not."""
    path = folders.getbasetemp() / "web.yml"
    path.write_bytes(content)
    try:
        load(path, protect_health=False)
    except ValueError as error:
        return str(error)
    return None


_WORDS = st.sampled_from(
    [
        "tls_server_config",
        "http_server_config",
        "basic_auth_users",
        "rate_limit",
        "interval",
        "burst",
        "headers",
        "cert_file",
        "client_allowed_sans",
        "1s",
        "true",
        "0",
        "",
        ":",
        "- ",
        "\n",
        "\n  ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "|\n",
        "'",
        '"',
        "#",
        "\t",
        "---\n",
        "%YAML 9.9\n",
    ]
)


@given(st.one_of(st.binary(), st.text().map(str.encode), st.lists(_WORDS).map("".join)))
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    """No content ends in anything but a configuration or a refusal of one line."""
    said = said_of(content.encode() if isinstance(content, str) else content, tmp_path_factory)
    assert said is None or (said and said.isprintable())


_LEAVES = st.one_of(st.text(max_size=8), st.sampled_from(["1s", "true", "20", ""]))
_TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4)
)


@given(st.dictionaries(_WORDS, _TREES))
def test_whatever_is_valid_yaml_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, tree: object
) -> None:
    """The same where the syntax is right and the shape may be anything."""
    said = said_of(yaml.safe_dump(tree).encode(), tmp_path_factory)
    assert said is None or (said and said.isprintable())
