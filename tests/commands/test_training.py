"""Training through fairseq-train and fairseq-hydra-train: best checkpoint, safe loading, resuming, precision."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.commands import PLUGIN, ROOT, Commands, Outcome, generate_words, train_words


def checkpoint(path: Path) -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(path, weights_only=True)
    return saved


def quickstart_words(data: object, save_dir: object) -> list[str]:
    """The fairseq-train of quickstart.sh."""
    script = (ROOT / "scripts" / "quickstart.sh").read_text(encoding="utf-8")
    found = re.search(r"^run_into \S+ (fairseq-train .*?[^\\])\n", script, flags=re.DOTALL | re.MULTILINE)
    assert found is not None
    places = {"$folder/data": str(data), "$folder/checkpoints": str(save_dir), "fairseq_plugin": str(PLUGIN)}
    return [places.get(word, word) for word in shlex.split(found[1].replace("\\\n", " "))]


def assert_same_parameters(first: Path, second: Path) -> None:
    mine, theirs = checkpoint(first)["model"], checkpoint(second)["model"]
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []


def test_the_best_checkpoint_is_that_of_exact_match(trained: Path) -> None:
    best, last = checkpoint(trained), checkpoint(trained.with_name("checkpoint_last.pt"))
    assert best["cfg"]["checkpoint"]["best_checkpoint_metric"] == "exact_match"
    score = best["extra_state"]["best"]
    assert type(score) is float
    assert score == best["extra_state"]["val_loss"] == last["extra_state"]["best"] >= last["extra_state"]["val_loss"]
    assert 0.5 < score < 1.0


def test_a_checkpoint_holds_the_task(trained: Path) -> None:
    saved = checkpoint(trained)["task_state"]["copy"]
    assert saved.keys() == {"languages", "source_symbols", "target_symbols", "no_source_eos"}
    assert saved["languages"] == "src-tgt"


FAST = ("--criterion", "chunked_cross_entropy", "--label-smoothing", "0.1", "--optimizer", "fused_adamw")


@pytest.mark.parametrize(
    "more", [pytest.param((), marks=pytest.mark.slow, id="fairseq's parts"), pytest.param(FAST, id="fast parts")]
)
def test_resumed_training_equals_uninterrupted_training(
    commands: Commands, copy_data: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    commands.succeed(*train_words(copy_data, whole, "--max-epoch", 4, "--dropout", 0.2, *more))
    commands.succeed(*train_words(copy_data, parts, "--max-epoch", 2, "--dropout", 0.2, *more))
    assert checkpoint(parts / "checkpoint_last.pt")["extra_state"]["train_iterator"]["epoch"] == 3
    resumed = commands.succeed(*train_words(copy_data, parts, "--max-epoch", 4, "--dropout", 0.2, *more))
    assert "Loaded checkpoint" in resumed.out
    assert "begin training epoch 3" in resumed.out
    assert_same_parameters(whole / "checkpoint_last.pt", parts / "checkpoint_last.pt")


def hydra_train(commands: Commands, data: object, folder: Path, *more: str) -> Outcome:
    words = ("fairseq-hydra-train", "--config-dir", PLUGIN / "config", "--config-name", "copy")
    settings = (f"common.user_dir={PLUGIN}", f"task.data={data}", "hydra.run.dir=.", "hydra.output_subdir=null")
    return commands.succeed(*words, *settings, *more, cwd=folder)


# Differences between the two commands that say where the options came from, not what they are.
PLACES = {"_name", "arch", "data", "save_dir", "user_dir"}


def settings(saved: dict[str, Any]) -> dict[str, Any]:
    """Every option that has to do with the result, by group."""
    groups = ("task", "model", "criterion", "optimizer", "lr_scheduler", "optimization", "dataset", "checkpoint")
    found = {}
    for group in groups:
        values = saved["cfg"][group]
        values = dict(values) if isinstance(values, dict) else dict(vars(values))
        found[group] = {name: value for name, value in values.items() if name not in PLACES}
    return found


@pytest.fixture(scope="module")
def hydra_checkpoint(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hydra")
    hydra_train(commands, copy_data, folder, "optimization.max_epoch=1")
    return folder / "checkpoints" / "checkpoint_best.pt"


def test_hydra_trains_what_the_quickstart_trains(
    commands: Commands, copy_data: Path, hydra_checkpoint: Path, tmp_path: Path
) -> None:
    commands.succeed(*quickstart_words(copy_data, tmp_path), "--max-epoch", 1)
    theirs = tmp_path / "checkpoint_best.pt"
    mine, quickstart = settings(checkpoint(hydra_checkpoint)), settings(checkpoint(theirs))
    for group, values in quickstart.items():
        common = values.keys() & mine[group].keys()
        assert len(common) >= len(mine[group]) - 1
        assert {name: mine[group][name] for name in common} == {name: values[name] for name in common}
    assert_same_parameters(hydra_checkpoint, theirs)


def test_hydra_configuration_is_the_reference_set_up() -> None:
    text = (PLUGIN / "config" / "copy.yaml").read_text(encoding="utf-8")
    for line in ("max_epoch: 15", "lr: [0.001]", "batch_size: 32", "best_checkpoint_metric: exact_match", "seed: 1"):
        assert re.search(rf"^  {re.escape(line)}$", text, flags=re.MULTILINE), line


def test_a_hydra_checkpoint_is_decoded(commands: Commands, copy_data: Path, hydra_checkpoint: Path) -> None:
    outcome = commands.succeed(*generate_words(copy_data, hydra_checkpoint))
    assert outcome.out.splitlines()[-1].endswith("(30 sequences, 120 tokens)")


def assert_rounded(path: Path, dtype: torch.dtype) -> None:
    """fairseq writes float32 files; the numbers in them show what the model was trained in."""
    parameters = checkpoint(path)["model"]
    assert [name for name, value in parameters.items() if not torch.equal(value, value.to(dtype).float())] == []


@pytest.mark.parametrize(
    "precision",
    [
        "bf16",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("memory_efficient_bf16", "memory_efficient_fp16")),
    ],
)
def test_half_precision_on_a_cpu(commands: Commands, copy_data: Path, tmp_path: Path, precision: str) -> None:
    """fairseq-train takes --bf16 for a TPU and --fp16 for a GPU; through hydra they are what they say."""
    kept = ["common.cpu=true", "optimization.max_epoch=1", "checkpoint.no_epoch_checkpoints=true"]
    if precision == "memory_efficient_bf16":
        kept.append("common.bf16=true")
    if precision == "memory_efficient_fp16":
        kept.append("common.fp16=true")
    hydra_train(commands, copy_data, tmp_path, f"common.{precision}=true", *kept)
    path = tmp_path / "checkpoints" / "checkpoint_last.pt"
    assert_rounded(path, torch.float16 if "fp16" in precision else torch.bfloat16)
    outcome = commands.succeed(*generate_words(copy_data, path))
    assert outcome.out.splitlines()[-1].endswith("(30 sequences, 120 tokens)")


def test_memory_efficient_fp16_by_fairseq_train(commands: Commands, copy_data: Path, tmp_path: Path) -> None:
    commands.succeed(*train_words(copy_data, tmp_path, "--memory-efficient-fp16", "--cpu", "--max-epoch", 1))
    assert_rounded(tmp_path / "checkpoint_last.pt", torch.float16)


@pytest.mark.parametrize("options", [(), ("--decoder-attention", 0)], ids=["attention", "no attention"])
def test_other_models_learn_the_task(commands: Commands, copy_data: Path, tmp_path: Path, options: tuple) -> None:
    sizes = [
        "--encoder-embed-dim",
        "8",
        "--decoder-embed-dim",
        "8",
        "--encoder-hidden-size",
        "8",
        "--decoder-out-embed-dim",
        "8",
    ]
    words = train_words(copy_data, tmp_path, "--max-epoch", 1, "--arch", "lstm", *sizes, *options)
    outcome = commands.succeed(*words, "--decoder-hidden-size", 8)
    assert "exact_match" in outcome.out
