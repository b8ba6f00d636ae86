"""What must be known of the whole of train before any part of it can be written: its symbols, and what train shares
with the other splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_gen.copy.held_out import held_out_fingerprints
from data_gen.copy.overlap import Fingerprinter, HeldOut, OverlapCounter
from data_gen.copy.pairs import Pairs
from data_gen.copy.sample import blocks_in_split
from data_gen.copy.shard import Shard
from data_gen.copy.spec import CopySpec
from data_gen.copy.vocabulary import Vocabulary, build_vocabulary, symbol_names
from data_gen.parallel import ordered_map
from data_gen.progress import Progress


@dataclass(frozen=True)
class Survey:
    """What is known of a dataset before it is written.

    :param pairs: makes its blocks.
    :param vocabulary: the dictionary of the whole train split.
    :param also_in_train: for each held-out split, how many of its sequences occur in train; empty if not counted.
    """

    pairs: Pairs
    vocabulary: Vocabulary
    also_in_train: Mapping[str, int]


def take_survey(spec: CopySpec, shards: Sequence[Shard], *, overlaps: bool, progress: Progress) -> Survey:
    """Sample the whole dataset once.

    :param shards: those that are to be written: their sources are remembered while there is room.
    :param overlaps: count the held-out sequences that occur in train as well.
    :param progress: its arguments add up to ``spec.all_sequences``.
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
    pairs = Pairs(spec, held_out, [shard.blocks(spec, spec.splits[0]) for shard in shards])
    counts = _count_symbols(pairs, fingerprint, list(counters.values()), progress)
    vocabulary = build_vocabulary(symbol_names(spec.num_symbols), counts)
    return Survey(pairs, vocabulary, {name: counter.count for name, counter in counters.items()})


def _count_symbols(
    pairs: Pairs, fingerprint: Fingerprinter, counters: list[OverlapCounter], progress: Progress
) -> npt.NDArray[np.int64]:
    """Count what occurs in train, show its sources to ``counters``, and let ``pairs`` remember them.

    :returns: (symbols,) the counts on both sides together.
    """
    spec = pairs.spec
    train = spec.splits[0]

    def look_at(index: int) -> tuple[npt.NDArray[np.int64], int]:
        source, target = pairs.make(train, index)
        pairs.keep(index, source)
        counts = np.bincount(source.symbols, minlength=spec.num_symbols)
        counts = counts + (counts if target is source else np.bincount(target.symbols, minlength=spec.num_symbols))
        unfinished = [counter for counter in counters if not counter.complete]
        if unfinished:
            fingerprints = fingerprint(source)
            for counter in unfinished:
                counter.see(fingerprints)
        return counts, len(source.lengths)

    blocks = blocks_in_split(spec, train)
    total = np.zeros(spec.num_symbols, dtype=np.int64)
    for counts, sequences in ordered_map(look_at, range(blocks), pairs.threads(train, blocks)):
        total += counts
        progress(sequences)
    return total
