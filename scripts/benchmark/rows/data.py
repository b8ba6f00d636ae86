"""Tokens per second of whole processes that make the same files: ``python -m data_gen copy`` and fairseq-preprocess.

fairseq-preprocess reads the sequences as text, which is made beforehand. A token is a symbol on one side; the end of
a sequence is not counted. Wall time from start to end of each process, with default settings.
"""

import filecmp
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from data_gen.copy.manifest import read_copy_manifest
from data_gen.errors import FAILURE, UserError
from scripts.benchmark.commands import run
from scripts.benchmark.measurement import TOKENS, Circumstances, Measurement
from scripts.benchmark.settings import SPECIAL_SYMBOLS, Setting
from scripts.benchmark.targets import DATA_GEN, PREPROCESS, PREPROCESS_2

HELD_OUT = 200
RUNS_BEFORE_EACH = 2


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Ours before, between and after theirs, which take minutes.

    Nothing is measured a second time for another number of threads, since none of the commands asks for one.

    :raises UserError: if the files are not the same.
    """
    folder = circumstances.folder / "data-row"
    if folder.exists():
        return []
    text = folder / "text"
    run([*data_gen_words(setting, text), "--text"], threads=circumstances.threads)
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
                turn(DATA_GEN, partial(data_gen_words, setting))
            turn(name, partial(preprocess_words, text, workers))
        turn(DATA_GEN, partial(data_gen_words, setting))
    shutil.rmtree(text)
    return [
        Measurement("data", setting.name, name, circumstances.threads, TOKENS, tuple(values))
        for name, values in rates.items()
    ]


def data_gen_words(setting: Setting, place: Path) -> list[str]:
    """Make the data in one step."""
    shortest, longest = map(str, setting.lengths)
    words = ["data_gen", "copy", str(place), "--num-symbols", str(setting.symbols - SPECIAL_SYMBOLS)]
    words += ["--min-len", shortest, "--max-len", longest, "--train", str(setting.preprocessed)]
    return [*words, "--valid", str(HELD_OUT), "--test", str(HELD_OUT)]


def preprocess_words(text: Path, workers: int, place: Path) -> list[str]:
    """Make the data from text."""
    words = ["fairseq_cli.preprocess", "--source-lang", "src", "--target-lang", "tgt", "--joined-dictionary"]
    words += [word for split in ("train", "valid", "test") for word in (f"--{split}pref", str(text / split))]
    return [*words, "--destdir", str(place), "--workers", str(workers)]


def require_same_files(made: Path, wanted: Path, name: str) -> None:
    """:raises UserError: if a dictionary or a binary file differs from ``wanted``, byte by byte."""
    files = [path.name for path in wanted.iterdir() if path.suffix in (".bin", ".idx") or path.name.startswith("dict.")]
    _, different, missing = filecmp.cmpfiles(made, wanted, files, shallow=False)
    if different or missing:
        raise UserError(f"{name} made another {min(different + missing)}: no speed to be compared", exit_code=FAILURE)
