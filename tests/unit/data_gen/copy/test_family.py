"""Whole datasets of the family: what the files say, and bytes that stay for ever."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from tests.unit.data_gen.conftest import everything_under

SMALL: dict[str, Any] = {"num_symbols": 30, "min_len": 1, "max_len": 4, "train": 20, "valid": 3, "test": 2, "seed": 11}

GOLDEN = {
    "reverse": ({"transform": "reverse"}, "575fd3f698c0c986"),
    "sort": ({"transform": "sort"}, "dcab69d6d0e1ac3e"),
    "shift": ({"transform": "shift:3"}, "234fa300fd3654db"),
    "repeat": ({"transform": "repeat:2"}, "80b88f072834e055"),
    "duplicate": ({"transform": "duplicate"}, "c1f4f85082dbd4d8"),
    "fixed": ({"lengths": "fixed"}, "7ab819b872ae1a74"),
    "zipf lengths": ({"lengths": "zipf"}, "d7b2974f497014b4"),
    "zipf symbols": ({"symbols": "zipf:1.5"}, "c6aea557f50269b5"),
    "unique": ({"unique": True}, "dd7a50af3790d8be"),
    "unique, few": ({"unique": True, "num_symbols": 5}, "a67b2c3e2d89b346"),
    "unique, twice as many": ({"unique": True, "num_symbols": 8}, "a7d2fe96e9aca63c"),
    "no overlap": ({"no_overlap": True, "num_symbols": 3, "min_len": 2}, "3621f705eefedd60"),
    "test lengths": ({"test_lengths": (2, 9)}, "f19e52c4be3cb213"),
}


@pytest.mark.parametrize(("values", "expected"), GOLDEN.values(), ids=GOLDEN)
def test_these_bytes_stay_for_ever(tmp_path: Path, values: dict[str, Any], expected: str) -> None:
    """A change of these numbers breaks everybody's seeds."""
    hashes = make_copy_dataset(CopySpec(**SMALL | values), tmp_path / "data", text=True).files
    digest = hashlib.sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()
    assert digest[:16] == expected


def read(folder: Path, name: str) -> list[list[str]]:
    return [line.split(" ") for line in (folder / name).read_text().splitlines()]


def test_sources_do_not_depend_on_the_transform(tmp_path: Path) -> None:
    """As long as targets have up to 64 symbols: blocks are smaller above."""
    for transform in ("copy", "reverse", "shift:2", "repeat:3"):
        make_copy_dataset(CopySpec(transform=transform), tmp_path / transform, text=True)
    sources = {(tmp_path / transform / "train.src").read_bytes() for transform in ("copy", "reverse", "repeat:3")}
    assert sources == {(tmp_path / "shift:2" / "train.src").read_bytes()}


def test_text_holds_sources_and_targets(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    make_copy_dataset(CopySpec(transform="reverse", test_lengths=(12,)), folder, text=True)
    for split in ("train", "valid", "test", "test1"):
        assert read(folder, f"{split}.tgt") == [line[::-1] for line in read(folder, f"{split}.src")]
    assert {len(line) for line in read(folder, "test1.src")} == {12}


def test_the_dictionary_counts_both_sides(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    make_copy_dataset(CopySpec(num_symbols=4, train=6, transform="shift:1", symbols="zipf:3"), folder, text=True)
    tokens = [token for side in ("src", "tgt") for line in read(folder, f"train.{side}") for token in line]
    entries = dict(line.split() for line in (folder / "dict.src.txt").read_text().splitlines())
    counts = {token: str(tokens.count(token)) for token in set(tokens)}
    assert {token: count for token, count in entries.items() if count != "0"} == counts
    assert (folder / "dict.src.txt").read_bytes() == (folder / "dict.tgt.txt").read_bytes()


def test_the_manifest_tells_all_splits_and_both_sides(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    spec = CopySpec(**SMALL | {"train": 5, "valid": 40, "transform": "shift:7", "test_lengths": (2, 9)})
    made = make_copy_dataset(spec, folder, text=True)
    assert read_copy_manifest(folder) == made
    assert list(made.splits) == ["train", "valid", "test", "test1", "test2"]
    known = {token for side in ("src", "tgt") for line in read(folder, f"train.{side}") for token in line}
    for name, summary in made.splits.items():
        source, target = read(folder, f"{name}.src"), read(folder, f"{name}.tgt")
        unknown = [sum(token not in known for line in side for token in line) for side in (source, target)]
        assert [summary.unknown_tokens, summary.unknown_target_tokens] == unknown
        assert [summary.tokens, summary.target_tokens] == [sum(map(len, side)) for side in (source, target)]
        assert (summary.min_length, summary.max_length) == (min(map(len, source)), max(map(len, source)))
    assert (made.splits["test2"].min_length, made.splits["test2"].max_length) == (9, 9)
    assert made.splits["valid"].unknown_tokens != made.splits["valid"].unknown_target_tokens


def test_no_overlap_is_counted_in_the_files(tmp_path: Path) -> None:
    spec = CopySpec(num_symbols=3, min_len=3, max_len=4, train=400, valid=20, test=10, no_overlap=True)
    splits = make_copy_dataset(spec, tmp_path / "data", text=True).splits
    train = (tmp_path / "data" / "train.src").read_text().splitlines()
    for name in ("valid", "test"):
        assert splits[name].also_in_train == 0
        assert not set(train) & set((tmp_path / "data" / f"{name}.src").read_text().splitlines())
    assert len(set(train)) > 60


def test_no_overlap_changes_nothing_but_what_it_must(tmp_path: Path) -> None:
    values: dict[str, Any] = {"num_symbols": 3, "min_len": 3, "max_len": 4, "train": 400, "valid": 20, "test": 10}
    for no_overlap in (False, True):
        make_copy_dataset(CopySpec(**values, no_overlap=no_overlap), tmp_path / str(no_overlap), text=True)
    free, strict = (everything_under(tmp_path / name) for name in ("False", "True"))
    assert free["valid.src"] == strict["valid.src"]
    held_out = {line for name in ("valid", "test") for line in (free[f"{name}.src"] or b"").splitlines()}
    pairs = zip((free["train.src"] or b"").splitlines(), (strict["train.src"] or b"").splitlines(), strict=True)
    assert all(new == old or old in held_out for old, new in pairs)


def test_no_room_for_train_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="of the 8 sequences of length 3 that there are, 8 are held out"):
        make_copy_dataset(CopySpec(num_symbols=2, no_overlap=True), tmp_path / "x" / "data")
    assert everything_under(tmp_path) == {}
