"""Pieces per second of whole processes that binarize the same text with the same sentencepiece models.

Ours is ``python -m data_gen text``; theirs is spm_encode for each side, then fairseq-preprocess with our dictionaries.
sentencepiece's Python package has no spm_encode, so :mod:`scripts.benchmark.encode_pieces` stands for it. The models
are trained beforehand. Wall time from the first process's start to the last one's end.
"""

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from data_gen.manifest import read_manifest
from scripts.benchmark.commands import run
from scripts.benchmark.measurement import TOKENS, Circumstances, Measurement
from scripts.benchmark.pseudo_text import HANGUL, LATIN, sentences
from scripts.benchmark.rows.data import require_same_files
from scripts.benchmark.settings import Setting
from scripts.benchmark.targets import DATA_GEN, SPM_ENCODE, SPM_ENCODE_2

LANGUAGES = {"en": LATIN, "ko": HANGUL}
HELD_OUT = 200
SPLITS = ("train", "valid", "test")


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Ours and theirs in turns.

    Nothing is measured a second time for another number of threads, since none of the commands asks for one.

    :raises UserError: if the files are not the same.
    """
    folder = circumstances.folder / "text-row"
    if folder.exists():
        return []
    folder.mkdir()
    for language, syllables in LANGUAGES.items():
        write_text(folder, language, syllables, setting.lines)
    start = partial(run, threads=circumstances.threads)
    models = folder / "models"
    start([*data_gen_words(folder, models), *training_words(setting)])
    splits = read_manifest(models).details["splits"]
    pieces = sum(splits[split][side]["pieces"] for split in SPLITS for side in ("source", "target"))

    runs: dict[str, Callable[[Path], None]] = {
        DATA_GEN: lambda place: encode_at_once(start, folder, place),
        SPM_ENCODE: lambda place: encode_and_preprocess(start, folder, place, workers=1),
        SPM_ENCODE_2: lambda place: encode_and_preprocess(start, folder, place, workers=2),
    }
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(circumstances.repeat(setting.command_repetitions)):
        for name, make in runs.items():
            place = folder / "new"
            begin = time.perf_counter()
            make(place)
            rates[name].append(pieces / (time.perf_counter() - begin))
            require_same_files(place, models, name)
            shutil.rmtree(place)
    return [
        Measurement("text", setting.name, name, circumstances.threads, TOKENS, tuple(values))
        for name, values in rates.items()
    ]


def write_text(folder: Path, language: str, syllables: list[str], lines: int) -> None:
    """Write train, valid and test of one side."""
    invented = sentences(syllables, lines + 2 * HELD_OUT, seed=1)
    for split, size in zip(SPLITS, (lines, HELD_OUT, HELD_OUT), strict=True):
        with open(folder / f"{split}.{language}", "w", encoding="utf-8") as text:
            text.writelines(f"{next(invented)}\n" for _ in range(size))


def data_gen_words(folder: Path, place: Path) -> list[str]:
    """Make the data in one step."""
    words = ["data_gen", "text", str(place), "--source-lang", "en", "--target-lang", "ko"]
    return [*words, *(word for split in SPLITS for word in (f"--{split}pref", str(folder / split)))]


def training_words(setting: Setting) -> list[str]:
    """Options that train the models; sentencepiece gets a part of the text, which saves time."""
    words = ["--vocab-size", str(setting.pieces), "--character-coverage", "1"]
    return [*words, "--spm-option", "input_sentence_size=20000", "--spm-option", "hard_vocab_limit=false"]


def encode_at_once(start: Callable[[list[str]], str], folder: Path, place: Path) -> None:
    """What is measured of ours."""
    source, target = (str(folder / "models" / f"sentencepiece.{language}.model") for language in LANGUAGES)
    start([*data_gen_words(folder, place), "--source-model", source, "--target-model", target])


def encode_and_preprocess(start: Callable[[list[str]], str], folder: Path, place: Path, *, workers: int) -> None:
    """What is measured of theirs."""
    encoded = folder / "encoded"
    encoded.mkdir(exist_ok=True)
    for language in LANGUAGES:
        model = str(folder / "models" / f"sentencepiece.{language}.model")
        for split in SPLITS:
            files = [str(directory / f"{split}.{language}") for directory in (folder, encoded)]
            start(["scripts.benchmark.encode_pieces", model, *files])
    words = ["fairseq_cli.preprocess", "--source-lang", "en", "--target-lang", "ko", "--workers", str(workers)]
    words += [word for split in SPLITS for word in (f"--{split}pref", str(encoded / split))]
    for side, language in (("src", "en"), ("tgt", "ko")):
        words += [f"--{side}dict", str(folder / "models" / f"dict.{language}.txt")]
    start([*words, "--destdir", str(place)])
