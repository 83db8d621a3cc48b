"""The Dockerfile, as far as it can be judged without building it."""

from __future__ import annotations

import re
import shlex

import pytest

from tests import recordings

ROOT = recordings.ROOT
Instruction = tuple[str, str]


def stages() -> dict[str, list[Instruction]]:
    """Return the instructions of each stage, continued lines joined and comments left out."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"))
    found: dict[str, list[Instruction]] = {"": []}
    stage = ""
    for statement in text.replace("\\\n", " ").splitlines():
        if statement.strip():
            word, _, rest = statement.strip().partition(" ")
            if word == "FROM":
                stage = rest.split(" AS ")[1]
                found[stage] = []
            found[stage].append((word, rest))
    return found


def test_the_image_is_built_in_one_stage_and_runs_in_another() -> None:
    """The last stage takes the installed program from the first, and no source."""
    assert list(stages()) == ["", "build", "run"]
    copies = [rest for word, rest in stages()["run"] if word == "COPY"]
    assert copies == ["--from=build /opt/sanctum-exporter /opt/sanctum-exporter"]


def test_the_base_image_is_pinned_and_slim() -> None:
    """Both stages come from one tag with a full version."""
    (base,) = [rest for word, rest in stages()[""] if word == "ARG"]
    assert re.fullmatch(r"PYTHON=python:3\.\d+\.\d+-slim-\w+", base)
    bases = {rest.split()[0] for stage in stages().values() for w, rest in stage if w == "FROM"}
    assert bases == {"${PYTHON}"}


def test_it_runs_as_a_user_without_rights_and_with_a_health_check() -> None:
    """The user is a number, so that Kubernetes can tell that it is not root."""
    run = dict(stages()["run"])
    assert run["USER"] == "65532:65532"
    assert run["HEALTHCHECK"].endswith('CMD ["python", "-m", "sanctum_exporter.web.health"]')
    assert run["ENTRYPOINT"] == '["sanctum-exporter"]'


def test_everything_that_is_copied_exists_and_is_not_ignored() -> None:
    """COPY finds its sources in the repository, and .dockerignore lets them through."""
    allowed = {
        row[1:]
        for row in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if row.startswith("!")
    }
    copies = [rest for word, rest in stages()["build"] if word == "COPY"]
    sources = {source for copy in copies for source in shlex.split(copy)[:-1]}
    assert sources == allowed
    for source in sources:
        assert (ROOT / source).exists(), source


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_dependencies_are_pinned(name: str) -> None:
    """Every requirement has one version and the hashes of its files, and no address of an index."""
    text = (ROOT / name).read_text("utf-8")
    rows = re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", "").splitlines()
    assert len(rows) > 20
    for row in rows:
        assert re.fullmatch(
            r"[\w.\[\]-]+==[\w.]+( ; [^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+", row
        ), row
    assert "://" not in text


def test_the_image_takes_only_files_with_those_hashes() -> None:
    """Building it fails where an index serves another file under the same version."""
    (install,) = [rest for _, rest in stages()["build"] if "-r requirements.txt" in rest]
    assert "--require-hashes" in install.split()
