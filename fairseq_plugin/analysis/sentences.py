"""Sentences of the user in place of a split: from the command line, from a file or from standard input.

Raw text is cut into pieces if a sentencepiece model lies beside the data or beside the checkpoint, as
``from_pretrained`` does. Otherwise tokens are separated by spaces. A token that the dictionary lacks is read as
``<unk>`` and shown as it was typed.
"""

import argparse
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from fairseq import utils
from fairseq.data import FairseqDataset
from fairseq.tasks import FairseqTask

from data_gen.errors import UserError, failure_from_os_error, listed
from data_gen.text.corpus import lines_of
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.models.translation_hub import (
    SentencePieces,
    refuse_empty,
    sentence_pieces,
    warn_of_unknown,
    with_typed_tokens,
)

STANDARD_INPUT = "-"


def add_options(options: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """Add ``--text`` and ``--input``. :returns: their group."""
    group = options.add_argument_group("your own sentences, in place of a split of the dataset")
    own = group.add_mutually_exclusive_group()
    own.add_argument(
        "--text",
        action="append",
        metavar="SENTENCE",
        help="your own sentence, tokens separated by spaces; can be repeated",
    )
    own.add_argument(
        "--input", metavar="FILE", help="a file of your own sentences, one per line; - reads standard input"
    )
    return group


def given(options: argparse.Namespace) -> list[str] | None:
    """Read the sentences that the options of :func:`add_options` name.

    :returns: None if the options name none.
    :raises UserError: the file cannot be read, is no text, has no line or has an empty line.
    """
    if options.input is None:
        return options.text
    try:
        content = sys.stdin.buffer.read() if options.input == STANDARD_INPUT else Path(options.input).read_bytes()
        read = lines_of(BytesIO(content.removeprefix(BOM_UTF8)))
        lines = [line.removesuffix(b"\n").removesuffix(b"\r").decode() for line in read]
    except OSError as error:
        raise failure_from_os_error("read", error) from None
    except UnicodeDecodeError:
        raise UserError(f"--input {options.input} is not UTF-8 text: save it as UTF-8") from None
    except UserError as error:
        raise UserError(f"--input {options.input}: {error}") from None
    if not lines:
        raise UserError(f"--input {options.input} has no sentence: write one a line")
    empty = [number for number, line in enumerate(lines, 1) if not line.strip()]
    if empty:
        raise UserError(
            f"--input {options.input} has empty lines: {listed(empty)}; write a sentence there, or remove them"
        )
    return lines


def dataset_of(sentences: Sequence[str], checkpoint: str) -> Callable[[FairseqTask], FairseqDataset]:
    """Make a dataset without references, once the task is there.

    :param checkpoint: path of the model; a sentencepiece model may lie in its folder.
    :returns: what makes the dataset. It warns of tokens that the dictionary lacks, and raises a UserError if a sentence
        is empty.
    """

    def make(task: FairseqTask) -> FairseqDataset:
        pieces = _pieces(task, checkpoint)
        encoded = [sentence if pieces is None else pieces.encode(sentence) for sentence in sentences]
        refuse_empty(encoded)
        warn_of_unknown(sentences, pieces, task.source_dictionary)
        tokens, lengths = task.get_interactive_tokens_and_lengths(encoded, lambda sentence: sentence)
        return task.build_dataset_for_inference(tokens, lengths)

    return make


def as_typed(
    sentences: Sequence[str], checkpoint: str, task: FairseqTask
) -> Callable[[AttentionRecord], AttentionRecord]:
    """Make what puts the user's own tokens into the source of a record, where the model read ``<unk>``.

    :param checkpoint: as for :func:`dataset_of`.
    """
    pieces = _pieces(task, checkpoint)
    return lambda record: with_typed_tokens(record, sentences[record.id], pieces, task.source_dictionary)


def _pieces(task: FairseqTask, checkpoint: str) -> SentencePieces | None:
    """The sentencepiece model beside the data, or beside the first checkpoint."""
    return sentence_pieces(task, Path(utils.split_paths(checkpoint)[0]).parent)
