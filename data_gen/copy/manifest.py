"""What the manifest of a copy dataset says: its specification and what was counted in each split."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

from data_gen.copy.sample import Shard
from data_gen.copy.spec import SOURCE_LANGUAGE, TARGET_LANGUAGE, CopySpec
from data_gen.errors import UserError
from data_gen.manifest import Manifest, invalid_manifest, read_manifest, require_keys, write_manifest

COPY: Final = "copy"


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """What one split holds. End of sequence is never counted.

    :param sequences: how many there are.
    :param tokens: symbols in all sources.
    :param min_length: symbols in the shortest source that was drawn.
    :param max_length: symbols in the longest source that was drawn.
    :param unknown_tokens: source tokens that do not occur in train, and so are ``<unk>``.
    :param target_tokens: symbols in all targets.
    :param unknown_target_tokens: target tokens that do not occur in train, and so are ``<unk>``.
    :param also_in_train: sequences that occur in train as well; None for train itself.
    """

    sequences: int
    tokens: int
    min_length: int
    max_length: int
    unknown_tokens: int
    target_tokens: int
    unknown_target_tokens: int
    also_in_train: int | None = None


@dataclass(frozen=True, kw_only=True)
class CopyManifest:
    """A copy dataset described.

    :param spec: what the dataset was made from.
    :param shard: which part of it the folder holds.
    :param dictionary_size: ids in the dictionary, special tokens included.
    :param splits: one summary for each split that the folder holds something of; empty if its sequences are made
        while training.
    :param files: the sha256 of every other file of the dataset, by file name.
    """

    spec: CopySpec
    shard: Shard
    dictionary_size: int
    splits: Mapping[str, SplitSummary]
    files: Mapping[str, str]


def describe_overlaps(manifest: CopyManifest) -> str:
    """``25 of 200 valid, 24 of 200 test``: what also occurs in train; empty where that was not counted."""
    return ", ".join(
        f"{split.also_in_train} of {split.sequences} {name}"
        for name, split in manifest.splits.items()
        if split.also_in_train is not None
    )


def write_copy_manifest(folder: Path, manifest: CopyManifest) -> None:
    """Write ``manifest.json``: the same bytes for the same manifest.

    :raises OSError: if the file cannot be written.
    """
    details = {
        "spec": asdict(manifest.spec),
        "shard": asdict(manifest.shard),
        "dictionary_size": manifest.dictionary_size,
        "splits": {split: asdict(summary) for split, summary in manifest.splits.items()},
    }
    languages = (SOURCE_LANGUAGE, TARGET_LANGUAGE)
    write_manifest(folder, Manifest(route=COPY, languages=languages, details=details, files=manifest.files))


def read_copy_manifest(folder: str | Path) -> CopyManifest:
    """Read the manifest of a copy dataset. The files it names are not looked at.

    :raises UserError: if there is none, if it cannot be read, or if it is not that of a copy dataset.
    """
    manifest = read_manifest(folder)
    if manifest.route != COPY:
        raise UserError(
            f"{str(folder)!r} was made by `python -m data_gen {manifest.route}`: "
            f"give a folder made by `python -m data_gen {COPY}`"
        )
    try:
        return _parse(manifest)
    except ValueError as error:  # UserError, from the bounds of the specification, is one too
        raise invalid_manifest(folder, error) from error


def _parse(manifest: Manifest) -> CopyManifest:
    """Read the details of a copy dataset.

    :raises ValueError: with the reason, if the details are not those of a copy dataset.
    """
    details = require_keys("details", manifest.details, ("spec", "shard", "dictionary_size", "splits"))
    spec = CopySpec(**_values("spec", details["spec"], CopySpec))
    shard = Shard(**_values("shard", details["shard"], Shard))
    written = any(name.endswith(".idx") for name in manifest.files)
    names = tuple(split.name for split in shard.splits(spec)) if written else ()
    splits = require_keys("splits", details["splits"], names)
    return CopyManifest(
        spec=spec,
        shard=shard,
        dictionary_size=_whole_number("dictionary_size", details["dictionary_size"]),
        splits={name: SplitSummary(**_values(name, splits[name], SplitSummary)) for name in names},
        files=manifest.files,
    )


def _values(name: str, value: object, kind: type[CopySpec] | type[Shard] | type[SplitSummary]) -> dict[str, Any]:
    """The fields of ``kind`` out of ``value``, each of the type that it has there."""
    record = require_keys(name, value, tuple(field.name for field in fields(kind)))
    types = get_type_hints(kind)
    return {key: _READERS[types[key]](f"{name}.{key}", item) for key, item in record.items()}


def _whole_number(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, but is {value!r}")
    return value


def _whole_number_or_none(name: str, value: object) -> int | None:
    return None if value is None else _whole_number(name, value)


def _whole_numbers(name: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, but is {value!r}")
    return tuple(_whole_number(f"{name}[{index}]", item) for index, item in enumerate(value))


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, but is {value!r}")
    return value


def _word(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a word, but is {value!r}")
    return value


_READERS: Final[Mapping[Any, Callable[[str, object], Any]]] = {
    int: _whole_number,
    int | None: _whole_number_or_none,
    tuple[int, ...]: _whole_numbers,
    bool: _truth,
    str: _word,
}
