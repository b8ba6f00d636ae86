"""Attention records as JSON: lines for any program that reads it, and what BertViz takes.

**jsonl** is one JSON object a line (UTF-8). Its keys are ``id``, ``rank``, ``score``, ``axes`` ("target x source"),
``source``, ``target``, ``reference`` (lists of tokens; ``reference`` may be null) and ``weights`` (T rows of S
numbers).

**bertviz** is a JSON array with one object a line: the arguments of BertViz's ``model_view`` and ``head_view`` for one
record. ``cross_attention`` is nested as [layer][batch][head][target][source], with one layer, batch and head. With
``encoder_tokens`` (source) and ``decoder_tokens`` (target) it is what ``bertviz/model_view.py`` and ``head_view.py``
ask of an encoder-decoder model, once its layers are tensors:

    import json, torch
    from bertviz import head_view

    record = json.load(open("attention.bertviz"))[3]
    layers = [torch.tensor(layer) for layer in record["cross_attention"]]  # each (1, 1, T, S)
    head_view(
        cross_attention=layers, encoder_tokens=record["encoder_tokens"], decoder_tokens=record["decoder_tokens"]
    )

``neuron_view`` shows queries and keys of self-attention, which a record does not hold. Everything of a record is kept:
``id``, ``rank``, ``score``, ``axes`` ("target x source") and ``reference`` are as in a line of .jsonl.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np

from data_gen.errors import UserError
from data_gen.text.corpus import lines_of
from fairseq_plugin.analysis.records import AXES, SEQUENCES, AttentionRecord, check_equal, in_order, shortest

FIELDS = ("id", "rank", "score", "axes", "source", "target", "reference", "weights")


def write_jsonl(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one line a record."""
    for record in records:
        stream.write(json.dumps(line_of(record), ensure_ascii=False, allow_nan=False).encode() + b"\n")


def line_of(record: AttentionRecord) -> dict[str, Any]:
    """A record as the object of its line."""
    values = (record.id, record.rank, float(record.score), AXES, record.source, record.target, record.reference)
    return dict(zip(FIELDS, (*values, shortest(record.weights).tolist()), strict=True))


def read_jsonl(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read every line that is not blank.

    :raises UserError: naming the line that is no record, or that is out of order.
    """
    lines, number = lines_of(stream), 0

    def parsed() -> Iterator[AttentionRecord]:
        nonlocal number
        for line in lines:
            number += 1
            if line.strip():
                yield _record_of_line(line)

    try:
        yield from in_order(parsed())
    except UserError as error:
        raise UserError(f"line {number}: {error}") from None


def _record_of_line(line: bytes) -> AttentionRecord:
    try:
        fields = json.loads(line.decode(), parse_constant=_refuse_constant)
    except UserError:
        raise
    except (ValueError, RecursionError):
        cut = "" if line.endswith(b"\n") else "; the file ends in the middle of this line: write it again"
        raise UserError(f"not a JSON object{cut or ': is this an attention file?'}") from None
    return record_of(fields)


def record_of(fields: Any) -> AttentionRecord:
    """The record in the object of a line.

    :raises UserError: saying what is missing or of the wrong kind.
    """
    missing = [name for name in FIELDS if not isinstance(fields, dict) or name not in fields]
    if missing:
        raise UserError(f"no {', '.join(missing)}: an attention record is an object with {', '.join(FIELDS)}")
    check_equal("axes", fields["axes"], AXES)
    for name in ("id", "rank"):
        if type(fields[name]) is not int:
            raise UserError(f"{name} is {_short(fields[name])}, not an integer")
    tokens = {name: _tokens(name, fields[name]) for name in SEQUENCES if name != "reference"}
    reference = None if fields["reference"] is None else _tokens("reference", fields["reference"])
    score = _numbers("score", fields["score"], 0, "one number")
    weights = _rows(fields["weights"], len(tokens["source"]))
    return AttentionRecord(
        id=fields["id"], rank=fields["rank"], score=float(score), weights=weights, reference=reference, **tokens
    )


def _refuse_constant(name: str) -> None:
    raise UserError(f"{name} is not a finite number: leave this hypothesis out")


def _tokens(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(token, str) for token in value):
        raise UserError(f"{name} is {_short(value)}, not a list of strings")
    return tuple(value)


def _rows(value: Any, width: int) -> np.ndarray:
    """The (T, S) float64 array in a list of T rows of ``width`` numbers."""
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise UserError(f"weights is {_short(value)}, not a list of rows")
    for t, row in enumerate(value):
        if len(row) != width:
            raise UserError(f"row {t} of weights has {len(row)} numbers for {width} source tokens")
    if not (value and width):
        return np.zeros((len(value), width))
    return _numbers("weights", value, 2, "rows of numbers")


def _numbers(name: str, value: Any, dimensions: int, expected: str) -> np.ndarray:
    try:
        array = np.array(value)
    except ValueError:  # lists where numbers should be
        array = np.array(None)
    if array.dtype.kind not in "iuf" or array.ndim != dimensions:
        raise UserError(f"{name} is {_short(value)}, not {expected}")
    return array.astype(np.float64)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


BERTVIZ_NAMES = {"source": "encoder_tokens", "target": "decoder_tokens", "weights": "cross_attention"}


def write_bertviz(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one object a record, the brackets of the array around them."""
    stream.write(b"[")
    for number, record in enumerate(records):
        fields = line_of(record)
        renamed = {BERTVIZ_NAMES.get(name, name): value for name, value in fields.items()}
        renamed["cross_attention"] = [[[fields["weights"]]]]
        text = json.dumps(renamed, ensure_ascii=False, allow_nan=False)
        stream.write((",\n" if number else "\n").encode() + text.encode())
    stream.write(b"\n]\n")


def read_bertviz(stream: BinaryIO) -> Iterator[AttentionRecord]:
    """Read the objects of the array, which is taken into memory as a whole.

    :raises UserError: naming the object, counted from 0, that is no record of one layer, batch and head.
    """
    try:
        objects = json.loads(stream.read().decode())
    except (ValueError, RecursionError):
        raise UserError("not a JSON array, or cut short: write it again") from None
    if not isinstance(objects, list):
        raise UserError("not a JSON array: is this an attention file?")
    yield from in_order(_bertviz_records(objects))


def _bertviz_records(objects: list[Any]) -> Iterator[AttentionRecord]:
    for number, fields in enumerate(objects):
        try:
            record = _bertviz_record(fields)
        except UserError as error:
            raise UserError(f"object {number}: {error}") from None
        yield record


def _bertviz_record(fields: Any) -> AttentionRecord:
    missing = [name for name in BERTVIZ_NAMES.values() if not isinstance(fields, dict) or name not in fields]
    if missing:
        raise UserError(f"no {', '.join(missing)}: an object has {', '.join(BERTVIZ_NAMES.values())}")
    weights = fields["cross_attention"]
    for level in ("layer", "batch", "head"):
        if not isinstance(weights, list) or len(weights) != 1:
            has = f"{len(weights)} entries" if isinstance(weights, list) else "none"
            raise UserError(f"cross_attention should have one {level}, but has {has}")
        weights = weights[0]
    names = {theirs: ours for ours, theirs in BERTVIZ_NAMES.items()}
    return record_of({names.get(name, name): value for name, value in fields.items()} | {"weights": weights})
