"""What figures are made of: logs of fairseq, counted arithmetic, clocks that take turns."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data_gen.errors import UserError
from scripts.benchmark import settings
from scripts.benchmark.measurement import Clock, interleave
from scripts.benchmark.models import sentences_per_second, tokens_per_second
from scripts.benchmark.report import FUSED, NAIVE, TEXTBOOK
from scripts.benchmark.rows.data import require_same_files
from scripts.benchmark.rows.training import CoreInputs, our_core, textbook_core
from scripts.benchmark.settings import LARGE, MID, SETTINGS, TINY, shrunk
from scripts.common import run

LOG = """\
2026 | INFO | train_inner | {"epoch": 1, "wps": "10", "wpb": "100", "num_updates": "2"}
2026 | INFO | train | {"epoch": 1, "train_wps": "1", "train_wpb": "1"}
2026 | INFO | train_inner | {"epoch": 2, "wps": "1000", "wpb": "200", "num_updates": "4"}
2026 | INFO | train_inner | {"epoch": 2, "wps": "500", "wpb": "300", "num_updates": "6"}
"""

# Parameters of the plugin's cell and attention, and the same of the textbook's decoder.
SAME = {
    "0.key_projection.weight": "w_h.weight",
    "0.query_projection.weight": "w_s.weight",
    "0.energy.weight": "v.weight",
    **{f"1.{name}": f"cell.{name}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
}


def test_tokens_per_second_leave_out_the_first_interval() -> None:
    # 400 tokens in 0.4 s and 600 in 1.2 s
    assert tokens_per_second(LOG) == pytest.approx(1000 / 1.6)


def test_a_training_that_is_too_short() -> None:
    with pytest.raises(UserError, match="fewer than two intervals") as caught:
        tokens_per_second(LOG.splitlines()[0])
    assert caught.value.exit_code == 1


def test_sentences_per_second() -> None:
    log = "Translated 1,200 sentences (3,000 tokens) in 2.5s (480.00 sentences/s, 1200.00 tokens/s)"
    assert sentences_per_second(log) == 480.0
    with pytest.raises(UserError, match="did not say how fast it was"):
        sentences_per_second("nothing")


def test_a_command_that_fails_is_quoted() -> None:
    with pytest.raises(UserError) as caught:
        run(["data_gen", "copy"], threads=1)
    assert str(caught.value).startswith(
        "data_gen ended with exit code 2; it said: data_gen: error: the following arguments are required: DESTDIR"
    )


def test_data_that_differs_is_no_comparison(tmp_path: Path) -> None:
    for name in ("made", "wanted"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.bin").write_bytes(b"same")
        (tmp_path / name / "text").write_text(name)
    require_same_files(tmp_path / "made", tmp_path / "wanted", "fairseq")
    (tmp_path / "wanted" / "dict.src.txt").touch()
    with pytest.raises(UserError) as caught:
        require_same_files(tmp_path / "made", tmp_path / "wanted", "fairseq")
    assert str(caught.value) == "fairseq made another dict.src.txt: no speed to be compared"
    (tmp_path / "made" / "dict.src.txt").touch()
    (tmp_path / "made" / "train.bin").write_bytes(b"some")
    with pytest.raises(UserError, match=r"fairseq made another train\.bin"):
        require_same_files(tmp_path / "made", tmp_path / "wanted", "fairseq")


def test_arithmetic_of_a_model_with_one_of_everything() -> None:
    one = replace(
        TINY, batch=1, source=1, target=1, embed=1, hidden=1, attention=1, symbols=1, encoder_hidden=1, lengths=(0, 0)
    )
    # Gates from embedding, context and state: 9. Query 1, energy 1, weighted sum 1, key 1. Encoder 6, output 1.
    assert settings.core_gflop(one) == pytest.approx(2 * 3 * 13 / 1e9)
    assert settings.update_gflop(one) == pytest.approx(2 * 3 * 20 / 1e9)
    assert settings.token_gflop(one) == pytest.approx(2 * 3 * 20 / 1e9)


def test_arithmetic_grows_with_the_sizes() -> None:
    assert settings.core_gflop(TINY) < settings.core_gflop(MID) < settings.core_gflop(LARGE)
    assert settings.decode_gflop(MID, with_output=False) < settings.decode_gflop(MID, with_output=True)
    assert settings.sentence_gflop(MID, 1) < settings.sentence_gflop(MID, 5)


def test_runs_take_turns() -> None:
    order: list[str] = []
    runs = {name: lambda name=name: order.append(name) for name in "AB"}
    times = interleave(runs, Clock(threads=1), repetitions=2, warmups=1)
    assert order == ["A", "B"] * 3
    assert {name: len(values) for name, values in times.items()} == {"A": 2, "B": 2}


@pytest.mark.parametrize("name", SETTINGS)
def test_small_sizes_keep_the_shape(name: str) -> None:
    small = shrunk(SETTINGS[name])
    assert (small.name, small.directions) == (name, SETTINGS[name].directions)
    assert small.annotation == small.hidden


def test_all_variants_of_the_core_compute_the_same() -> None:
    small = shrunk(MID)
    inputs = CoreInputs.of(small)
    gradients = []
    parameters = None
    for name in (TEXTBOOK, NAIVE, FUSED):
        module, states = textbook_core(small, inputs) if name == TEXTBOOK else our_core(name, small, inputs)
        mine = dict(module.named_parameters())
        if parameters is None:
            parameters = {key: value.detach().clone() for key, value in mine.items()}
        for ours, textbooks in SAME.items():
            mine[textbooks if name == TEXTBOOK else ours].data.copy_(parameters[textbooks])
        inputs.annotations.grad = None
        states().backward(inputs.gradient)
        gradients.append(inputs.annotations.grad)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients[2], gradients[0], rtol=1e-5, atol=1e-6)
