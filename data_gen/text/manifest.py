"""What the manifest of a text dataset says beyond that of any other: counts, bad lines, options, models."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from data_gen.manifest import Manifest, write_manifest
from data_gen.text.encoding import EncodedSide
from data_gen.text.reading import Faults, LineNumbers, add_fault
from data_gen.text.spec import TextSpec

TEXT: Final = "text"


@dataclass
class SideSummary:
    """One file of text and what became of it. Lengths are in pieces, end of sequence not counted.

    :param file: its name, without its folder.
    :param pieces: in all sequences that were written.
    :param min_length: pieces in the shortest.
    :param max_length: pieces in the longest.
    :param unknown_pieces: how many of them are ``<unk>``.
    :param unknown_lines: the lines that these are in.
    :param bad_lines: lines that were left out because of something in this file, by what that was.
    """

    file: str
    pieces: int = 0
    min_length: int | None = None
    max_length: int | None = None
    unknown_pieces: int = 0
    unknown_lines: LineNumbers = field(default_factory=LineNumbers)
    bad_lines: Faults = field(default_factory=dict)

    def add(self, side: EncodedSide) -> None:
        """Count a batch."""
        if len(side.lengths):
            shortest, longest = int(np.min(side.lengths)), int(np.max(side.lengths))
            self.min_length = shortest if self.min_length is None else min(shortest, self.min_length)
            self.max_length = longest if self.max_length is None else max(longest, self.max_length)
        self.pieces += int(side.lengths.sum())
        self.unknown_pieces += len(side.unknown)
        for number in dict.fromkeys(side.unknown):
            self.unknown_lines.add(number)
        for kind, number in side.faults:
            add_fault(self.bad_lines, kind, number)


@dataclass
class SplitSummary:
    """One split.

    :param lines: in each of its files.
    :param sequences: pairs that were written; the others had a bad line.
    :param source: its source file.
    :param target: its target file; None in a copy dataset.
    """

    lines: int
    sequences: int
    source: SideSummary
    target: SideSummary | None

    @property
    def sides(self) -> list[SideSummary]:
        """What there is of source and target."""
        return [side for side in (self.source, self.target) if side is not None]


@dataclass(frozen=True, kw_only=True)
class TextManifest:
    """A text dataset described.

    :param spec: what it was made from. The folders of its files are not part of the manifest.
    :param dictionary_sizes: ids in the dictionary of each language, special tokens included.
    :param sentencepiece: version of the library.
    :param not_trained_on: lines that sentencepiece left out of its training, by file.
    :param splits: one summary for each split.
    :param files: the sha256 of every other file of the dataset, by file name.
    :param byte_pieces: True if a model falls back to bytes, which fairseq cannot put together again.
    """

    spec: TextSpec
    dictionary_sizes: Mapping[str, int]
    sentencepiece: str
    not_trained_on: Mapping[str, LineNumbers]
    splits: Mapping[str, SplitSummary]
    files: Mapping[str, str]
    byte_pieces: bool


def write_text_manifest(folder: Path, manifest: TextManifest) -> None:
    """Write ``manifest.json``: the same bytes for the same text and options.

    :raises OSError: if the file cannot be written.
    """
    spec = manifest.spec
    training: dict[str, Any] = {} if spec.has_models else _training(spec)
    details = {
        "copy": spec.target_lang is None,
        "joined": spec.one_model,
        "on_bad": spec.on_bad,
        "sentencepiece": {"version": manifest.sentencepiece, "trained_here": not spec.has_models, **training},
        "not_trained_on": {file: asdict(lines) for file, lines in manifest.not_trained_on.items()},
        "dictionary_sizes": dict(manifest.dictionary_sizes),
        "splits": {split: asdict(summary) for split, summary in manifest.splits.items()},
    }
    write_manifest(folder, Manifest(route=TEXT, languages=spec.languages, details=details, files=manifest.files))


def _training(spec: TextSpec) -> dict[str, Any]:
    return {
        "vocab_size": spec.vocab_size,
        "model_type": spec.model_type,
        "character_coverage": spec.character_coverage,
        "seed": spec.seed,
        "options": dict(spec.spm_options),
    }
