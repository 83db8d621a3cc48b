from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.discovery import DiscoveryEntry, parse_sd_file

MACHINE = socket.gethostname()


def entry(
    path: Path, host: str = "127.0.0.1", telemetry_path: str = "/metrics", scheme: str = "http"
) -> DiscoveryEntry:
    """Return an entry for port 10501."""
    return DiscoveryEntry(
        path,
        ListenAddress(host, 10501),
        program="run train.py",
        telemetry_path=telemetry_path,
        scheme=scheme,
    )


def test_an_entry_is_what_prometheus_reads(tmp_path: Path) -> None:
    """The file holds one target, with an instance that outlives its port, readable by anybody."""
    path = tmp_path / "trainer-7.json"
    entry(path)
    assert json.loads(path.read_bytes()) == [
        {
            "targets": ["127.0.0.1:10501"],
            "labels": {"instance": f"{MACHINE}/trainer-7", "program": "run train.py"},
        }
    ]
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["trainer-7.json"]


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("", "MACHINE:10501"),
        ("0.0.0.0", "MACHINE:10501"),  # noqa: S104 - nothing listens
        ("::", "MACHINE:10501"),
        ("::1", "[::1]:10501"),
        ("trainer-7", "trainer-7:10501"),
    ],
)
def test_the_target_is_reached_from_elsewhere_where_it_can_be(
    host: str, target: str, tmp_path: Path
) -> None:
    """An exporter on every interface is named by its machine, any other by where it listens."""
    entry(tmp_path / "a.json", host)
    assert json.loads((tmp_path / "a.json").read_bytes())[0]["targets"] == [
        target.replace("MACHINE", MACHINE)
    ]


def test_another_path_of_the_metrics_is_named(tmp_path: Path) -> None:
    """Prometheus scrapes the path that the metrics are at."""
    entry(tmp_path / "a.json", telemetry_path="/sanctum/metrics")
    (group,) = json.loads((tmp_path / "a.json").read_bytes())
    assert group["labels"]["__metrics_path__"] == "/sanctum/metrics"


def test_tls_is_named(tmp_path: Path) -> None:
    """Prometheus scrapes by TLS where that is spoken."""
    entry(tmp_path / "a.json", scheme="https")
    (group,) = json.loads((tmp_path / "a.json").read_bytes())
    assert group["labels"]["__scheme__"] == "https"


def test_an_entry_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """What was there before is never half there: the file is another one with the same name."""
    path = tmp_path / "a.json"
    path.write_text("[]")
    with path.open() as before:
        entry(path)
        assert before.read() == "[]"
    assert "10501" in path.read_text()


def test_an_entry_is_removed_once(tmp_path: Path) -> None:
    """Removing takes the file away, and is safe to do again."""
    path = tmp_path / "a.json"
    written = entry(path)
    written.remove()
    assert not path.exists()
    written.remove()


def test_what_somebody_else_wrote_is_left(tmp_path: Path) -> None:
    """A file that names another address by now is not ours to remove."""
    path = tmp_path / "a.json"
    first = entry(path)
    entry(path, host="trainer-8")
    first.remove()
    assert "trainer-8" in path.read_text()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """An error names the file, and nothing half written stays beside it."""
    path = tmp_path / "a.json"
    path.mkdir()
    with pytest.raises(OSError, match=re.escape(f"cannot write {path}: Is a directory")):
        entry(path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_file_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that changes its folder does not lose the file."""
    monkeypatch.chdir(tmp_path)
    assert parse_sd_file("a.json") == tmp_path / "a.json"


@pytest.mark.parametrize("text", ["", "targets", "targets.yml", "targets.JSON", ".json"])
def test_what_is_not_json_by_its_name_is_refused(text: str) -> None:
    """Prometheus tells by its name how a file is written, and the name says JSON or is refused."""
    with pytest.raises(ValueError, match="is not a file for Prometheus to discover: its name ends"):
        parse_sd_file(text)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """The error says which folder is not there."""
    folder = tmp_path / "targets"
    with pytest.raises(ValueError, match=re.escape(f"there is no folder {str(folder)!r}")):
        parse_sd_file(str(folder / "a.json"))
