"""The manifest: what it says is true, it reads back, and a bad one gives one line."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.spec import CopySpec
from tests.support.errors import message_of

SMALL = CopySpec(train=20, valid=3, test=2)


def test_it_reads_back_as_it_was_made(tmp_path: Path) -> None:
    manifest = make_copy_dataset(SMALL, tmp_path / "data")
    assert read_copy_manifest(tmp_path / "data") == manifest
    assert manifest.spec == SMALL


def test_every_option_reads_back(tmp_path: Path) -> None:
    spec = CopySpec(
        num_symbols=40,
        min_len=2,
        max_len=9,
        train=20,
        valid=3,
        test=2,
        seed=9,
        transform="repeat:2",
        lengths="zipf:0.5",
        unique=True,
        no_overlap=True,
        test_lengths=(12, 4),
    )
    manifest = make_copy_dataset(spec, tmp_path / "data")
    assert read_copy_manifest(tmp_path / "data") == manifest
    assert manifest.spec == spec


def test_hashes_are_those_of_every_other_file(reference: Path) -> None:
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in reference.iterdir()}
    del hashes["manifest.json"]
    assert read_copy_manifest(reference).files == hashes
    assert len(hashes) == 2 + 12 + 6


def test_names_the_format_transform_and_languages(reference: Path) -> None:
    document = json.loads((reference / "manifest.json").read_text())
    assert (document["format"], document["version"], document["route"]) == ("data_gen dataset", 2, "copy")
    assert document["languages"] == {"source": "src", "target": "tgt"}
    assert document["details"]["spec"] == {
        "num_symbols": 8,
        "min_len": 3,
        "max_len": 7,
        "train": 2_000,
        "valid": 200,
        "test": 200,
        "seed": 1,
        "transform": "copy",
        "lengths": "uniform",
        "symbols": "uniform",
        "unique": False,
        "no_overlap": False,
        "test_lengths": [],
    }


def test_a_folder_without_one(tmp_path: Path) -> None:
    assert message_of(read_copy_manifest, tmp_path) == (
        f"'{tmp_path}' holds no manifest.json: give one made by `python -m data_gen`"
    )


def test_a_manifest_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    assert message_of(read_copy_manifest, tmp_path) == f"cannot read '{tmp_path / 'manifest.json'}': Is a directory"


SPEC_KEYS = (
    "lengths, max_len, min_len, no_overlap, num_symbols, seed, symbols, test, test_lengths, train, transform, unique, "
    "valid"
)
MANIFEST = [
    ({"format": "other"}, "its format is not 'data_gen dataset'"),
    ({"version": 1}, "its version is 1, not 2"),
    ({"languages": ["src"]}, "languages must have exactly the keys source, target"),
    ({"languages": {"source": "src", "target": 1}}, "languages must be names"),
    ({"route": 1}, "route must be a name and details an object"),
    ({"details": []}, "route must be a name and details an object"),
    ({"files": ["a"]}, "files must map names to hashes"),
    ({"more": 1}, "manifest must have exactly the keys details, files, format, languages, route, version"),
]
DETAILS = [
    ({"dictionary_size": True}, "dictionary_size must be a whole number, but is True"),
    ({"splits": {}}, "splits must have exactly the keys test, train, valid"),
    ({"spec": {"seed": 1}}, f"spec must have exactly the keys {SPEC_KEYS}"),
    ({"more": 1}, "details must have exactly the keys dictionary_size, shard, spec, splits"),
]
SPECIFICATION = [
    ({"num_symbols": 1.5}, "spec.num_symbols must be a whole number, but is 1.5"),
    ({"num_symbols": 0}, "--num-symbols must be from 1 to 1000000, but is 0"),
    ({"transform": 3}, "spec.transform must be a word, but is 3"),
    ({"transform": "swap"}, "--transform must be copy, reverse, sort, shift:K, repeat:N or duplicate, but is 'swap'"),
    ({"unique": 1}, "spec.unique must be true or false, but is 1"),
    ({"test_lengths": 3}, "spec.test_lengths must be a list, but is 3"),
    ({"test_lengths": [3, "4"]}, "spec.test_lengths[1] must be a whole number, but is '4'"),
    ({"test_lengths": [3]}, "splits must have exactly the keys test, test1, train, valid"),
]
VALID = [({"target_tokens": None}, "valid.target_tokens must be a whole number, but is None")]
CHANGES = {
    (): MANIFEST,
    ("details",): DETAILS,
    ("details", "spec"): SPECIFICATION,
    ("details", "splits", "valid"): VALID,
}


@pytest.mark.parametrize(
    ("place", "change", "reason"), [(place, *change) for place, changes in CHANGES.items() for change in changes]
)
def test_an_invalid_manifest_is_one_line(
    tmp_path: Path, place: tuple[str, ...], change: dict[str, Any], reason: str
) -> None:
    make_copy_dataset(SMALL, tmp_path / "data")
    path = tmp_path / "data" / "manifest.json"
    document = changed = json.loads(path.read_text())
    for key in place:
        changed = changed[key]
    changed |= change
    path.write_text(json.dumps(document))
    assert message_of(read_copy_manifest, tmp_path / "data") == (
        f"'{path}' is not a valid manifest ({reason}): make the dataset again"
    )


def test_the_manifest_of_another_route(tmp_path: Path) -> None:
    make_copy_dataset(SMALL, tmp_path / "data")
    path = tmp_path / "data" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"route": "text"}))
    assert message_of(read_copy_manifest, tmp_path / "data") == (
        f"'{tmp_path / 'data'}' was made by `python -m data_gen text`: give a folder made by `python -m data_gen copy`"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"[1]", "its format is not 'data_gen dataset'"),
        (b"\xff\xff\xff\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_a_manifest_that_is_not_json(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    assert message_of(read_copy_manifest, tmp_path) == (
        f"'{path}' is not a valid manifest ({reason}): make the dataset again"
    )
