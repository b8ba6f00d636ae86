"""Arrays for NumPy: laid out as documented; an archive that is damaged or holds something else is refused."""

import io
import zipfile

import numpy as np
import pytest

from fairseq_plugin.analysis.formats import FORMATS, read_records, write_records
from tests.support.errors import message_of
from tests.support.recording import fields_of, record, round_trip


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


def test_a_trailing_nul_is_refused_by_npz_and_kept_by_jsonl(tmp_path):
    once = record(source=("a\0", "\0"), target=("b",))
    message = message_of(write_records, [once], tmp_path / "a.npz")
    assert message == r"token 'a\x00' ends in a NUL character, which .npz cannot keep: write .jsonl"
    assert fields_of(round_trip([once], "jsonl")[0]) == fields_of(once)


def npz_with(**changes):
    stream = io.BytesIO()
    FORMATS["npz"].write([record(0), record(1, reference=("a",))], stream)
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
        (npz_with(weights=np.zeros((2, 6), np.float32)), "weights is a float32 array of shape (2, 6)"),
        (npz_with(rank=np.zeros(3, int)), "rank has 3 entries for 2 ids: the file is damaged"),
        (npz_with(has_reference=np.zeros(1, bool)), "has_reference has 1 entries for 2 ids: the file is damaged"),
        (npz_with(source_offsets=np.array([0, 3])), "source_offsets do not rise from 0 to 6 in 2 steps"),
        (npz_with(source_offsets=np.array([0, 7, 6])), "source_offsets do not rise from 0 to 6 in 2 steps"),
        (npz_with(target_offsets=np.array([1, 2, 4])), "target_offsets do not rise from 0 to 4 in 2 steps"),
        (npz_with(weights_offsets=np.array([0, 6, 13])), "weights_offsets do not rise from 0 to 12 in 2 steps"),
        (
            npz_with(weights_offsets=np.array([0, 5, 12])),
            "record 0 has 5 weights for 2 target x 3 source tokens: the file is damaged",
        ),
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
