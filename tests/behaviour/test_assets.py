"""``assets`` writes what watches the exporter, with links that lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sanctum_exporter import __version__
from tests.recordings import ROOT

COPIES = ("rules", "grafana/dashboards", "grafana/provisioning", "docs/runbooks")


def assets(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sanctum_exporter", "assets", str(directory), *options],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything, for addresses that nothing has by default."""
    directory = tmp_path_factory.mktemp("assets") / "monitoring"
    done = assets(
        directory,
        *("--job", "gpu: 'a'", "--target", "a:1", "--target", "[::1]:2"),
        *("--alertmanager", "am:9", "--prometheus-url", "http://p:8/prom/"),
        *("--grafana-url", "https://g/grafana/", "--docs-url", "https://docs/v1"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    count = sum(path.is_file() for path in directory.rglob("*"))
    assert done.stdout == f"{count} files in {directory}; begin with {directory / 'README.md'}\n"
    return directory


def read(path: Path) -> Any:
    """Return a YAML document."""
    return yaml.safe_load(path.read_text("utf-8"))


def names(folder: Path, pattern: str) -> set[str]:
    """Return the files below a folder, as seen from it."""
    return {str(path.relative_to(folder)) for path in folder.rglob(pattern) if path.is_file()}


@pytest.mark.parametrize("folder", COPIES)
def test_everything_of_the_repository_is_written(written: Path, folder: str) -> None:
    """Rules, dashboards, provisioning and runbooks are all there, and nothing that is gone."""
    kinds = "*.md" if folder == "docs/runbooks" else "*.[jy][sm]*"
    assert names(written / folder, "*") == names(ROOT / folder, kinds)


def test_what_names_no_address_is_the_same_file(written: Path) -> None:
    """Rules, runbooks and the routes of alerts are those that the tests here hold to the truth."""
    paths = [
        *(ROOT / "rules").glob("*.yml"),
        *(ROOT / "docs" / "runbooks").glob("*.md"),
        ROOT / "alertmanager.yml",
    ]
    for path in paths:
        assert (written / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), path


def test_prometheus_scrapes_and_tells_whom_it_is_told_to(written: Path) -> None:
    """Job, targets and Alertmanager are as given, whatever signs are in them."""
    config = read(written / "prometheus.yml")
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]
    }
    assert jobs == {
        "gpu: 'a'": ["a:1", "[::1]:2"],
        "prometheus": ["localhost:9090"],
        "alertmanager": ["am:9"],
    }
    (manager,) = config["alerting"]["alertmanagers"]
    assert manager["static_configs"] == [{"targets": ["am:9"]}]
    assert config["global"]["external_labels"] == {
        "grafana_url": "https://g/grafana",
        "docs_url": "https://docs/v1",
    }
    assert config["rule_files"] == ["rules/*.yml"]


def test_grafana_asks_the_prometheus_it_is_told_to(written: Path) -> None:
    """Everything else of the data source is that of the compose file."""
    path = "grafana/provisioning/datasources/prometheus.yml"
    (source,) = read(written / path)["datasources"]
    (composed,) = read(ROOT / path)["datasources"]
    assert source == composed | {"url": "http://p:8/prom"}


def test_dashboards_are_those_of_the_repository(written: Path) -> None:
    """Their links lead to each other, so they are good wherever Grafana is."""
    folder = ROOT / "grafana" / "dashboards"
    names = {path.name for path in folder.glob("*.json")}
    assert {path.name for path in (written / "grafana" / "dashboards").glob("*.json")} == names
    for name in names:
        text = (written / "grafana" / "dashboards" / name).read_bytes()
        assert text == (folder / name).read_bytes()


def test_a_runbook_leads_only_to_what_is_written(written: Path) -> None:
    """Nobody who is woken up stands before a page that is missing."""
    folder = written / "docs" / "runbooks"
    for page in folder.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
            assert "://" in target or (folder / target).is_file(), (page.name, target)


def test_the_readme_says_where_each_file_belongs(written: Path) -> None:
    """Every folder and file is on it, with the paths that compose mounts them at."""
    text = (written / "README.md").read_text("utf-8")
    assert f"sanctum-exporter {__version__}" in text
    services = read(ROOT / "docker-compose.yml")["services"]
    mounts = {
        source.removeprefix("./").rstrip("/"): target
        for service in ("prometheus", "alertmanager", "grafana")
        for source, target, *_ in (v.split(":") for v in services[service]["volumes"])
        if source.startswith("./")
    }
    rows = re.findall(r"(?m)^\| (`.+`) \| `(.+?)/?` \|$", text)
    told = {
        source.rstrip("/"): f"{target}/{source.rstrip('/')}" if len(sources) > 1 else target
        for cell, target in rows
        for sources in [re.findall(r"`(.+?)`", cell)]
        for source in sources
    }
    assert told == mounts
    for address in ("a:1, [::1]:2", "https://g/grafana", "https://docs/v1/docs/runbooks/", "am:9"):
        assert address in text


def test_by_default_runbooks_are_in_the_public_folder_of_grafana(tmp_path: Path) -> None:
    """As docker-compose.yml has it: mounted there, the links lead somewhere."""
    assert assets(tmp_path, "--grafana-url", "http://g:1").returncode == 0
    labels = read(tmp_path / "prometheus.yml")["global"]["external_labels"]
    assert labels == {"grafana_url": "http://g:1", "docs_url": "http://g:1/public"}


def test_what_somebody_changed_is_not_written_over_unasked(tmp_path: Path) -> None:
    """Nothing at all is written then; again with the same options, or with --force, it is."""
    assert assets(tmp_path).returncode == 0
    assert assets(tmp_path).returncode == 0
    changed = tmp_path / "alertmanager.yml"
    changed.write_text("mine")
    (tmp_path / "prometheus.yml").unlink()
    refused = assets(tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"sanctum-exporter: {changed}: there already, with other contents; "
        "--force writes over them\n"
    )
    assert changed.read_text() == "mine"
    assert not (tmp_path / "prometheus.yml").exists()
    assert assets(tmp_path, "--force").returncode == 0
    assert changed.read_bytes() == (ROOT / "alertmanager.yml").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--grafana-url", "grafana:3000"], "'grafana:3000' is not an address of pages: write"),
        (["--docs-url", "https://a/?b=c"], "'https://a/?b=c' is not an address of pages"),
        (["--docs-url", "http://a:b"], "'http://a:b' is not an address of pages"),
        (["--target", "http://a:1"], "'http://a:1' is not a target: write host:port, for example"),
        (["--grafana-url", "http://:3000"], "'http://:3000' is not an address of pages"),
        (["--target", "a:1/metrics"], "'a:1/metrics' is not a target"),
        (["--target", "u:p@a:1"], "'u:p@a:1' is not a target"),
        (["--target", "a"], "'a' is not a target"),
        (["--alertmanager", "a:x"], "'a:x' is not a target"),
    ],
)
def test_an_address_that_is_none_is_refused(
    tmp_path: Path, options: list[str], message: str
) -> None:
    """Nothing is written that could only be found out to be wrong later."""
    done = assets(tmp_path / "new", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error is one line, with the path and the reason."""
    (tmp_path / "rules").write_text("a file")
    done = assets(tmp_path)
    assert done.returncode == 2
    path = tmp_path / "rules" / "alerts.yml"
    assert done.stderr == f"sanctum-exporter: cannot write {path}: Not a directory\n"
