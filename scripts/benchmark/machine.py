"""What the figures depend on."""

import os
import platform
import re
from datetime import date
from pathlib import Path
from typing import Any

import fairseq
import torch

from fairseq_plugin.modules.products import onednn_reachable


def describe_machine(device: str) -> dict[str, Any]:
    """Processor, versions and date."""
    return {
        "processor": torch.cuda.get_device_name() if device == "cuda" else processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "fairseq": fairseq.__version__,
        "onednn": onednn_reachable(),
        "date": date.today().isoformat(),
    }


def processor() -> str:
    """The name of the CPU."""
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", cpuinfo.read_text(encoding="utf-8")) if cpuinfo.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()
