"""Raw text is cut into pieces as the data was, with the model that lies beside it."""

from pathlib import Path

import pytest
import sentencepiece

from data_gen.errors import UserError
from fairseq_plugin.models.translation_hub import SentencePieces, find_model

LINES = ["a cat sat on a mat", "a dog sat on a log", "birds sing"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("model") / "sentencepiece"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_prefix=str(prefix), vocab_size=22, model_type="char", minloglevel=2
    )
    return prefix.with_suffix(".model")


def test_pieces_and_back(model: Path) -> None:
    pieces = SentencePieces(model)
    assert pieces.encode("a  cat") == "▁ a ▁ c a t"
    assert pieces.decode("▁ a ▁ c a t") == "a cat"
    assert pieces.encode("a\x85cat") == pieces.encode("a\u3000cat") == pieces.encode("a cat")


def test_unknown_text_is_unk_whatever_it_looks_like(model: Path) -> None:
    assert SentencePieces(model).encode("a <//> <Ж>") == "▁ a ▁ <unk> ▁ <unk>"


def test_the_unknown_parts_of_a_text(model: Path) -> None:
    assert SentencePieces(model).unknown("a cat") == []
    assert SentencePieces(model).unknown("a Жcat Q") == ["Ж", "Q"]


def test_files_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "x.model").write_text("x")
    with pytest.raises(UserError, match=f"^'{tmp_path}/x.model' is not a sentencepiece model: "):
        SentencePieces(tmp_path / "x.model")


def test_the_first_folder_with_a_model_counts(tmp_path: Path) -> None:
    data, checkpoints = tmp_path / "data", tmp_path / "checkpoints"
    data.mkdir()
    checkpoints.mkdir()
    assert find_model([data, checkpoints], "en") is None
    (checkpoints / "sentencepiece.en.model").touch()
    (checkpoints / "sentencepiece.ko.model").touch()
    assert find_model([data, checkpoints], "en") == checkpoints / "sentencepiece.en.model"
    assert find_model([data, checkpoints], "ko") == checkpoints / "sentencepiece.ko.model"
    assert find_model([data, checkpoints], None) is None
    (data / "sentencepiece.model").touch()
    assert find_model([data, checkpoints], "en") == data / "sentencepiece.model"
