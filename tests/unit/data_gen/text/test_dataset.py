"""Whole datasets: what is in them, what happens to bad lines, and that the bytes depend on nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from data_gen.errors import UserError
from data_gen.text import corpus as text_corpus
from data_gen.text import encoding
from data_gen.text.dataset import PASSES, make_text_dataset
from tests.support.errors import message_of

from ..conftest import everything_under
from .conftest import ENGLISH, KOREAN, spec_of, write_lines

NUMBERED = ("test", "test1", "train", "valid")


def details(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["details"]
    return found


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def indexed(first: str, second: str) -> set[str]:
    return {
        f"{split}.{first}-{second}.{language}.{ending}"
        for split in NUMBERED
        for language in (first, second)
        for ending in ("bin", "idx")
    }


def test_files_of_translation_data(pairs: Path) -> None:
    models = {f"sentencepiece.{language}.{ending}" for language in ("en", "ko") for ending in ("model", "vocab")}
    assert names(pairs) == indexed("en", "ko") | models | {"dict.en.txt", "dict.ko.txt", "manifest.json"}


def test_files_of_data_to_copy(copies: Path) -> None:
    models = {"sentencepiece.model", "sentencepiece.vocab"}
    assert names(copies) == indexed("ko", "copy") | models | {"dict.ko.txt", "dict.copy.txt", "manifest.json"}
    for split in NUMBERED:
        for ending in ("bin", "idx"):
            source, target = (copies / f"{split}.ko-copy.{language}.{ending}" for language in ("ko", "copy"))
            assert source.read_bytes() == target.read_bytes()
    assert (copies / "dict.ko.txt").read_bytes() == (copies / "dict.copy.txt").read_bytes()


def test_counts_in_the_manifest(pairs: Path, corpus: Path) -> None:
    found = details(pairs)
    train = found["splits"]["train"]
    assert (train["lines"], train["sequences"], train["source"]["file"]) == (80, 80, "train.en")
    assert list(found["splits"]) == ["train", "valid", "test", "test1"]
    assert [found["splits"][split]["lines"] for split in ("valid", "test", "test1")] == [4, 3, 2]
    counts = [int(line.split()[1]) for line in (pairs / "dict.en.txt").read_text(encoding="utf-8").splitlines()]
    assert sum(counts) == train["source"]["pieces"] == (pairs / "train.en-ko.en.bin").stat().st_size // 2 - 80
    assert found["sentencepiece"]["options"] == {"hard_vocab_limit": "false"}


def test_one_model_for_both_sides(corpus: Path, tmp_path: Path) -> None:
    make_text_dataset(spec_of(corpus, joined=True, vocab_size=110), tmp_path / "data")
    assert {"sentencepiece.model", "sentencepiece.vocab"} < names(tmp_path / "data")
    dictionaries = [(tmp_path / "data" / f"dict.{language}.txt").read_text("utf-8") for language in ("en", "ko")]
    assert dictionaries[0] == dictionaries[1]
    train = details(tmp_path / "data")["splits"]["train"]
    counts = [int(line.split()[1]) for line in dictionaries[0].splitlines()]
    assert sum(counts) == train["source"]["pieces"] + train["target"]["pieces"]
    assert train["source"]["unknown_pieces"] == train["target"]["unknown_pieces"] == 0


@pytest.mark.parametrize("changes", [{}, {"joined": True, "vocab_size": 110}, {"target_lang": None}], ids=str)
def test_models_made_before_give_the_same_data(corpus: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    trained, given = tmp_path / "trained", tmp_path / "given"
    make_text_dataset(spec_of(corpus, **changes), trained)
    one = (trained / "sentencepiece.model").exists()
    spec = spec_of(
        corpus,
        **{name: value for name, value in changes.items() if name != "vocab_size"},
        vocab_size=8000,
        character_coverage=0.9995,
        spm_options=(),
        source_model=trained / ("sentencepiece.model" if one else "sentencepiece.en.model"),
        target_model=None if one else trained / "sentencepiece.ko.model",
    )
    make_text_dataset(spec, given)
    theirs, ours = everything_under(trained), everything_under(given)
    assert details(given)["sentencepiece"]["trained_here"] is False
    assert {**theirs, "manifest.json": None} == {**ours, "manifest.json": None}


def test_bytes_depend_on_nothing_but_text_and_options(
    corpus: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in corpus.iterdir():
        (elsewhere / path.name).write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(text_corpus, "BATCH_LINES", 7)
    monkeypatch.setattr(encoding, "available_cores", lambda: 5)
    make_text_dataset(spec_of(elsewhere), tmp_path / "data")
    assert everything_under(tmp_path / "data") == everything_under(pairs)


def test_progress_adds_up(corpus: Path, tmp_path: Path) -> None:
    class Notes:
        def __init__(self) -> None:
            self.amounts: list[int] = []
            self.stages: list[str] = []

        def __call__(self, amount: int) -> None:
            self.amounts.append(amount)

        def doing(self, what: str) -> None:
            self.stages.append(what)

    notes = Notes()
    make_text_dataset(spec_of(corpus), tmp_path / "data", progress=notes)
    assert sum(notes.amounts) == PASSES * sum(path.stat().st_size for path in corpus.iterdir())
    assert notes.stages == ["training sentencepiece on en", "training sentencepiece on ko", "encoding"]


@pytest.fixture
def damaged(corpus: Path, tmp_path: Path) -> Path:
    """``corpus`` with bad lines in train and valid."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in corpus.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    lines = (folder / "train.en").read_bytes().split(b"\n")
    lines[1], lines[4], lines[5], lines[9] = b"", b" \t ", b"\xff\xfe", b""
    (folder / "train.en").write_bytes(b"\n".join(lines))
    lines = (folder / "train.ko").read_bytes().split(b"\n")
    lines[1], lines[6] = b"", b"\xea\xb0"
    (folder / "train.ko").write_bytes(b"\n".join(lines))
    lines = (folder / "valid.ko").read_bytes().split(b"\n")
    lines[2] = "\u200b\u200e".encode()  # nothing that one can see
    (folder / "valid.ko").write_bytes(b"\n".join(lines))
    return folder


def test_bad_lines_are_an_error(damaged: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        make_text_dataset(spec_of(damaged), tmp_path / "data")
    assert str(caught.value) == (
        f"bad lines in '{damaged}/train.en': 2 empty (lines 2, 10), 1 white space only (line 5), 1 invalid UTF-8 (line "
        f"6); '{damaged}/train.ko': 1 empty (line 2), 1 invalid UTF-8 (line 7): mend them, or add --on-bad skip to "
        "leave these pairs out"
    )
    assert (caught.value.exit_code, names(tmp_path)) == (2, {"damaged"})


def test_lines_that_the_normaliser_empties_are_an_error(damaged: Path, corpus: Path, tmp_path: Path) -> None:
    assert message_of(make_text_dataset, spec_of(corpus, valid=(str(damaged / "valid"),)), tmp_path / "data") == (
        f"bad lines in '{damaged}/valid.ko': 1 nothing left after normalisation (line 3): mend them, or add --on-bad "
        "skip to leave these pairs out"
    )
    assert names(tmp_path) == {"damaged"}


def test_bad_lines_are_left_out_with_their_pairs(damaged: Path, tmp_path: Path) -> None:
    make_text_dataset(spec_of(damaged, on_bad="skip"), tmp_path / "data")
    splits = details(tmp_path / "data")["splits"]
    assert (splits["train"]["lines"], splits["train"]["sequences"]) == (80, 75)
    assert splits["train"]["source"]["bad_lines"] == {
        "empty": {"count": 2, "first": [2, 10]},
        "white space only": {"count": 1, "first": [5]},
        "invalid UTF-8": {"count": 1, "first": [6]},
    }
    assert splits["train"]["target"]["bad_lines"] == {
        "empty": {"count": 1, "first": [2]},
        "invalid UTF-8": {"count": 1, "first": [7]},
    }
    assert (splits["valid"]["lines"], splits["valid"]["sequences"]) == (4, 3)
    assert splits["valid"]["target"]["bad_lines"] == {"nothing left after normalisation": {"count": 1, "first": [3]}}
    good = tmp_path / "good"
    good.mkdir()
    left_out = {1, 4, 5, 6, 9}
    for language, lines in (("en", ENGLISH), ("ko", KOREAN)):
        write_lines(good / f"train.{language}", [line for n, line in enumerate(lines * 10) if n not in left_out])
        write_lines(good / f"valid.{language}", [line for n, line in enumerate(lines[:4]) if n != 2])
        for split in ("test", "more"):
            (good / f"{split}.{language}").write_bytes((damaged / f"{split}.{language}").read_bytes())
    make_text_dataset(spec_of(good), tmp_path / "same")
    ours, theirs = everything_under(tmp_path / "data"), everything_under(tmp_path / "same")
    assert {**ours, "manifest.json": None} == {**theirs, "manifest.json": None}


@pytest.mark.parametrize("on_bad", ["error", "skip"])
def test_unequal_files_are_an_error(damaged: Path, tmp_path: Path, on_bad: str) -> None:
    write_lines(damaged / "test.ko", KOREAN[:2])
    with pytest.raises(UserError, match=r"number of lines: '.*/test.en' has 3, but '.*/test.ko' has 2: "):
        make_text_dataset(spec_of(damaged, on_bad=on_bad), tmp_path / "data")
    assert names(tmp_path) == {"damaged"}


def test_files_with_nothing_in_them(damaged: Path, tmp_path: Path) -> None:
    for language in ("en", "ko"):
        (damaged / f"test.{language}").write_bytes(b"")
    assert message_of(make_text_dataset, spec_of(damaged, on_bad="skip"), tmp_path / "data") == (
        f"'{damaged}/test.en' has no lines: give a file with at least one sentence"
    )
    for language in ("en", "ko"):
        (damaged / f"test.{language}").write_bytes(b"\n \n")
    assert message_of(make_text_dataset, spec_of(damaged, on_bad="skip"), tmp_path / "data") == (
        f"'{damaged}/test.en' has no good line: nothing is left to write"
    )
    assert names(tmp_path) == {"damaged"}
