"""What we write is what fairseq-preprocess writes from pieces, and what comes back out of it is the text."""

import unicodedata
import warnings
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_gen.text.dataset import make_text_dataset
from tests.support.commands import Commands

from .conftest import spec_of, write_lines

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, about what fairseq does while it is imported
    from fairseq.data import Dictionary, data_utils

SCRIPTS = [
    "Pack my box with five dozen liquor jugs!",
    "Zażółć gęślą jaźń; œuvre naïve, Ångström.",
    "다람쥐 헌 쳇바퀴에 타고파. 값이 얼마예요?",
    "いろはにほへと ちりぬるを。ｶﾀｶﾅと全角\uff21\uff22",
    "نص حكيم له سر قاطع وذو شأن عظيم",
    "שפן אכל קצת גזר בטעם חסה",
    "हिन्दी में संयुक्ताक्षर: क्षत्रिय",
    "emoji 😀👍🏽 👩\u200d💻 🇰🇷 done",
    "combining: e\u0301 o\u0308\u0304 ñ n\u0303",
    "and/or ½ ² ﬁ \uff1cs\uff1e <pad> </s> &amp;",
    "one\u3000two\xa0three\u2003four\tfive\x85six\u2028seven",
    "  spaces   inside  and around  ",
]


def normalised(line: str) -> str:
    """sentencepiece's default, NFKC and single spaces."""
    return " ".join(unicodedata.normalize("NFKC", line).split())


def raw_text(folder: Path, split: str, language: str, pair: str) -> list[str]:
    """A split through fairseq's own dictionary, back to text."""
    dictionary = Dictionary.load(str(folder / f"dict.{language}.txt"))
    items = data_utils.load_indexed_dataset(str(folder / f"{split}.{pair}.{language}"), dictionary)
    return [dictionary.string(item, "sentencepiece") for item in items]


def test_every_file_equals_that_of_fairseq_preprocess(commands: Commands, corpus: Path, tmp_path: Path) -> None:
    rare = tmp_path / "rare"
    rare.mkdir()
    for path in corpus.iterdir():
        (rare / path.name).write_bytes(path.read_bytes() + "Ж Ω ☃ x 책 \uff41 \uff11 y\n".encode())
    ours = tmp_path / "ours"
    options = {"character_coverage": 0.98, "test": (str(rare / "test"),), "valid": (str(rare / "more"),)}
    make_text_dataset(spec_of(rare, train=str(corpus / "train"), **options), ours)
    for language in ("en", "ko"):
        model = sentencepiece.SentencePieceProcessor(model_file=str(ours / f"sentencepiece.{language}.model"))
        for split, path in (("train", corpus / "train"), ("valid", rare / "more"), ("test", rare / "test")):
            lines = Path(f"{path}.{language}").read_text(encoding="utf-8").splitlines()
            write_lines(
                tmp_path / f"{split}.{language}", [" ".join(model.encode(line, out_type=str)) for line in lines]
            )
    commands.succeed(
        *("fairseq-preprocess", "--source-lang", "en", "--target-lang", "ko", "--destdir", tmp_path / "theirs"),
        *(word for split in ("train", "valid", "test") for word in (f"--{split}pref", tmp_path / split)),
        *("--srcdict", ours / "dict.en.txt", "--tgtdict", ours / "dict.ko.txt"),
    )
    theirs = {path.name: path.read_bytes() for path in (tmp_path / "theirs").iterdir() if path.suffix != ".log"}
    assert len(theirs) == 14
    assert [name for name, content in theirs.items() if (ours / name).read_bytes() != content] == []
    assert b"\x03\x00" in theirs["test.en-ko.en.bin"]  # something was <unk>


@pytest.mark.parametrize("model_type", ["unigram", "bpe", "char"])
def test_text_in_many_scripts_comes_back(tmp_path: Path, model_type: str) -> None:
    write_lines(tmp_path / "train.xx", SCRIPTS * 3)
    spec = spec_of(
        tmp_path, source_lang="xx", target_lang=None, valid=(), test=(), model_type=model_type, vocab_size=400
    )
    make_text_dataset(spec, tmp_path / "data")
    wanted = [normalised(line) for line in SCRIPTS * 3]
    assert raw_text(tmp_path / "data", "train", "xx", "xx-copy") == wanted
    assert raw_text(tmp_path / "data", "train", "copy", "xx-copy") == wanted


def test_dictionaries_have_the_size_of_the_model(pairs: Path) -> None:
    for language in ("en", "ko"):
        model = sentencepiece.SentencePieceProcessor(model_file=str(pairs / f"sentencepiece.{language}.model"))
        dictionary = Dictionary.load(str(pairs / f"dict.{language}.txt"))
        assert len(dictionary) == model.get_piece_size() + 1
        assert [dictionary[number + 1] for number in range(3, model.get_piece_size())] == [
            model.id_to_piece(number) for number in range(3, model.get_piece_size())
        ]


def test_unknown_text_that_looks_like_a_symbol_is_unknown(corpus: Path, copies: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "train.ko", ["책 </s> <pad>"])
    spec = spec_of(tmp_path, source_lang="ko", target_lang=None, valid=(), test=(), **given_models(copies))
    make_text_dataset(spec, tmp_path / "data")
    dictionary = Dictionary.load(str(tmp_path / "data" / "dict.ko.txt"))
    (item,) = data_utils.load_indexed_dataset(str(tmp_path / "data" / "train.ko-copy.ko"), dictionary)
    assert item.tolist().count(dictionary.unk()) == 2
    assert set(item.tolist()[:-1]) & {dictionary.bos(), dictionary.pad(), dictionary.eos()} == set()


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\u2581"), max_size=30)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(LINE, min_size=1, max_size=8))
def test_any_text_is_what_fairseq_reads_from_its_pieces(
    copies: Path, tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    lines = ["책", *lines]
    write_lines(folder / "train.ko", lines)
    spec = spec_of(folder, source_lang="ko", target_lang=None, valid=(), test=(), on_bad="skip", **given_models(copies))
    make_text_dataset(spec, folder / "data")
    model = sentencepiece.SentencePieceProcessor(model_file=str(copies / "sentencepiece.model"))
    dictionary = Dictionary.load(str(folder / "data" / "dict.ko.txt"))
    wanted = []
    for line in lines:
        numbers = model.encode(line.replace("\x85", " "))
        pieces = ["<unk>" if model.is_unknown(number) else model.id_to_piece(number) for number in numbers]
        if pieces and line.strip():
            wanted.append(dictionary.encode_line(" ".join(pieces), add_if_not_exist=False).tolist())
    items = data_utils.load_indexed_dataset(str(folder / "data" / "train.ko-copy.ko"), dictionary)
    assert [item.tolist() for item in items] == wanted


def given_models(folder: Path) -> dict[str, Any]:
    defaults = {"vocab_size": 8000, "character_coverage": 0.9995, "spm_options": ()}
    return {**defaults, "source_model": folder / "sentencepiece.model"}
