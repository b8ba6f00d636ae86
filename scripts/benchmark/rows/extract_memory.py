"""Peak memory of extracting attention, greedily, from few and from many sentences: it should hardly grow."""

from scripts.benchmark import fairseq_words as fairseq
from scripts.benchmark.extraction_child import extract_in_a_child
from scripts.benchmark.measurement import MEGABYTES, Circumstances, Measurement
from scripts.benchmark.settings import Setting
from scripts.benchmark.targets import FEW, MANY, TIMES


def measure(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
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
