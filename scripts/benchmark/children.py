"""Work that is measured in a process of its own: ``python -m scripts.benchmark.children WORK ARGUMENTS``.

Imports belong to what is measured, so each work has its own.
"""

import json
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from scripts.benchmark.settings import Setting, shrunk
from scripts.common import run

CHILDREN = "scripts.benchmark.children"
PAGE = 4096 / 1e6  # MB; less cannot be seen
LINES_AT_A_TIME = 8_192


def encode(model: str, source: str, target: str) -> None:
    """Write the pieces of each line with spaces between them, as spm_encode does, which may not be installed."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=model)
    with open(source, encoding="utf-8", newline="\n") as lines, open(target, "w", encoding="utf-8") as encoded:
        while batch := [line.rstrip("\n") for line in islice(lines, LINES_AT_A_TIME)]:
            encoded.writelines(f"{' '.join(pieces)}\n" for pieces in processor.encode(batch, out_type=str))


class Extraction(NamedTuple):
    """What :func:`extract` prints. Loading is not counted."""

    sentences_per_second: float
    megabytes: float


def extract_in_a_child(output: Path, words: Sequence[str], threads: int) -> Extraction:
    """:param words: arguments of fairseq-generate."""
    said = run([CHILDREN, "extract", str(output), *words], threads=threads)
    return Extraction(*map(float, said.splitlines()[-1].split()))


def extract(path: str, *words: str) -> None:
    """Extract attention into a file and print the speed, and the peak memory of this process."""
    from fairseq_plugin.analysis.extraction import decoded, generation_config, load
    from fairseq_plugin.analysis.formats import write_records

    output = Path(path)
    cfg = generation_config(words)
    loaded = load(cfg)
    start = time.perf_counter()
    with decoded(loaded, cfg, folder=output.parent) as records:
        write_records(records, output)
        print(len(records) / (time.perf_counter() - start), peak())


def growth_in_a_child(name: str, setting: Setting, threads: int) -> float:
    """MB that one step of the variant needs beyond what is there once everything is built."""
    words = [CHILDREN, "memory", name, json.dumps(asdict(setting))]
    return float(run(words, threads=threads).splitlines()[-1])


def memory(name: str, text: str) -> None:
    """Do one training step of the decoder core and print by how many MB the peak memory grew.

    :param name: of the variant.
    :param text: the setting as JSON.
    """
    from scripts.benchmark.rows.training import CoreInputs, core

    setting = Setting(**json.loads(text))
    step = core(name, setting, CoreInputs.of(setting))
    core(name, shrunk(setting), CoreInputs.of(shrunk(setting)))()  # loads what torch loads at first use
    before = peak()
    step()
    print(max(peak() - before, PAGE))


def peak() -> float:
    """Highest resident memory of this process so far, in MB.

    The kernel's (VmHWM). That of getrusage would start at the peak of the process that started this one.
    """
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii")) if status.exists() else None
    kilobytes = int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * 1024 / 1e6


if __name__ == "__main__":
    WORK: dict[str, Callable[..., None]] = {"encode": encode, "extract": extract, "memory": memory}
    WORK[sys.argv[1]](*sys.argv[2:])
