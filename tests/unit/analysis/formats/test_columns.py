"""Records come back from temporary files as they were, in corpus order, and nothing is left of it."""

import errno
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from fairseq_plugin.analysis.formats import columns, write_records
from fairseq_plugin.analysis.formats.columns import Columns
from fairseq_plugin.analysis.records import AttentionRecord
from tests.support.errors import message_of
from tests.support.recording import EXACT, fields_of, record, record_lists


@given(records=record_lists())
@settings(max_examples=60, deadline=None)
def test_what_is_added_comes_back_in_order(records: list[AttentionRecord]) -> None:
    with Columns() as kept:
        for one in reversed(records):
            kept.add(one)
        assert len(kept) == len(records)
        assert kept.ids.tolist() == [one.id for one in reversed(records)]
        for _ in range(2):
            assert list(map(fields_of, kept)) == list(map(fields_of, records))


def test_the_file_has_no_name(tmp_path: Path) -> None:
    with Columns(tmp_path) as kept:
        kept.add(record(0))
        assert len(list(kept)) == 1
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", EXACT)
def test_files_are_made_from_the_columns_without_others(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [record(0, ("c", "a"), ("b",)), record(0, rank=1), record(2, ("d",), ("a", "e"), reference=("f", "b"))]
    write_records(records, tmp_path / f"list.{name}")
    with Columns() as kept:
        for one in reversed(records):
            kept.add(one)
        monkeypatch.setattr(columns, "TemporaryFile", None)
        read: list[int] = []

        def watching(order: Iterable[int]) -> Iterator[int]:
            for n in order:
                read.append(n)
                yield n

        write_records(kept.watched(watching), tmp_path / f"columns.{name}")
    assert read == [2, 1, 0]
    assert (tmp_path / f"columns.{name}").read_bytes() == (tmp_path / f"list.{name}").read_bytes()


@pytest.mark.parametrize("name", EXACT)
def test_a_record_that_was_added_twice_is_refused(name: str, tmp_path: Path) -> None:
    with Columns() as kept:
        for number in (1, 0, 1):
            kept.add(record(number))
        message = message_of(write_records, kept, tmp_path / f"a.{name}")
        assert message.startswith("id 1, rank 0 comes after id 1, rank 0: ")
    assert list(tmp_path.iterdir()) == []


def peak(count: int) -> int:
    """Bytes in use at most while columns take and give ``count`` records, each of more than 1,600 bytes."""
    tokens = ("a",) * 20
    tracemalloc.start()
    with Columns() as kept:
        for number in range(count):
            kept.add(record(number, tokens, tokens))
        assert sum(1 for _ in kept) == count
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.slow
def test_memory_is_a_few_numbers_a_record() -> None:
    peak(1000)  # what is imported and cached at first
    assert peak(5000) - peak(1000) < 4000 * 80


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(**_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(columns, "TemporaryFile", no_space)
    assert message_of(Columns, tmp_path, exit_code=1).endswith(f" '{tmp_path}': No space left on device")
