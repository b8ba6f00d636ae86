"""From blocks of symbols to the files that fairseq-preprocess would make: dictionaries, both sides of each split, text.

All of train is scanned before anything is written: its symbols are counted, and what train shares with the other
splits. fairseq sorts symbols by falling count, equal counts by name, after its four special tokens. It leaves out what
does not occur in train, and fills the dictionary up to a multiple of 8 with ``madeupword0000``, ``madeupword0001``, ...
A line of text is one sequence, its symbols apart by one space.
"""

import string
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from data_gen.copy.draws import Block
from data_gen.copy.manifest import CopyManifest, SplitSummary, write_copy_manifest
from data_gen.copy.overlap import Fingerprinter, HeldOut, OverlapCounter
from data_gen.copy.sample import (
    Shard,
    blocks_in_split,
    held_out_fingerprints,
    sample_block,
    sequences_per_block,
    transform_block,
)
from data_gen.copy.spec import SOURCE_LANGUAGE, TARGET_LANGUAGE, CopySpec, Split
from data_gen.indexed import (
    SPECIAL_TOKENS,
    UNKNOWN,
    IndexedWriter,
    end_sequences,
    id_type,
    indexed_files,
    indexed_sizes,
)
from data_gen.manifest import hash_files
from data_gen.parallel import available_cores, ordered_map
from data_gen.progress import Progress

_PADDING_FACTOR: Final = 8


@dataclass(frozen=True)
class Vocabulary:
    """A fairseq dictionary and the way into it.

    :param entries: the lines of ``dict.*.txt``: (token, count), in the order of their ids, which start at 4.
    :param ids: (symbols,) the id of each symbol number; :data:`UNKNOWN` for a symbol that does not occur in train.
    """

    entries: tuple[tuple[str, int], ...]
    ids: npt.NDArray[np.uint32]

    @property
    def size(self) -> int:
        """How many ids there are, special tokens included: ``len`` of the dictionary that fairseq loads."""
        return SPECIAL_TOKENS + len(self.entries)

    @classmethod
    def uncounted(cls, names: list[str]) -> "Vocabulary":
        """The dictionary of all these names in their own order, each with the count 1: nothing has been counted."""
        filler = [(f"madeupword{number:04d}", 0) for number in range(_filler(len(names)))]
        ids = np.arange(SPECIAL_TOKENS, SPECIAL_TOKENS + len(names), dtype=np.uint32)
        return cls((*((name, 1) for name in names), *filler), ids)

    def text(self) -> str:
        """The content of ``dict.*.txt``."""
        return "".join(f"{token} {count}\n" for token, count in self.entries)


def _filler(entries: int) -> int:
    """How many made-up words follow so many entries."""
    return -(SPECIAL_TOKENS + entries) % _PADDING_FACTOR


def symbol_names(num_symbols: int) -> list[str]:
    """Name the symbols: ``a`` to ``z``, then ``s0``, ``s1``, ..."""
    letters = string.ascii_lowercase[:num_symbols]
    return [*letters, *(f"s{number}" for number in range(num_symbols - len(letters)))]


def build_vocabulary(names: list[str], counts: npt.NDArray[np.int64]) -> Vocabulary:
    """Build the dictionary of the symbols that occur.

    :param names: one name for each symbol number.
    :param counts: (symbols,) how often each occurs in train, source and target together.
    """
    occurring = np.flatnonzero(counts)
    by_name = np.array(names, dtype=np.bytes_)[occurring]  # ASCII: in the order of strings
    occurring = occurring[np.lexsort((by_name, -counts[occurring]))]
    ids = np.full(len(names), UNKNOWN, dtype=np.uint32)
    ids[occurring] = np.arange(SPECIAL_TOKENS, SPECIAL_TOKENS + len(occurring))
    entries = list(zip((names[symbol] for symbol in occurring.tolist()), counts[occurring].tolist(), strict=True))
    entries += [(f"madeupword{number:04d}", 0) for number in range(_filler(len(entries)))]
    return Vocabulary(tuple(entries), ids)


def encode(block: Block, vocabulary: Vocabulary) -> npt.NDArray[np.unsignedinteger]:
    """Replace symbols by their ids and end each sequence.

    :returns: (symbols + sequences,) ids in the type that ``.bin`` holds.
    """
    return end_sequences(vocabulary.ids.astype(id_type(vocabulary.size)).take(block.symbols), block.lengths)


def separated_names(names: list[str]) -> npt.NDArray[np.bytes_]:
    """Every symbol as it stands inside a line, then every symbol as it ends a line.

    :returns: (2 * symbols,) fixed-width byte strings, filled up with NUL.
    """
    return np.array([f"{name}{end}".encode("ascii") for end in (" ", "\n") for name in names])


def format_lines(block: Block, separated: npt.NDArray[np.bytes_]) -> bytes:
    """Format the sequences of a block.

    :param separated: what :func:`separated_names` returns.
    """
    ends_line = np.zeros(len(block.symbols), dtype=np.int64)
    ends_line[np.cumsum(block.lengths) - 1] = len(separated) // 2
    padded = separated[block.symbols + ends_line].view(np.uint8)  # (symbols * width,)
    content: bytes = padded[padded != 0].tobytes()
    return content


KEPT_BYTES: Final = 256 * 2**20
"""How much memory the sources that a :class:`BlockSource` remembers may take."""

WORKING_BYTES: Final = 256 * 2**20
"""How much memory all threads together may take, about."""

_BYTES_PER_SYMBOL: Final = 100
"""How much memory a thread takes at most for each symbol of a block: that of ``--unique``, about."""


class BlockSource:
    """Blocks of a dataset, sampled on demand, in any order, from several threads.

    Counting the symbols of train and writing train both need the sources of train. So these are remembered, up to
    :data:`KEPT_BYTES`.

    :param held_out: sequences that train must not hold.
    :param needed: the blocks of train that are worth remembering; all of them by default.
    """

    def __init__(self, spec: CopySpec, held_out: HeldOut | None = None, needed: Sequence[range] | None = None) -> None:
        self.spec = spec
        self._held_out = held_out
        self._needed = [range(blocks_in_split(spec, spec.splits[0]))] if needed is None else needed
        self._kept: dict[int, Block] = {}
        self._bytes_left = KEPT_BYTES

    def make(self, split: Split, index: int) -> tuple[Block, Block]:
        """Sample one block. :returns: sources and targets of block ``index``; for copies, the same object twice."""
        kept = self._kept.get(index) if split.number == 0 else None
        if kept is None:
            source = sample_block(self.spec, split, index, held_out=self._held_out if split.number == 0 else None)
        else:
            source = Block(kept.symbols.astype(np.uint32), kept.lengths.astype(np.int64))
        return source, transform_block(self.spec, source)

    def keep(self, index: int, source: Block) -> None:
        """Remember the sources of block ``index`` of train, if they are needed and there is room."""
        if not any(index in blocks for blocks in self._needed):
            return
        symbols = source.symbols.astype(np.min_scalar_type(self.spec.num_symbols - 1))
        lengths = source.lengths.astype(np.min_scalar_type(self.spec.max_len))
        size = symbols.nbytes + lengths.nbytes
        if size <= self._bytes_left:
            self._bytes_left -= size
            self._kept[index] = Block(symbols, lengths)

    def threads(self, split: Split, blocks: int) -> int:
        """How many threads may work on ``blocks`` blocks of ``split`` at once."""
        symbols = sequences_per_block(self.spec, split) * split.max_len * self.spec.growth
        return max(1, min(available_cores(), blocks, WORKING_BYTES // (symbols * _BYTES_PER_SYMBOL)))


@dataclass(frozen=True)
class TrainStatistics:
    """What has to be known of the whole of train before any part of a dataset can be written.

    :param vocabulary: the dictionary of the whole train split.
    :param also_in_train: for each held-out split, how many of its sequences occur in train; empty if not counted.
    """

    vocabulary: Vocabulary
    also_in_train: Mapping[str, int]


def scan_train(
    spec: CopySpec, shards: Sequence[Shard], *, overlaps: bool, progress: Progress
) -> tuple[BlockSource, TrainStatistics]:
    """Sample the whole dataset once.

    :param shards: which shards will be written. The source remembers their blocks while there is room.
    :param overlaps: count the held-out sequences that occur in train as well.
    :param progress: its arguments add up to ``spec.all_sequences``.
    :returns: the source of all blocks, and what was counted.
    :raises UserError: if train cannot do without the held-out sequences, but is to.
    """
    fingerprint = Fingerprinter(spec)
    fingerprints: dict[str, npt.NDArray[np.uint64]] = {}
    held_out = None
    if overlaps or spec.no_overlap:
        fingerprints = held_out_fingerprints(spec, fingerprint, progress)
    else:
        progress(spec.all_sequences - spec.train)
    if spec.no_overlap:
        held_out = HeldOut(fingerprint, np.concatenate(list(fingerprints.values())))
    counters = {name: OverlapCounter(prints) for name, prints in fingerprints.items()} if overlaps else {}
    source = BlockSource(spec, held_out, [shard.blocks(spec, spec.splits[0]) for shard in shards])
    counts = _count_symbols(source, fingerprint, list(counters.values()), progress)
    vocabulary = build_vocabulary(symbol_names(spec.num_symbols), counts)
    return source, TrainStatistics(vocabulary, {name: counter.count for name, counter in counters.items()})


def _count_symbols(
    blocks: BlockSource, fingerprint: Fingerprinter, counters: list[OverlapCounter], progress: Progress
) -> npt.NDArray[np.int64]:
    """Count what occurs in train, show its sources to ``counters``, and let ``blocks`` remember them.

    :returns: (symbols,) the counts on both sides together.
    """
    spec = blocks.spec
    train = spec.splits[0]

    def look_at(index: int) -> tuple[npt.NDArray[np.int64], int]:
        source, target = blocks.make(train, index)
        blocks.keep(index, source)
        counts = np.bincount(source.symbols, minlength=spec.num_symbols)
        counts = counts + (counts if target is source else np.bincount(target.symbols, minlength=spec.num_symbols))
        unfinished = [counter for counter in counters if not counter.complete]
        if unfinished:
            fingerprints = fingerprint(source)
            for counter in unfinished:
                counter.see(fingerprints)
        return counts, len(source.lengths)

    number = blocks_in_split(spec, train)
    total = np.zeros(spec.num_symbols, dtype=np.int64)
    for counts, sequences in ordered_map(look_at, range(number), blocks.threads(train, number)):
        total += counts
        progress(sequences)
    return total


LANGUAGES: Final = (SOURCE_LANGUAGE, TARGET_LANGUAGE)


def write_part(
    folder: Path,
    source: BlockSource,
    statistics: TrainStatistics,
    shard: Shard,
    *,
    text: bool,
    progress: Progress,
) -> CopyManifest:
    """Fill an empty folder.

    :param text: also write the sequences as lines of text.
    :param progress: its arguments add up to ``shard.all_sequences(spec)``.
    :returns: what ``manifest.json`` says.
    :raises OSError: if something cannot be written.
    """
    spec, vocabulary = source.spec, statistics.vocabulary
    for language in LANGUAGES:
        (folder / f"dict.{language}.txt").write_bytes(vocabulary.text().encode("ascii"))
    separated = separated_names(symbol_names(spec.num_symbols)) if text else None
    splits, digests = {}, {}
    for split in shard.splits(spec):
        writer = _SplitWriter(folder, source, statistics, shard, split, separated)
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
    """Name the files of a part, without the manifest."""
    names = {f"dict.{language}.txt" for language in LANGUAGES}
    for split in splits:
        for language in LANGUAGES:
            names |= {f"{_prefix(split, language)}.{ending}" for ending in ("bin", "idx")}
            names |= {f"{split.name}.{language}"} if text else set()
    return names


def part_sizes(manifest: CopyManifest) -> dict[str, int]:
    """Compute the bytes of each file with the sequences of a part, by name."""
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

    :param separated: see :func:`data_gen.copy.binarize.separated_names`; None for no text.
    """

    def __init__(
        self,
        folder: Path,
        source: BlockSource,
        statistics: TrainStatistics,
        shard: Shard,
        split: Split,
        separated: npt.NDArray[np.bytes_] | None,
    ) -> None:
        self._folder, self._source, self._statistics = folder, source, statistics
        self._shard, self._split, self._separated = shard, split, separated
        self._same = source.spec.transform == "copy"
        self.digests: dict[str, str] = {}

    def write(self, progress: Progress) -> SplitSummary:
        """Write the part, and summarise what was written."""
        source, split = self._source, self._split
        blocks = self._shard.blocks(source.spec, split)
        tokens, unknown = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)  # of both sides
        shortest, longest = split.max_len, 0
        with ExitStack() as stack:
            writers = self._open_indexed(stack)
            lines = self._open_text(stack)
            for sides in ordered_map(self._make, blocks, source.threads(split, len(blocks))):
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
            sequences=self._shard.sequences(source.spec, split),
            tokens=int(tokens[0]),
            min_length=shortest,
            max_length=longest,
            unknown_tokens=int(unknown[0]),
            target_tokens=int(tokens[1]),
            unknown_target_tokens=int(unknown[1]),
            also_in_train=self._statistics.also_in_train.get(split.name),
        )

    def _make(self, index: int) -> tuple[_Side, _Side]:
        source, target = self._source.make(self._split, index)
        made = self._side(source)
        return made, made if target is source else self._side(target)

    def _side(self, block: Block) -> _Side:
        ids = encode(block, self._statistics.vocabulary)
        text = b"" if self._separated is None else format_lines(block, self._separated)
        return _Side(ids, block.lengths, int(np.count_nonzero(ids == UNKNOWN)), text)

    def _open_indexed(self, stack: ExitStack) -> list[IndexedWriter]:
        prefixes = [self._folder / _prefix(self._split, language) for language in LANGUAGES]
        groups = [prefixes] if self._same else [[prefix] for prefix in prefixes]
        size = self._statistics.vocabulary.size
        return [stack.enter_context(indexed_files(first, size, twins=twins)) for first, *twins in groups]

    def _open_text(self, stack: ExitStack) -> list[BinaryIO]:
        if self._separated is None:
            return []
        names = [f"{self._split.name}.{language}" for language in LANGUAGES]
        return [stack.enter_context(open(self._folder / name, "wb")) for name in names]
