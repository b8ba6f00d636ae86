"""Objects for BertViz: laid out as its views take them; what is no such object is refused by its number."""

import json

import numpy as np
import pytest
import torch

from fairseq_plugin.analysis.formats import read_records, write_records
from tests.support.errors import message_of
from tests.support.recording import record


def objects(*records, path):
    write_records(records, path)
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_file_can_be_read_without_us(tmp_path):
    path = tmp_path / "a.bertviz"
    write_records([record(3, ("가", "</s>"), ("x",), weights=np.array([[0.1, 0.9]])), record(4)], path)
    first, *rest = path.read_text(encoding="utf-8").splitlines()[1:]
    assert first == (
        '{"id": 3, "rank": 0, "score": -0.1, "axes": "target x source", "encoder_tokens": ["가", "</s>"],'
        ' "decoder_tokens": ["x"], "reference": null, "cross_attention": [[[[[0.1, 0.9]]]]]},'
    )
    assert len(rest) == 2


def test_no_record_is_an_empty_array(tmp_path):
    assert objects(path=tmp_path / "a.bertviz") == []
    assert read_records(tmp_path / "a.bertviz") == []


def test_layers_are_tensors_of_batch_head_target_source(tmp_path):
    (fields,) = objects(record(0), path=tmp_path / "a.bertviz")
    (layer,) = [torch.tensor(layer) for layer in fields["cross_attention"]]
    assert layer.shape == (1, 1, len(fields["decoder_tokens"]), len(fields["encoder_tokens"])) == (1, 1, 2, 3)
    assert torch.equal(layer[0, 0], torch.arange(6).view(2, 3) / 7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cross_attention": [[[[[1]]]]] * 2}, "cross_attention should have one layer, but has 2 entries"),
        ({"cross_attention": [[]]}, "cross_attention should have one batch, but has 0 entries"),
        ({"cross_attention": [[7]]}, "cross_attention should have one head, but has none"),
        ({"cross_attention": [[[[[1, 2]]]]]}, "row 0 of weights has 2 numbers"),
        ({"axes": "source x target"}, "axes is 'source x target', expected 'target x source'"),
        ({"encoder_tokens": "a b"}, 'source is "a b", not a list of strings'),
        ({"score": float("nan")}, "sentence 1, rank 0: an attention weight or the score is NaN"),
    ],
)
def test_objects_that_are_no_record(change, message, tmp_path):
    path = tmp_path / "a.bertviz"
    fields = objects(record(0), record(1), path=path)
    fields[1] |= change
    path.write_text(json.dumps(fields), encoding="utf-8")
    assert message_of(read_records, path).startswith(f"'{path}': object 1: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"id": 0', "not a JSON array, or cut short: write it again"),
        (b"\xff", "not a JSON array, or cut short: write it again"),
        (b"{}", "not a JSON array: is this an attention file?"),
        (b"[1]", "object 0: no encoder_tokens, decoder_tokens, cross_attention: an object has encoder_tokens,"),
    ],
)
def test_files_that_are_no_array(content, message, tmp_path):
    path = tmp_path / "a.bertviz"
    path.write_bytes(content)
    assert message_of(read_records, path).startswith(f"'{path}': {message}")
