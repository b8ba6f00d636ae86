"""Lines, their numbers and their faults."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data_gen.text import corpus
from data_gen.text.corpus import BLANK, EMPTY, INVALID, Batch, LineNumbers, decode_lines, read_batches, require_file
from tests.support.errors import message_of


def numbers(*lines: int) -> LineNumbers:
    found = LineNumbers()
    for line in lines:
        found.add(line)
    return found


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    path = tmp_path / "x.en"
    path.write_bytes("a\u2028b\x0bc\r\nd\x85e\rf\n\u3000g\r\r\nlast".encode())
    (batch,) = read_batches(path, None)
    assert decode_lines(batch.source) == (["a\u2028b\x0bc", "d\x85e\rf", "\u3000g\r", "last"], {})


def test_faults_are_found_by_place() -> None:
    lines = [b"good\n", b"\n", b" \t\n", b"\r\n", "\u3000\u2003\n".encode(), b"\xff\xfe\n", b"caf\xc3\n", b"also good"]
    assert decode_lines(lines) == (
        ["good", "", " \t", "", "\u3000\u2003", "", "", "also good"],
        {1: EMPTY, 2: BLANK, 3: EMPTY, 4: BLANK, 5: INVALID, 6: INVALID},
    )


@pytest.mark.parametrize("content", [b"\xed\xa0\x80\n", b"\xc0\x80\n", b"\xf5\x80\x80\x80\n"])
def test_surrogates_and_long_forms_are_invalid(content: bytes) -> None:
    assert decode_lines([content])[1] == {0: INVALID}


def test_two_files_are_read_in_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "BATCH_LINES", 2)
    (tmp_path / "x.en").write_bytes(b"1\n2\n3\n")
    (tmp_path / "x.ko").write_bytes(b"a\nb\nc")
    assert list(read_batches(tmp_path / "x.en", tmp_path / "x.ko")) == [
        Batch(1, [b"1\n", b"2\n"], [b"a\n", b"b\n"]),
        Batch(3, [b"3\n"], [b"c"]),
    ]


@pytest.mark.parametrize(("here", "there"), [(3, 4), (4, 3), (4, 5), (4, 6), (5, 4), (6, 4), (0, 1), (1, 0)])
def test_unequal_numbers_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: int, there: int) -> None:
    monkeypatch.setattr(corpus, "BATCH_LINES", 2)
    source, target = tmp_path / "x.en", tmp_path / "x.ko"
    source.write_bytes(b"a\n" * here)
    target.write_bytes(b"b\n" * there)
    assert message_of(list, read_batches(source, target)) == (
        f"number of lines: '{source}' has {here}, but '{target}' has {there}: each line must be the translation of the "
        "line with its number"
    )


@given(content=st.binary(max_size=60).map(lambda content: content.replace(b"a", b"\n").replace(b"b", b"\r\n")))
def test_nothing_is_lost_and_numbers_are_those_of_wc(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    assume(b"\n" in content[:-1] or b"\r" not in content)  # or it is refused
    path = tmp_path_factory.mktemp("any") / "x.en"
    path.write_bytes(content)
    batches = list(read_batches(path, None))
    lines = [line for batch in batches for line in batch.source]
    assert b"".join(lines) == content
    assert len(lines) == content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
    assert sum(batch.size for batch in batches) == len(content)


def test_line_numbers_are_counted_all_and_shown_in_part() -> None:
    assert str(numbers(7)) == "line 7"
    assert str(numbers(7, 9)) == "lines 7, 9"
    many = numbers(*range(1, 13))
    assert (many.count, many.first) == (12, list(range(1, 13)))
    assert str(many) == "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more"


def test_line_numbers_are_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "KEPT_LINES", 3)
    many = numbers(*range(1, 13))
    assert (many.count, many.first) == (12, [1, 2, 3])


def test_a_batch_ends_at_enough_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "BATCH_BYTES", 6)
    (tmp_path / "x.en").write_bytes(b"a\nbcde\nf\nlonger than that\ng")
    (tmp_path / "x.ko").write_bytes(b"1\n2\n3\n4\n5\n")
    batches = list(read_batches(tmp_path / "x.en", tmp_path / "x.ko"))
    assert [len(batch.source) for batch in batches] == [2, 2, 1]
    assert [batch.target for batch in batches] == [[b"1\n", b"2\n"], [b"3\n", b"4\n"], [b"5\n"]]


@pytest.mark.parametrize("content", [b"a\rb\rc\r", b"a\rb", b"a\rb\r\n", b"a\r\rb\n"])
@pytest.mark.parametrize("side", [0, 1], ids=["source", "target"])
def test_lines_that_end_in_cr_alone(tmp_path: Path, content: bytes, side: int) -> None:
    paths = (tmp_path / "x.en", tmp_path / "x.ko")
    for path in paths:
        path.write_bytes(b"a\nb\nc\n")
    paths[side].write_bytes(content)
    assert message_of(list, read_batches(*paths)) == (
        rf"'{paths[side]}': its lines end in CR alone, not in LF: write it again with `tr '\r' '\n' < OLD > NEW`"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"a", b"a\r", b"a\r\n", b"a\r\r\n", b"a\rb\nc"])
def test_other_files_with_cr_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.en").write_bytes(content)
    assert b"".join(line for batch in read_batches(tmp_path / "x.en", None) for line in batch.source) == content


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert message_of(require_file, tmp_path / "x.en", "--trainpref x") == (
        f"no file '{tmp_path}/x.en', which --trainpref x asks for: check the path and the language"
    )
    (tmp_path / "x.en").touch()
    assert message_of(require_file, tmp_path / "x.en.en", "--trainpref x.en") == (
        f"no file '{tmp_path}/x.en.en', which --trainpref x.en asks for: leave out the ending '.en' of the name"
    )
    assert message_of(require_file, tmp_path, "--trainpref x") == (
        f"'{tmp_path}' is a folder: --trainpref x must name text files, without their endings"
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert message_of(list, read_batches(tmp_path, None)) == f"cannot read '{tmp_path}': Is a directory"
