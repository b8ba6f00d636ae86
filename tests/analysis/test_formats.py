"""What is written is read back bit for bit; what is not an attention file is refused in one line."""

import contextlib
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.errors import UserError
from fairseq_plugin.analysis import formats
from fairseq_plugin.analysis.formats import FORMATS, read_records, write_records
from fairseq_plugin.analysis.records import AttentionRecord

ENDINGS = sorted(FORMATS)


def record(number=0, source=("a", "b", "</s>"), target=("a", "</s>"), **fields):
    weights = np.arange(len(target) * len(source), dtype=np.float32).reshape(len(target), len(source)) / 7
    return AttentionRecord(
        **{"id": number, "source": source, "target": target, "weights": weights, "score": -0.1} | fields
    )


def fields_of(record):
    """All of a record in a form that == compares, weights bit for bit."""
    weights = (record.weights.shape, record.weights.dtype.str, record.weights.tobytes())
    return record.id, record.rank, record.source, record.target, record.reference, record.score, weights


def round_trip(records, ending):
    stream = io.BytesIO()
    FORMATS[ending].write(iter(records), stream)
    stream.seek(0)
    return FORMATS[ending].read(stream)


TOKENS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4).filter(lambda token: not token.endswith("\0"))
    | st.sampled_from(["", "</s>", "한국어", "▁é", '"', "\\", "👩‍👩‍👧", "\n", "\u2028", "\0a"]),
    max_size=5,
).map(tuple)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def record_lists(draw):
    places = sorted(draw(st.sets(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 3)), max_size=4)))
    records = []
    for number, rank in places:
        source, target = draw(TOKENS), draw(TOKENS)
        size = len(source) * len(target)
        flat = draw(st.lists(FLOATS, min_size=size, max_size=size))
        records.append(
            AttentionRecord(
                id=number,
                rank=rank,
                source=source,
                target=target,
                reference=draw(st.none() | TOKENS),
                weights=np.array(flat, dtype=np.float32).reshape(len(target), len(source)),
                score=draw(st.floats(allow_nan=False, allow_infinity=False)),
            )
        )
    return records


@pytest.mark.parametrize("ending", ENDINGS)
@given(records=record_lists())
@settings(max_examples=60, deadline=None)
def test_round_trip(ending, records):
    assert list(map(fields_of, round_trip(records, ending))) == list(map(fields_of, records))


@pytest.mark.parametrize("ending", ENDINGS)
def test_float32_of_every_size_survives(ending):
    bits = np.random.default_rng(1).integers(0, 2**32, size=4000, dtype=np.uint32)
    edges = np.array([1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x80000000], dtype=np.uint32)  # subnormal ... max, -0.0
    floats = np.concatenate([bits, edges]).view(np.float32)
    floats = floats[np.isfinite(floats)]
    once = record(source=("x",) * floats.size, target=("y",), weights=floats[None])
    assert round_trip([once], ending)[0].weights.tobytes() == floats.tobytes()


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_keep_the_order_and_do_not_depend_on_the_moment(ending, tmp_path):
    records = [record(0), record(0, rank=1), record(5, source=(), target=()), record(8, reference=())]
    first, second = tmp_path / f"first{ending}", tmp_path / f"second{ending.upper()}"
    write_records(iter(records), first)
    write_records(records, str(second))
    assert first.read_bytes() == second.read_bytes()
    assert list(map(fields_of, read_records(first))) == list(map(fields_of, records))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, second.name])


def test_the_lines_of_a_jsonl_file_can_be_read_without_us(tmp_path):
    path = tmp_path / "attention.jsonl"
    write_records([record(3, ("가", "</s>"), ("x",), weights=np.array([[0.1, 0.9]]), reference=("x", "</s>"))], path)
    assert path.read_text(encoding="utf-8") == (
        '{"id": 3, "rank": 0, "score": -0.1, "axes": "target x source", "source": ["가", "</s>"], "target": ["x"],'
        ' "reference": ["x", "</s>"], "weights": [[0.1, 0.9]]}\n'
    )


def test_the_arrays_of_an_npz_file_are_as_documented(tmp_path):
    path = tmp_path / "attention.npz"
    write_records([record(3, ("가", "b"), ("b",)), record(4, ("c",), ("c", "</s>"), reference=("b",), rank=2)], path)
    with np.load(path, allow_pickle=False) as arrays:
        kept = {name: arrays[name].tolist() for name in arrays}
    assert kept.pop("weights") == [np.float32(0), np.float32(1 / 7), np.float32(0), np.float32(1 / 7)]
    assert kept == {
        "format": "fairseq-attention/1",
        "axes": "target x source",
        "id": [3, 4],
        "rank": [0, 2],
        "score": [-0.1, -0.1],
        "has_reference": [False, True],
        "symbols": ["가", "b", "c", "</s>"],
        "source": [0, 1, 2],
        "source_offsets": [0, 2, 3],
        "target": [1, 2, 3],
        "target_offsets": [0, 1, 3],
        "reference": [1],
        "reference_offsets": [0, 0, 1],
        "weights_offsets": [0, 2, 4],
    }


def test_blank_lines_of_a_jsonl_file_are_skipped(tmp_path):
    path = tmp_path / "attention.jsonl"
    write_records([record(0)], path)
    path.write_bytes(b"\n" + path.read_bytes() + b" \r\n\n")
    assert len(read_records(path)) == 1


# --- errors -----------------------------------------------------------------------------------------------------------


def message_of(function, *arguments, exit_code=2):
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == exit_code
    return str(caught.value)


@pytest.mark.parametrize("name", ["attention.txt", "attention", "attention.npz.gz"])
def test_unknown_endings(name, tmp_path):
    expected = f"attention file '{tmp_path / name}' must end in .npz or .jsonl"
    assert message_of(read_records, tmp_path / name) == expected
    assert message_of(write_records, [], tmp_path / name) == expected


@pytest.mark.parametrize("ending", ENDINGS)
def test_missing_files_and_folders(ending, tmp_path):
    path = tmp_path / f"a{ending}"
    assert message_of(read_records, path).startswith(f"no attention file '{path}': give the file that")
    lost = tmp_path / "lost" / path.name
    assert message_of(write_records, [], lost).startswith(f"folder '{lost.parent}' does not exist: make it, or")
    path.mkdir()
    assert message_of(read_records, path, exit_code=1) == f"cannot read '{path}': Is a directory"
    assert message_of(write_records, [], path, exit_code=1) == f"cannot write '{path}': Is a directory"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("second", [record(1), record(0), record(1, rank=1)], ids=["again", "earlier", "rank"])
def test_records_out_of_order_leave_the_old_file(ending, second, tmp_path):
    path = tmp_path / f"a{ending}"
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


def test_a_trailing_nul_is_refused_by_npz_and_kept_by_jsonl(tmp_path):
    once = record(source=("a\0", "\0"), target=("b",))
    message = message_of(write_records, [once], tmp_path / "a.npz")
    assert message == r"token 'a\x00' ends in a NUL character, which .npz cannot keep: write .jsonl"
    assert fields_of(round_trip([once], ".jsonl")[0]) == fields_of(once)


def lines_with(**changes):
    stream = io.BytesIO()
    FORMATS[".jsonl"].write([record(0), record(1)], stream)
    first, second = stream.getvalue().splitlines(keepends=True)
    fields = json.loads(second) | changes
    kept = {name: value for name, value in fields.items() if value is not ...}
    return first + json.dumps(kept).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello\n", "line 1: not a JSON object: is this an attention file?"),
        (b"\xff\xfe\n", "line 1: not a JSON object: is this an attention file?"),
        (b"[" * 100_000 + b"\n", "line 1: not a JSON object: is this an attention file?"),
        (lines_with()[:-9], "line 2: not a JSON object; the file ends in the middle of this line: write it again"),
        (b"[1]\n", "line 1: no id, rank, score, axes, source, target, reference, weights: an attention record is"),
        (lines_with(rank=..., axes=...), "line 2: no rank, axes: an attention record is an object with id, rank"),
        (lines_with(axes="source x target"), "line 2: axes is 'source x target', expected 'target x source': was it"),
        (lines_with(id="1"), 'line 2: id is "1", not an integer'),
        (lines_with(id=True), "line 2: id is true, not an integer"),
        (lines_with(rank=0.5), "line 2: rank is 0.5, not an integer"),
        (lines_with(id=-1), "line 2: id -1 is not from 0 to"),
        (lines_with(id=0), "line 2: id 0, rank 0 comes after id 0, rank 0: records must be in corpus order"),
        (lines_with(score="x" * 80), 'line 2: score is "' + "x" * 56 + "..., not one number"),
        (lines_with(score=[1, [2]]), "line 2: score is [1, [2]], not one number"),
        (lines_with(score=[]), "line 2: score is [], not one number"),
        (lines_with(score=[1.0]), "line 2: score is [1.0], not one number"),
        (lines_with(score=float("nan")), "line 2: NaN is not a finite number: leave this hypothesis out"),
        (lines_with(source="a b </s>"), 'line 2: source is "a b </s>", not a list of strings'),
        (lines_with(target=["a", 1]), 'line 2: target is ["a", 1], not a list of strings'),
        (lines_with(reference=0), "line 2: reference is 0, not a list of strings"),
        (lines_with(target=["\ud800", "</s>"]), r"line 2: sentence 1, rank 0: token '\ud800' is not valid Unicode"),
        (lines_with(weights=None), "line 2: weights is null, not a list of rows"),
        (lines_with(weights=[1, 2]), "line 2: weights is [1, 2], not a list of rows"),
        (lines_with(weights=[[1, 0, 0], [1, 0]]), "line 2: row 1 of weights has 2 numbers for 3 source tokens"),
        (
            lines_with(weights=[[1, 0, 0]]),
            "line 2: sentence 1, rank 0: attention of shape (1, 3) does not fit 2 target",
        ),
        (lines_with(weights=[["1", 0, 0]] * 2), 'line 2: weights is [["1", 0, 0], ["1", 0, 0]], not rows of numbers'),
        (lines_with(weights=[[[1], 0, 0]] * 2), "line 2: weights is [[[1], 0, 0], [[1], 0, 0]], not rows of numbers"),
        (
            lines_with(weights=[[[1]] * 3] * 2),
            "line 2: weights is [[[1], [1], [1]], [[1], [1], [1]]], not rows of numbers",
        ),
        (
            lines_with(weights=[[None, 0, 0]] * 2),
            "line 2: weights is [[null, 0, 0], [null, 0, 0]], not rows of numbers",
        ),
        (lines_with(weights=[[10**400, 0, 0]] * 2), "line 2: weights is [[1000000"),
        (
            lines_with(weights=[[1e300, 0, 0]] * 2),
            "line 2: sentence 1, rank 0: an attention weight or the score is NaN",
        ),
        (lines_with(weights=[[float("inf"), 0, 0]] * 2), "line 2: Infinity is not a finite number"),
    ],
)
def test_lines_that_are_no_record(content, message, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    assert message_of(read_records, path).startswith(f"'{path}': {message}")


def npz_with(**changes):
    stream = io.BytesIO()
    FORMATS[".npz"].write([record(0), record(1, reference=("a",))], stream)
    stream.seek(0)
    with np.load(stream) as archive:
        arrays = dict(archive) | changes
    stream = io.BytesIO()
    np.savez(stream, **{name: value for name, value in arrays.items() if value is not None})
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an .npz file, or cut short ("),
        (b"hello", "not an .npz file, or cut short ("),
        (npy(np.zeros(3)), "not an .npz file, or cut short ("),
        (npz_with()[:-40], "not an .npz file, or cut short ("),
        (npz_with()[:900], "not an .npz file, or cut short ("),
        (npz_with(id=np.array([None, {}])), "not an .npz file, or cut short (Object arrays cannot be loaded"),
        (npz_with(format=None), "no format: this is not an attention file, which has format 'fairseq-attention/1'"),
        (npz_with(id=None, weights_offsets=None), "no id, weights_offsets: this is not an attention file"),
        (npz_with(format=np.array("fairseq-attention/2")), "format is 'fairseq-attention/2', expected 'fairseq-"),
        (npz_with(axes=np.array("source x target")), "axes is 'source x target', expected 'target x source'"),
        (npz_with(id=np.array(["0", "1"])), "id is a <U1 array of shape (2,): this is not 'fairseq-attention/1'"),
        (npz_with(weights=np.zeros((2, 6), np.float32)), "weights is a float32 array of shape (2, 6): this is not"),
        (npz_with(rank=np.zeros(3, int)), "rank has 3 entries for 2 ids: the file is damaged"),
        (npz_with(has_reference=np.zeros(1, bool)), "has_reference has 1 entries for 2 ids: the file is damaged"),
        (npz_with(source_offsets=np.array([0, 3])), "source_offsets do not rise from 0 to 6 in 2 steps"),
        (npz_with(source_offsets=np.array([0, 7, 6])), "source_offsets do not rise from 0 to 6 in 2 steps"),
        (npz_with(target_offsets=np.array([1, 2, 4])), "target_offsets do not rise from 0 to 4 in 2 steps"),
        (npz_with(weights_offsets=np.array([0, 6, 13])), "weights_offsets do not rise from 0 to 12 in 2 steps"),
        (npz_with(weights_offsets=np.array([0, 5, 12])), "record 0 has 5 weights for 2 target x 3 source tokens"),
        (npz_with(source=np.array([0, 1, 2, 0, 1, 3])), "source points outside the 3 symbols: the file is damaged"),
        (npz_with(source=np.array([0, 1, 2, 0, 1, -1])), "source points outside the 3 symbols: the file is damaged"),
        (npz_with(weights=np.full(12, np.nan)), "sentence 0, rank 0: an attention weight or the score is NaN"),
        (npz_with(id=np.array([1, 0])), "id 0, rank 0 comes after id 1, rank 0: records must be in corpus order"),
        (npz_with(id=np.array([-1, 0])), "id -1 is not from 0 to"),
    ],
)
def test_archives_that_are_no_attention_file(content, message, tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert message_of(read_records, path).startswith(f"'{path}': {message}")


def test_a_zip_of_other_files_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "this is not an attention file" in message_of(read_records, path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_damaged_byte_gives_records_or_one_line(ending, tmp_path):
    path = tmp_path / f"a{ending}"
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

    monkeypatch.setitem(FORMATS, ".jsonl", formats.Format(no_space, FORMATS[".jsonl"].read))
    path = tmp_path / "a.jsonl"
    assert message_of(write_records, [], path, exit_code=1) == f"cannot write '{path}': No space left on device"
    assert list(tmp_path.iterdir()) == []
