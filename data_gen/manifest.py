"""``manifest.json``: what a dataset folder holds, how it was made, and the hash of every file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from data_gen.errors import UserError, failure_from_os_error
from data_gen.spec import SOURCE_LANGUAGE, SPLITS, TARGET_LANGUAGE, CopySpec

MANIFEST_NAME: Final = "manifest.json"
FORMAT: Final = "data_gen dataset"
VERSION: Final = 1
COPY: Final = "copy"
_LANGUAGES: Final = {"source": SOURCE_LANGUAGE, "target": TARGET_LANGUAGE}


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
class Manifest:
    """A dataset folder described.

    :param spec: what the dataset was made from.
    :param dictionary_size: ids in the dictionary, special tokens included.
    :param splits: one summary for each split.
    :param files: the sha256 of every other file of the dataset, by file name.
    """

    spec: CopySpec
    dictionary_size: int
    splits: Mapping[str, SplitSummary]
    files: Mapping[str, str]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json``: the same bytes for the same manifest.

    :raises OSError: if the file cannot be written.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "transform": COPY,
        "spec": asdict(manifest.spec),
        "languages": _LANGUAGES,
        "dictionary_size": manifest.dictionary_size,
        "splits": {split: asdict(summary) for split, summary in manifest.splits.items()},
        "files": dict(sorted(manifest.files.items())),
    }
    (folder / MANIFEST_NAME).write_bytes((json.dumps(document, indent=2) + "\n").encode("ascii"))


def read_manifest(folder: str | Path) -> Manifest:
    """Read the manifest of a dataset folder. The files it names are not looked at.

    :raises UserError: if there is none, if it cannot be read, or if it is not one of ours.
    """
    path = Path(folder) / MANIFEST_NAME
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{str(folder)!r} holds no {MANIFEST_NAME}: give a folder made by `python -m data_gen copy`"
        ) from None
    except OSError as error:
        raise failure_from_os_error("read", error) from error
    try:
        return _parse(json.loads(content))
    except ValueError as error:  # bad JSON, bad UTF-8, a value out of place: UserError is one too
        reason = str(error).splitlines()[0]
        raise UserError(f"{str(path)!r} is not a valid manifest ({reason}): make the dataset again") from error


def hash_files(folder: Path) -> dict[str, str]:
    """:returns: the sha256 of every file in ``folder``, by file name."""
    return {path.name: _sha256(path) for path in sorted(folder.iterdir())}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _parse(document: object) -> Manifest:
    """:raises ValueError: with the reason, if ``document`` is not a manifest that this version reads."""
    expected = {"format", "version", "transform", "spec", "languages", "dictionary_size", "splits", "files"}
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    if document.get("version") != VERSION:
        raise ValueError(f"its version is {document.get('version')!r}, not {VERSION}")
    _require_keys("manifest", document, expected)
    if document["transform"] != COPY:
        raise ValueError(f"transform is {document['transform']!r}, not {COPY!r}")
    if document["languages"] != _LANGUAGES:
        raise ValueError(f"languages is {document['languages']!r}, not {_LANGUAGES!r}")
    splits = _require_keys("splits", document["splits"], set(SPLITS))
    files = document["files"]
    if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
        raise ValueError("files must map names to hashes")
    return Manifest(
        spec=CopySpec(**_integers("spec", document["spec"], CopySpec)),
        dictionary_size=_integer("dictionary_size", document["dictionary_size"]),
        splits={split: SplitSummary(**_integers(split, splits[split], SplitSummary)) for split in SPLITS},
        files=files,
    )


def _require_keys(name: str, value: object, keys: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != keys:
        raise ValueError(f"{name} must have exactly the keys {', '.join(sorted(keys))}")
    return value


def _integers(name: str, value: object, kind: type[CopySpec] | type[SplitSummary]) -> dict[str, Any]:
    """The fields of ``kind`` out of ``value``, each an integer; ``also_in_train`` may be None."""
    record = _require_keys(name, value, {field.name for field in fields(kind)})
    return {
        key: None if key == "also_in_train" and item is None else _integer(f"{name}.{key}", item)
        for key, item in record.items()
    }


def _integer(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, but is {value!r}")
    return value
