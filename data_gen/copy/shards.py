"""A dataset as several folders, ``DESTDIR/shard0``, ``DESTDIR/shard1``, ..., which may be made on several machines.

Each is made by itself, and appears whole or not at all: runs that make different ones share nothing but ``DESTDIR``.
One that is there already is kept, so that a run which was killed goes on where it was.
"""

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from data_gen.copy.manifest import CopyManifest, read_copy_manifest
from data_gen.copy.part import part_files, part_sizes, write_part
from data_gen.copy.sample import blocks_in_split, sequences_per_block
from data_gen.copy.shard import Shard
from data_gen.copy.spec import CopySpec
from data_gen.copy.survey import Survey, take_survey
from data_gen.errors import FAILURE, UserError, failure_from_os_error
from data_gen.folder import new_folder, require_free
from data_gen.manifest import MANIFEST_NAME
from data_gen.progress import Progress


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
        _require_room(root, number)
        if not overwrite:
            others = {Shard(number=each, of=number) for each in range(number)}.difference(shards)
            _require_same(root, spec, sorted(others, key=lambda shard: shard.number), text=text)
        found = {shard: _find(root / shard.name, spec, shard, overwrite=overwrite, text=text) for shard in shards}
    except OSError as error:
        raise failure_from_os_error("look into", OSError(error.errno, error.strerror, str(destination))) from error
    missing = [shard for shard, manifest in found.items() if manifest is None]
    progress(_sequences_not_looked_at(spec, missing))
    survey: Survey | None = None
    for shard in missing:
        with new_folder(root / shard.name, overwrite=overwrite) as folder:
            survey = survey or take_survey(spec, missing, overlaps=missing[0].number == 0, progress=progress)
            found[shard] = write_part(folder, survey, shard, text=text, progress=progress)
    return Shards(tuple(filter(None, found.values())), kept=len(shards) - len(missing))


def _choose(spec: CopySpec, number: int, only: int | None) -> list[Shard]:
    """:raises UserError: if there are no such shards."""
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


def _require_room(root: Path, number: int) -> None:
    """:raises UserError: if the folder holds another dataset, or more shards than there are to be."""
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
    """:raises UserError: if one of the shards that are not asked for is there and was made with other options."""
    for shard in others:
        folder = root / shard.name
        if (folder / MANIFEST_NAME).is_file():
            difference = _difference(folder, spec, shard, text=text)
            if isinstance(difference, str):
                raise UserError(
                    f"{str(folder)!r} {difference}: choose another folder, or make every shard again with --overwrite"
                )


def _find(folder: Path, spec: CopySpec, shard: Shard, *, overwrite: bool, text: bool) -> CopyManifest | None:
    """:returns: what the folder holds, or None if it is to be made.

    :raises UserError: if something else is there, and may not be replaced.
    """
    if folder.is_dir() and (folder / MANIFEST_NAME).exists():
        difference = _difference(folder, spec, shard, text=text)
        if isinstance(difference, CopyManifest):
            return difference
        if not overwrite:
            raise UserError(
                f"{str(folder)!r} {difference}: choose another folder, or make every shard again with --overwrite"
            )
    require_free(folder, Path(os.path.realpath(folder)), overwrite=overwrite)
    return None


def _difference(folder: Path, spec: CopySpec, shard: Shard, *, text: bool) -> CopyManifest | str:
    """:returns: the manifest if the folder is what is to be made, else what is different, as the end of a sentence.

    :raises UserError: if nothing can be said of the folder.
    """
    try:
        manifest = read_copy_manifest(folder)
    except UserError as error:
        if error.exit_code == FAILURE:
            raise
        raise UserError(
            f"{str(folder)!r} holds no valid {MANIFEST_NAME} of a copy dataset: choose another folder, or delete this "
            "one yourself"
        ) from error
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
    return manifest


def _sequences_not_looked_at(spec: CopySpec, missing: list[Shard]) -> int:
    """How much of the work on a dataset, in sequences, a run that makes ``missing`` leaves out."""
    surveyed = spec.all_sequences if missing else 0
    return 2 * spec.all_sequences - surveyed - sum(shard.all_sequences(spec) for shard in missing)
