"""The command line as its users meet it: one line for each outcome."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_gen.text.spec import TextSpec

from ..conftest import Outcome, everything_under
from .conftest import KOREAN, write_lines

Run = Callable[..., Outcome]


def words(corpus: Path, *more: object, **replaced: object) -> list[object]:
    options = {
        "source-lang": "en",
        "target-lang": "ko",
        "trainpref": corpus / "train",
        "validpref": corpus / "valid",
        "testpref": f"{corpus / 'test'},{corpus / 'more'}",
        "vocab-size": 80,
        "character-coverage": 1,
        "spm-option": "hard_vocab_limit=false",
        **{name.replace("_", "-"): value for name, value in replaced.items()},
    }
    given = [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]
    return ["text", *given, *more]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


STAGES = "training sentencepiece on en ...\ntraining sentencepiece on ko ...\nencoding ...\n"


def test_a_dataset_and_one_line(corpus: Path, pairs: Path, tmp_path: Path, run: Run) -> None:
    done = run(*words(corpus, tmp_path / "data"))
    sizes = [len((pairs / f"dict.{language}.txt").read_text("utf-8").split("\n")) + 3 for language in ("en", "ko")]
    assert done == Outcome(
        0,
        f"wrote '{tmp_path}/data': 80 train, 4 valid, 3 test, 2 test1 sequences, dictionaries of {sizes[0]} and "
        f"{sizes[1]}, {size_of(tmp_path / 'data')} bytes\n",
        STAGES,
    )
    assert everything_under(tmp_path / "data") == everything_under(pairs)


def test_a_size_that_the_text_decides(corpus: Path, pairs: Path, tmp_path: Path, run: Run) -> None:
    assert run(*words(corpus, tmp_path / "data", vocab_size="auto", spm_option=None)).code == 0
    assert (tmp_path / "data" / "dict.en.txt").read_bytes() == (pairs / "dict.en.txt").read_bytes()


def test_data_to_copy(corpus: Path, copies: Path, tmp_path: Path, run: Run) -> None:
    assert run(*words(corpus, tmp_path / "data", source_lang="ko", target_lang=None)).code == 0
    assert everything_under(tmp_path / "data") == everything_under(copies)


def test_defaults_are_those_of_the_specification(corpus: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    seen: list[TextSpec] = []

    def stop(spec: TextSpec, *more: Any, **options: Any) -> None:
        seen.append(spec)
        raise KeyboardInterrupt

    monkeypatch.setattr("data_gen.text.dataset.make_text_dataset", stop)
    assert run("text", "data", "--source-lang", "en", "--trainpref", corpus / "train").code == 130
    assert seen == [TextSpec(source_lang="en", train=str(corpus / "train"), joined=True)]


def test_what_is_left_out_or_unknown_is_told(corpus: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "text"
    folder.mkdir()
    for path in corpus.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    write_lines(folder / "valid.ko", [KOREAN[0], "", "Ж 책 Ω", "\u200b"])
    write_lines(folder / "train.en", [*(folder / "train.en").read_text("utf-8").splitlines(), "a" * 4193])
    write_lines(folder / "train.ko", [*(folder / "train.ko").read_text("utf-8").splitlines(), "책"])
    done = run(*words(folder, tmp_path / "data", "--on-bad", "skip"))
    assert done.code == 0
    pieces = json.loads((tmp_path / "data" / "manifest.json").read_text())["details"]["splits"]["valid"]["target"]
    assert done.err.removeprefix(STAGES).splitlines() == [
        "data_gen: warning: sentencepiece did not train on lines of 'train.en' that are too long for it or contain "
        "U+2585: 1 (line 81); they are in the data",
        "data_gen: warning: left out 2 of 4 valid sequences: 'valid.ko': 1 empty (line 2), 1 nothing left after "
        "normalisation (line 4)",
        f"data_gen: warning: 2 of {pieces['pieces']} pieces of 'valid.ko' are <unk> (line 3)",
    ]


@pytest.mark.parametrize("valid", [True, False])
def test_data_that_fairseq_cannot_train_on_are_told(corpus: Path, tmp_path: Path, run: Run, valid: bool) -> None:
    done = run(*words(corpus, tmp_path / "data", validpref=corpus / "valid" if valid else None))
    warning = "data_gen: warning: there is no valid part, which fairseq-train needs: give --validpref\n"
    assert (done.code, done.err) == (0, STAGES + warning * (not valid))


def test_byte_pieces_are_told(corpus: Path, tmp_path: Path, run: Run) -> None:
    done = run(*words(corpus, tmp_path / "data", vocab_size=400, spm_option="byte_fallback=true", model_type="char"))
    assert done.err == (
        f"{STAGES}data_gen: warning: the model falls back to bytes, and fairseq cannot turn pieces like <0xE1> back "
        "into text\n"
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--spm-option", "x"], "--spm-option must be KEY=VALUE, but is 'x'"),
        (["--spm-option", "=x"], "--spm-option must be KEY=VALUE, but is '=x'"),
        (["--testpref", "a,,b"], "--testpref must be names joined by commas, but is 'a,,b'"),
        (
            ["--model", "m", "--source-model", "n"],
            "--model serves both sides: leave out --source-model and --target-model",
        ),
        (["--joined", "--source-model", "n"], "one model serves both sides here: give it with --model"),
        (
            ["--vocab-size", "all"],
            "argument --vocab-size: must be a whole number or auto, but is 'all' "
            "(`python -m data_gen text --help` lists the options)",
        ),
        (
            ["--on-bad", "ignore"],
            "argument --on-bad: invalid choice: 'ignore' (choose from error, skip) "
            "(`python -m data_gen text --help` lists the options)",
        ),
    ],
)
def test_wrong_use(corpus: Path, tmp_path: Path, run: Run, more: list[str], message: str) -> None:
    done = run(*words(corpus, tmp_path / "data", *more))
    assert (done.code, done.out) == (2, "")
    assert done.err.replace("'error', 'skip'", "error, skip") == f"data_gen: error: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long(corpus: Path, tmp_path: Path, run: Run) -> None:
    done = run(*words(corpus, tmp_path / "data", validpref="x" * 300))
    assert done == Outcome(2, "", f"data_gen: error: cannot read '{'x' * 300}.en': File name too long\n")


def test_a_folder_in_use_is_left_alone(corpus: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("mine")
    done = run(*words(corpus, tmp_path / "data"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"data_gen: error: '{tmp_path}/data' is not empty")
    assert everything_under(tmp_path) == {"data": None, "data/mine": b"mine"}


def test_a_dataset_is_replaced(corpus: Path, pairs: Path, tmp_path: Path, run: Run) -> None:
    assert run(*words(corpus, tmp_path / "data", "--joined", vocab_size=110)).code == 0
    assert everything_under(tmp_path / "data") != everything_under(pairs)
    assert run(*words(corpus, tmp_path / "data", "--overwrite")).code == 0
    assert everything_under(tmp_path / "data") == everything_under(pairs)


def test_sentencepiece_is_missing(corpus: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    for name in [name for name in sys.modules if name.startswith("data_gen.text.")]:
        monkeypatch.delitem(sys.modules, name)
    assert run(*words(corpus, tmp_path / "data")) == Outcome(
        2, "", "data_gen: error: sentencepiece is not installed: run `pip install sentencepiece`\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(corpus: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "train.en").write_text("a\n")
    (tmp_path / "train.en").chmod(0)
    done = run(*words(corpus, tmp_path / "data", trainpref=tmp_path / "train", target_lang=None))
    assert (done.code, done.err) == (1, f"data_gen: error: cannot read '{tmp_path}/train.en': Permission denied\n")
