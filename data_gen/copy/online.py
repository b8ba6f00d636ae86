"""A folder for sequences that are made while training: dictionaries and the specification, and not one sequence.

Epoch ``e`` of train consists of the blocks that :func:`data_gen.copy.sample.sample_block` makes for that epoch, which
counts from 1; the other splits are those of epoch 0, the ones that a folder with sequences would hold.
"""

from pathlib import Path
from typing import Final

import numpy as np

from data_gen.copy.held_out import held_out_fingerprints
from data_gen.copy.manifest import CopyManifest, write_copy_manifest
from data_gen.copy.overlap import Fingerprinter, HeldOut
from data_gen.copy.shard import Shard
from data_gen.copy.spec import SOURCE_LANGUAGE, TARGET_LANGUAGE, CopySpec, Split
from data_gen.copy.vocabulary import Vocabulary, build_vocabulary, symbol_names
from data_gen.errors import UserError
from data_gen.folder import new_folder
from data_gen.manifest import hash_files

EPOCH_BYTES: Final = 512 * 2**20
"""How much memory one epoch of a split may take; while an epoch makes way for the next, both are in memory."""

_BYTES_PER_SEQUENCE: Final = 64
"""Sizes, places and batches, about."""

_SPARE_IDS: Final = 11
"""Ids above the number of symbols, at most: four special tokens, and seven that fill the dictionary up."""


def make_online_folder(spec: CopySpec, destination: str | Path, *, overwrite: bool = False) -> CopyManifest:
    """Write what ``fairseq-train --task copy --online`` needs: two dictionaries and ``manifest.json``.

    :param overwrite: replace a dataset of ours that is already there.
    :returns: what the manifest says.
    :raises UserError: if an epoch is too large, if train cannot do without the held-out sequences but is to, or if
        ``destination`` is in use or cannot be written.
    """
    for split in spec.splits:
        require_small(spec, split)
    with new_folder(Path(destination), overwrite=overwrite) as folder:
        hold_out(spec)
        vocabulary = whole_vocabulary(spec.num_symbols)
        for language in (SOURCE_LANGUAGE, TARGET_LANGUAGE):
            (folder / f"dict.{language}.txt").write_bytes(vocabulary.text().encode("ascii"))
        manifest = CopyManifest(
            spec=spec, shard=Shard(), dictionary_size=vocabulary.size, splits={}, files=hash_files(folder)
        )
        write_copy_manifest(folder, manifest)
    return manifest


def whole_vocabulary(num_symbols: int) -> Vocabulary:
    """The dictionary of all symbols, in their own order, each with the count 1: nothing has been counted."""
    falling = np.arange(num_symbols, 0, -1)  # which keeps them in order
    vocabulary = build_vocabulary(symbol_names(num_symbols), falling)
    return Vocabulary(tuple((token, min(count, 1)) for token, count in vocabulary.entries), vocabulary.ids)


def hold_out(spec: CopySpec) -> HeldOut | None:
    """:returns: the sequences that train must not hold; None if it may hold any.

    :raises UserError: if train cannot do without them.
    """
    if not spec.no_overlap:
        return None
    fingerprint = Fingerprinter(spec)
    return HeldOut(fingerprint, np.concatenate(list(held_out_fingerprints(spec, fingerprint).values())))


def epoch_bytes(spec: CopySpec, split: Split) -> int:
    """How much memory an epoch of ``split`` takes while it is used, at most."""
    bytes_per_symbol = np.min_scalar_type(spec.num_symbols + _SPARE_IDS - 1).itemsize
    target = 0 if spec.transform == "copy" else split.max_len * spec.growth + 1  # copies are kept once
    return split.sequences * (_BYTES_PER_SEQUENCE + (split.max_len + 1 + target) * bytes_per_symbol)


def require_small(spec: CopySpec, split: Split) -> None:
    """:raises UserError: if an epoch of ``split`` may take more than :data:`EPOCH_BYTES`."""
    need = epoch_bytes(spec, split)
    if need > EPOCH_BYTES:
        option = f"--{split.name.rstrip('0123456789')}"
        more = "; every epoch is new data, so train for more epochs instead" if split.number == 0 else ""
        raise UserError(
            f"{option} {split.sequences} is too much for --online, which keeps an epoch in memory: it may take "
            f"{-(-need // 2**20)} MiB, and there is room for {EPOCH_BYTES // 2**20}; use a smaller {option}{more}"
        )
