"""Lines of JSON: readable without us; a line that is no record is refused by its number."""

import io
import json

import numpy as np
import pytest

from fairseq_plugin.analysis.formats import FORMATS, read_records, write_records
from tests.support.errors import message_of
from tests.support.recording import record


def test_the_lines_of_a_jsonl_file_can_be_read_without_us(tmp_path):
    path = tmp_path / "attention.jsonl"
    write_records([record(3, ("가", "</s>"), ("x",), weights=np.array([[0.1, 0.9]]), reference=("x", "</s>"))], path)
    assert path.read_text(encoding="utf-8") == (
        '{"id": 3, "rank": 0, "score": -0.1, "axes": "target x source", "source": ["가", "</s>"], "target": ["x"],'
        ' "reference": ["x", "</s>"], "weights": [[0.1, 0.9]]}\n'
    )


def test_blank_lines_of_a_jsonl_file_are_skipped(tmp_path):
    path = tmp_path / "attention.jsonl"
    write_records([record(0)], path)
    path.write_bytes(b"\n" + path.read_bytes() + b" \r\n\n")
    assert len(read_records(path)) == 1


def lines_with(**changes):
    stream = io.BytesIO()
    FORMATS["jsonl"].write([record(0), record(1)], stream)
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
