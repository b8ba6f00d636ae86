"""Make a page to look at attention with: one HTML file, for any browser, without a network.

    python scripts/view_attention.py attention.npz --output attention.html

Reads what extract_attention.py writes.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from data_gen.errors import ArgumentParser, UserError, run_command
from data_gen.files import whole_file
from fairseq_plugin.analysis.formats import iterate_records
from fairseq_plugin.analysis.viewer import write_page
from fairseq_plugin.commands import HYPOTHESES, counted, program_name, typed

NAME = program_name("view_attention")
ENDINGS = (".html", ".htm")


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(prog=typed(NAME), description="Make one HTML file that shows attention in a browser.")
    options.add_argument("attention", type=Path, help="attention file from extract_attention.py: .npz, .jsonl, ...")
    options.add_argument("-o", "--output", type=Path, required=True, help="page to write: .html")
    options.add_argument("--limit", type=int, help="hypotheses to show, the first in the file (default: all)")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if the page cannot be written."""
    return run_command(NAME, lambda: view(parser().parse_args(argv)))


def view(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    if options.output.suffix.lower() not in ENDINGS:
        raise UserError(f"page {str(options.output)!r} must end in {' or '.join(ENDINGS)}")
    if options.limit is not None and options.limit < 1:
        raise UserError(f"--limit must be at least 1, but is {options.limit}")
    total = sum(1 for _ in iterate_records(options.attention))  # the page begins with it
    if not total:
        raise UserError(f"{str(options.attention)!r} holds no sentence: extract attention again")
    shown = total if options.limit is None else min(options.limit, total)
    with whole_file(options.output) as stream:
        records = islice(iterate_records(options.attention), shown)
        progress = tqdm(records, desc="view", unit="sentence", total=shown, disable=None)
        try:
            write_page(progress, options.attention.name, total, stream)
        except UserError as error:
            raise UserError(f"{str(options.attention)!r}: {error}") from None
    count = counted(total, *HYPOTHESES)
    if shown < total:
        count = f"the first {shown} of {count}"
    print(f"{count} written to {options.output} ({options.output.stat().st_size / 1e3:,.0f} kB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
