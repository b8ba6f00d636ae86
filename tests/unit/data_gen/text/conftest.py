"""A little text in several scripts, and datasets made of it."""

from pathlib import Path
from typing import Any

import pytest

from data_gen.text.dataset import make_text_dataset
from data_gen.text.pieces import load_model, train_model
from data_gen.text.spec import TextSpec

ENGLISH = [
    "The bird sings in the old tree.",
    "A cat sleeps on the warm stone.",
    "We read the book in the evening.",
    "Rain falls on the quiet street.",
    "The children run to the river.",
    "An old man sells bread and tea.",
    "The river is cold in the winter.",
    "She reads a letter to the children.",
]
KOREAN = [
    "새가 오래된 나무에서 노래한다.",
    "고양이가 따뜻한 돌 위에서 잔다.",
    "우리는 저녁에 책을 읽는다.",
    "조용한 거리에 비가 내린다.",
    "아이들이 강으로 달려간다.",
    "노인이 빵과 차를 판다.",
    "겨울에는 강이 차갑다.",
    "그는 아이들에게 편지를 읽어 준다.",
]


def write_lines(path: Path, lines: list[str]) -> None:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))


def train(lines: list[str], vocab_size: int, *options: tuple[str, str], **more: Any) -> Any:
    """A sentencepiece processor trained on ``lines``."""
    spec = TextSpec(source_lang="en", vocab_size=vocab_size, spm_options=options, **more)
    return load_model(train_model(lines, spec, "the text"), "the model")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """English and Korean: 80 train pairs, 4 valid, 3 test and 2 more test pairs; read only."""
    folder = tmp_path_factory.mktemp("corpus")
    for language, lines in (("en", ENGLISH), ("ko", KOREAN)):
        write_lines(folder / f"train.{language}", lines * 10)
        write_lines(folder / f"valid.{language}", lines[:4])
        write_lines(folder / f"test.{language}", lines[3:6])
        write_lines(folder / f"more.{language}", lines[6:])
    return folder


def spec_of(corpus: Path, **changes: Any) -> TextSpec:
    """The specification of a dataset made of ``corpus``."""
    values: dict[str, Any] = {
        "source_lang": "en",
        "target_lang": "ko",
        "train": str(corpus / "train"),
        "valid": (str(corpus / "valid"),),
        "test": (str(corpus / "test"), str(corpus / "more")),
        "vocab_size": 80,
        "character_coverage": 1.0,
        "spm_options": (("hard_vocab_limit", "false"),),
    }
    return TextSpec(**{**values, **changes})


@pytest.fixture(scope="session")
def pairs(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``corpus`` as translation data, with a model for each language; read only."""
    folder = tmp_path_factory.mktemp("text") / "pairs"
    make_text_dataset(spec_of(corpus), folder)
    return folder


@pytest.fixture(scope="session")
def copies(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Korean side of ``corpus`` as data to copy; read only."""
    folder = tmp_path_factory.mktemp("text") / "copies"
    make_text_dataset(spec_of(corpus, source_lang="ko", target_lang=None), folder)
    return folder
