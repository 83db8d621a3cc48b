"""Names that are bytes on a disk and text everywhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sanctum_exporter.files.names import run_label, shown


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (b"telemetry_2026-01-01_000000", "telemetry_2026-01-01_000000"),
        ("größer".encode(), "größer"),
        (b"caf\xe9", r"caf\xe9"),
        (rb"caf\xe9", r"caf\\xe9"),
        (b"a\\b\xff", r"a\\b\xff"),
    ],
)
def test_any_name_is_a_label_and_no_two_are_the_same(name: bytes, label: str) -> None:
    """A byte that is not UTF-8 is its number, and a backslash two, so that neither is the other."""
    assert run_label(os.fsdecode(name)) == label


def test_a_path_is_shown_with_the_numbers_of_bytes_that_are_no_text() -> None:
    """Pages, logs and messages can be written as UTF-8 whatever a path is called."""
    assert shown(Path(os.fsdecode(b"/runs/caf\xe9"))) == r"/runs/caf\xe9"
