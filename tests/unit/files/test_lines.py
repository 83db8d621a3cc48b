"""Splitting and reading files."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from sanctum_exporter.files.lines import Line, LineSplitter, SourceError, read_lines


def split(splitter: LineSplitter, content: bytes, size: int) -> list[bytes | None]:
    """Return the lines that end in a content which comes in chunks, None for one too long."""
    blocks = [
        block
        for start in range(0, len(content), size)
        for block in splitter.split(content[start : start + size])
    ]
    assert all(block is None or block.endswith(b"\n") for block in blocks)
    return [
        line
        for block in blocks
        for line in ([None] if block is None else block.removesuffix(b"\n").split(b"\n"))
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_in_whatever_chunks_they_come(size: int) -> None:
    """Only a line feed ends a line, wherever the chunks fall."""
    splitter = LineSplitter()
    content = b"one\r\n\ntwo\x0b\x85\xe2\x80\xa8three\nrest"
    assert split(splitter, content, size) == [b"one\r", b"", b"two\x0b\x85\xe2\x80\xa8three"]
    assert splitter.rest == b"rest"


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_a_line_past_the_limit_is_not_kept(size: int) -> None:
    """None stands for it as soon as it is too long, and the next line is whole."""
    splitter = LineSplitter(limit=5)
    content = b"12345\n123456\n1\n1234567890"
    assert split(splitter, content, size) == [b"12345", None, b"1", None]
    assert splitter.rest == b""


def test_a_line_that_never_ends_is_given_up_once_and_fills_no_memory() -> None:
    """None stands for it before its end is seen, and what follows its end is whole."""
    splitter = LineSplitter(limit=2 << 20)
    chunk = b'{"message": "' + b"x" * (1 << 20)
    tracemalloc.start()
    blocks = [block for _ in range(64) for block in splitter.split(chunk)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert blocks == [None]
    assert peak < 12 << 20
    assert splitter.take_complete_rest() is None
    assert list(splitter.split(b'"}\ntwo\nth')) == [b"two\n"]
    assert splitter.rest == b"th"


@pytest.mark.parametrize(
    ("rest", "complete"),
    [(b'{"a": NaN}', True), (b'{"a": 1', False), (b"12", False), (b"", False), (b"\xff", False)],
)
def test_only_a_whole_object_is_taken_without_its_line_end(rest: bytes, complete: bool) -> None:
    """A number could still grow, half an object is none."""
    splitter = LineSplitter()
    assert list(splitter.split(b"x\n" + rest)) == [b"x\n"]
    assert splitter.take_complete_rest() == (rest if complete else None)
    assert splitter.rest == (b"" if complete else rest)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_plain_and_gzip_files_are_read_alike(tmp_path: Path, pack: type[bytes]) -> None:
    """A whole object after the last line end is a line too."""
    path = tmp_path / "events"
    path.write_bytes(pack(b'one\n{"two": 2}'))
    lines = list(read_lines(path))
    assert [(line.text, line.number) for line in lines] == [(b"one", 1), (b'{"two": 2}', 2)]
    assert lines[-1].share_read == 1.0


@pytest.mark.parametrize("rest", [b'{"two":', b"two", b"12", b"\xff"])
def test_half_a_line_at_the_end_is_left_out_and_told(
    rest: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What follows the last line end and is no object yet is not read, and the log names it."""
    path = tmp_path / "events"
    path.write_bytes(b"one\n" + rest)
    assert [line.text for line in read_lines(path)] == [b"one"]
    assert caplog.messages == [f"{path}: half a line at the end, which is not counted"]


def test_share_grows_line_by_line(tmp_path: Path) -> None:
    """A progress bar moves in a small file too, which is read in one go."""
    path = tmp_path / "events"
    path.write_bytes(b"line\n" * 4)
    assert [line.share_read for line in read_lines(path)] == [0.25, 0.5, 0.75, 1.0]


def test_damaged_gzip_says_which_file_and_what_to_do(tmp_path: Path) -> None:
    """A copy that broke off is not a short recording."""
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(b"line\n" * 1000)[:-20])
    with pytest.raises(SourceError, match=r"run\.jsonl\.gz is damaged gzip .* copy it again"):
        list(read_lines(path))


def test_missing_file_is_named(tmp_path: Path) -> None:
    """The message names the file and the system's reason."""
    with pytest.raises(SourceError, match=r"cannot read .*nothing: No such file"):
        list(read_lines(tmp_path / "nothing"))


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    """A file without a byte has no line, and one that only ends a line has a blank one."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"")
    assert list(read_lines(path)) == []
    path.write_bytes(b"\n")
    assert list(read_lines(path)) == [Line(b"", 1, 1.0)]


@pytest.mark.parametrize("first", [b"\x1f", b"\x1f\x8b", b"\x1f\x8b{"])
def test_a_file_that_begins_with_half_of_gzips_header_is_read_as_plain(
    tmp_path: Path, first: bytes
) -> None:
    """Its first line is garbage, and nothing is said of gzip."""
    path = tmp_path / "events"
    path.write_bytes(first + b"\ntwo\n")
    assert [line.text for line in read_lines(path)] == [first, b"two"]


def test_a_file_with_the_whole_header_of_gzip_and_nothing_behind_it_is_damaged(
    tmp_path: Path,
) -> None:
    """The message names the file and says what to do."""
    path = tmp_path / "events"
    path.write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(SourceError, match=r"events is damaged gzip .*: unpack or copy it again"):
        list(read_lines(path))


def test_lines_are_numbered_over_all_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers and the share that has been read go on from one piece of the file to the next."""
    monkeypatch.setattr("sanctum_exporter.files.lines.CHUNK_BYTES", 10)
    path = tmp_path / "events"
    path.write_bytes(b"12345\n" * 20)
    lines = list(read_lines(path))
    assert [line.number for line in lines] == list(range(1, 21))
    shares = [line.share_read for line in lines]
    assert shares == sorted(shares)
    assert shares[9] == pytest.approx(0.5, abs=0.1)
    assert shares[-1] == 1.0
