"""What can be measured: rows of the table, and the sizes of each."""

from collections.abc import Callable
from typing import NamedTuple

from scripts.benchmark.measurement import Circumstances, Measurement
from scripts.benchmark.rows.data import measure_data, measure_text
from scripts.benchmark.rows.decoding import measure_decode, measure_extract, measure_extract_memory, measure_generate
from scripts.benchmark.rows.training import measure_core, measure_memory, measure_train, measure_update
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
    "core": Row(measure_core, ("tiny", "mid", "large"), "decoder core, forward + backward"),
    "memory": Row(measure_memory, ("mid", "large"), "peak memory of a training step of the core"),
    "update": Row(measure_update, ("tiny", "mid"), "whole update of the model"),
    "train": Row(measure_train, ("tiny", "mid"), "training with fairseq-train, target tokens"),
    "decode": Row(measure_decode, ("mid",), "one decoding step of beam search"),
    "generate": Row(measure_generate, ("mid",), "decoding with fairseq-generate"),
    "extract": Row(measure_extract, ("tiny", "mid"), "attention of decoded sentences"),
    "extract_memory": Row(measure_extract_memory, ("tiny",), "peak memory of an extraction"),
    "data": Row(measure_data, ("tiny",), "making copy data"),
    "text": Row(measure_text, ("mid",), "encoding text with sentencepiece"),
}
