"""Rows of making data: ``data`` and ``text``, each the wall time of whole processes with default settings.

- ``data``: tokens per second of ``python -m data_gen copy`` and of fairseq-preprocess, which make the same files.
  fairseq-preprocess reads the sequences as text, which is made beforehand. A token is a symbol on one side; the end of
  a sequence is not counted.
- ``text``: pieces per second of binarizing the same text with the same sentencepiece models, trained before. Ours is
  ``python -m data_gen text``. Theirs is spm_encode for each side, then fairseq-preprocess with our dictionaries.
  sentencepiece's Python package has no spm_encode, so :func:`scripts.benchmark.children.encode` stands for it.

The text is made up: words are two to four random syllables, and the word of rank r comes with a probability of about
1 / r (Zipf's law), as in any language. Sentences have 5 to 25 words. Same seed, same text.
"""

import filecmp
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_gen.copy.manifest import read_copy_manifest
from data_gen.errors import FAILURE, UserError
from data_gen.manifest import read_manifest
from scripts.benchmark.children import CHILDREN
from scripts.benchmark.measurement import TOKENS, Circumstances, Measurement, in_turns, measurements
from scripts.benchmark.report import DATA_GEN, PREPROCESS, PREPROCESS_2, SPM_ENCODE, SPM_ENCODE_2
from scripts.benchmark.settings import SPECIAL_SYMBOLS, Setting
from scripts.common import run

WORDS = 20_000
SHORTEST, LONGEST = 5, 25
LATIN = [f"{first}{vowel}{last}" for first in "bdfgklmnprst" for vowel in "aeiou" for last in ("", "n", "r", "s")]
HANGUL = [chr(0xAC00 + 28 * number) for number in range(240)]


def sentences(syllables: list[str], lines: int, seed: int) -> Iterator[str]:
    """Invent ``lines`` sentences."""
    words = invent_words(syllables, seed)
    lengths = SHORTEST + _draw(lines, seed, 1) % np.uint64(LONGEST - SHORTEST + 1)
    uniform = _draw(int(lengths.sum()), seed, 2) / 2.0**64  # in [0, 1)
    ranks = np.minimum(WORDS**uniform, WORDS).astype(np.int64) - 1
    ends = np.cumsum(lengths.astype(np.int64))
    for start, end in zip((ends - lengths.astype(np.int64)).tolist(), ends.tolist(), strict=True):
        yield " ".join(words[rank] for rank in ranks[start:end].tolist()) + "."


def invent_words(syllables: list[str], seed: int) -> list[str]:
    """Invent a vocabulary, the most frequent word first; some words come twice."""
    draws = _draw(5 * WORDS, seed, 0).reshape(WORDS, 5)
    sizes = (2 + draws[:, 0] % np.uint64(3)).tolist()
    choices = (draws[:, 1:] % np.uint64(len(syllables))).tolist()
    return ["".join(syllables[choice] for choice in row[:size]) for size, row in zip(sizes, choices, strict=True)]


def _draw(count: int, seed: int, stream: int) -> npt.NDArray[np.uint64]:
    generator = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(stream,)))
    return np.asarray(generator.random_raw(count), dtype=np.uint64)


DATA_HELD_OUT = 200
RUNS_BEFORE_EACH = 2


def measure_data(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Ours before, between and after theirs, which take minutes.

    Nothing is measured a second time for another number of threads, since none of the commands asks for one.

    :raises UserError: if the files are not the same.
    """
    folder = circumstances.folder / "data-row"
    if folder.exists():
        return []
    text = folder / "text"
    run([*copy_words(setting, text), "--text"], threads=circumstances.threads)
    splits = read_copy_manifest(text).splits.values()
    tokens = sum(split.tokens + split.target_tokens for split in splits)
    rates: dict[str, list[float]] = {DATA_GEN: [], PREPROCESS: [], PREPROCESS_2: []}

    def turn(name: str, words: Callable[[Path], list[str]]) -> None:
        place = folder / "new"
        start = time.perf_counter()
        run(words(place), threads=circumstances.threads)
        rates[name].append(tokens / (time.perf_counter() - start))
        require_same_files(place, text, name)
        shutil.rmtree(place)

    for _ in range(circumstances.repeat(1)):
        for name, workers in ((PREPROCESS, 1), (PREPROCESS_2, 2)):
            for _ in range(RUNS_BEFORE_EACH):
                turn(DATA_GEN, partial(copy_words, setting))
            turn(name, partial(preprocess_words, text, workers))
        turn(DATA_GEN, partial(copy_words, setting))
    shutil.rmtree(text)
    return measurements("data", setting.name, circumstances, TOKENS, rates)


def copy_words(setting: Setting, place: Path) -> list[str]:
    """Make the data in one step."""
    shortest, longest = map(str, setting.lengths)
    words = ["data_gen", "copy", str(place), "--num-symbols", str(setting.symbols - SPECIAL_SYMBOLS)]
    words += ["--min-len", shortest, "--max-len", longest, "--train", str(setting.preprocessed)]
    return [*words, "--valid", str(DATA_HELD_OUT), "--test", str(DATA_HELD_OUT)]


def preprocess_words(text: Path, workers: int, place: Path) -> list[str]:
    """Make the data from text."""
    words = ["fairseq_cli.preprocess", "--source-lang", "src", "--target-lang", "tgt", "--joined-dictionary"]
    words += [word for split in ("train", "valid", "test") for word in (f"--{split}pref", str(text / split))]
    return [*words, "--destdir", str(place), "--workers", str(workers)]


def require_same_files(made: Path, wanted: Path, name: str) -> None:
    """Compare the files of two datasets.

    :raises UserError: if a dictionary or a binary file differs from ``wanted``, byte by byte.
    """
    files = [path.name for path in wanted.iterdir() if path.suffix in (".bin", ".idx") or path.name.startswith("dict.")]
    _, different, missing = filecmp.cmpfiles(made, wanted, files, shallow=False)
    if different or missing:
        raise UserError(f"{name} made another {min(different + missing)}: no speed to be compared", exit_code=FAILURE)


LANGUAGES = {"en": LATIN, "ko": HANGUL}
HELD_OUT = 200
SPLITS = ("train", "valid", "test")


def measure_text(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
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

    def rate(name: str) -> float:
        place, begin = folder / "new", time.perf_counter()
        runs[name](place)
        seconds = time.perf_counter() - begin
        require_same_files(place, models, name)
        shutil.rmtree(place)
        return pieces / seconds

    repetitions = circumstances.repeat(setting.command_repetitions)
    rates = in_turns({name: partial(rate, name) for name in runs}, repetitions)
    return measurements("text", setting.name, circumstances, TOKENS, rates)


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
            start([CHILDREN, "encode", model, *files])
    words = ["fairseq_cli.preprocess", "--source-lang", "en", "--target-lang", "ko", "--workers", str(workers)]
    words += [word for split in SPLITS for word in (f"--{split}pref", str(encoded / split))]
    for side, language in (("src", "en"), ("tgt", "ko")):
        words += [f"--{side}dict", str(folder / "models" / f"dict.{language}.txt")]
    start([*words, "--destdir", str(place)])
