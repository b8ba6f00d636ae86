"""Fills a folder with a part of a dataset: dictionaries, both sides of each split, the manifest."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.block import Block
from data_gen.copy.encode import encode
from data_gen.copy.lines import format_lines, separated_names
from data_gen.copy.manifest import CopyManifest, SplitSummary, write_copy_manifest
from data_gen.copy.shard import Shard
from data_gen.copy.spec import SOURCE_LANGUAGE, TARGET_LANGUAGE, Split
from data_gen.copy.survey import Survey
from data_gen.copy.vocabulary import symbol_names
from data_gen.indexed_files import UNKNOWN, IndexedWriter, indexed_files, indexed_sizes
from data_gen.manifest import hash_files
from data_gen.parallel import ordered_map
from data_gen.progress import Progress

LANGUAGES: Final = (SOURCE_LANGUAGE, TARGET_LANGUAGE)


def write_part(folder: Path, survey: Survey, shard: Shard, *, text: bool, progress: Progress) -> CopyManifest:
    """Fill an empty folder.

    :param text: also write the sequences as lines of text.
    :param progress: its arguments add up to ``shard.all_sequences(spec)``.
    :returns: what ``manifest.json`` says.
    :raises OSError: if something cannot be written.
    """
    spec, vocabulary = survey.pairs.spec, survey.vocabulary
    for language in LANGUAGES:
        (folder / f"dict.{language}.txt").write_bytes(vocabulary.text().encode("ascii"))
    separated = separated_names(symbol_names(spec.num_symbols)) if text else None
    splits, digests = {}, {}
    for split in shard.splits(spec):
        writer = _SplitWriter(folder, survey, shard, split, separated)
        splits[split.name] = writer.write(progress)
        digests.update(writer.digests)
    manifest = CopyManifest(
        spec=spec,
        shard=shard,
        dictionary_size=vocabulary.size,
        splits=splits,
        files=hash_files(folder, known=digests),
    )
    write_copy_manifest(folder, manifest)
    return manifest


def part_files(splits: tuple[Split, ...], *, text: bool) -> set[str]:
    """:returns: the names of the files that a part consists of, but for the manifest."""
    names = {f"dict.{language}.txt" for language in LANGUAGES}
    for split in splits:
        for language in LANGUAGES:
            names |= {f"{_prefix(split, language)}.{ending}" for ending in ("bin", "idx")}
            names |= {f"{split.name}.{language}"} if text else set()
    return names


def part_sizes(manifest: CopyManifest) -> dict[str, int]:
    """:returns: how many bytes the files with the sequences of a part have, by name."""
    sizes = {}
    for split in manifest.shard.splits(manifest.spec):
        summary = manifest.splits[split.name]
        for language, tokens in zip(LANGUAGES, (summary.tokens, summary.target_tokens), strict=True):
            bin_bytes, idx_bytes = indexed_sizes(tokens, summary.sequences, manifest.dictionary_size)
            sizes[f"{_prefix(split, language)}.bin"] = bin_bytes
            sizes[f"{_prefix(split, language)}.idx"] = idx_bytes
    return sizes


def _prefix(split: Split, language: str) -> str:
    return f"{split.name}.{SOURCE_LANGUAGE}-{TARGET_LANGUAGE}.{language}"


@dataclass(frozen=True)
class _Side:
    """The sources or the targets of a block, ready to be written."""

    ids: npt.NDArray[np.unsignedinteger]
    lengths: npt.NDArray[np.int64]
    unknown: int
    text: bytes


class _SplitWriter:
    """Writes what a part holds of one split.

    :param separated: see :func:`data_gen.copy.lines.separated_names`; None for no text.
    """

    def __init__(
        self, folder: Path, survey: Survey, shard: Shard, split: Split, separated: npt.NDArray[np.bytes_] | None
    ) -> None:
        self._folder, self._survey, self._shard, self._split = folder, survey, shard, split
        self._separated = separated
        self._same = survey.pairs.spec.transform == "copy"
        self.digests: dict[str, str] = {}

    def write(self, progress: Progress) -> SplitSummary:
        """:returns: what was written."""
        pairs, split = self._survey.pairs, self._split
        blocks = self._shard.blocks(pairs.spec, split)
        tokens, unknown = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)  # of both sides
        shortest, longest = split.max_len, 0
        with ExitStack() as stack:
            writers = self._open_indexed(stack)
            lines = self._open_text(stack)
            for sides in ordered_map(self._make, blocks, pairs.threads(split, len(blocks))):
                for writer, side in zip(writers, sides, strict=False):  # one writer alone writes both sides
                    writer.add(side.ids, side.lengths)
                for stream, side in zip(lines, sides, strict=False):
                    stream.write(side.text)
                lengths = sides[0].lengths
                tokens += [int(side.lengths.sum()) for side in sides]
                unknown += [side.unknown for side in sides]
                shortest, longest = min(shortest, int(lengths.min())), max(longest, int(lengths.max()))
                progress(len(lengths))
        for writer in writers:
            self.digests.update(writer.digests)
        return SplitSummary(
            sequences=self._shard.sequences(pairs.spec, split),
            tokens=int(tokens[0]),
            min_length=shortest,
            max_length=longest,
            unknown_tokens=int(unknown[0]),
            target_tokens=int(tokens[1]),
            unknown_target_tokens=int(unknown[1]),
            also_in_train=self._survey.also_in_train.get(split.name),
        )

    def _make(self, index: int) -> tuple[_Side, _Side]:
        source, target = self._survey.pairs.make(self._split, index)
        made = self._side(source)
        return made, made if target is source else self._side(target)

    def _side(self, block: Block) -> _Side:
        ids = encode(block, self._survey.vocabulary)
        text = b"" if self._separated is None else format_lines(block, self._separated)
        return _Side(ids, block.lengths, int(np.count_nonzero(ids == UNKNOWN)), text)

    def _open_indexed(self, stack: ExitStack) -> list[IndexedWriter]:
        prefixes = [self._folder / _prefix(self._split, language) for language in LANGUAGES]
        groups = [prefixes] if self._same else [[prefix] for prefix in prefixes]
        size = self._survey.vocabulary.size
        return [stack.enter_context(indexed_files(first, size, twins=twins)) for first, *twins in groups]

    def _open_text(self, stack: ExitStack) -> list[BinaryIO]:
        if self._separated is None:
            return []
        names = [f"{self._split.name}.{language}" for language in LANGUAGES]
        return [stack.enter_context(open(self._folder / name, "wb")) for name in names]
