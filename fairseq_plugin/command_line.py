"""One line where fairseq's commands refuse an option, or would lose sentences in silence.

fairseq prints 140 lines of usage before the error of a wrong word, and ends with an assertion or another exception and
its traceback where options do not suit one another. Every command that decodes or trains reads its words with one
function of fairseq, which is wrapped here. In any other program, this function does what it always did.
"""

import argparse
import functools
import logging
from pathlib import Path
from typing import Any

from fairseq import options

from data_gen.errors import UserError, refuse_in_one_line
from fairseq_plugin.analysis.generation_options import (
    check_batches,
    check_generation,
    check_path,
    check_seed,
    model_overrides,
)
from fairseq_plugin.commands import running_program
from fairseq_plugin.program import reports_user_errors

logger = logging.getLogger(__name__)

FP16_AND_BF16 = "Cannot combine --fp16 and --tpu"  # fairseq takes --bf16 for --tpu


def explain_wrong_words() -> None:
    """Wrap fairseq's function, once."""
    read = options.parse_args_and_arch
    if hasattr(read, "__wrapped__"):
        return

    @functools.wraps(read)
    @reports_user_errors
    def wrapper(parser: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> Any:
        program = running_program()
        if program is None or not program.of_fairseq:
            return read(parser, *args, **kwargs)
        refuse_in_one_line(parser, program.name)
        try:
            found = read(parser, *args, **kwargs)
        except RuntimeError as error:
            if error.args:
                raise
            raise UserError("no architecture given: name one with --arch, such as gru_attention") from error
        except ValueError as error:
            if not str(error).startswith(FP16_AND_BF16):
                raise
            raise UserError("--fp16 and --bf16 exclude one another: leave one of them out") from error
        if not kwargs.get("suppress_defaults"):  # fairseq-validate asks once more for what was typed alone
            check_words(found)
            warn_of_lost_sentences(found)
        return found

    options.parse_args_and_arch = wrapper


def check_words(args: argparse.Namespace) -> None:
    """Refuse what fairseq's commands would end at with a traceback, before they call a task.

    :param args: options of a command; each command has some of them.
    :raises UserError: naming the options.
    """
    given = vars(args)
    check_seed(args.seed)
    check_batches(
        num_workers=given.get("num_workers", 0),
        max_tokens=given.get("max_tokens"),
        max_sentences=given.get("batch_size"),
        required_batch_size_multiple=given.get("required_batch_size_multiple", 1),
    )
    if given.get("log_interval") == 0:
        raise UserError("--log-interval must be at least 1, but is 0")
    if given.get("fp16") and given.get("amp"):
        raise UserError("--fp16 and --amp exclude one another: leave one of them out")
    if "max_update" in given:  # fairseq-train
        if args.max_tokens is None and args.batch_size is None:
            raise UserError("no batch size given: add --batch-size or --max-tokens")
        if min(args.lr) < 0:
            raise UserError(f"--lr must be at least 0, but is {min(args.lr):g}")
    if "path" in given:
        check_path(args.path)
        model_overrides(given.get("model_overrides", "{}"))
    if "beam" not in given:
        return
    check_generation(args)
    if args.sampling and args.nbest != args.beam:
        raise UserError(f"--sampling needs --nbest equal to --beam {args.beam}, but --nbest is {args.nbest}")
    if "buffer_size" in given:  # fairseq-interactive
        if (args.batch_size or 0) > max(args.buffer_size, 1):
            raise UserError(f"--batch-size must be at most --buffer-size {args.buffer_size}, but is {args.batch_size}")
        if args.input != "-" and (not Path(args.input).exists() or Path(args.input).is_dir()):
            raise UserError(f"--input {args.input!r} is no file: name a file with one sentence a line")
    elif given.get("replace_unk") is not None and args.dataset_impl != "raw":
        raise UserError("--replace-unk needs text in the data folder: add --dataset-impl raw")


def warn_of_lost_sentences(args: argparse.Namespace) -> None:
    """Tell what fairseq does not: its batches may lack the last sentences of a split.

    The task copy keeps them (``tasks/datasets.py``), and fairseq-interactive reads all that it is given.

    :param args: options of a command; each command has some of them.
    """
    multiple = getattr(args, "required_batch_size_multiple", 1)
    if multiple > 1 and args.task != "copy" and not hasattr(args, "buffer_size"):
        logger.warning(
            "fairseq leaves out the last batch of a split if its size is no multiple of %d: "
            "add --required-batch-size-multiple 1 to keep all sentences",
            multiple,
        )
