"""Measurements as a Markdown table and as JSON; what is compared with what, and what the project aims at."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, NamedTuple

from scripts.benchmark.measurement import MEGABYTES, PRECISIONS, Measurement
from scripts.benchmark.settings import SETTINGS
from scripts.common import markdown_table

TEXTBOOK, NAIVE, FUSED, NATIVE = "textbook loop", "naive", "fused", "native"
TEXTBOOK_UPDATE = "textbook, cross-entropy, Adam"
NAIVE_UPDATE = "naive, cross_entropy, Adam"
FUSED_UPDATE = "fused, chunked_cross_entropy, fused_adamw"
NATIVE_UPDATE = "native, chunked_cross_entropy, fused_adamw"
LSTM, OURS, PLAIN = "fairseq `--arch lstm`", "`gru_attention`", "plain PyTorch program"
STEP, STEP_AND_OUTPUT = "textbook step", "textbook step + output layer"
DATA_GEN, PREPROCESS, PREPROCESS_2 = "`data_gen`", "fairseq-preprocess", "fairseq-preprocess, 2 workers"
SPM_ENCODE = "spm_encode in Python, fairseq-preprocess"
SPM_ENCODE_2 = f"{SPM_ENCODE}, 2 workers"
GENERATE, EXTRACT = "fairseq-generate", "extraction, `.npz` written"
TIMES = 50
FEW, MANY = "extraction, few sentences", f"extraction, {TIMES} times as many"
OUR_STEP, OUR_STEP_AND_OUTPUT = "decoder step", "decoder step + output layer"


def medium(variant: str) -> str:
    """The name of a variant that computes large products in bfloat16."""
    return f"{variant}, medium"


class Comparison(NamedTuple):
    """A variant and what it is compared with. :param aim: ratio to reach; None where none is set."""

    row: str
    setting: str
    variant: str
    baseline: str
    aim: float | None = None


COMPARISONS = (
    *(Comparison("core", setting, way, TEXTBOOK) for setting in ("tiny", "mid", "large") for way in (NAIVE, FUSED)),
    Comparison("core", "tiny", NATIVE, TEXTBOOK, 2.8),
    Comparison("core", "mid", NATIVE, TEXTBOOK, 4.0),
    Comparison("core", "large", NATIVE, TEXTBOOK, 7.5),
    *(Comparison("memory", "mid", way, TEXTBOOK) for way in (FUSED, NATIVE)),
    *(Comparison("memory", "large", way, TEXTBOOK, 0.3) for way in (FUSED, NATIVE)),
    *(
        Comparison("update", setting, way, TEXTBOOK_UPDATE)
        for setting in ("tiny", "mid")
        for way in (NAIVE_UPDATE, FUSED_UPDATE, NATIVE_UPDATE)
    ),
    Comparison("update", "mid", medium(FUSED_UPDATE), FUSED_UPDATE),
    Comparison("update", "mid", medium(NATIVE_UPDATE), NATIVE_UPDATE, 1.7),
    Comparison("train", "tiny", OURS, LSTM, 1.4),
    Comparison("train", "tiny", OURS, PLAIN, 1.4),
    Comparison("train", "mid", OURS, LSTM, 1.5),
    Comparison("train", "mid", medium(OURS), LSTM, 2.4),
    Comparison("train", "large", OURS, LSTM),
    Comparison("decode", "mid", OUR_STEP, STEP),
    Comparison("decode", "mid", OUR_STEP_AND_OUTPUT, STEP_AND_OUTPUT),
    *(
        Comparison("generate", "mid", f"{name}, beam {beam}", f"{LSTM}, beam {beam}", aim)
        for name, beam, aim in (
            *((OURS, 5, 1.7), (OURS, 2, None), (OURS, 1, 1.4)),
            *((medium(OURS), 5, 2.2), (medium(OURS), 1, 1.7)),
        )
    ),
    *(
        Comparison("extract", setting, f"{EXTRACT}, beam {beam}", f"{GENERATE}, beam {beam}", 0.8)
        for setting in ("tiny", "mid")
        for beam in (5, 2, 1)
    ),
    Comparison("extract_memory", "tiny", MANY, FEW, 1.2),
    Comparison("data", "tiny", DATA_GEN, PREPROCESS, 100.0),
    Comparison("data", "tiny", DATA_GEN, PREPROCESS_2),
    Comparison("text", "mid", DATA_GEN, SPM_ENCODE, 3.0),
    Comparison("text", "mid", DATA_GEN, SPM_ENCODE_2),
)
SHARES = {("update", "mid", way): 0.75 for way in (FUSED_UPDATE, NATIVE_UPDATE)}
"""Shares to reach of the rate of the best matrix product."""


# The rows of the README, each with a sentence.
SENTENCES = {
    ("core", "mid", NATIVE, TEXTBOOK): "decoder core (mid), forward and backward, beside a textbook loop",
    ("memory", "large", FUSED, TEXTBOOK): "memory of a training step (large) beside a textbook loop",
    ("train", "tiny", OURS, LSTM): "fairseq-train at the size of the copy task (tiny) beside fairseq's LSTM",
    ("train", "mid", OURS, LSTM): "fairseq-train (mid) beside fairseq's LSTM",
    ("generate", "mid", f"{OURS}, beam 5", f"{LSTM}, beam 5"): "fairseq-generate, beam 5 (mid), beside fairseq's LSTM",
    ("generate", "mid", f"{OURS}, beam 1", f"{LSTM}, beam 1"): "fairseq-generate, greedy (mid), beside fairseq's LSTM",
    ("data", "tiny", DATA_GEN, PREPROCESS): "making copy data beside fairseq-preprocess",
    ("text", "mid", DATA_GEN, SPM_ENCODE): "encoding text beside spm_encode and fairseq-preprocess",
}


def comparisons(row: str, setting: str, variant: str) -> list[Comparison]:
    """All comparisons of one measured variant. One in a precision of a GPU (``fused, bf16``) has no aim."""
    found = [each for each in COMPARISONS if each[:3] == (row, setting, variant)]
    name, comma, precision = variant.rpartition(", ")
    if comma and precision in PRECISIONS:
        found += [
            each._replace(variant=variant, baseline=f"{each.baseline}, {precision}", aim=None)
            for each in COMPARISONS
            if each[:3] == (row, setting, name)
        ]
    return found


HEAD = ("what", "size", "threads", "variant", "median [min, max]", "compared with", "ratio", "aim", "of peak")


def markdown(
    measured: Sequence[Measurement], names: Mapping[str, str], peaks: Mapping[str, float], machine: Mapping[str, Any]
) -> str:
    """The table, with a line on the machine above it and the legend below.

    :param names: row to what it is, for people.
    :param peaks: threads or precision to GFLOP/s of the best matrix product; see :func:`peak_of`.
    """
    lines: list[tuple[str, ...]] = []
    for each in measured:
        found: list[Comparison | None] = [*comparisons(each.row, each.setting, each.variant)]
        lines += [cells(each, comparison, measured, names, peaks) for comparison in found or [None]]
    return f"{describe(machine, peaks)}\n\n{markdown_table(HEAD, lines, 'llrlrlrrr')}\n\n{LEGEND}\n"


def summary(
    measured: Sequence[Measurement], names: Mapping[str, str], peaks: Mapping[str, float], machine: Mapping[str, Any]
) -> str:
    """The ratios of :data:`SENTENCES`, on the fewest threads, met or missed; arguments as for :func:`markdown`."""
    fewest = min(each.threads for each in measured)
    lines: list[tuple[str, ...]] = []
    for each in measured:
        for comparison in comparisons(each.row, each.setting, each.variant):
            sentence = SENTENCES.get(comparison[:4])
            *_, ratio, aim, _ = cells(each, comparison, measured, names, peaks)
            if each.threads == fewest and sentence and ratio:
                lines.append((sentence, ratio, aim))
    return f"{describe(machine, peaks)}\n\n{markdown_table(('what', 'ratio', 'aim'), lines, 'lrr')}\n"


def sizes(measured: Sequence[Measurement]) -> str:
    """What the names of the sizes stand for."""
    names = dict.fromkeys(each.setting for each in measured)
    columns = [SETTINGS[name] for name in SETTINGS if name in names]
    lines = [
        ["sentences a batch", *(f"{setting.batch}" for setting in columns)],
        ["source and target length S, T", *(f"{setting.source}, {setting.target}" for setting in columns)],
        ["embedding E", *(f"{setting.embed}" for setting in columns)],
        ["decoder state H", *(f"{setting.hidden}" for setting in columns)],
        ["attention layer A", *(f"{setting.attention}" for setting in columns)],
        ["encoder directions x units", *(f"{setting.directions} x {setting.encoder_hidden}" for setting in columns)],
        ["symbols V", *(f"{setting.symbols:,}" for setting in columns)],
    ]
    head = ["", *(setting.name for setting in columns)]
    return markdown_table(head, lines, "l" + "r" * len(columns)) + "\n"


LEGEND = (
    "Textbook: the model as tutorials write it, everything of a step inside one loop "
    "(`scripts/benchmark/textbook.py`). Naive, fused and native: `--recurrence`. Medium: "
    "`--float32-matmul-precision medium`. Plain PyTorch program: the textbook model trained with torch's DataLoader "
    "(the same file). Ratio: 2x means twice as fast. For memory, 0.31 means 31 % of the memory. Variants that are "
    "compared take turns. One thread: CPU time of the process; several: wall time; fairseq's own figures and the "
    "making of data are wall time. Memory: growth of the process during the step; of an extraction, its peak as a "
    "whole, measured once. Of peak: the matrix products that the equations ask for, per second, over the best matrix "
    "product of the same precision in the same run."
)


def cells(
    each: Measurement,
    comparison: Comparison | None,
    measured: Sequence[Measurement],
    names: Mapping[str, str],
    peaks: Mapping[str, float],
) -> tuple[str, ...]:
    """One line of the table."""
    spread = f"{number(each.median)} {each.unit}"
    if len(each.values) > 1:
        spread = f"{number(each.median)} [{number(min(each.values))}, {number(max(each.values))}] {each.unit}"
    speed, peak = each.gflop_per_second(), peak_of(each, peaks)
    share = f"{100 * speed / peak:.0f} %" if speed is not None and peak else ""
    left = (names[each.row], each.setting, str(each.threads), each.variant, spread)
    base = find(measured, each, comparison.baseline) if comparison else None
    if comparison is None or base is None:
        return (*left, "", "", "", share)
    memory = each.unit == MEGABYTES
    sign = "" if memory else "x"
    aim = "" if comparison.aim is None else f"at {'most' if memory else 'least'} {comparison.aim:g}{sign}"
    if comparison[:3] in SHARES:
        aim = f"at least {100 * SHARES[comparison[:3]]:.0f} % of peak"
    return (*left, comparison.baseline, f"{each.times_better_than(base):.2f}{sign}", aim, share)


def find(measured: Sequence[Measurement], like: Measurement, variant: str) -> Measurement | None:
    """Another variant measured under the same circumstances."""
    for each in measured:
        if (each.row, each.setting, each.threads, each.variant) == (like.row, like.setting, like.threads, variant):
            return each
    return None


def peak_of(each: Measurement, peaks: Mapping[str, float]) -> float | None:
    """The peak that belongs to a measurement: that of its precision (GPU), else of its number of threads."""
    if "medium" in each.variant.split(", "):
        return peaks.get(medium_on(each.threads))
    return peaks.get(each.variant.rpartition(", ")[2], peaks.get(str(each.threads)))


def medium_on(threads: int) -> str:
    """The name of the rate of bfloat16 products on a CPU."""
    return f"medium on {count(threads)}"


def count(threads: int | str) -> str:
    """A number of threads in words."""
    return f"{threads} thread{'s' * (str(threads) != '1')}"


def number(value: float) -> str:
    """Three digits at least, no decimals where they say nothing."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def describe(machine: Mapping[str, Any], peaks: Mapping[str, float]) -> str:
    """Where and when, in one line."""
    products = "oneDNN products reachable" if machine["onednn"] else "no oneDNN products"
    best = ", ".join(
        f"{value:,.0f} GFLOP/s " + (f"on {count(key)}" if key.isdigit() else f"in {key}")
        for key, value in peaks.items()
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, torch {machine['torch']}, "
        f"fairseq {machine['fairseq']}; {products}; best matrix product {best}; {machine['date']}."
    )


def as_json(
    measured: Sequence[Measurement], peaks: Mapping[str, float], machine: Mapping[str, Any], command: Sequence[str]
) -> dict[str, Any]:
    """Everything, for programs."""
    rows = []
    for each in measured:
        compared = []
        for comparison in comparisons(each.row, each.setting, each.variant):
            base = find(measured, each, comparison.baseline)
            ratio = None if base is None else each.times_better_than(base)
            compared.append({**comparison._asdict(), "ratio": ratio})
        speed, peak = each.gflop_per_second(), peak_of(each, peaks)
        rows.append(
            {
                **asdict(each),
                "median": each.median,
                "min": min(each.values),
                "max": max(each.values),
                "fraction_of_peak": speed / peak if speed is not None and peak else None,
                "compared": compared,
            }
        )
    return {"command": list(command), "machine": dict(machine), "peak_gflops": dict(peaks), "measurements": rows}


def from_json(content: Mapping[str, Any]) -> list[Measurement]:
    """The measurements in what :func:`as_json` made."""
    names = [field.name for field in fields(Measurement)]
    rows = [{name: row[name] for name in names} for row in content["measurements"]]
    return [Measurement(**{**row, "values": tuple(row["values"])}) for row in rows]
