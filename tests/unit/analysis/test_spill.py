"""Records come back from a temporary file as they were, in corpus order, and nothing is left of it."""

import errno
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings

from fairseq_plugin.analysis import spill
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.analysis.spill import Spill
from tests.support.errors import message_of
from tests.support.recording import fields_of, record, record_lists


@given(records=record_lists())
@settings(max_examples=60, deadline=None)
def test_what_is_added_comes_back_in_order(records: list[AttentionRecord]) -> None:
    with Spill() as kept:
        for one in reversed(records):
            kept.add(one)
        assert len(kept) == len(records)
        assert kept.ids.tolist() == [one.id for one in reversed(records)]
        for _ in range(2):
            assert list(map(fields_of, kept)) == list(map(fields_of, records))


def test_the_file_has_no_name(tmp_path: Path) -> None:
    with Spill(tmp_path) as kept:
        kept.add(record(0))
        assert len(list(kept)) == 1
        assert list(tmp_path.iterdir()) == []


def peak(count: int) -> int:
    """Bytes in use at most while a spill takes and gives ``count`` records, each of more than 1,600 bytes."""
    one = record(0, ("a",) * 20, ("a",) * 20)
    tracemalloc.start()
    with Spill() as kept:
        for _ in range(count):
            kept.add(one)
        assert sum(1 for _ in kept) == count
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_is_a_few_numbers_a_record() -> None:
    peak(1000)  # what is imported and cached at first
    assert peak(5000) - peak(1000) < 4000 * 80


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(**_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spill, "TemporaryFile", no_space)
    assert message_of(Spill, tmp_path, exit_code=1).endswith(f" '{tmp_path}': No space left on device")
