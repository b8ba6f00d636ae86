"""Rows of decoding: ``decode``, ``generate``, ``extract`` and ``extract_memory``.

- ``decode``: one decoding step of beam search, with and without the output layer.
- ``generate``: sentences per second of real ``fairseq-generate`` processes, as fairseq logs them.
- ``extract``: sentences per second of extracting attention, beside fairseq-generate with the same options. fairseq logs
  the time in its generator alone. The extraction is timed from the first batch until its .npz is written.
- ``extract_memory``: peak memory of extracting attention, greedily, from few and from many sentences: it should hardly
  grow.

Models are hardly trained (one update), and all outputs are forced to one length, so that both do the same work.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairseq_plugin.modules.precision import MEDIUM
from scripts.benchmark import models
from scripts.benchmark.children import extract_in_a_child
from scripts.benchmark.commands import said_by
from scripts.benchmark.measurement import (
    MEGABYTES,
    MILLISECONDS,
    SENTENCES,
    Circumstances,
    Clock,
    Measurement,
    in_turns,
    interleave,
    measurements,
    named,
    precision_of,
)
from scripts.benchmark.report import (
    EXTRACT,
    FEW,
    GENERATE,
    LSTM,
    MANY,
    OUR_STEP,
    OUR_STEP_AND_OUTPUT,
    OURS,
    STEP,
    STEP_AND_OUTPUT,
    TIMES,
    medium,
)
from scripts.benchmark.settings import SPECIAL_SYMBOLS, Setting, decode_gflop, sentence_gflop

STEPS_TIMED_TOGETHER = 4


def measure_decode(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Textbook and ours, in turns."""
    textbook, ours = textbook_step(setting), our_step(setting)
    runs = {
        STEP: lambda: textbook(False),
        OUR_STEP: lambda: ours(False),
        STEP_AND_OUTPUT: lambda: textbook(True),
        OUR_STEP_AND_OUTPUT: lambda: ours(True),
    }
    with torch.no_grad():
        times = interleave(
            {name: several(run) for name, run in runs.items()},
            Clock(circumstances.threads),
            repetitions=circumstances.repeat(3 * setting.repetitions),
            warmups=setting.warmups,
        )
    times = {name: [value / STEPS_TIMED_TOGETHER for value in values] for name, values in times.items()}

    def gflop(name: str) -> float:
        return decode_gflop(setting, with_output=name in (STEP_AND_OUTPUT, OUR_STEP_AND_OUTPUT))

    return measurements("decode", setting.name, circumstances, MILLISECONDS, times, gflop)


def several(run: Callable[[], object]) -> Callable[[], None]:
    """A step is short beside the clock's grain: take a few."""

    def repeated() -> None:
        for _ in range(STEPS_TIMED_TOGETHER):
            run()

    return repeated


def sources(setting: Setting) -> Tensor:
    """(N, S) random sentences."""
    torch.manual_seed(5)
    return torch.randint(SPECIAL_SYMBOLS, setting.symbols, (setting.decoded_batch, setting.source))


def textbook_step(setting: Setting) -> Callable[[bool], Tensor]:
    """Annotations copied for each row of the beam, keys projected again."""
    model = models.textbook_model(setting).eval()
    with torch.no_grad():
        annotations, state, _ = model.encode(sources(setting), None)
    annotations, state = (tensor.repeat_interleave(setting.beam, dim=0) for tensor in (annotations, state))
    previous = torch.full((state.size(0),), models.EOS)

    def step(with_output: bool) -> Tensor:
        new, _ = model.decoder.step(model.target_embedding(previous), state, annotations)
        return model.w_o(new) if with_output else new

    return step


def our_step(setting: Setting) -> Callable[[bool], Tensor]:
    """The plugin's decoder after its first step, as fairseq's generator calls it."""
    model = models.our_model(setting).eval()
    source = sources(setting)
    rows = torch.arange(source.size(0)).repeat_interleave(setting.beam)
    state: dict[str, Any] = {}
    with torch.no_grad():
        encoded = model.encoder(source, torch.full((source.size(0),), source.size(1)))
        encoded = model.encoder.reorder_encoder_out(encoded, rows)
        model.decoder(torch.full((len(rows), 1), models.EOS), encoded, incremental_state=state)
    previous = torch.full((len(rows), 2), models.EOS)

    def step(with_output: bool) -> Tensor:
        return model.decoder(previous, encoded, incremental_state=state, features_only=not with_output)[0]

    return step


def measure_generate(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """fairseq's LSTM and ours in turns, with a beam and greedily; on a GPU in each precision."""
    data = models.make_data(setting, circumstances)
    architectures = {LSTM: "lstm", OURS: "gru_attention"}
    paths = {name: models.make_model(arch, setting, data, circumstances) for name, arch in architectures.items()}

    def rate(path: Path, beam: int, precision: str | None, *more: str) -> float:
        words = models.generate_words(setting, data, path, beam, circumstances.device)
        words += [*precision_of(precision).options, *more]
        return models.sentences_per_second(said_by(words, circumstances, precision))

    runs, gflop = {}, {}
    for precision in circumstances.in_precisions("highest", "high", "fp16"):
        for beam in (setting.beam, 1):
            for name, path in paths.items():
                variant = named(f"{name}, beam {beam}", precision)
                runs[variant] = partial(rate, path, beam, precision)
                gflop[variant] = sentence_gflop(setting, beam) if name == OURS else None
    if circumstances.bfloat16:
        for beam in (setting.beam, 1):
            variant, override = f"{medium(OURS)}, beam {beam}", f"{{'float32_matmul_precision': '{MEDIUM}'}}"
            runs[variant] = partial(rate, paths[OURS], beam, None, "--model-overrides", override)
            gflop[variant] = sentence_gflop(setting, beam)
    rates = in_turns(runs, circumstances.repeat(setting.command_repetitions))
    return measurements("generate", setting.name, circumstances, SENTENCES, rates, gflop.get)


def measure_extract(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Both in turns, with a beam and greedily."""
    data, threads = models.make_data(setting, circumstances), circumstances.threads
    path = models.make_model("gru_attention", setting, data, circumstances)

    def generate(words: list[str]) -> float:
        return models.sentences_per_second(said_by(words, circumstances))

    def extract(words: list[str]) -> float:
        output = circumstances.folder / "attention.npz"
        return extract_in_a_child(output, words[1:], threads).sentences_per_second

    runs = {
        f"{name}, beam {beam}": partial(rate, models.generate_words(setting, data, path, beam))
        for beam in (setting.beam, 1)
        for name, rate in ((GENERATE, generate), (EXTRACT, extract))
    }
    rates = in_turns(runs, circumstances.repeat(setting.command_repetitions))
    return measurements("extract", setting.name, circumstances, SENTENCES, rates)


def measure_extract_memory(setting: Setting, circumstances: Circumstances) -> list[Measurement]:
    """Of the whole process, once each, since memory hardly varies."""
    path = models.make_model("gru_attention", setting, models.make_data(setting, circumstances), circumstances)
    output, peaks = circumstances.folder / "attention.npz", {}
    for name, sentences in ((FEW, setting.decoded_sentences), (MANY, TIMES * setting.decoded_sentences)):
        data = models.make_data(setting, circumstances, sentences)
        words = models.generate_words(setting, data, path, beam=1)[1:]
        peaks[name] = [extract_in_a_child(output, words, circumstances.threads).megabytes]
    return measurements("extract_memory", setting.name, circumstances, MEGABYTES, peaks)
