"""Tensors for any framework: laid out as documented and opened by the library; what is no attention file is refused."""

import json
import struct
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from fairseq_plugin.analysis.formats import read_records, write_records
from tests.support.errors import message_of
from tests.support.recording import fields_of, record, round_trip


def test_the_library_opens_what_is_documented(tmp_path):
    path = tmp_path / "attention.safetensors"
    write_records([record(3, ("가", "b"), ("b",)), record(4, ("c",), ("c", "</s>"), reference=("b",), rank=2)], path)
    with safe_open(path, framework="numpy") as tensors:
        text = tensors.metadata()
        kept = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118 (not a dict)
    assert text == {
        "format": "fairseq-attention/1",
        "axes": "target x source",
        "symbols": '["가", "b", "c", "</s>"]',
    }
    assert {name: values.tolist() for name, values in kept.items()} == {
        "id": [3, 4],
        "rank": [0, 2],
        "score": [-0.1, -0.1],
        "has_reference": [False, True],
        "source": [0, 1, 2],
        "source_offsets": [0, 2, 3],
        "target": [1, 2, 3],
        "target_offsets": [0, 1, 3],
        "reference": [1],
        "reference_offsets": [0, 0, 1],
        "weights": [np.float32(0), np.float32(1 / 7), np.float32(0), np.float32(1 / 7)],
        "weights_offsets": [0, 2, 4],
    }


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_tensor_is_aligned(tmp_path, count):
    path = tmp_path / "a.safetensors"
    write_records([record(number, ("a",) * count, ("b",)) for number in range(count)], path)
    content = path.read_bytes()
    (size,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + size])
    begin = 0
    for entry in list(header.values())[1:]:
        width = {"I64": 8, "F64": 8, "I32": 4, "F32": 4, "BOOL": 1}[entry["dtype"]]
        assert entry["data_offsets"] == [begin, begin + width * entry["shape"][0]]
        assert (8 + size + begin) % width == 0
        begin = entry["data_offsets"][1]
    assert len(content) == 8 + size + begin


def test_a_trailing_nul_and_no_record_at_all_survive():
    once = record(source=("a\0", "\0"), target=("b",))
    assert fields_of(round_trip([once], "safetensors")[0]) == fields_of(once)
    assert round_trip([], "safetensors") == []


def test_without_the_library(tmp_path, monkeypatch):
    """Writing needs none; reading says what to install."""
    monkeypatch.setitem(sys.modules, "safetensors", None)
    path = tmp_path / "a.safetensors"
    write_records([record(0)], path)
    assert message_of(read_records, path) == (
        f"'{path}': reading .safetensors needs the library safetensors, which is missing: pip install safetensors"
    )


def damaged(path, text=(), **changes):
    """A file of two records with some tensors and metadata replaced, left out where they are None."""
    write_records([record(0), record(1, reference=("a",))], path)
    with safe_open(path, framework="numpy") as tensors:
        kept = {name: tensors.get_tensor(name) for name in tensors.keys()} | changes  # noqa: SIM118
        metadata = tensors.metadata() | dict(text)
    save_file(
        {name: values for name, values in kept.items() if values is not None},
        path,
        {name: value for name, value in metadata.items() if value is not None},
    )


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ({}, {"id": None, "weights_offsets": None}, "no id, weights_offsets: this is not an attention file"),
        ({"format": "fairseq-attention/2"}, {}, "format is 'fairseq-attention/2', expected 'fairseq-attention/1'"),
        ({"axes": "source x target"}, {}, "axes is 'source x target', expected 'target x source'"),
        ({"symbols": "{}"}, {}, "symbols are no list of texts: this is not 'fairseq-attention/1'"),
        ({"symbols": "[1, 2]"}, {}, "symbols are no list of texts: this is not 'fairseq-attention/1'"),
        ({"symbols": "["}, {}, "not a .safetensors file, or cut short ("),
        ({}, {"weights": np.zeros((2, 6), np.float32)}, "weights is a "),
        ({}, {"weights": np.zeros(12, np.int32)}, "weights is a int32 array of shape (12,)"),
        ({}, {"source_offsets": np.array([0, 7, 6])}, "source_offsets do not rise from 0 to 6 in 2 steps"),
        ({}, {"weights": np.full(12, np.nan)}, "sentence 0, rank 0: an attention weight or the score is NaN"),
    ],
)
def test_files_that_are_no_attention_file(text, changes, message, tmp_path):
    path = tmp_path / "a.safetensors"
    damaged(path, text, **changes)
    assert message_of(read_records, path).startswith(f"'{path}': {message}")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 40])
def test_files_that_are_no_safetensors(content, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    assert message_of(read_records, path).startswith(f"'{path}': not a .safetensors file, or cut short (")


def test_a_file_that_is_cut_short(tmp_path):
    path = tmp_path / "a.safetensors"
    write_records([record(0)], path)
    path.write_bytes(path.read_bytes()[:-1])
    assert message_of(read_records, path).startswith(f"'{path}': not a .safetensors file, or cut short (")
