from __future__ import annotations

import pytest

from tools.site import linked


@pytest.mark.parametrize(
    ("page", "there", "on_the_site"),
    [
        ("index.md", "[a](docs/hook.md)", "[a](hook.md)"),
        ("index.md", "[a](docs/adr/README.md)", "[a](adr/README.md)"),
        ("index.md", "[a](SECURITY.md)", "[a](SECURITY.md)"),
        ("hook.md", "[a](otlp.md#from-python)", "[a](otlp.md#from-python)"),
        ("hook.md", "[a](#errors)", "[a](#errors)"),
        ("scale.md", "[a](../README.md#use)", "[a](index.md#use)"),
        ("adr/0002-where-we-differ.md", "[a](../limits.md)", "[a](../limits.md)"),
        ("adr/README.md", "[a](0001-one-way.md)", "[a](0001-one-way.md)"),
        ("runbooks/Watchdog.md", "[a](../../CONTRIBUTING.md)", "[a](../CONTRIBUTING.md)"),
        ("hook.md", "[a](https://prometheus.io/x)", "[a](https://prometheus.io/x)"),
        ("page.md", "![a](images/top.svg)", "![a](images/top.svg)"),
    ],
)
def test_a_link_within_the_documentation_stays_on_the_site(
    page: str, there: str, on_the_site: str
) -> None:
    """It leads from where a page is on the site to where the other one is."""
    assert linked(there, page) == on_the_site


def test_a_link_to_a_file_leads_to_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no page is where pyproject.toml says that the source is."""
    monkeypatch.setattr("tools.site._source_url", lambda: "https://example.org/repository")
    assert linked("[a](../deploy/README.md)", "scale.md") == (
        "[a](https://example.org/repository/blob/main/deploy/README.md)"
    )


def test_a_link_to_a_source_that_nobody_knows_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text stays, and leads nowhere."""
    monkeypatch.setattr("tools.site._source_url", lambda: None)
    assert linked("see [a](../deploy/README.md).", "scale.md") == "see a."
