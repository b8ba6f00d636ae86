"""What can be measured: one module a row, each with a ``measure``."""

from collections.abc import Callable
from typing import NamedTuple

from scripts.benchmark.measurement import Circumstances, Measurement
from scripts.benchmark.rows import core, data, decode, extract, extract_memory, generate, memory, text, train, update
from scripts.benchmark.settings import Setting


class Row(NamedTuple):
    """Something to measure.

    :param settings: at which sizes.
    :param what: one line for people.
    """

    measure: Callable[[Setting, Circumstances], list[Measurement]]
    settings: tuple[str, ...]
    what: str


ROWS = {
    "core": Row(core.measure, ("tiny", "mid", "large"), "decoder core, forward + backward"),
    "memory": Row(memory.measure, ("mid", "large"), "peak memory of a training step of the core"),
    "update": Row(update.measure, ("tiny", "mid"), "whole update of the model"),
    "train": Row(train.measure, ("tiny", "mid"), "training with fairseq-train, target tokens"),
    "decode": Row(decode.measure, ("mid",), "one decoding step of beam search"),
    "generate": Row(generate.measure, ("mid",), "decoding with fairseq-generate"),
    "extract": Row(extract.measure, ("tiny", "mid"), "attention of decoded sentences"),
    "extract_memory": Row(extract_memory.measure, ("tiny",), "peak memory of an extraction"),
    "data": Row(data.measure, ("tiny",), "making copy data"),
    "text": Row(text.measure, ("mid",), "encoding text with sentencepiece"),
}
