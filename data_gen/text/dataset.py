"""Makes a whole text dataset: checks the text, gets the models, encodes, and writes the manifest.

Memory is bounded, except while sentencepiece trains. The manifest holds counts, bad lines, options and models beside
what every manifest holds.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sentencepiece

from data_gen.errors import UserError, listed
from data_gen.files import new_folder
from data_gen.indexed import indexed_files
from data_gen.manifest import Manifest, hash_files, write_manifest
from data_gen.progress import Report, Silence
from data_gen.text.corpus import Faults, LineNumbers, add_fault, decode_lines, read_batches, require_file
from data_gen.text.encoding import EncodedSide, Models, encode_batches, make_models
from data_gen.text.spec import AUTO, TextSpec

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
        "vocab_size": spec.vocab_size or AUTO,
        "model_type": spec.model_type,
        "character_coverage": spec.character_coverage,
        "seed": spec.seed,
        "options": dict(spec.spm_options),
    }


Files = tuple[Path, Path | None]
"""The source and the target file of a split; a copy dataset has no target file."""

PASSES = 2
"""How often each byte of text is reported to ``progress``."""


def input_files(spec: TextSpec) -> dict[str, Files]:
    """The files of each split.

    :raises UserError: if one is not there.
    """
    found: dict[str, Files] = {}
    for split, prefix in spec.splits.items():
        endings = [spec.source_lang] if spec.target_lang is None else [spec.source_lang, spec.target_lang]
        paths = [Path(f"{prefix}.{ending}") for ending in endings]
        for path in paths:
            require_file(path, f"--{split.rstrip('0123456789')}pref {prefix}")
        found[split] = (paths[0], paths[1] if len(paths) > 1 else None)
    return found


def make_text_dataset(
    spec: TextSpec,
    destination: str | Path,
    *,
    overwrite: bool = False,
    progress: Report | None = None,
) -> TextManifest:
    """Write the dataset that ``spec`` describes: what spm_encode and fairseq-preprocess with its dictionaries give.

    ``destination`` appears when it is complete; after an error or Ctrl-C everything is as it was.

    :param overwrite: replace a dataset of ours that is already there.
    :param progress: told how many bytes of text have been dealt with; they add up to ``PASSES`` times the text's.
    :returns: what ``manifest.json`` in the folder says.
    :raises UserError: if there is something wrong with the text, the models or ``destination``.
    """
    files, progress = input_files(spec), progress or Silence()
    with new_folder(Path(destination), overwrite=overwrite) as folder:
        _check_text(files, spec.on_bad, progress)
        models = make_models(folder, spec, files["train"], progress)
        progress.doing("encoding")
        splits = {}
        for split, paths in files.items():
            splits[split], counts = _write_split(folder, spec, split, paths, models, progress)
            if split == "train":
                _write_dictionaries(folder, spec, models, counts)
        vocabularies = (models.source.vocabulary, models.target.vocabulary)
        manifest = TextManifest(
            spec=spec,
            dictionary_sizes={
                language: vocabulary.size for language, vocabulary in zip(spec.languages, vocabularies, strict=True)
            },
            sentencepiece=sentencepiece.__version__,
            not_trained_on={Path(file).name: lines for file, lines in models.not_trained_on.items()},
            splits=splits,
            files=hash_files(folder),
            byte_pieces=models.byte_pieces,
        )
        write_text_manifest(folder, manifest)
    return manifest


def _check_text(files: dict[str, Files], on_bad: str, progress: Report) -> None:
    """Read everything once, before the long work begins.

    :raises UserError: if files differ in length, if there is nothing in them, or if lines are bad and must not be.
    """
    bad: dict[str, Faults] = {}
    for source, target in files.values():
        lines = 0
        for batch in read_batches(source, target):
            for path, raw in ((source, batch.source), (target, batch.target)):
                for index, kind in decode_lines(raw or [])[1].items():
                    add_fault(bad.setdefault(str(path), {}), kind, batch.first + index)
            lines += len(batch.source)
            progress(batch.size)
        if not lines:
            raise UserError(f"'{source}' has no lines: give a file with at least one sentence")
    if bad and on_bad == "error":
        raise _bad_lines_error(bad)


def _bad_lines_error(bad: dict[str, Faults]) -> UserError:
    found = listed([f"'{file}': {describe_faults(faults)}" for file, faults in bad.items()], between="; ")
    return UserError(f"bad lines in {found}: mend them, or add --on-bad skip to leave these pairs out")


def describe_faults(faults: Faults) -> str:
    """``3 empty (lines 1, 2, 3), 1 invalid UTF-8 (line 7)``."""
    return ", ".join(f"{numbers.count} {kind} ({numbers})" for kind, numbers in faults.items())


def _write_split(
    folder: Path, spec: TextSpec, split: str, files: Files, models: Models, progress: Report
) -> tuple[SplitSummary, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Encode a split and write both sides.

    :returns: what it holds, and how often each id occurs on either side.
    """
    first, second = spec.languages
    prefix = f"{split}.{first}-{second}"
    encoders = (models.source, models.target)
    sizes = [encoder.vocabulary.size for encoder in encoders]
    counts = (np.zeros(sizes[0], dtype=np.int64), np.zeros(sizes[1], dtype=np.int64))
    source, target = files
    summary = SplitSummary(0, 0, SideSummary(source.name), SideSummary(target.name) if target is not None else None)
    with (
        indexed_files(folder / f"{prefix}.{first}", sizes[0]) as source_file,
        indexed_files(folder / f"{prefix}.{second}", sizes[1]) as target_file,
    ):
        encoded = encode_batches(read_batches(*files), models.source, models.target if target is not None else None)
        for batch in encoded:
            sides = (batch.source, batch.source if batch.target is None else batch.target)
            for side, writer, count in zip(sides, (source_file, target_file), counts, strict=True):
                writer.add(side.ids, side.lengths)
                count += np.bincount(side.ids, minlength=len(count))
            for side_summary, side in zip(summary.sides, sides, strict=False):  # of a copy there is one
                side_summary.add(side)
            summary.lines += batch.lines
            summary.sequences += len(batch.source.lengths)
            progress(batch.size)
    _check_written(summary, files, spec.on_bad)
    return summary, counts


def _check_written(summary: SplitSummary, files: Files, on_bad: str) -> None:
    """Check what was written. :raises UserError: if lines turned out bad that must not be, or if no pair is left."""
    bad = {
        str(path): side.bad_lines for path, side in zip(files, summary.sides, strict=False) if side.bad_lines
    }  # of a copy there is one
    if bad and on_bad == "error":
        raise _bad_lines_error(bad)
    if not summary.sequences:
        raise UserError(f"'{files[0]}' has no good line: nothing is left to write")


def _write_dictionaries(
    folder: Path, spec: TextSpec, models: Models, counts: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
) -> None:
    if spec.one_model:
        counts = (counts[0] + counts[1], counts[0] + counts[1])
    for language, encoder, count in zip(spec.languages, (models.source, models.target), counts, strict=True):
        (folder / f"dict.{language}.txt").write_bytes(encoder.vocabulary.text(count).encode("utf-8"))
