"""Peak memory of one training step of the decoder core, each in a process of its own."""

from scripts.benchmark.measurement import MEGABYTES, Circumstances, Measurement
from scripts.benchmark.memory_child import growth_in_a_child
from scripts.benchmark.settings import Setting
from scripts.benchmark.targets import FUSED, TEXTBOOK


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Textbook and fused; once each, since memory hardly varies."""
    return [
        Measurement(
            "memory",
            setting.name,
            name,
            circumstances.threads,
            MEGABYTES,
            (growth_in_a_child(name, setting, circumstances.threads),),
        )
        for name in (TEXTBOOK, FUSED)
    ]
