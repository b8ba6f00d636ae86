"""Train on real text, beside fairseq's LSTM, and write down what came of it.

    python -m scripts.translation_study --corpus CORPUS --update docs/translation.md
    python -m scripts.translation_study --corpus CORPUS --examples --update docs/translation.md
    python -m scripts.translation_study --corpus CORPUS --medium --update docs/performance.md

CORPUS holds train, valid and test as files with the endings .ko and .en, one sentence a line. Everything that is made
stays in the folder of ``--folder``. The same command goes on from the last whole step; trainings that were cut off
start again, since they are timed.
"""

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean

from data_gen.errors import FAILURE, ArgumentParser, UserError, failure_from_os_error, run_command
from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.commands.plot_attention import warnings_printed
from fairseq_plugin.modules.precision import EMULATE
from scripts.common import (
    check_section,
    make_folder,
    read_text,
    run,
    steps_on_stderr,
    study_folder,
    update_file,
    write,
)
from scripts.translation import recipe, report
from scripts.translation.corpus import read_corpus, write_toy_corpus
from scripts.translation.recipe import GENERAL, MEDIUM_AND_HIGHEST, SMOKE, SOURCE, TARGET, Recipe, Run
from scripts.translation.trainings import checkpoint, train

NAME = "translation_study"
SECTION, EXAMPLES_SECTION, MEDIUM_SECTION = "translation", "examples", "medium"
IMAGES = "images"  # beside the document


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=f"python -m scripts.{NAME}", description="Train on real text, and compare with fairseq's LSTM."
    )
    source = options.add_mutually_exclusive_group(required=True)
    source.add_argument("--corpus", type=Path, help="folder with train, valid and test, each with .ko and .en")
    source.add_argument("--smoke", action="store_true", help="a made-up corpus and tiny models, to try the study out")
    what = options.add_mutually_exclusive_group()
    what.add_argument(
        "--examples",
        action="store_true",
        help="only train the first model once, and show three of its translations with their pictures",
    )
    what.add_argument(
        "--medium",
        action="store_true",
        help="compare --float32-matmul-precision medium with highest, instead of models with one another; "
        "on a processor without bfloat16 products, results are rounded as in bfloat16, but medium saves no time; "
        f"the page needs {MEDIUM_SECTION} markers",
    )
    options.add_argument(
        "--update",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"write the results into this page, between its {SECTION} markers and its {EXAMPLES_SECTION} markers",
    )
    options.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "translation-study",
        help="folder for data, models and logs; a study that was stopped continues there (default: %(default)s)",
    )
    options.add_argument("--updates", type=int, help=f"updates of each training (default: {Recipe.updates})")
    options.add_argument(
        "--at-once",
        type=int,
        default=Recipe.at_once,
        metavar="N",
        help="trainings that run at a time (default: %(default)s)",
    )
    options.add_argument("--threads", type=int, default=1, help="threads of each training (default: %(default)s)")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a command fails or a file cannot be written."""

    def body() -> int:
        options = parser().parse_args(argv)
        with rounding_as_bfloat16():
            return study(options)

    return run_command(NAME, body)


@contextmanager
def rounding_as_bfloat16() -> Iterator[None]:
    """Let the commands that the study starts emulate bfloat16 products on a processor that has none."""
    before = os.environ.get(EMULATE)
    os.environ[EMULATE] = "1"
    try:
        yield
    finally:
        os.environ.pop(EMULATE)
        if before is not None:
            os.environ[EMULATE] = before


def study(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    settings = settings_of(options)
    # Better to fail now than after the trainings.
    for section in sections_of(options):
        check_section(options.update, section)
    check_writable(options.update.parent)
    if not options.smoke:
        read_corpus(options.corpus)
        if not options.medium:
            report.check_fonts()
    corpus_hashes = {} if options.smoke else hashes(options.corpus)
    commands = [" ".join(recipe.train_words(settings, each, Path("DATA"), Path("OUT"))) for each in settings.runs]
    mark = {"corpus": corpus_hashes, "settings": asdict(settings), "commands": commands}
    folder = study_folder(options.folder, mark)
    place = write_toy_corpus(folder / "corpus") if options.smoke else options.corpus.resolve()
    corpus = read_corpus(place)
    test = corpus["test"]
    with steps_on_stderr(2 + 2 * len(settings.models) + (not options.examples) + (not options.medium)) as begin:
        begin("data")
        if not (folder / "data").exists():
            write(folder / "data.log", run(recipe.data_words(settings, place, folder / "data"), threads=1))
        begin("train the models")
        trainings, machine = train(settings, folder)
        outputs: dict[Run, list[str]] = {}
        penalties: dict[str, float] = {}
        for model in settings.models:
            begin(f"choose the length penalty of {model}")
            penalties[model] = choose_length_penalty(settings, folder, model, corpus["valid"][TARGET])
            begin(f"translate the test part with {model}")
            for seed in settings.seeds:
                each = Run(model, seed)
                outputs[each] = decode(settings, folder, each, "test", penalties[model], len(test[SOURCE]))
        texts: list[str] = []
        if not options.examples:
            begin("score")
            scored = {
                seed: report.score(
                    {model: outputs[Run(model, seed)] for model in settings.models}, settings.baseline, test[TARGET]
                )
                for seed in settings.seeds
            }
            texts.append(report.results(settings, corpus, machine, trainings, penalties, scored, made_up=options.smoke))
        if not options.medium:
            begin("attention")
            shown = examples(settings, folder, test, outputs, penalties[GENERAL], options.update.parent)
            bleu = report.bleu(outputs[Run(GENERAL, settings.seeds[0])], test[TARGET])
            texts.append(
                report.three_translations(settings, machine, penalties[GENERAL], bleu, shown, made_up=options.smoke)
            )
    for section, text in zip(sections_of(options), texts, strict=True):
        update_file(options.update, section, text)
        print(text)
    return 0


def sections_of(options: argparse.Namespace) -> list[str]:
    """The sections of the page that are written."""
    if options.medium:
        return [MEDIUM_SECTION]
    return [EXAMPLES_SECTION] if options.examples else [SECTION, EXAMPLES_SECTION]


def examples(
    settings: Recipe,
    folder: Path,
    test: Mapping[str, Sequence[str]],
    outputs: Mapping[Run, Sequence[str]],
    length_penalty: float,
    pages: Path,
) -> list[tuple[report.Example, str]]:
    """Choose translations of the first seed and draw the attention of the first model.

    :param test: the test part of the corpus, by language.
    :param pages: folder of the page.
    :returns: each example, and the path of its picture as seen from the page.
    """
    seed = settings.seeds[0]
    attention = folder / Run(GENERAL, seed).name / "attention.npz"
    if not attention.exists():
        best = checkpoint(folder, Run(GENERAL, seed))
        run(recipe.attention_words(settings, folder / "data", best, length_penalty, attention), threads=1)
    records = read_records(attention)
    candidates = {model: outputs[Run(model, seed)] for model in settings.models}
    chosen = report.choose(settings, test[SOURCE], test[TARGET], candidates, GENERAL, records)
    shown = [(example, f"{IMAGES}/{SECTION}-{number}.png") for number, example in enumerate(chosen, start=1)]
    make_folder(pages / IMAGES)
    with warnings_printed(NAME):
        for example, image in shown:
            report.draw(example, records, pages / image)
    return shown


def settings_of(options: argparse.Namespace) -> Recipe:
    """The recipe with what the command line changes.

    :raises UserError: a number is too small.
    """
    settings = SMOKE if options.smoke else Recipe()
    if options.medium:
        settings = replace(settings, models=MEDIUM_AND_HIGHEST)
    if options.examples:
        settings = replace(settings, models=(GENERAL,), seeds=settings.seeds[:1])
    updates = settings.updates if options.updates is None else options.updates
    for option, value in (("--updates", updates), ("--at-once", options.at_once), ("--threads", options.threads)):
        if value < 1:
            raise UserError(f"{option} must be at least 1, but is {value}")
    return replace(settings, updates=updates, at_once=options.at_once, threads=options.threads)


def check_writable(folder: Path) -> None:
    """Check the folders of the page.

    :raises UserError: the page, which is written beside itself first, or its pictures cannot be written here.
    """
    for place in (folder, folder / IMAGES):
        if place.exists() and not os.access(place, os.W_OK):
            raise UserError(f"cannot write to {str(place)!r}: it is read-only", exit_code=FAILURE)


def hashes(corpus: Path) -> dict[str, str]:
    """The sha256 of each of the study's files, by name. :raises UserError: one cannot be read."""
    names = [f"{part}.{language}" for part in recipe.PARTS for language in (recipe.SOURCE, recipe.TARGET)]
    try:
        return {name: hashlib.sha256((corpus / name).read_bytes()).hexdigest() for name in names}
    except OSError as error:
        raise failure_from_os_error("read", error) from None


def choose_length_penalty(settings: Recipe, folder: Path, model: str, references: Sequence[str]) -> float:
    """The one of the recipe's with the best BLEU on the validation part, mean of the seeds; the first of equal ones."""

    def mean_bleu(penalty: float) -> float:
        runs = [Run(model, seed) for seed in settings.seeds]
        return fmean(
            report.bleu(decode(settings, folder, run, "valid", penalty, len(references)), references) for run in runs
        )

    return max(settings.length_penalties, key=mean_bleu)


def decode(settings: Recipe, folder: Path, each: Run, part: str, length_penalty: float, sentences: int) -> list[str]:
    """Translations of a part of the corpus; what fairseq-generate said is kept."""
    kept = folder / each.name / f"generate-{part}-{length_penalty}.txt"
    if not kept.exists():
        words = recipe.generate_words(settings, folder / "data", checkpoint(folder, each), part, length_penalty)
        write(kept, run(words, threads=1))
    return report.translations(read_text(kept), sentences)


if __name__ == "__main__":
    sys.exit(main())
