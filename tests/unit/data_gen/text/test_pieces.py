"""Models: repeatable, with errors of one line."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest
import sentencepiece

import data_gen
from data_gen.errors import UserError
from data_gen.text import pieces
from data_gen.text.corpus import choose_lines
from data_gen.text.dataset import make_text_dataset
from data_gen.text.pieces import (
    FewerPiecesError,
    TrainingText,
    kept_white_space,
    load_model,
    read_model,
    train_model,
    vocabulary_text,
)
from data_gen.text.spec import MODEL_TYPES, TextSpec
from tests.support.errors import message_of

from .conftest import ENGLISH, KOREAN, spec_of, train, write_lines


def spec(**values: Any) -> TextSpec:
    return TextSpec(source_lang="en", **values)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_same_text_same_bytes(model_type: str) -> None:
    wanted = spec(model_type=model_type, vocab_size=40)
    assert train_model(iter(ENGLISH), wanted, "x") == train_model(ENGLISH, wanted, "x")


def test_the_seed_chooses_the_sentences_to_train_on() -> None:
    letters = [chr(0x4E00 + number) for number in range(400)]
    wanted = {"spm_options": (("input_sentence_size", "150"),), "model_type": "char", "character_coverage": 1.0}

    def known(seed: int) -> set[str]:
        model = load_model(train_model(letters, spec(seed=seed, **wanted), "x"), "x")
        return {model.id_to_piece(number) for number in range(model.get_piece_size())} & set(letters)

    assert known(1) == set(choose_lines(letters, 150, seed=1))
    assert known(1) != known(2)
    assert message_of(train, ENGLISH, 40, ("input_sentence_size", "-1")) == (
        "--spm-option input_sentence_size must be a whole number, 0 for all sentences, but is '-1'"
    )


def test_another_process_trains_the_same_model(pairs: Path, corpus: Path, tmp_path: Path) -> None:
    words = ["--source-lang=en", "--target-lang=ko", f"--trainpref={corpus / 'train'}", "--vocab-size=80"]
    words += ["--character-coverage=1", "--spm-option=hard_vocab_limit=false"]
    done = subprocess.run(
        [sys.executable, "-m", "data_gen", "text", str(tmp_path / "data"), *words],
        cwd=Path(data_gen.__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for name in ("sentencepiece.en.model", "sentencepiece.ko.model", "train.en-ko.ko.bin"):
        assert (tmp_path / "data" / name).read_bytes() == (pairs / name).read_bytes()


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_the_list_of_pieces_is_sentencepieces_own(tmp_path: Path, model_type: str) -> None:
    write_lines(tmp_path / "text", ENGLISH)
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"),
        model_prefix=str(tmp_path / "theirs"),
        vocab_size=45,
        model_type=model_type,
        minloglevel=2,
    )
    ours = load_model(train_model(ENGLISH, spec(vocab_size=45, model_type=model_type), "x"), "x")
    assert vocabulary_text(ours) == (tmp_path / "theirs.vocab").read_text(encoding="utf-8")


def test_a_vocabulary_that_is_too_large_is_told_the_largest(corpus: Path, tmp_path: Path) -> None:
    joined = message_of(
        make_text_dataset, spec_of(corpus, vocab_size=5_000, joined=True, spm_options=()), tmp_path / "x"
    )
    found = re.fullmatch(
        f"--vocab-size 5000 is more than the text of '{corpus}/train.en' and '{corpus}/train.ko' gives: choose auto, "
        r"or at most (\d+)",
        joined,
    )
    assert found is not None, joined
    assert train([*ENGLISH, *KOREAN] * 10, int(found[1]), character_coverage=1.0).get_piece_size() == int(found[1])


def test_both_sides_of_a_vocabulary_that_is_too_large_are_named(tmp_path: Path) -> None:
    train_files = [tmp_path / "train.en", tmp_path / "train.xx"]
    for path, lines in zip(train_files, (ENGLISH, ENGLISH[:5]), strict=True):
        write_lines(path, lines[:5] * 3 + lines[-5:])
    wanted = {"target_lang": "xx", "train": str(tmp_path / "train")}
    said = message_of(make_text_dataset, spec(**wanted), tmp_path / "x")
    found = re.fullmatch(
        r"--vocab-size 8000 is more than either text gives: (.*) gives (\d+), (.*) gives (\d+); "
        r"choose auto, or at most (\d+)",
        said,
    )
    assert found is not None, said
    assert [found[1], found[3]] == [repr(str(path)) for path in train_files]
    assert int(found[5]) == min(int(found[2]), int(found[4])) != max(int(found[2]), int(found[4]))
    made = make_text_dataset(spec(**wanted, vocab_size=int(found[5])), tmp_path / "x")
    assert set(made.dictionary_sizes.values()) == {int(found[5]) + 1}  # fairseq's four symbols, sentencepiece's three


def test_an_automatic_size_is_what_the_text_gives(corpus: Path, tmp_path: Path) -> None:
    made = make_text_dataset(spec_of(corpus, vocab_size=None, spm_options=()), tmp_path / "x")
    same = make_text_dataset(spec_of(corpus, vocab_size=8_000), tmp_path / "y")
    assert made.files == same.files
    kept = json.loads((tmp_path / "x" / "manifest.json").read_text(encoding="utf-8"))
    assert kept["details"]["sentencepiece"]["vocab_size"] == "auto"
    hard = spec(vocab_size=None, spm_options=(("hard_vocab_limit", "true"),))
    with pytest.raises(FewerPiecesError):
        train_model(ENGLISH, hard, "x")


def test_a_vocabulary_that_is_too_small_is_told_the_smallest() -> None:
    with pytest.raises(UserError) as caught:
        train(ENGLISH, 10, character_coverage=1.0)
    characters = len(set("".join(ENGLISH))) + 3  # <unk>, <s>, </s>; the space is a character of the text
    assert str(caught.value) == (
        f"--vocab-size 10 is too small for the characters of the text: choose at least {characters}, or a lower "
        "--character-coverage"
    )


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("nonsense", "1"), "--spm-option nonsense: sentencepiece knows no such option (see `spm_train --help`)"),
        (
            ("max_sentence_length", "many"),
            'sentencepiece cannot train a model of the text: cannot parse "many" as int.',
        ),
    ],
)
def test_options_that_sentencepiece_refuses(
    option: tuple[str, str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert message_of(train, ENGLISH, 40, option) == message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("failure", [UserError("mine"), KeyboardInterrupt(), ZeroDivisionError("a bug")], ids=repr)
def test_failures_in_reading_are_not_taken_for_sentencepieces(failure: BaseException) -> None:
    def lines() -> Iterator[str]:
        yield from ENGLISH
        raise failure

    with pytest.raises(type(failure)) as caught:
        train_model(lines(), spec(vocab_size=40), "x")
    assert caught.value is failure


def test_options_reach_sentencepiece(capfd: pytest.CaptureFixture[str]) -> None:
    assert train(ENGLISH, 40, ("user_defined_symbols", "<x>,<y>")).encode("<y>", out_type=str)[-1] == "<y>"
    assert capfd.readouterr() == ("", "")
    train(ENGLISH, 40, ("minloglevel", "0"))
    assert "unigram_model_trainer" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("line", "taken"),
    [("Q" * 99, True), ("Q" * 100, False), ("é" * 49 + "Q", True), ("é" * 50 + "Q", False), ("Q \u2585", False)],
    ids=["99 bytes", "100 bytes", "99 bytes in 50 letters", "101 bytes in 51 letters", "reserved"],
)
def test_lines_that_sentencepiece_does_not_train_on_are_known(line: str, taken: bool) -> None:
    options = (("max_sentence_length", "99"),)
    text = TrainingText(enumerate([*ENGLISH, line], start=1), options)
    wanted = spec(model_type="char", character_coverage=1.0, spm_options=options)
    model = load_model(train_model(text, wanted, "x"), "x")
    assert (model.piece_to_id("Q") != model.unk_id()) == taken
    assert text.left_out.first == ([] if taken else [9])


def test_files_that_are_no_models(tmp_path: Path) -> None:
    assert message_of(load_model, b"text", "'x'") == (
        "'x' is not a sentencepiece model: give a file that sentencepiece trained (.model)"
    )
    assert message_of(load_model, b"", "'x'").startswith("'x' is not a sentencepiece model")
    assert message_of(read_model, tmp_path / "none") == f"no sentencepiece model at '{tmp_path}/none': check the path"
    assert message_of(read_model, tmp_path) == f"cannot read the model '{tmp_path}': Is a directory"


def test_white_space_that_normalisers_keep() -> None:
    assert kept_white_space(train(ENGLISH, 40)) == "\x85"
    kept = kept_white_space(train(ENGLISH, 40, ("normalization_rule_name", "identity")))
    assert {"\t", "\x0b", "\x85", "\u2028", "\u3000"} <= set(kept)
    assert " " not in kept


def test_a_signal_that_does_not_end_the_wait_for_a_training_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that comes just before the main thread begins to wait: here another thread takes it."""
    enough, sent = Event(), signal.SIGUSR1
    monkeypatch.setattr(sentencepiece.SentencePieceTrainer, "train", lambda **_: enough.wait(20))

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def send() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {sent})
        os.kill(os.getpid(), sent)

    handler, mask = signal.signal(sent, interrupt), signal.pthread_sigmask(signal.SIG_BLOCK, {sent})
    begun = time.monotonic()
    timer = Timer(0.5, send)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            pieces._train_in_a_thread([])
    finally:
        enough.set()
        timer.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(sent, handler)
    assert time.monotonic() - begun < 15
