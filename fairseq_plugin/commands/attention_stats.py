"""Measure attention: how diagonal, monotonic, sharp and covering it is, and how far from gold alignments.

    python scripts/attention_stats.py attention.npz --by-length --json stats.json

Reads what extract_attention.py writes. Prints a table over the best hypotheses (rank 0); the .json file also has every
hypothesis. The measures, and how they treat ``</s>``, are defined in fairseq_plugin/analysis/measures.py: a mean
counts every token, step, source token or link the same, not every sentence.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from data_gen.errors import ArgumentParser, UserError, run_command
from data_gen.files import require_not_read, whole_file
from fairseq_plugin.analysis.formats import iterate_records
from fairseq_plugin.analysis.measures import EXPECTED, GoldAlignment, Tally, check_weights, measure, pool, read_gold
from fairseq_plugin.analysis.records import END, AttentionRecord, token_positions
from fairseq_plugin.commands import program_name, typed

NAME = program_name("attention_stats")


class Measured(NamedTuple):
    """One hypothesis, measured; its length is that of the source without ``</s>``."""

    id: int
    rank: int
    length: int
    tallies: dict[str, Tally]


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    options = ArgumentParser(
        prog=typed(NAME),
        description="Measure attention: diagonal, monotonicity, entropy, coverage, alignment error rate.",
    )
    options.add_argument("attention", type=Path, help="attention file from extract_attention.py: .npz, .jsonl, ...")
    options.add_argument(
        "--gold",
        type=Path,
        help="gold alignments, one line per sentence: i-j for sure links, ipj or i?j for possible links",
    )
    options.add_argument(
        "--gold-first", type=int, choices=(0, 1), default=0, help="number of the first word in --gold (default: 0)"
    )
    options.add_argument("--by-length", action="store_true", help="one more line of the table for each source length")
    options.add_argument("--json", type=Path, help="file to write: the whole set, each source length, each hypothesis")
    options.add_argument(
        "--task-map", choices=EXPECTED, default="copy", help="where diagonal expects a token (default: %(default)s)"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, 2 after wrong use, 1 if a file cannot be read or written."""
    return run_command(NAME, lambda: measure_file(parser().parse_args(argv)))


def measure_file(options: argparse.Namespace) -> int:
    """Do what the options of :func:`parser` say."""
    if options.json is not None:
        require_not_read("--json", options.json, filter(None, (options.attention, options.gold)))
    if options.gold_first and options.gold is None:
        raise UserError(f"--gold-first {options.gold_first} without --gold, which it belongs to: leave it out")
    gold = None
    if options.gold is not None:
        gold = read_gold(options.gold, first=options.gold_first)
        check_lines((record.id for record in iterate_records(options.attention)), len(gold), options.gold)
    measured = []
    for record in tqdm(iterate_records(options.attention), desc="measure", unit="sentence", disable=None):
        try:
            measured.append(measure_record(record, options.task_map, None if gold is None else gold[record.id]))
        except UserError as error:
            raise UserError(f"{str(options.attention)!r}: {error}") from None
    if not any(each.rank == 0 for each in measured):
        raise UserError(f"{str(options.attention)!r} holds no sentence with rank 0: extract attention again")
    if options.json is not None:
        report = {"attention": str(options.attention), "task_map": options.task_map}
        report["gold"] = None if options.gold is None else str(options.gold)
        text = json.dumps(report | as_json(measured), indent=1, allow_nan=False)
        with whole_file(options.json) as stream:
            stream.write(text.encode() + b"\n")
    print(table(measured, by_length=options.by_length))
    return 0


def check_lines(sentences: Iterable[int], lines: int, path: Path) -> None:
    """Check that the gold alignments have a line for each sentence, which are numbered from 0.

    :raises UserError: if they belong to other data.
    """
    ids = sorted(set(sentences))
    if ids != list(range(lines)):
        numbered = f" with ids {ids[0]} to {ids[-1]}" if ids else ""
        raise UserError(
            f"{str(path)!r} has {lines} lines for {len(ids)} sentences{numbered}:"
            " give one line a sentence, in the order of the corpus, and attention of the whole corpus"
        )


def measure_record(record: AttentionRecord, task_map: str, gold: GoldAlignment | None) -> Measured:
    """Measure one hypothesis.

    :raises UserError: if its rows are no distributions or the gold alignment does not belong to it.
    """
    check_weights(record)
    if gold is not None:
        check_gold(record, gold)
    return Measured(record.id, record.rank, len(token_positions(record.source)), measure(record, task_map, gold))


def check_gold(record: AttentionRecord, gold: GoldAlignment) -> None:
    """Check that a gold alignment fits: it tells about the reference, so the target must be the reference.

    :raises UserError: if the target is another, or a link leaves the sentence.
    """
    where = f"sentence {record.id}, rank {record.rank}"
    source, target = (sum(token != END for token in tokens) for tokens in (record.source, record.target))
    if record.reference is not None and _without_end(record.reference) != _without_end(record.target):
        raise UserError(
            f"{where}: gold alignments are of the reference, but this target is another: extract with --forced"
        )
    for i, j in sorted(gold.possible):
        if i >= source or j >= target:
            raise UserError(
                f"{where}: gold link {i}-{j} (counted from 0) is outside of {source} source and {target} target tokens"
                f" without {END}: is it of other data, of words instead of pieces, or counted from 1 (--gold-first 1)?"
            )


def _without_end(tokens: Sequence[str]) -> list[str]:
    return [token for token in tokens if token != END]


def summary(measured: Iterable[Measured]) -> tuple[int, dict[str, Tally]]:
    """How many hypotheses there are, and their measures pooled."""
    kept = [each.tallies for each in measured]
    return len(kept), {name: pool(tallies[name] for tallies in kept) for name in kept[0]}


def groups_of_length(measured: Iterable[Measured]) -> dict[int, list[Measured]]:
    """The best hypotheses by the length of their source, which rises."""
    groups: dict[int, list[Measured]] = defaultdict(list)
    for each in measured:
        if each.rank == 0:
            groups[each.length].append(each)
    return dict(sorted(groups.items()))


def as_json(measured: Sequence[Measured]) -> dict[str, Any]:
    """``set`` and ``by_length`` over the best hypotheses; ``records`` one by one. A mean over nothing is null."""

    def pooled(group: Iterable[Measured]) -> dict[str, Any]:
        count, tallies = summary(group)
        return {"sentences": count} | _means(tallies)

    return {
        "set": pooled(each for each in measured if each.rank == 0),
        "by_length": [{"length": length} | pooled(group) for length, group in groups_of_length(measured).items()],
        "records": [
            {"id": each.id, "rank": each.rank, "length": each.length} | _means(each.tallies) for each in measured
        ],
    }


def _means(tallies: Mapping[str, Tally]) -> dict[str, Any]:
    return {name: {"mean": tally.mean, "count": tally.count} for name, tally in tallies.items()}


def table(measured: Sequence[Measured], *, by_length: bool = False) -> str:
    """The best hypotheses as lines of aligned columns: all of them, and each source length on request."""
    groups = {"all": [each for each in measured if each.rank == 0]}
    if by_length:
        groups |= {str(length): group for length, group in groups_of_length(measured).items()}
    rows = [["length", "sentences", *measured[0].tallies]]
    for name, group in groups.items():
        count, tallies = summary(group)
        means = ["-" if tally.mean is None else f"{tally.mean:.4f}" for tally in tallies.values()]
        rows.append([name, str(count), *means])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
