"""Makes a whole dataset: sampled once to count symbols and overlaps, once more to write, in bounded memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.encode import encode
from data_gen.copy.lines import format_lines, separated_names
from data_gen.copy.manifest import CopyManifest, SplitSummary, write_copy_manifest
from data_gen.copy.overlap import Fingerprinter, OverlapCounter
from data_gen.copy.sample import sample_split
from data_gen.copy.spec import SOURCE_LANGUAGE, SPLITS, TARGET_LANGUAGE, CopySpec
from data_gen.copy.vocabulary import Vocabulary, build_vocabulary, symbol_names
from data_gen.folder import new_folder
from data_gen.indexed_files import UNKNOWN, indexed_files
from data_gen.manifest import hash_files

LANGUAGES: Final = (SOURCE_LANGUAGE, TARGET_LANGUAGE)

PASSES: Final = 2
"""How often each sequence is reported to ``progress``."""

Progress = Callable[[int], None]
"""Told how many sequences have been dealt with since the last call."""


def make_copy_dataset(
    spec: CopySpec,
    destination: str | Path,
    *,
    overwrite: bool = False,
    text: bool = False,
    progress: Progress = lambda sequences: None,
) -> CopyManifest:
    """Write the dataset that ``spec`` describes, as fairseq-preprocess would binarize it.

    ``destination`` appears when it is complete; after an error or Ctrl-C everything is as it was.

    :param overwrite: replace a dataset of ours that is already there.
    :param text: also write the sequences as lines of text, ``train.src``, ``train.tgt``, ...
    :param progress: called as the work goes on; its arguments add up to ``PASSES * spec.all_sequences``.
    :returns: what ``manifest.json`` in the folder says.
    :raises UserError: if ``destination`` is in use or cannot be written.
    """
    with new_folder(Path(destination), overwrite=overwrite) as folder:
        counts, also_in_train = _survey(spec, progress)
        names = symbol_names(spec.num_symbols)
        vocabulary = build_vocabulary(names, counts * len(LANGUAGES))
        for language in LANGUAGES:
            (folder / f"dict.{language}.txt").write_bytes(vocabulary.text().encode("ascii"))
        splits = {}
        for split in SPLITS:
            splits[split] = _write_split(folder, spec, split, vocabulary, also_in_train.get(split), progress)
            if text:
                _write_text(folder, spec, split, separated_names(names))
        manifest = CopyManifest(spec=spec, dictionary_size=vocabulary.size, splits=splits, files=hash_files(folder))
        write_copy_manifest(folder, manifest)
    return manifest


def _survey(spec: CopySpec, progress: Progress) -> tuple[npt.NDArray[np.int64], dict[str, int]]:
    """Count the symbols of train, and the held-out sequences that occur in it.

    :returns: (symbols,) the counts, and the number of sequences for each held-out split.
    """
    fingerprint = Fingerprinter(spec)
    overlaps = {}
    for split in ("valid", "test"):
        fingerprints = []
        for block in sample_split(spec, split):
            fingerprints.append(fingerprint(block))
            progress(len(block.lengths))
        overlaps[split] = OverlapCounter(np.concatenate(fingerprints))
    counts = np.zeros(spec.num_symbols, dtype=np.int64)
    for block in sample_split(spec, "train"):
        counts += np.bincount(block.symbols, minlength=spec.num_symbols)
        if not all(overlap.complete for overlap in overlaps.values()):
            fingerprints_in_train = fingerprint(block)
            for overlap in overlaps.values():
                overlap.see(fingerprints_in_train)
        progress(len(block.lengths))
    return counts, {split: overlap.count for split, overlap in overlaps.items()}


def _write_split(
    folder: Path, spec: CopySpec, split: str, vocabulary: Vocabulary, also_in_train: int | None, progress: Progress
) -> SplitSummary:
    """Write both sides of a split; in a copy they are the same."""
    prefix = f"{split}.{SOURCE_LANGUAGE}-{TARGET_LANGUAGE}"
    tokens = unknown_tokens = longest = 0
    shortest = spec.max_len
    with (
        indexed_files(folder / f"{prefix}.{SOURCE_LANGUAGE}", vocabulary.size) as source,
        indexed_files(folder / f"{prefix}.{TARGET_LANGUAGE}", vocabulary.size) as target,
    ):
        for block in sample_split(spec, split):
            ids = encode(block, vocabulary)
            source.add(ids, block.lengths)
            target.add(ids, block.lengths)
            tokens += len(block.symbols)
            unknown_tokens += int(np.count_nonzero(ids == UNKNOWN))
            shortest = min(shortest, int(block.lengths.min()))
            longest = max(longest, int(block.lengths.max()))
            progress(len(block.lengths))
    return SplitSummary(
        sequences=spec.sequences(split),
        tokens=tokens,
        min_length=shortest,
        max_length=longest,
        unknown_tokens=unknown_tokens,
        also_in_train=also_in_train,
    )


def _write_text(folder: Path, spec: CopySpec, split: str, separated: npt.NDArray[np.bytes_]) -> None:
    """Write both sides of a split as ``SPLIT.src`` and ``SPLIT.tgt``."""
    with (
        open(folder / f"{split}.{SOURCE_LANGUAGE}", "wb") as source,
        open(folder / f"{split}.{TARGET_LANGUAGE}", "wb") as target,
    ):
        for block in sample_split(spec, split):
            lines = format_lines(block, separated)
            source.write(lines)
            target.write(lines)
