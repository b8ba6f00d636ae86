"""The folder for sequences that are made while training."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from data_gen.__main__ import main
from data_gen.copy.binarize import Vocabulary, symbol_names
from data_gen.copy.dataset import EPOCH_BYTES, hold_out, make_online_folder, require_small
from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.overlap import Fingerprinter
from data_gen.copy.sample import sample_split
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from tests.support.errors import message_of

SPEC = CopySpec(num_symbols=6, min_len=2, max_len=5, train=100, valid=20, test=20, transform="shift:2")


def test_it_holds_dictionaries_and_the_specification(tmp_path: Path) -> None:
    made = make_online_folder(SPEC, tmp_path / "data")
    lines = b"a 1\nb 1\nc 1\nd 1\ne 1\nf 1\n" + b"".join(b"madeupword%04d 0\n" % n for n in range(6))
    digest = hashlib.sha256(lines).hexdigest()
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"dict.src.txt", "dict.tgt.txt", "manifest.json"}
    assert {(tmp_path / "data" / f"dict.{side}.txt").read_bytes() for side in ("src", "tgt")} == {lines}
    assert read_copy_manifest(tmp_path / "data") == made
    assert (made.spec, made.splits, made.dictionary_size) == (SPEC, {}, 16)
    assert made.files == {"dict.src.txt": digest, "dict.tgt.txt": digest}


def test_a_manifest_of_no_files_describes_no_splits(tmp_path: Path) -> None:
    make_online_folder(SPEC, tmp_path / "data")
    path = tmp_path / "data" / "manifest.json"
    document = json.loads(path.read_bytes())
    document["details"]["splits"] = {"train": {}}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UserError, match=r"is not a valid manifest \(splits must have exactly the keys \)"):
        read_copy_manifest(tmp_path / "data")


@pytest.mark.parametrize(("symbols", "size"), [(1, 8), (4, 8), (5, 16), (40, 48)])
def test_symbols_are_in_their_own_order(symbols: int, size: int) -> None:
    vocabulary = Vocabulary.uncounted(symbol_names(symbols))
    names = ([chr(ord("a") + n) for n in range(26)] + [f"s{n}" for n in range(14)])[:symbols]
    assert vocabulary.size == size
    assert vocabulary.entries[:symbols] == tuple((name, 1) for name in names)
    assert {count for _, count in vocabulary.entries[symbols:]} <= {0}
    assert vocabulary.ids.tolist() == list(range(4, 4 + symbols))


def test_what_is_held_out_is_every_other_split() -> None:
    assert hold_out(SPEC) is None
    spec = CopySpec(num_symbols=8, train=50, valid=20, test=20, test_lengths=(9,), no_overlap=True)
    held_out, fingerprint = hold_out(spec), Fingerprinter(spec)
    assert held_out is not None
    for split in spec.splits:
        found = [held_out.contains(fingerprint(block)) for block in sample_split(spec, split)]
        assert np.concatenate(found).all() == (split.name != "train")


def test_no_room_beside_what_is_held_out(tmp_path: Path) -> None:
    spec = CopySpec(num_symbols=2, min_len=2, max_len=2, train=50, valid=100, test=100, no_overlap=True)
    assert message_of(make_online_folder, spec, tmp_path / "data").startswith(
        "--no-overlap leaves train too little: of the 4 sequences of length 2"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_largest_epoch() -> None:
    """64 bytes a sequence, and one for each of up to 7 symbols and the end."""
    largest = EPOCH_BYTES // (64 + 8)
    spec = CopySpec(train=largest)
    require_small(spec, spec.splits[0])
    larger = CopySpec(train=largest + 1)
    assert message_of(require_small, larger, larger.splits[0]) == (
        f"--train {largest + 1} is too much for --online, which keeps an epoch in memory: it may take 513 MiB, and "
        "there is room for 512; use a smaller --train; every epoch is new data, so train for more epochs instead"
    )


@pytest.mark.parametrize(
    ("options", "bytes_of_one"),
    [
        ({"transform": "duplicate"}, 64 + 8 + 15),
        ({"transform": "reverse"}, 64 + 8 + 8),
        ({"num_symbols": 300}, 64 + 2 * 8),
        ({"num_symbols": 70_000}, 64 + 4 * 8),
    ],
    ids=["longer targets", "other targets", "many symbols", "very many symbols"],
)
def test_what_an_epoch_takes(options: dict[str, int | str], bytes_of_one: int) -> None:
    spec = dataclasses.replace(CopySpec(train=EPOCH_BYTES // bytes_of_one), **options)
    require_small(spec, spec.splits[0])
    spec = dataclasses.replace(spec, train=spec.train + 1)
    with pytest.raises(UserError):
        require_small(spec, spec.splits[0])


def test_a_large_test_set_is_refused_by_its_option(tmp_path: Path) -> None:
    spec = CopySpec(test=1_000_000, test_lengths=(1_000,))
    assert message_of(make_online_folder, spec, tmp_path / "data") == (
        "--test 1000000 is too much for --online, which keeps an epoch in memory: it may take 1016 MiB, and there is "
        "room for 512; use a smaller --test"
    )


# The command.


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    destination = tmp_path / "data"
    assert main(["copy", str(destination), "--online", "--preset", "joeynmt-reverse", "--train", "500"]) == 0
    assert capsys.readouterr() == (
        f"wrote '{destination}': dictionary of 56, no sequences; fairseq-train --task copy --online makes 500 in each "
        "epoch\n",
        "",
    )
    assert read_copy_manifest(destination).spec.transform == "reverse"
    assert main(["copy", str(destination), "--online"]) == 2
    assert main(["copy", str(destination), "--online", "--overwrite"]) == 0


@pytest.mark.parametrize("options", [["--text"], ["--shards", "2"], ["--shard-id", "0"]], ids=lambda words: words[0])
def test_options_that_do_not_go_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert main(["copy", str(tmp_path / "data"), "--online", *options]) == 2
    assert capsys.readouterr().err == (
        f"data_gen: error: --online writes no sequences, so it does not go with {options[0]}: leave one of them out\n"
    )
    assert list(tmp_path.iterdir()) == []
