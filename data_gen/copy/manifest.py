"""What the manifest of a copy dataset says: its specification and what was counted in each split."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from data_gen.copy.spec import SOURCE_LANGUAGE, SPLITS, TARGET_LANGUAGE, CopySpec
from data_gen.errors import UserError
from data_gen.manifest import Manifest, invalid_manifest, read_manifest, require_keys, write_manifest

COPY: Final = "copy"


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """What one split holds. Lengths and tokens are those of the source, end of sequence not counted.

    :param sequences: how many there are.
    :param tokens: symbols in all of them.
    :param min_length: symbols in the shortest that was drawn.
    :param max_length: symbols in the longest that was drawn.
    :param unknown_tokens: tokens that do not occur in train, and so are ``<unk>``.
    :param also_in_train: sequences that occur in train as well; None for train itself.
    """

    sequences: int
    tokens: int
    min_length: int
    max_length: int
    unknown_tokens: int
    also_in_train: int | None = None


@dataclass(frozen=True, kw_only=True)
class CopyManifest:
    """A copy dataset described.

    :param spec: what the dataset was made from.
    :param dictionary_size: ids in the dictionary, special tokens included.
    :param splits: one summary for each split.
    :param files: the sha256 of every other file of the dataset, by file name.
    """

    spec: CopySpec
    dictionary_size: int
    splits: Mapping[str, SplitSummary]
    files: Mapping[str, str]


def write_copy_manifest(folder: Path, manifest: CopyManifest) -> None:
    """Write ``manifest.json``: the same bytes for the same manifest.

    :raises OSError: if the file cannot be written.
    """
    details = {
        "spec": asdict(manifest.spec),
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
    """:raises ValueError: with the reason, if the details are not those of a copy dataset."""
    details = require_keys("details", manifest.details, ("spec", "dictionary_size", "splits"))
    splits = require_keys("splits", details["splits"], SPLITS)
    return CopyManifest(
        spec=CopySpec(**_integers("spec", details["spec"], CopySpec)),
        dictionary_size=_integer("dictionary_size", details["dictionary_size"]),
        splits={split: SplitSummary(**_integers(split, splits[split], SplitSummary)) for split in SPLITS},
        files=manifest.files,
    )


def _integers(name: str, value: object, kind: type[CopySpec] | type[SplitSummary]) -> dict[str, Any]:
    """The fields of ``kind`` out of ``value``, each an integer; ``also_in_train`` may be None."""
    record = require_keys(name, value, tuple(field.name for field in fields(kind)))
    return {
        key: None if key == "also_in_train" and item is None else _integer(f"{name}.{key}", item)
        for key, item in record.items()
    }


def _integer(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, but is {value!r}")
    return value
