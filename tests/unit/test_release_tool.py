from __future__ import annotations

from pathlib import Path

import pytest

from tools import release


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of version 1.2.3 with a changelog that has it."""
    (tmp_path / "_version.py").write_text('__version__ = "1.2.3"\n', "utf-8")
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.3] - 2026-11-25\n", "utf-8")
    monkeypatch.setattr(release, "PACKAGE", tmp_path)
    monkeypatch.setattr(release, "ROOT", tmp_path)
    return tmp_path


def test_the_tag_of_a_version_that_the_changelog_has_is_taken(project: Path) -> None:
    """Version, tag and changelog agree, and nothing is said."""
    release.check_tag("v1.2.3")


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.30"])
def test_a_tag_of_another_version_is_refused(project: Path, tag: str) -> None:
    """Both are named, so that one sees which is wrong."""
    with pytest.raises(SystemExit, match=rf"the tag is {tag}, and _version.py says 1\.2\.3"):
        release.check_tag(tag)


@pytest.mark.parametrize("heading", ["## [1.2.3]\n", "## [11.2.3] - 2026-11-25\n", ""])
def test_a_version_without_its_changes_is_refused(project: Path, heading: str) -> None:
    """What is released is what the changelog tells users of, with its date."""
    (project / "CHANGELOG.md").write_text(f"## [Unreleased]\n\n{heading}", "utf-8")
    with pytest.raises(SystemExit, match=r'CHANGELOG\.md has no "## \[1\.2\.3\] - DATE"'):
        release.check_tag("v1.2.3")


def test_what_was_left_by_another_build_is_never_released(tmp_path: Path) -> None:
    """A folder with anything in it is refused before anything is built."""
    (tmp_path / "old.whl").touch()
    with pytest.raises(SystemExit, match=r"is not empty, .*: old\.whl"):
        release.build(tmp_path)


def test_checksums_name_every_file_once(tmp_path: Path) -> None:
    """Each line is what sha256sum writes, in the order of the names."""
    (tmp_path / "b.whl").write_bytes(b"")
    (tmp_path / "a.tar.gz").write_bytes(b"abc")
    release.write_checksums(tmp_path)
    assert (tmp_path / "SHA256SUMS").read_text("utf-8").splitlines() == [
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.tar.gz",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b.whl",
    ]
