"""A checkpoint is known to be of its dictionaries, whatever averages its parameters."""

import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.configs import EMAConfig
from fairseq.models.ema.ema import EMA
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from data_gen.errors import UserError
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from tests.support import building
from tests.support.commands import PLUGIN, Commands, error_line, generate_words, train_words
from tests.support.errors import message_of

OLD = Path(__file__).parents[2] / "data" / "checkpoints-1.0.0"
REFUSED = (
    "the {} dictionary has other symbols than the one that the checkpoint was trained with: use the data folder "
    "(dict.*.txt) that it was trained with"
)


def average_checkpoints(paths: list[Path], made: Path) -> None:
    """What fairseq's scripts/average_checkpoints.py does, line by line: its sum keeps the type of each tensor."""
    summed: OrderedDict[str, Tensor] = OrderedDict()
    state: dict[str, Any] = {}
    for path in paths:
        read = torch.load(path, map_location="cpu")
        state = state or read
        for name, parameter in read["model"].items():
            if isinstance(parameter, torch.HalfTensor):
                parameter = parameter.float()
            if name not in summed:
                summed[name] = parameter.clone()
            else:
                summed[name] += parameter
    for parameter in summed.values():
        if parameter.is_floating_point():
            parameter.div_(len(paths))
        else:
            parameter //= len(paths)
    torch.save({**state, "model": summed}, made)


def with_other_symbols(data: Path, folder: Path, side: str) -> Path:
    """A copy of a folder of data whose dictionary of one side has the same symbols in another order."""
    shutil.copytree(data, folder)
    path = folder / f"dict.{side}.txt"
    path.write_text("".join(reversed(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def translation(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of three checkpoints of a model trained under fairseq's task."""
    folder = tmp_path_factory.mktemp("translation")
    words = [word for word in train_words(copy_data, folder) if word != "--no-epoch-checkpoints"]
    words[words.index("copy")] = "translation"
    words = words[: words.index("--best-checkpoint-metric")]
    commands.succeed(*words, "-s", "src", "-t", "tgt", "--max-epoch", 3)
    return folder


def read(path: Path, data: Path) -> list[GRUAttentionModel]:
    models, _, _ = checkpoint_utils.load_model_ensemble_and_task([str(path)], {"data": str(data)})
    return list(models)


def test_nothing_but_parameters_is_in_the_state_of_the_model() -> None:
    model = building.model()
    assert model.state_dict().keys() == dict(model.named_parameters()).keys()


@pytest.mark.parametrize("side", ["source", "target"])
def test_under_another_task_other_symbols_are_refused(
    commands: Commands, copy_data: Path, translation: Path, tmp_path: Path, side: str
) -> None:
    other = with_other_symbols(copy_data, tmp_path / "other", {"source": "src", "target": "tgt"}[side])
    assert message_of(read, translation / "checkpoint3.pt", other) == REFUSED.format(side)
    words = ("fairseq-train", other, "--user-dir", PLUGIN, "--task", "translation", "-s", "src", "-t", "tgt")
    words += ("--arch", "gru_attention_copy", "--optimizer", "adam", "--batch-size", 32, "--max-epoch", 4)
    words += ("--save-dir", tmp_path / "more", "--restore-file", translation / "checkpoint3.pt")
    outcome = commands(*words)
    assert error_line(outcome) == f"fairseq-train: error: {REFUSED.format(side)}"
    assert outcome.code == 2
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize("count", [2, 3])
def test_an_average_is_known(translation: Path, copy_data: Path, tmp_path: Path, count: int) -> None:
    paths = [translation / f"checkpoint{number}.pt" for number in range(1, count + 1)]
    average_checkpoints(paths, tmp_path / "average.pt")
    (model,) = read(tmp_path / "average.pt", copy_data)
    weights = [read(path, copy_data)[0].decoder.cell.weight_hh for path in paths]
    torch.testing.assert_close(model.decoder.cell.weight_hh, torch.stack(weights).mean(0))
    with pytest.raises(UserError, match=r"^the target dictionary has other symbols"):
        read(tmp_path / "average.pt", with_other_symbols(copy_data, tmp_path / "other", "tgt"))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10])
def test_an_average_of_checkpoints_of_1_0_0_is_known(tmp_path: Path, count: int) -> None:
    """Their digests are bytes among the parameters, which wrap."""
    average_checkpoints([OLD / "additive.pt"] * count, tmp_path / "average.pt")
    for side in ("src", "tgt"):
        shutil.copy(OLD / f"dict.{side}.txt", tmp_path)
    languages = {"source_lang": "src", "target_lang": "tgt"}
    overrides = {"data": str(tmp_path), "eval_beam": 0, **languages}
    state = torch.load(tmp_path / "average.pt")
    del state["task_state"]  # which the task ``copy`` would look at first
    torch.save(state, tmp_path / "average.pt")
    checkpoint_utils.load_model_ensemble_and_task([str(tmp_path / "average.pt")], overrides)
    other = with_other_symbols(OLD, tmp_path / "other", "src")
    assert message_of(
        checkpoint_utils.load_model_ensemble_and_task, [str(tmp_path / "average.pt")], {**overrides, "data": str(other)}
    ) == REFUSED.format("source")


def test_parameters_that_are_averaged_in_memory_are_known(translation: Path, copy_data: Path) -> None:
    states = [checkpoint_utils.load_checkpoint_to_cpu(str(path))["model"] for path in translation.glob("*[123].pt")]
    mean = {name: sum(state[name] for state in states) / 3 for name in states[0]}
    (model,) = read(translation / "checkpoint3.pt", copy_data)
    model.load_state_dict(mean)
    torch.testing.assert_close(model.decoder.cell.weight_hh, mean["decoder.cell.weight_hh"])


def test_stochastic_weight_averaging() -> None:
    first, second = building.model(seed=1), building.model(seed=2)
    averaged = AveragedModel(first, use_buffers=True)
    averaged.update_parameters(first)
    averaged.update_parameters(second)
    model = building.model()
    model.load_state_dict(averaged.module.state_dict())
    expected = (first.decoder.cell.weight_hh + second.decoder.cell.weight_hh) / 2
    torch.testing.assert_close(model.decoder.cell.weight_hh, expected)


@pytest.mark.parametrize("fp32", [False, True])
def test_moving_average(fp32: bool) -> None:
    first, second = building.model(seed=1), building.model(seed=2)
    average = EMA(first, EMAConfig(store_ema=True, ema_decay=0.75, ema_fp32=fp32))
    average.step(second)
    expected = 0.75 * first.decoder.cell.weight_hh + 0.25 * second.decoder.cell.weight_hh
    torch.testing.assert_close(average.get_model().decoder.cell.weight_hh, expected)


@pytest.mark.slow
def test_a_training_with_a_moving_average(commands: Commands, copy_data: Path, tmp_path: Path) -> None:
    ema = ("--store-ema", "--ema-decay", 0.9)
    for updates in (2, 4):
        commands.succeed(*train_words(copy_data, tmp_path / "run", *ema, "--max-update", updates))
    last = tmp_path / "run" / "checkpoint_last.pt"
    state = checkpoint_utils.load_ema_from_checkpoint(str(last))
    assert not torch.equal(
        state["model"]["decoder.cell.weight_hh"], torch.load(last)["model"]["decoder.cell.weight_hh"]
    )
    checkpoint_utils.save_ema_as_checkpoint(str(last), str(tmp_path / "ema.pt"))
    commands.succeed(*generate_words(copy_data, tmp_path / "ema.pt"))
    seeded = ("--ema-seed-model", last, "--max-update", 2, "--save-dir", tmp_path / "seeded")
    commands.succeed(*train_words(copy_data, "-", *ema, *seeded))


def test_a_checkpoint_without_a_moving_average(trained: Path) -> None:
    assert message_of(checkpoint_utils.load_ema_from_checkpoint, str(trained)) == (
        f"{str(trained)!r} has no moving average: name a checkpoint of a training with --store-ema"
    )


def test_parameters_without_digests_are_taken() -> None:
    model, state = building.model(seed=1), building.model().state_dict()
    model.load_state_dict(state)
    assert torch.equal(model.decoder.cell.weight_hh, state["decoder.cell.weight_hh"])
