"""Datasets on disk: one folder, several folders (shards), or a folder for sequences that are made while training.

A dataset in one folder is sampled once to count symbols and overlaps, and then written. Shards are ``DESTDIR/shard0``,
``DESTDIR/shard1``, ..., which may be made on several machines. Each is made by itself, and appears whole or not at all:
runs that make different ones share nothing but ``DESTDIR``. A shard that is there already is kept, so that a run which
was killed goes on where it was.

A folder for training online holds dictionaries and the specification, and not one sequence. Epoch ``e`` of train
consists of the blocks that :func:`data_gen.copy.sample.sample_block` makes for that epoch, which counts from 1; the
other splits are those of epoch 0, the ones that a folder with sequences would hold.
"""

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from data_gen.copy.binarize import (
    BlockSource,
    TrainStatistics,
    Vocabulary,
    part_files,
    part_sizes,
    scan_train,
    symbol_names,
    write_part,
)
from data_gen.copy.manifest import CopyManifest, read_copy_manifest, write_copy_manifest
from data_gen.copy.overlap import Fingerprinter, HeldOut
from data_gen.copy.sample import Shard, blocks_in_split, held_out_fingerprints, sequences_per_block
from data_gen.copy.spec import SOURCE_LANGUAGE, TARGET_LANGUAGE, CopySpec, Split
from data_gen.errors import FAILURE, UserError, failure_from_os_error
from data_gen.files import new_folder, require_free
from data_gen.manifest import MANIFEST_NAME, hash_files
from data_gen.progress import Progress

PASSES: Final = 2
"""How often each sequence is reported to ``progress``."""


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
        source, statistics = scan_train(spec, [Shard()], overlaps=True, progress=progress)
        return write_part(folder, source, statistics, Shard(), text=text, progress=progress)


class Shards(NamedTuple):
    """What a run made or found.

    :param manifests: one for each shard that was asked for.
    :param kept: how many of them were there before.
    """

    manifests: tuple[CopyManifest, ...]
    kept: int


def make_copy_shards(
    spec: CopySpec,
    destination: str | Path,
    number: int,
    *,
    only: int | None = None,
    overwrite: bool = False,
    text: bool = False,
    progress: Progress = lambda sequences: None,
) -> Shards:
    """Make all shards that are missing, or one of them; each has the same bytes however it is made.

    :param number: how many shards there are.
    :param only: make this one alone.
    :param overwrite: replace shards that were made with other options.
    :param text: also write the sequences as lines of text.
    :param progress: as in :func:`data_gen.copy.dataset.make_copy_dataset`.
    :raises UserError: if there cannot be so many shards, or if something is in the way.
    """
    shards = _choose(spec, number, only)
    root = Path(destination)
    try:
        _require_no_others(root, number)
        if not overwrite:
            others = {Shard(number=each, of=number) for each in range(number)}.difference(shards)
            _require_same(root, spec, sorted(others, key=lambda shard: shard.number), text=text)
        found = {shard: _find(root / shard.name, spec, shard, overwrite=overwrite, text=text) for shard in shards}
    except OSError as error:
        raise failure_from_os_error("look into", OSError(error.errno, error.strerror, str(destination))) from error
    missing = [shard for shard, manifest in found.items() if manifest is None]
    progress(_sequences_not_looked_at(spec, missing))
    scanned: tuple[BlockSource, TrainStatistics] | None = None
    for shard in missing:
        with new_folder(root / shard.name, overwrite=overwrite) as folder:
            scanned = scanned or scan_train(spec, missing, overlaps=missing[0].number == 0, progress=progress)
            found[shard] = write_part(folder, *scanned, shard, text=text, progress=progress)
    return Shards(tuple(filter(None, found.values())), kept=len(shards) - len(missing))


def _choose(spec: CopySpec, number: int, only: int | None) -> list[Shard]:
    """Choose the shards to make. :raises UserError: if there are no such shards."""
    train = spec.splits[0]
    blocks = blocks_in_split(spec, train)
    if not 1 <= number <= blocks:
        raise UserError(
            f"--shards must be from 1 to {blocks}, but is {number}: a shard holds whole blocks of "
            f"{sequences_per_block(spec, train)} sequences, and train has {blocks}"
        )
    if only is None:
        return [Shard(number=each, of=number) for each in range(number)]
    if not 0 <= only < number:
        raise UserError(f"--shard-id must be from 0 to {number - 1}, but is {only}")
    return [Shard(number=only, of=number)]


def _require_no_others(root: Path, number: int) -> None:
    """Refuse a folder with other contents.

    :raises UserError: if the folder holds another dataset, or more shards than there are to be.
    """
    if (root / MANIFEST_NAME).exists():
        raise UserError(f"{str(root)!r} holds a dataset that is not in shards: choose another folder")
    for path in sorted(root.glob("shard*")):
        digits = re.fullmatch(r"shard(0|[1-9][0-9]*)", path.name)
        if digits and int(digits[1]) >= number:
            raise UserError(
                f"{str(root)!r} also holds {path.name!r}, which is not one of {number} shards: "
                "choose another folder, or move that away first"
            )


def _require_same(root: Path, spec: CopySpec, others: list[Shard], *, text: bool) -> None:
    """Refuse to mix shards of different datasets.

    :raises UserError: if one of the shards that are not asked for is there and was made with other options.
    """
    for shard in others:
        folder = root / shard.name
        if (folder / MANIFEST_NAME).is_file():
            difference = _mismatch(_valid_manifest(folder), folder, spec, shard, text=text)
            if difference is not None:
                raise UserError(
                    f"{str(folder)!r} {difference}: choose another folder, or make every shard again with --overwrite"
                )


def _find(folder: Path, spec: CopySpec, shard: Shard, *, overwrite: bool, text: bool) -> CopyManifest | None:
    """Look for a whole shard.

    :returns: what the folder holds, or None if it is to be made.

    :raises UserError: if something else is there, and may not be replaced.
    """
    if folder.is_dir() and (folder / MANIFEST_NAME).exists():
        manifest = _valid_manifest(folder)
        difference = _mismatch(manifest, folder, spec, shard, text=text)
        if difference is None:
            return manifest
        if not overwrite:
            raise UserError(
                f"{str(folder)!r} {difference}: choose another folder, or make every shard again with --overwrite"
            )
    require_free(folder, Path(os.path.realpath(folder)), overwrite=overwrite)
    return None


def _valid_manifest(folder: Path) -> CopyManifest:
    """Read the manifest of a folder. :raises UserError: if nothing can be said of the folder."""
    try:
        return read_copy_manifest(folder)
    except UserError as error:
        if error.exit_code == FAILURE:
            raise
        raise UserError(
            f"{str(folder)!r} holds no valid {MANIFEST_NAME} of a copy dataset: choose another folder, or delete this "
            "one yourself"
        ) from error


def _mismatch(manifest: CopyManifest, folder: Path, spec: CopySpec, shard: Shard, *, text: bool) -> str | None:
    """Compare a folder with the shard that it should hold.

    :returns: what the folder has that the shard would not have, as the end of a sentence; None if nothing.
    """
    if manifest.shard != shard:
        return f"is shard {manifest.shard.number} of {manifest.shard.of}, not {shard.number} of {shard.of}"
    wanted = asdict(spec)
    for name, value in asdict(manifest.spec).items():
        if value != wanted[name]:
            return f"was made with another --{name.replace('_', '-')} ({value!r}, not {wanted[name]!r})"
    files = part_files(shard.splits(spec), text=text)
    if set(manifest.files) != files:
        return f"was made with{'out' if text else ''} --text"
    missing = sorted(name for name in files if not (folder / name).is_file())
    if missing:
        return f"lacks {missing[0]!r}"
    for name, size in part_sizes(manifest).items():
        found = (folder / name).stat().st_size
        if found != size:
            return f"is damaged ({name!r} has {found} bytes, not {size})"
    return None


def _sequences_not_looked_at(spec: CopySpec, missing: list[Shard]) -> int:
    """How much of the work on a dataset, in sequences, a run that makes ``missing`` leaves out."""
    scanned = spec.all_sequences if missing else 0
    return 2 * spec.all_sequences - scanned - sum(shard.all_sequences(spec) for shard in missing)


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
        vocabulary = Vocabulary.uncounted(symbol_names(spec.num_symbols))
        for language in (SOURCE_LANGUAGE, TARGET_LANGUAGE):
            (folder / f"dict.{language}.txt").write_bytes(vocabulary.text().encode("ascii"))
        manifest = CopyManifest(
            spec=spec, shard=Shard(), dictionary_size=vocabulary.size, splits={}, files=hash_files(folder)
        )
        write_copy_manifest(folder, manifest)
    return manifest


def hold_out(spec: CopySpec) -> HeldOut | None:
    """Sample the sequences of valid and test.

    :returns: the sequences that train must not hold; None if it may hold any.

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
    """Refuse an epoch that memory cannot hold.

    :raises UserError: if an epoch of ``split`` may take more than :data:`EPOCH_BYTES`.
    """
    need = epoch_bytes(spec, split)
    if need > EPOCH_BYTES:
        option = f"--{split.name.rstrip('0123456789')}"
        more = "; every epoch is new data, so train for more epochs instead" if split.number == 0 else ""
        raise UserError(
            f"{option} {split.sequences} is too much for --online, which keeps an epoch in memory: it may take "
            f"{-(-need // 2**20)} MiB, and there is room for {EPOCH_BYTES // 2**20}; use a smaller {option}{more}"
        )
