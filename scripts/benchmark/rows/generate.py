"""Sentences per second of real ``fairseq-generate`` processes, as fairseq itself logs them.

Models are hardly trained (one update), and all outputs are forced to one length, so that both do the same work.
"""

from scripts.benchmark import fairseq_words as fairseq
from scripts.benchmark.commands import run
from scripts.benchmark.flops import sentence_gflop
from scripts.benchmark.measurement import SENTENCES, Circumstances, Measurement
from scripts.benchmark.precision import environment, named, precision_of
from scripts.benchmark.settings import Setting
from scripts.benchmark.targets import LSTM, OURS


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """fairseq's LSTM and ours in turns, with a beam and greedily; on a GPU in each precision."""
    data, threads = fairseq.make_data(setting, circumstances), circumstances.threads
    models = ((LSTM, "lstm"), (OURS, "gru_attention"))
    paths = {name: fairseq.make_model(model, setting, data, circumstances) for name, model in models}
    runs = {
        named(f"{name}, beam {beam}", precision): (name, beam, precision)
        for precision in circumstances.in_precisions("highest", "high", "fp16")
        for beam in (setting.beam, 1)
        for name in paths
    }
    rates: dict[str, list[float]] = {variant: [] for variant in runs}
    for _ in range(circumstances.repeat(setting.command_repetitions)):
        for variant, (name, beam, precision) in runs.items():
            words = fairseq.generate_words(setting, data, paths[name], beam, circumstances.device)
            words += precision_of(precision).options
            log = run(words, threads=threads, variables=environment(precision))
            rates[variant].append(fairseq.sentences_per_second(log))
    gflop = {variant: sentence_gflop(setting, beam) for variant, (name, beam, _) in runs.items() if name == OURS}
    return [
        Measurement("generate", setting.name, variant, threads, SENTENCES, tuple(values), gflop.get(variant))
        for variant, values in rates.items()
    ]
