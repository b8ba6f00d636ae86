"""What is written is read back bit for bit; whatever else is in a file is refused in one line."""

import contextlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings

from data_gen.errors import UserError
from fairseq_plugin.analysis import formats
from fairseq_plugin.analysis.formats import FORMATS, read_records, write_records
from tests.support.errors import message_of
from tests.support.recording import EXACT, fields_of, record, record_lists, round_trip

READABLE = [name for name, of_name in FORMATS.items() if of_name.read]


@pytest.mark.parametrize("name", EXACT)
@given(records=record_lists())
@settings(max_examples=60, deadline=None)
def test_round_trip(name, records):
    assert list(map(fields_of, round_trip(records, name))) == list(map(fields_of, records))


@pytest.mark.parametrize("name", READABLE)
def test_float32_of_every_size_survives(name):
    bits = np.random.default_rng(1).integers(0, 2**32, size=4000, dtype=np.uint32)
    edges = np.array([1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x80000000], dtype=np.uint32)  # subnormal ... max, -0.0
    floats = np.concatenate([bits, edges]).view(np.float32)
    floats = floats[np.isfinite(floats)]
    once = record(source=("x",) * floats.size, target=("y",), weights=floats[None])
    assert round_trip([once], name)[0].weights.tobytes() == floats.tobytes()


@pytest.mark.parametrize("name", EXACT)
def test_files_keep_the_order_and_do_not_depend_on_the_moment(name, tmp_path):
    records = [record(0), record(0, rank=1), record(5, source=(), target=()), record(8, reference=())]
    first, second = tmp_path / f"first.{name}", tmp_path / f"second.{name.upper()}"
    write_records(iter(records), first)
    write_records(records, str(second))
    assert first.read_bytes() == second.read_bytes()
    assert list(map(fields_of, read_records(first))) == list(map(fields_of, records))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, second.name])


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow_with_the_weights(name, tmp_path):
    tokens = ("a",) * 20

    def peak(count):
        tracemalloc.start()
        try:
            write_records((record(number, tokens, tokens) for number in range(count)), tmp_path / f"a.{name}")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # what is imported and cached at first
    assert peak(180) - peak(30) < 150 * 20 * 20 * 4 / 4  # a quarter of the weights' own size


@pytest.mark.parametrize("name", ["attention.txt", "attention", "attention.npz.gz"])
def test_unknown_endings(name, tmp_path):
    expected = f"attention file '{tmp_path / name}' must end in .npz, .safetensors, .jsonl, .bertviz, "
    readable, written = ".nematus, .fairseq or .marian", ".csv, .nematus, .fairseq, .marian or .pharaoh"
    assert message_of(read_records, tmp_path / name) == expected + readable
    assert message_of(write_records, [], tmp_path / name) == expected + written


def test_a_format_by_name_for_any_ending(tmp_path):
    path = tmp_path / "attention.npz"
    write_records([record(0)], path, "jsonl")
    assert path.read_bytes().startswith(b'{"id": 0, ')
    assert fields_of(read_records(path, "jsonl")[0]) == fields_of(record(0))
    choices = "choose one of npz, safetensors, jsonl, bertviz, csv, nematus, fairseq, marian, pharaoh"
    assert message_of(write_records, [], path, "hdf5") == f"no format 'hdf5': {choices}"
    assert message_of(read_records, path, ".npz") == f"no format '.npz': {choices}"


@pytest.mark.parametrize("name", ["pharaoh", "csv"])
def test_what_holds_less_than_records_is_not_read(name, tmp_path):
    path = tmp_path / f"a.{name}"
    write_records([record(0)], path)
    readable = ".npz, .safetensors, .jsonl, .bertviz, .nematus, .fairseq or .marian"
    assert message_of(read_records, path) == f"'{path}' cannot be read, only written: give {readable}"


def test_a_table_of_weights(tmp_path):
    path = tmp_path / "a.csv"
    weights = np.array([[0.1, 0.9, 0.0]], dtype=np.float32)
    write_records([record(7, ('a"', "b,", "한국어"), ("\n",), weights=weights), record(9, (), ())], path)
    assert path.read_text(encoding="utf-8") == (
        "id,hypothesis,target_position,source_position,target,source,weight\n"
        '7,0,0,0,"\n","a""",0.1\n'
        '7,0,0,1,"\n","b,",0.9\n'
        '7,0,0,2,"\n",한국어,0.0\n'
    )


@pytest.mark.parametrize("name", READABLE)
def test_missing_files_and_folders(name, tmp_path):
    path = tmp_path / f"a.{name}"
    assert message_of(read_records, path) == f"no attention file '{path}': extract it first"
    lost = tmp_path / "lost" / path.name
    assert message_of(write_records, [], lost).startswith(f"folder '{lost.parent}' does not exist: make it, or")
    path.mkdir()
    assert message_of(read_records, path) == f"cannot read '{path}': Is a directory"
    assert message_of(write_records, [], path) == f"cannot write '{path}': Is a directory"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("second", [record(1), record(0), record(1, rank=1)], ids=["again", "earlier", "rank"])
def test_records_out_of_order_leave_the_old_file(name, second, tmp_path):
    path = tmp_path / f"a.{name}"
    path.write_bytes(b"old")
    first = record(1, rank=1) if second.rank else record(1)
    message = message_of(write_records, [first, second], path)
    assert message == (
        f"id {second.id}, rank {second.rank} comes after id 1, rank {first.rank}:"
        " records must be in corpus order, each once"
    )
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"old"]


def test_an_error_while_records_are_made_passes_unchanged(tmp_path):
    def failing():
        yield record(0)
        (tmp_path / "corpus").open()

    with pytest.raises(FileNotFoundError, match="corpus"):
        write_records(failing(), tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", READABLE)
def test_a_damaged_byte_gives_records_or_one_line(name, tmp_path):
    path = tmp_path / f"a.{name}"
    write_records([record(0), record(1, reference=("한", "b"))], path)
    whole = path.read_bytes()
    rng = np.random.default_rng(2)
    for position in rng.integers(0, len(whole), size=300):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with contextlib.suppress(UserError):  # anything else is a bug
            read_records(path)


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path, monkeypatch):
    def no_space(records, stream):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(FORMATS, "jsonl", formats.Format(no_space, FORMATS["jsonl"].read))
    path = tmp_path / "a.jsonl"
    assert message_of(write_records, [], path, exit_code=1) == f"cannot write '{path}': No space left on device"
    assert list(tmp_path.iterdir()) == []
