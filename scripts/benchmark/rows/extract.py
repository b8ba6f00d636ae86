"""Sentences per second of extracting attention, against fairseq-generate with the same options.

Of fairseq-generate it is what fairseq logs, the time in its generator alone. The extraction is timed from the first
batch until its .npz is written, so that what it does besides decoding counts.

Peak memory of extracting attention, greedily, from few and from many sentences: it should hardly grow.
"""

from scripts.benchmark import commands as fairseq
from scripts.benchmark.extraction_child import extract_in_a_child
from scripts.benchmark.measurement import MEGABYTES, SENTENCES, Circumstances, Measurement
from scripts.benchmark.report import EXTRACT, FEW, GENERATE, MANY, TIMES
from scripts.benchmark.settings import Setting
from scripts.common import run


def measure_extract(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Both in turns, with a beam and greedily."""
    threads = circumstances.threads
    data = fairseq.make_data(setting, circumstances)
    path = fairseq.make_model("gru_attention", setting, data, circumstances)
    beams = (setting.beam, 1)
    rates: dict[str, list[float]] = {f"{name}, beam {beam}": [] for beam in beams for name in (GENERATE, EXTRACT)}
    for _ in range(circumstances.repeat(setting.command_repetitions)):
        for beam in beams:
            words = fairseq.generate_words(setting, data, path, beam)
            rates[f"{GENERATE}, beam {beam}"].append(fairseq.sentences_per_second(run(words, threads=threads)))
            done = extract_in_a_child(circumstances.folder / "attention.npz", words[1:], threads)
            rates[f"{EXTRACT}, beam {beam}"].append(done.sentences_per_second)
    return [
        Measurement("extract", setting.name, variant, threads, SENTENCES, tuple(values))
        for variant, values in rates.items()
    ]


def measure_extract_memory(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Of the whole process, once each, since memory hardly varies."""
    threads = circumstances.threads
    path = fairseq.make_model("gru_attention", setting, fairseq.make_data(setting, circumstances), circumstances)
    measured = []
    for name, sentences in ((FEW, setting.decoded_sentences), (MANY, TIMES * setting.decoded_sentences)):
        data = fairseq.make_data(setting, circumstances, sentences)
        words = fairseq.generate_words(setting, data, path, beam=1)[1:]
        done = extract_in_a_child(circumstances.folder / "attention.npz", words, threads)
        measured.append(Measurement("extract_memory", setting.name, name, threads, MEGABYTES, (done.megabytes,)))
    return measured
