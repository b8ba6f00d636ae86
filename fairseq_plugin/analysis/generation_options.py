"""Options of fairseq-generate: which of them an extraction reads, and with which numbers fairseq can decode."""

import argparse
import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fairseq import options
from fairseq.tasks import TASK_REGISTRY

from data_gen.errors import UserError, failure_from_os_error, refuse_in_one_line
from fairseq_plugin.modules.encoder import UNLIMITED
from fairseq_plugin.tasks.folder import no_split

TASK = "copy"
"""Unless the arguments name another."""

READING = frozenset(
    (
        *("data", "task", "path", "user_dir", "gen_subset", "dataset_impl", "model_overrides", "checkpoint_suffix"),
        *(
            "batch_size",
            "max_tokens",
            "num_workers",
            "required_seq_len_multiple",
            "skip_invalid_size_inputs_valid_test",
        ),
        *("cpu", "fp16", "memory_efficient_fp16", "seed", "retain_dropout", "retain_dropout_modules"),
        *("score_reference", "no_beamable_mm", "no_progress_bar", "quiet"),
    )
)
"""What an extraction does as fairseq-generate does it, whether it decodes or reads references."""

SEARCH = frozenset(
    (
        *("beam", "nbest", "max_len_a", "max_len_b", "min_len", "match_source_len", "no_repeat_ngram_size"),
        *("lenpen", "unkpen", "unnormalized", "temperature", "prefix_size"),
        *("sampling", "sampling_topk", "sampling_topp"),
        *("diverse_beam_groups", "diverse_beam_strength", "diversity_rate"),
    )
)
"""What it does so while it decodes."""

INSTEAD = {
    "bf16": "use --fp16",
    "checkpoint_shard_count": "put the shards together in one checkpoint first",
    "lm_path": "decode with fairseq-generate --print-alignment soft, and name its output NAME.fairseq",
    "post_process": "use --merge of extract_attention.py",
    "print_alignment": "the ending of --output chooses the format",
    "results_path": "use --output",
}
MAX_LENPEN = 50.0  # the length of an output to a higher power leaves the range of float64
MAX_SEED = 4_000_000_000
"""fairseq adds the epoch to a seed, and NumPy takes seeds up to 2^32 - 1."""
FAIRSEQ_SAYS = (
    *("--", "Provided Search parameters", "sentence at index"),
    *("Size of sample", "Must specify batch size", "optimizer is required"),
)
"""How messages of fairseq's begin that are meant for its users."""
NO_LANGUAGES = "Could not infer language pair"
NO_SPLIT = re.compile(r"Dataset not found: (.*?) \((.*)\)")
"""What fairseq's own tasks say of a split and its folder. They do not say what the folder holds."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Arguments of fairseq-generate as fairseq reads them.

    :raises UserError: fairseq-generate has no such option, an option has no effect here, or fairseq cannot decode with
        its value.
    """
    given = vars(options.parse_args_and_arch(_parser(), list(arguments), suppress_defaults=True))
    check_effect(given)
    parsed = options.parse_args_and_arch(_parser(), list(arguments))
    check_seed(parsed.seed)
    check_batches(num_workers=parsed.num_workers, max_tokens=parsed.max_tokens, max_sentences=parsed.batch_size)
    check_generation(parsed)
    return parsed


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = options.get_generation_parser(default_task=TASK)
    parser.set_defaults(num_workers=0)  # a process beside this one would take a dozen open files
    refuse_in_one_line(parser, "fairseq-generate")  # without 150 lines of usage
    return parser


def check_effect(given: Mapping[str, Any]) -> None:
    """Refuse options without effect on an extraction.

    :param given: the options on the command line and their values, those of fairseq and those of its task.
    :raises UserError: naming one.
    """
    of_task = argparse.ArgumentParser(add_help=False)
    TASK_REGISTRY[given.get("task", TASK)].add_args(of_task)
    ours = {action.dest for action in of_task._actions} - {action.dest for action in _parser()._actions}
    validating = {name for name in ours if name.startswith("eval_") or name == "attention_figures"}
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if name in SEARCH and given.get("score_reference"):
            raise UserError(f"{option} has no effect on references, which are read and not searched for: leave it out")
        if name not in READING | SEARCH | (ours - validating) and (name, value) != ("required_batch_size_multiple", 1):
            raise UserError(f"{option} has no effect on an extraction: {INSTEAD.get(name, 'leave it out')}")


def check_path(path: str | None) -> None:
    """Check that a checkpoint is named.

    :raises UserError: if none is.
    """
    if not path:
        raise UserError("no checkpoint given: name one with --path (several with ':' between them)")


def model_overrides(text: str) -> dict[str, Any]:
    """Read ``--model-overrides``: options of the model that take the place of the options in the checkpoint.

    :raises UserError: the text is no dictionary.
    """
    try:
        values = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        values = None
    if not isinstance(values, dict):
        raise UserError(f"--model-overrides must be a Python dictionary, as in \"{{'dropout': 0.1}}\", but is {text!r}")
    return values


def check_seed(seed: int) -> None:
    """Check that NumPy and torch take a seed.

    :raises UserError: if they do not.
    """
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"--seed must be from 0 to {MAX_SEED}, but is {seed}")


def check_batches(
    *,
    num_workers: int = 0,
    max_tokens: int | None = None,
    max_sentences: int | None = None,
    required_batch_size_multiple: int = 1,
    **_: Any,
) -> None:
    """Check numbers that shape batches.

    :raises UserError: if there can be no such batches, naming the option.
    """
    for option, value, least in (
        ("--num-workers", num_workers, 0),
        ("--max-tokens", max_tokens, 1),
        ("--batch-size", max_sentences, 1),
        ("--required-batch-size-multiple", required_batch_size_multiple, 1),
    ):
        if value is not None and not least <= value <= UNLIMITED:
            raise UserError(f"{option} must be from {least} to {UNLIMITED}, but is {value}")


def check_generation(args: Any) -> None:
    """Refuse numbers on which fairseq's generator fails, or which make no score comparable.

    :param args: options of a generation; a missing option has fairseq's default.
    :raises UserError: naming the option, its value and what is allowed.
    """

    def value_of(name: str, default: float) -> Any:
        value = getattr(args, name, None)
        return default if value is None else value

    def require(name: str, right: bool, what: str) -> None:
        if not right:
            raise UserError(f"--{name.replace('_', '-')} must be {what}, but is {getattr(args, name)}")

    beam = value_of("beam", 5)
    for name in ("beam", "nbest"):
        require(name, value_of(name, 1) >= 1, "at least 1")
    require("nbest", value_of("nbest", 1) <= beam, f"at most --beam {beam}")
    require("temperature", 0 < value_of("temperature", 1.0) < math.inf, "a number above 0")
    require("lenpen", abs(value_of("lenpen", 1.0)) <= MAX_LENPEN, f"from -{MAX_LENPEN:g} to {MAX_LENPEN:g}")
    require("unkpen", value_of("unkpen", 0.0) > -math.inf, "a number")
    require("sampling_topp", value_of("sampling_topp", -1.0) <= 1, "at most 1")
    for name in ("max_len_a", "diverse_beam_strength", "diversity_rate"):
        require(name, math.isfinite(value_of(name, 0.0)), "a number")
    groups = value_of("diverse_beam_groups", -1)
    require("diverse_beam_groups", groups < 1 or beam % groups == 0, f"a divisor of --beam {beam}")


@contextmanager
def decoding(generator: Any, sample: Mapping[str, Any]) -> Iterator[None]:
    """While fairseq decodes a batch, say what it lacks.

    :raises UserError: an output could not be as long as ``--min-len`` wants it, or more candidates are asked for than
        there are symbols.
    """
    if hasattr(generator, "max_len_a") and not generator.match_source_len:
        _check_room(generator, sample["net_input"]["src_tokens"].size(1))
    try:
        yield
    except RuntimeError as error:
        if "selected index k out of range" not in str(error):
            raise
        raise UserError(
            f"the target dictionary has {generator.vocab_size} symbols, fewer than --beam or --sampling-topk ask for: "
            "lower them"
        ) from error


def _check_room(generator: Any, length: int) -> None:
    longest = min(int(generator.max_len_a * length + generator.max_len_b), generator.max_len - 1)
    if longest < generator.min_len:
        raise UserError(
            f"--min-len {generator.min_len} is more than an output may have: {longest} tokens (--max-len-a "
            f"{generator.max_len_a:g}, --max-len-b {generator.max_len_b}, a source of {length} tokens)"
        )


@contextmanager
def fairseq_refusals() -> Iterator[None]:
    """Pass on as UserError what fairseq says to the user in exceptions of Python's.

    :raises UserError: fairseq refuses options or data.
    """
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split())
        if isinstance(error, FileNotFoundError) and error.filename is not None:
            raise failure_from_os_error("read", error) from error
        if (missing := NO_SPLIT.fullmatch(str(error))) is not None:
            raise no_split(missing[2], missing[1]) from error
        if said.startswith(NO_LANGUAGES):
            raise UserError(
                "no data of two languages in the data folder: name another folder, or give --source-lang and "
                "--target-lang"
            ) from error
        if isinstance(error, UserError) or not said.startswith(FAIRSEQ_SAYS):
            raise
        raise UserError(said) from error
