"""Attention as BertViz takes it: for each record the arguments of its ``model_view`` and ``head_view``.

A JSON array with one object a line. ``cross_attention`` is nested as [layer][batch][head][target][source], with one
layer, batch and head; with ``encoder_tokens`` (source) and ``decoder_tokens`` (target) it is what
``bertviz/model_view.py`` and ``head_view.py`` ask of an encoder-decoder model, once its layers are tensors:

    import json, torch
    from bertviz import head_view

    record = json.load(open("attention.bertviz"))[3]
    layers = [torch.tensor(layer) for layer in record["cross_attention"]]  # each (1, 1, T, S)
    head_view(
        cross_attention=layers, encoder_tokens=record["encoder_tokens"], decoder_tokens=record["decoder_tokens"]
    )

``neuron_view`` shows queries and keys of self-attention, which a record does not hold. Everything of a record is kept:
``id``, ``rank``, ``score``, ``axes`` ("target x source") and ``reference`` are as in :mod:`jsonl`.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from data_gen.errors import UserError
from fairseq_plugin.analysis.formats.jsonl import line_of, record_of
from fairseq_plugin.analysis.formats.layout import in_order
from fairseq_plugin.analysis.records import AttentionRecord

NAMES = {"source": "encoder_tokens", "target": "decoder_tokens", "weights": "cross_attention"}


def write_bertviz(records: Iterable[AttentionRecord], stream: BinaryIO) -> None:
    """Write one object a record, the brackets of the array around them."""
    stream.write(b"[")
    for number, record in enumerate(records):
        fields = line_of(record)
        renamed = {NAMES.get(name, name): value for name, value in fields.items()}
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
    yield from in_order(_records(objects))


def _records(objects: list[Any]) -> Iterator[AttentionRecord]:
    for number, fields in enumerate(objects):
        try:
            record = _record(fields)
        except UserError as error:
            raise UserError(f"object {number}: {error}") from None
        yield record


def _record(fields: Any) -> AttentionRecord:
    missing = [name for name in NAMES.values() if not isinstance(fields, dict) or name not in fields]
    if missing:
        raise UserError(f"no {', '.join(missing)}: an object has {', '.join(NAMES.values())}")
    weights = fields["cross_attention"]
    for level in ("layer", "batch", "head"):
        if not isinstance(weights, list) or len(weights) != 1:
            has = f"{len(weights)} entries" if isinstance(weights, list) else "none"
            raise UserError(f"cross_attention should have one {level}, but has {has}")
        weights = weights[0]
    names = {theirs: ours for ours, theirs in NAMES.items()}
    return record_of({names.get(name, name): value for name, value in fields.items()} | {"weights": weights})
