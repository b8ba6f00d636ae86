"""``manifest.json``: what a dataset folder holds, how it was made, and the hash of every file.

Every route writes the same frame (:class:`Manifest`) around details of its own.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data_gen.errors import UserError, failure_from_os_error

MANIFEST_NAME: Final = "manifest.json"
FORMAT: Final = "data_gen dataset"
VERSION: Final = 2
_KEYS: Final = ("format", "version", "route", "languages", "details", "files")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A dataset folder described.

    :param route: the route of ``python -m data_gen`` that made it.
    :param languages: the suffixes of source and target files.
    :param details: what the route has to say, as JSON values.
    :param files: the sha256 of every other file of the dataset, by file name.
    """

    route: str
    languages: tuple[str, str]
    details: Mapping[str, Any]
    files: Mapping[str, str]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json``: the same bytes for the same manifest.

    :raises OSError: if the file cannot be written.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "route": manifest.route,
        "languages": dict(zip(("source", "target"), manifest.languages, strict=True)),
        "details": manifest.details,
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
        raise UserError(f"{str(folder)!r} holds no {MANIFEST_NAME}: give one made by `python -m data_gen`") from None
    except OSError as error:
        raise failure_from_os_error("read", error) from error
    try:
        return _parse(json.loads(content))
    except ValueError as error:  # bad JSON, bad UTF-8, a value out of place
        raise invalid_manifest(folder, error) from error


def invalid_manifest(folder: str | Path, error: ValueError) -> UserError:
    """Explain why a manifest cannot be used.

    :returns: the line that says why the manifest of ``folder`` cannot be used.
    """
    path = Path(folder) / MANIFEST_NAME
    return UserError(f"{str(path)!r} is not a valid manifest ({str(error).splitlines()[0]}): make the dataset again")


def hash_files(folder: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Hash every file in ``folder``.

    :param known: hashes that need not be computed again, by file name.
    :returns: the sha256 of each, by file name.
    """
    known = known or {}
    return {path.name: known.get(path.name) or _sha256(path) for path in sorted(folder.iterdir())}


def require_keys(name: str, value: object, keys: tuple[str, ...]) -> dict[str, Any]:
    """Check the keys of a JSON object.

    :raises ValueError: if ``value`` is not a JSON object with exactly these keys.
    """
    if not isinstance(value, dict) or set(value) != set(keys):
        raise ValueError(f"{name} must have exactly the keys {', '.join(sorted(keys))}")
    return value


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _is_name(value: object) -> bool:
    """Letters, digits and _ only: a language is part of the names of files."""
    return isinstance(value, str) and re.fullmatch(r"\w+", value) is not None


def _parse(document: object) -> Manifest:
    """Read a manifest.

    :raises ValueError: with the reason, if ``document`` is not a manifest that this version reads.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    if document.get("version") != VERSION:
        raise ValueError(f"its version is {document.get('version')!r}, not {VERSION}")
    require_keys("manifest", document, _KEYS)
    languages = require_keys("languages", document["languages"], ("source", "target"))
    if not all(map(_is_name, languages.values())):
        raise ValueError("languages must be names")
    if not _is_name(document["route"]) or not isinstance(document["details"], dict):
        raise ValueError("route must be a name and details an object")
    files = document["files"]
    if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
        raise ValueError("files must map names to hashes")
    return Manifest(
        route=document["route"],
        languages=(languages["source"], languages["target"]),
        details=document["details"],
        files=files,
    )
