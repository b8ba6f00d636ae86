"""A process that does one training step of the decoder core and prints by how many MB its peak memory grew.

The peak is the kernel's (VmHWM). That of getrusage would start at the peak of the process that started this one.
"""

import json
import re
import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.benchmark.settings import Setting, shrunk
from scripts.common import run

PAGE = 4096 / 1e6  # less cannot be seen


def growth_in_a_child(name: str, setting: Setting, threads: int) -> float:
    """MB that one step of the variant needs beyond what is there once everything is built."""
    words = ["scripts.benchmark.memory_child", name, json.dumps(asdict(setting))]
    return float(run(words, threads=threads).splitlines()[-1])


def main(argv: Sequence[str]) -> int:
    """:param argv: variant, and the setting as JSON."""
    from scripts.benchmark.rows.core import CoreInputs, core

    name, text = argv
    setting = Setting(**json.loads(text))
    step = core(name, setting, CoreInputs.of(setting))
    core(name, shrunk(setting), CoreInputs.of(shrunk(setting)))()  # loads what torch loads at first use
    before = peak()
    step()
    print(max(peak() - before, PAGE))
    return 0


def peak() -> float:
    """Highest resident memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii")) if status.exists() else None
    kilobytes = int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
