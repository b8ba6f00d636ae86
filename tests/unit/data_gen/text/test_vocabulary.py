"""The dictionary follows the model one to one, and fairseq reads it so."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from data_gen.text.pieces import build_vocabulary
from tests.support.errors import message_of

from .conftest import ENGLISH, train

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, about what fairseq does while it is imported
    from fairseq.data import Dictionary


def loaded(folder: Path, text: str) -> Dictionary:
    (folder / "dict.txt").write_bytes(text.encode("utf-8"))
    return Dictionary.load(str(folder / "dict.txt"))


def test_ids_are_those_of_sentencepiece_plus_one(tmp_path: Path) -> None:
    model = train(ENGLISH, 40)
    vocabulary = build_vocabulary(model, "x")
    assert vocabulary.size == 41
    assert vocabulary.ids.tolist() == [3, 3, 3, *range(4, 41)]
    counts = np.arange(vocabulary.size)
    dictionary = loaded(tmp_path, vocabulary.text(counts))
    assert len(dictionary) == vocabulary.size
    for number in range(3, 40):
        assert dictionary.index(model.id_to_piece(number)) == number + 1
        assert dictionary.count[number + 1] == number + 1


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([("pad_id", "3")], [3, 3, 3, 3, 4, 5]),
        ([("pad_id", "0"), ("unk_id", "2"), ("eos_id", "1"), ("bos_id", "-1")], [3, 3, 3, 4, 5, 6]),
        ([("control_symbols", "<2ko>")], [3, 3, 3, 4, 5, 6]),
        ([("unk_id", "5"), ("bos_id", "1"), ("eos_id", "0")], [3, 3, 4, 5, 6, 3, 7]),
    ],
    ids=["pad", "other order", "control", "unk in the middle"],
)
def test_special_symbols_of_the_model_give_way(options: list[tuple[str, str]], ids: list[int]) -> None:
    assert build_vocabulary(train(ENGLISH, 40, *options), "x").ids.tolist()[: len(ids)] == ids


@pytest.mark.parametrize("symbol", ["<pad>", "</s>", "<s>", "#fairseq:overwrite", "madeupword0000", "1"])
def test_pieces_that_look_like_fairseqs_own(symbol: str, tmp_path: Path) -> None:
    model = train(ENGLISH, 40, ("user_defined_symbols", symbol))
    vocabulary = build_vocabulary(model, "x")
    dictionary = loaded(tmp_path, vocabulary.text(np.zeros(vocabulary.size, dtype=np.int64)))
    assert len(dictionary) == vocabulary.size
    assert dictionary.index(symbol) == vocabulary.ids[model.piece_to_id(symbol)] > 3
    assert (dictionary.bos(), dictionary.pad(), dictionary.eos(), dictionary.unk()) == (0, 1, 2, 3)
    pieces = model.encode(f"a{symbol}b", out_type=str)
    ids = vocabulary.ids[model.encode(f"a{symbol}b")].tolist()
    assert dictionary.encode_line(" ".join(pieces), add_if_not_exist=False).tolist() == [*ids, 2]
    assert dictionary.string(ids, "sentencepiece") == f"a{symbol}b"


def test_unusual_white_space_in_pieces_does_not_move_ids(tmp_path: Path) -> None:
    kept = ["\u3000", "\xa0", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\u1680", "\u200b"]
    text = [f"a{space}b" for space in kept] * 3
    options = (("normalization_rule_name", "identity"), ("remove_extra_whitespaces", "false"))
    model = train(text, 60, *options, model_type="char", character_coverage=1.0)
    vocabulary = build_vocabulary(model, "x")
    assert set(kept) <= set(vocabulary.pieces)
    dictionary = loaded(tmp_path, vocabulary.text(np.zeros(vocabulary.size, dtype=np.int64)))
    assert len(dictionary) == vocabulary.size
    assert [dictionary.index(piece) for piece in vocabulary.pieces] == list(range(4, vocabulary.size))


def test_pieces_with_line_ends_are_refused() -> None:
    model = train([*ENGLISH, "a\rb"], 60, ("normalization_rule_name", "identity"), model_type="char")
    assert message_of(build_vocabulary, model, "'x.model'") == (
        "the piece '\\r' of 'x.model' contains a space or a line end, which fairseq's dictionary cannot hold: give a "
        "model without such pieces"
    )


def test_large_vocabularies_have_wide_ids() -> None:
    lines = [f"{number:05d}" for number in range(65_600)]
    model = train(lines, 65_600, ("hard_vocab_limit", "false"), model_type="word")
    vocabulary = build_vocabulary(model, "x")
    assert vocabulary.size > 65_500
    assert vocabulary.ids.dtype == np.uint32
