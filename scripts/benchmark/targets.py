"""What is compared with what, and what the project aims at."""

from typing import NamedTuple

from scripts.benchmark.precision import PRECISIONS

TEXTBOOK, NAIVE, FUSED = "textbook loop", "naive", "fused"
TEXTBOOK_UPDATE = "textbook, cross-entropy, Adam"
NAIVE_UPDATE = "naive, cross_entropy, Adam"
FUSED_UPDATE = "fused, chunked_cross_entropy, fused_adamw"
LSTM, OURS, PLAIN = "fairseq `--arch lstm`", "`gru_attention`", "plain PyTorch program"
STEP, STEP_AND_OUTPUT = "textbook step", "textbook step + output layer"
DATA_GEN, PREPROCESS, PREPROCESS_2 = "`data_gen`", "fairseq-preprocess", "fairseq-preprocess, 2 workers"
SPM_ENCODE = "spm_encode in Python, fairseq-preprocess"
SPM_ENCODE_2 = f"{SPM_ENCODE}, 2 workers"
GENERATE, EXTRACT = "fairseq-generate", "extraction, `.npz` written"
TIMES = 50
FEW, MANY = "extraction, few sentences", f"extraction, {TIMES} times as many"
OUR_STEP, OUR_STEP_AND_OUTPUT = "decoder step", "decoder step + output layer"


class Comparison(NamedTuple):
    """A variant and what it is compared with.

    :param target: ratio to reach where oneDNN products are reachable; None where none is set.
    :param target_without: the same without them.
    """

    row: str
    setting: str
    variant: str
    baseline: str
    target: float | None = None
    target_without: float | None = None


COMPARISONS = (
    *(Comparison("core", setting, NAIVE, TEXTBOOK) for setting in ("tiny", "mid", "large")),
    Comparison("core", "tiny", FUSED, TEXTBOOK, 2.0, 1.9),
    Comparison("core", "mid", FUSED, TEXTBOOK, 4.5, 3.5),
    Comparison("core", "large", FUSED, TEXTBOOK, 10.0, 6.0),
    Comparison("memory", "mid", FUSED, TEXTBOOK),
    Comparison("memory", "large", FUSED, TEXTBOOK, 0.45, 0.45),
    *(Comparison("update", setting, NAIVE_UPDATE, TEXTBOOK_UPDATE) for setting in ("tiny", "mid")),
    Comparison("update", "tiny", FUSED_UPDATE, TEXTBOOK_UPDATE),
    Comparison("update", "mid", FUSED_UPDATE, TEXTBOOK_UPDATE, 3.0, 2.2),
    Comparison("train", "tiny", OURS, LSTM, 1.6, 1.6),
    Comparison("train", "tiny", OURS, PLAIN, 1.0, 1.0),
    Comparison("train", "mid", OURS, LSTM, 2.0, 2.0),
    Comparison("train", "large", OURS, LSTM),
    Comparison("decode", "mid", OUR_STEP, STEP, 4.0, 4.0),
    Comparison("decode", "mid", OUR_STEP_AND_OUTPUT, STEP_AND_OUTPUT),
    *(Comparison("generate", "mid", f"{OURS}, beam {beam}", f"{LSTM}, beam {beam}", 1.5, 1.5) for beam in (5, 2, 1)),
    *(
        Comparison("extract", setting, f"{EXTRACT}, beam {beam}", f"{GENERATE}, beam {beam}", 0.8, 0.8)
        for setting in ("tiny", "mid")
        for beam in (5, 2, 1)
    ),
    Comparison("extract_memory", "tiny", MANY, FEW, 1.2, 1.2),
    Comparison("data", "tiny", DATA_GEN, PREPROCESS, 100.0, 100.0),
    Comparison("data", "tiny", DATA_GEN, PREPROCESS_2),
    Comparison("text", "mid", DATA_GEN, SPM_ENCODE, 3.0, 3.0),
    Comparison("text", "mid", DATA_GEN, SPM_ENCODE_2),
)


def comparisons(row: str, setting: str, variant: str) -> list[Comparison]:
    """All comparisons of one measured variant. A precision after the name (``fused, bf16``) has no target."""
    found = [each for each in COMPARISONS if each[:3] == (row, setting, variant)]
    name, comma, precision = variant.rpartition(", ")
    if comma and precision in PRECISIONS:
        found += [
            each._replace(variant=variant, baseline=f"{each.baseline}, {precision}", target=None, target_without=None)
            for each in COMPARISONS
            if each[:3] == (row, setting, name)
        ]
    return found
