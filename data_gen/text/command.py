"""``python -m data_gen text DESTDIR``: its options, and what it says when it is done."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from data_gen.errors import UserError
from data_gen.progress import progress_on_stderr
from data_gen.text.spec import AUTO, MODEL_TYPES, ON_BAD, VOCAB_SIZE, TextSpec

if TYPE_CHECKING:
    from data_gen.text.dataset import TextManifest


def add_parser(routes: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the route ``text`` to the command line."""
    text = routes.add_parser(
        "text",
        help="real sentences, cut into pieces by sentencepiece",
        description="Make translation data, or data to copy, from files with one sentence a line.",
        allow_abbrev=False,
    )
    text.add_argument("destdir", metavar="DESTDIR", help="the folder to make")
    for option, value, meaning in (
        ("source-lang", "LANG", "ending of source files"),
        ("target-lang", "LANG", "ending of target files (none: the target is the source)"),
        ("trainpref", "PREFIX", "train files without their endings"),
        ("validpref", "PREFIX,...", "the same for valid, valid1, ... (none)"),
        ("testpref", "PREFIX,...", "the same for test, test1, ... (none)"),
    ):
        text.add_argument(f"--{option}", metavar=value, required=option in ("source-lang", "trainpref"), help=meaning)
    spec = TextSpec
    text.add_argument(
        "--vocab-size",
        type=_read_vocab_size,
        metavar="N",
        default=spec.vocab_size,
        help=f"pieces in each model; {AUTO}: {VOCAB_SIZE}, or fewer if the text gives fewer ({spec.vocab_size})",
    )
    text.add_argument("--joined", action="store_true", help="one model and dictionary for both languages")
    text.add_argument(
        "--model-type",
        choices=MODEL_TYPES,
        default=spec.model_type,
        help=f"kind of pieces; unigram, bpe: parts of words; char: letters; word: whole words ({spec.model_type})",
    )
    text.add_argument(
        "--character-coverage",
        type=float,
        metavar="SHARE",
        default=spec.character_coverage,
        help=f"share of the text's characters that the model must have ({spec.character_coverage})",
    )
    text.add_argument(
        "--spm-option",
        action="append",
        metavar="KEY=VALUE",
        help="any other option of spm_train; can be repeated (none)",
    )
    for option in ("source-model", "target-model", "model"):
        text.add_argument(f"--{option}", type=Path, metavar="FILE", help="a sentencepiece model made before (none)")
    text.add_argument(
        "--on-bad", choices=ON_BAD, default=spec.on_bad, help=f"bad lines: stop, or leave the pair out ({spec.on_bad})"
    )
    text.add_argument(
        "--seed",
        type=int,
        metavar="N",
        default=spec.seed,
        help=f"of the sentences that --spm-option input_sentence_size=N chooses ({spec.seed})",
    )
    text.add_argument("--overwrite", action="store_true", help="replace the dataset in DESTDIR")
    text.set_defaults(run=_run)


def _read_vocab_size(value: str) -> int | None:
    try:
        return None if value == AUTO else int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number or {AUTO}, but is {value!r}") from None


def _run(arguments: argparse.Namespace) -> int:
    spec = _read_spec(arguments)
    try:  # only this route needs it, and it takes time to load
        from data_gen.text.dataset import PASSES, input_files, make_text_dataset
    except ModuleNotFoundError as error:
        if error.name != "sentencepiece":
            raise
        raise UserError("sentencepiece is not installed: run `pip install sentencepiece`") from error
    paths = [path for files in input_files(spec).values() for path in files if path is not None]
    size = PASSES * sum(path.stat().st_size for path in paths)
    with progress_on_stderr(size, "bytes") as progress:
        manifest = make_text_dataset(spec, arguments.destdir, overwrite=arguments.overwrite, progress=progress)
    for warning in _warnings(manifest):
        print(f"data_gen: warning: {warning}", file=sys.stderr)
    print(_summary(arguments.destdir, manifest))
    return 0


def _read_spec(arguments: argparse.Namespace) -> TextSpec:
    options = [option.partition("=") for option in arguments.spm_option or []]
    for key, equals, value in options:
        if not key or not equals:
            raise UserError(f"--spm-option must be KEY=VALUE, but is {key + equals + value!r}")
    if arguments.model is not None and (arguments.source_model or arguments.target_model):
        raise UserError("--model serves both sides: leave out --source-model and --target-model")
    one_model = arguments.model is not None or arguments.joined or arguments.target_lang is None
    if one_model and (arguments.source_model or arguments.target_model):
        raise UserError("one model serves both sides here: give it with --model")
    return TextSpec(
        source_lang=arguments.source_lang,
        target_lang=arguments.target_lang,
        train=arguments.trainpref,
        valid=_split_prefixes("validpref", arguments.validpref),
        test=_split_prefixes("testpref", arguments.testpref),
        vocab_size=arguments.vocab_size,
        joined=one_model,
        model_type=arguments.model_type,
        character_coverage=arguments.character_coverage,
        spm_options=tuple((key, value) for key, _, value in options),
        source_model=arguments.model or arguments.source_model,
        target_model=arguments.target_model,
        on_bad=arguments.on_bad,
        seed=arguments.seed,
    )


def _split_prefixes(option: str, value: str | None) -> tuple[str, ...]:
    prefixes = tuple(value.split(",")) if value is not None else ()
    if "" in prefixes:
        raise UserError(f"--{option} must be names joined by commas, but is {value!r}")
    return prefixes


def _warnings(manifest: "TextManifest") -> list[str]:
    """Lines about text that is not in the data as it was in the files."""
    from data_gen.text.dataset import describe_faults

    found = []
    if not manifest.spec.valid:
        found.append("there is no valid part, which fairseq-train needs: give --validpref")
    for file, lines in manifest.not_trained_on.items():
        found.append(
            f"sentencepiece did not train on lines of {file!r} that are too long for it or contain U+2585: "
            f"{lines.count} ({lines}); they are in the data"
        )
    if manifest.byte_pieces:
        found.append("the model falls back to bytes, and fairseq cannot turn pieces like <0xE1> back into text")
    for split, summary in manifest.splits.items():
        if left_out := summary.lines - summary.sequences:
            reasons = "; ".join(
                f"{side.file!r}: {describe_faults(side.bad_lines)}" for side in summary.sides if side.bad_lines
            )
            found.append(f"left out {left_out} of {summary.lines} {split} sequences: {reasons}")
        for side in summary.sides:
            if side.unknown_pieces:
                found.append(
                    f"{side.unknown_pieces} of {side.pieces} pieces of {side.file!r} are <unk> ({side.unknown_lines})"
                )
    return found


def _summary(destdir: str, manifest: "TextManifest") -> str:
    sequences = ", ".join(f"{summary.sequences} {split}" for split, summary in manifest.splits.items())
    sizes = list(manifest.dictionary_sizes.values())
    dictionaries = (
        f"dictionary of {sizes[0]}" if manifest.spec.one_model else f"dictionaries of {sizes[0]} and {sizes[1]}"
    )
    size = sum(path.stat().st_size for path in Path(destdir).iterdir())
    return f"wrote {destdir!r}: {sequences} sequences, {dictionaries}, {size} bytes"
