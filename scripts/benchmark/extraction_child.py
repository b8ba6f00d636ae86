"""A process that extracts attention into a file.

It prints how many sentences it did a second, loading not counted, and its peak memory in MB.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fairseq_plugin.analysis.extraction import decoded, generation_config, load
from fairseq_plugin.analysis.formats import write_records
from scripts.benchmark.memory_child import peak
from scripts.common import run


class Extraction(NamedTuple):
    """What such a process prints."""

    sentences_per_second: float
    megabytes: float


def extract_in_a_child(output: Path, words: Sequence[str], threads: int) -> Extraction:
    """:param words: arguments of fairseq-generate."""
    said = run(["scripts.benchmark.extraction_child", str(output), *words], threads=threads)
    return Extraction(*map(float, said.splitlines()[-1].split()))


def main(argv: Sequence[str]) -> int:
    """:param argv: the file to write, and the arguments of fairseq-generate."""
    output = Path(argv[0])
    cfg = generation_config(argv[1:])
    loaded = load(cfg)
    start = time.perf_counter()
    with decoded(loaded, cfg, folder=output.parent) as records:
        write_records(records, output)
        print(len(records) / (time.perf_counter() - start), peak())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
