"""Count the parameters of the paper's models, part by part, as a Markdown table.

    python -m scripts.parameter_table --update docs/rnnsearch.md

No memory is taken for them: the models are built on torch's device ``meta``.
"""

import argparse
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

if not __package__:  # run as a file, from any folder: the packages are in the folder above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import scripts  # noqa: F401 - before imports that take seconds

import torch
from fairseq.data import Dictionary

import fairseq_plugin  # noqa: F401  (registers everything)
from data_gen.errors import ArgumentParser, run_command
from fairseq_plugin.models.architectures import rnnencdec, rnnencdec_small, rnnsearch, rnnsearch_small
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from scripts.common import check_section, markdown_table, update_file

NAME = "parameter_table.py"
SECTION = "parameters"
SYMBOLS = 30_000  # K_x = K_y of the paper, appendix A.2.3
ARCHITECTURES = (rnnsearch, rnnencdec, rnnsearch_small, rnnencdec_small)
# What a part is called, and the beginnings of the names of its parameters.
PARTS = {
    "word vectors, both sides": ("encoder.embed_tokens.", "decoder.embed_tokens."),
    "encoder: W, U": ("encoder.gru.",),
    "attention: W_a, U_a, v_a": ("decoder.attention.",),
    "s_0: W_s": ("decoder.initial_state.",),
    "decoder: W, U, C": ("decoder.cell.",),
    "readout: U_o, V_o, C_o": ("decoder.readout.",),
    "output: W_o": ("decoder.output_projection.",),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if the file cannot be written."""
    return run_command(NAME, lambda: write_table(parser().parse_args(argv).update))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = ArgumentParser(
        prog="python -m scripts.parameter_table", description="Count the parameters of the paper's models."
    )
    made.add_argument(
        "--update", type=Path, metavar="FILE", help="write the table into this page, between its parameters markers"
    )
    return made


def write_table(path: Path | None) -> int:
    """Print the table, and write it into a file if one is named.

    :raises UserError: the file cannot be read or written, or lacks the markers.
    """
    check_section(path, SECTION)  # better to fail now than after the counting
    text = table()
    if path is not None:
        update_file(path, SECTION, text)
    print(text)
    return 0


def table() -> str:
    """Parts down, architectures across; the last line is the sum."""
    columns = {each.__name__: counts(each) for each in ARCHITECTURES}
    rows = [[part, *(f"{column[part]:,}" if column[part] else "" for column in columns.values())] for part in PARTS]
    sums = ["all", *(f"{sum(column.values()):,}" for column in columns.values())]
    return markdown_table(["part", *(f"`{name}`" for name in columns)], [*rows, sums], "l" + "r" * len(columns))


def counts(architecture: Callable[[Namespace], None], symbols: int = SYMBOLS) -> dict[str, int]:
    """Parameters of each part of an architecture, with dictionaries of ``symbols`` symbols on both sides."""
    dictionary = Dictionary()
    for number in range(symbols - len(dictionary)):
        dictionary.add_symbol(str(number))
    options = Namespace()
    architecture(options)
    with torch.device("meta"):
        task = SimpleNamespace(source_dictionary=dictionary, target_dictionary=dictionary)
        model = GRUAttentionModel.build_model(options, task)
    found = dict.fromkeys(PARTS, 0)
    for name, parameter in model.named_parameters():
        (part,) = (part for part, beginnings in PARTS.items() if name.startswith(beginnings))
        found[part] += parameter.numel()
    return found


if __name__ == "__main__":
    sys.exit(main())
