"""The paper's model through real commands: the recipe in its file and in its document; whether it learns to copy."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.spec import CopySpec
from tests.commands.test_training import assert_same_parameters, checkpoint, settings
from tests.support.commands import PLUGIN, ROOT, Commands, Outcome, generate_words, train_words

TINY = {
    "encoder_embed_dim": 5,
    "encoder_hidden_size": 6,
    "decoder_embed_dim": 4,
    "decoder_hidden_size": 6,
    "attention_dim": 7,
    "readout_dim": 3,
}


def documented_words(program: str) -> list[str]:
    """The command of that name in docs/rnnsearch.md."""
    text = (ROOT / "docs" / "rnnsearch.md").read_text(encoding="utf-8")
    (block,) = (each for each in re.findall(r"```bash\n(.*?)```", text, flags=re.S) if each.startswith(f"{program} "))
    return shlex.split(block.replace("\\\n", " ").replace('"$(python -m fairseq_plugin)', f'"{PLUGIN}'))


def train_from_file(commands: Commands, data: Path, folder: Path, *more: str) -> Outcome:
    """The documented fairseq-hydra-train at tiny sizes, on sources of at most 4 positions, in ``folder``."""
    changed = {
        "common.user_dir": PLUGIN,
        "task.data": data,
        "task.source_lang": "src",
        "task.target_lang": "tgt",
        "task.max_source_positions": 4,
        "dataset.num_workers": 0,
        "hydra.run.dir": ".",
        "hydra.output_subdir": "null",
        **{f"model.{name}": size for name, size in TINY.items()},
    }
    words = [word for word in documented_words("fairseq-hydra-train") if word.partition("=")[0] not in changed]
    return commands.succeed(*words, *(f"{name}={value}" for name, value in changed.items()), *more, cwd=folder)


@pytest.fixture(scope="module")
def by_file(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the file trained for an epoch: the last checkpoint. Read only."""
    folder = tmp_path_factory.mktemp("by_file")
    outcome = train_from_file(commands, copy_data, folder, "optimization.max_epoch=1")
    assert re.search(r"\d+ samples have invalid sizes and will be skipped, max_positions=\(4, 51\)", outcome.out)
    return folder / "checkpoints" / "checkpoint_last.pt"


def test_the_document_and_the_file_train_the_same_model(
    commands: Commands, copy_data: Path, by_file: Path, tmp_path: Path
) -> None:
    words = documented_words("fairseq-train")
    words[words.index("DATA")] = str(copy_data)
    changed = {"--max-source-positions": 4, "--max-epoch": 1, "--user-dir": PLUGIN, "--save-dir": tmp_path}
    for name, value in changed.items():
        words[words.index(name) + 1] = str(value)
    words += ["--source-lang", "src", "--target-lang", "tgt", "--seed", "1", "--num-workers", "0"]
    words += [part for name, size in TINY.items() for part in (f"--{name.replace('_', '-')}", str(size))]
    commands.succeed(*words)
    by_words = tmp_path / "checkpoint_last.pt"
    mine, theirs = settings(checkpoint(by_file)), settings(checkpoint(by_words))
    for group, values in mine.items():
        common = values.keys() & theirs[group].keys()
        assert len(common) >= len(values) - 1
        assert {name: theirs[group][name] for name in common} == {name: values[name] for name in common}
    assert {name: mine["optimizer"][name] for name in ("adadelta_rho", "adadelta_eps")} == {
        "adadelta_rho": 0.95,
        "adadelta_eps": 1e-6,
    }
    assert_same_parameters(by_file, by_words)


def test_what_the_file_trained_is_gone_on_from_and_decoded(
    commands: Commands, copy_data: Path, by_file: Path, tmp_path: Path
) -> None:
    shutil.copytree(by_file.parent, tmp_path / "checkpoints")
    outcome = train_from_file(commands, copy_data, tmp_path, "optimization.max_epoch=2")
    assert "Loaded checkpoint checkpoints/checkpoint_last.pt (epoch 2 @" in outcome.out
    path = tmp_path / "checkpoints" / "checkpoint_last.pt"
    assert checkpoint(path)["extra_state"]["train_iterator"]["epoch"] == 3
    outcome = commands.succeed(*generate_words(copy_data, path))
    assert outcome.out.splitlines()[-1].endswith("(30 sequences, 120 tokens)")


@pytest.mark.parametrize("arch", ["rnnsearch_small", "rnnencdec_small"])
def test_an_architecture_is_trained_and_decoded_by_name(
    commands: Commands, copy_data: Path, tmp_path: Path, arch: str
) -> None:
    words = train_words(copy_data, tmp_path, "--max-epoch", 1)
    words[words.index("gru_attention_copy")] = arch
    commands.succeed(*words)
    outcome = commands.succeed(*generate_words(copy_data, tmp_path / "checkpoint_last.pt"))
    assert outcome.out.splitlines()[-1].endswith("(30 sequences, 120 tokens)")


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four letters, length 2 to 4: 1,000 sequences to learn from, 100 to test on."""
    folder = tmp_path_factory.mktemp("letters") / "data"
    make_copy_dataset(CopySpec(num_symbols=4, min_len=2, max_len=4, train=1000, valid=50, test=100), folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("init", "epochs"), [("glorot", 6), ("paper", 12)])
def test_the_small_model_learns_to_copy(
    commands: Commands, letters: Path, tmp_path: Path, init: str, epochs: int
) -> None:
    """The paper's first values take longer: with v_a at 0 and small vectors, words are hard to tell apart at first."""
    options = ("--max-epoch", epochs, "--validate-interval", 6, "--init", init, "--clip-norm", 1)
    falling = ("--lr-scheduler", "polynomial_decay", "--total-num-update", 32 * epochs)
    words = train_words(letters, tmp_path, *options, *falling)
    words[words.index("gru_attention_copy")] = "rnnsearch_small"
    words[words.index("--lr") + 1] = "0.006"
    commands.succeed(*words)
    outcome = commands.succeed(*generate_words(letters, tmp_path / "checkpoint_best.pt"))
    found = re.search(r"exact match (\S+), ", outcome.out.splitlines()[-1])
    assert found is not None
    assert float(found[1]) >= 0.95
