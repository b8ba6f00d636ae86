"""What a user does wrong ends with one line that says how to mend it, exit code 2, and nothing written."""

import shutil
from pathlib import Path

import hydra
import pytest

from data_gen.copy.dataset import make_copy_dataset
from tests.conftest import SMALL
from tests.support.commands import PLUGIN, Commands, error_line, extract_words, generate_words, train_words

NO_DATA = "no dataset folder at '{tmp}/none': make one with 'python -m data_gen copy {tmp}/none'"
NO_DATASET = (
    "'{tmp}' is no dataset folder, it has no dict.*.txt: make one with 'python -m data_gen copy DESTDIR' or "
    "fairseq-preprocess"
)
UNEQUAL = (
    "--decoder-init last needs encoder states of the decoder's size, but they have 64 units and the decoder 32: use "
    "--decoder-init tanh, or make the sizes equal (a bidirectional encoder has twice --encoder-hidden-size units)"
)

TRAINING = {
    "no folder": ("{tmp}/none", (), NO_DATA),
    "no dataset": ("{tmp}", (), NO_DATASET),
    "no such split": ("{data}", ("--valid-subset", "dev"), "no split 'dev' in '{data}': it holds test, train, valid"),
    "size": ("{data}", ("--attention-dim", "0"), "--attention-dim must be at least 1, but is 0"),
    "dropout": ("{data}", ("--dropout", "1.5"), "--dropout must be at least 0 and below 1, but is 1.5"),
    "unequal sizes": ("{data}", ("--decoder-hidden-size", "32"), UNEQUAL),
    "no embeddings": (
        "{data}",
        ("--encoder-embed-path", "{tmp}/none.txt"),
        "no file of pretrained embeddings at '{tmp}/none.txt'",
    ),
    "beam": ("{data}", ("--eval-beam", "-1"), "--eval-beam must be at least 0, but is -1"),
    "limit": ("{data}", ("--max-source-positions", "0"), "--max-source-positions must be at least 1, but is 0"),
}


@pytest.mark.parametrize(("data", "options", "line"), TRAINING.values(), ids=TRAINING.keys())
def test_training(
    commands: Commands, copy_data: Path, tmp_path: Path, data: str, options: tuple[str, ...], line: str
) -> None:
    places = {"data": copy_data, "tmp": tmp_path}
    chosen = [option.format(**places) for option in options]
    outcome = commands(*train_words(data.format(**places), tmp_path / "checkpoints", "--max-epoch", 1, *chosen))
    assert outcome.code == 2
    assert error_line(outcome) == f"fairseq-train: error: {line.format(**places)}"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_training_on_what_is_too_long(commands: Commands, copy_data: Path, tmp_path: Path) -> None:
    outcome = commands(*train_words(copy_data, tmp_path, "--max-epoch", 1, "--max-target-positions", 4))
    assert outcome.code == 2
    text = (copy_data / "valid.src").read_text(encoding="utf-8")
    ids = [str(number) for number, line in enumerate(text.splitlines()) if len(line.split()) == 4]
    assert error_line(outcome) == (
        f"fairseq-train: error: {len(ids)} samples are longer than (source, target) = (2147483647, 4): ids "
        f"{', '.join(ids)}; raise the limits or pass --skip-invalid-size-inputs-valid-test"
    )
    assert list(tmp_path.iterdir()) == []


GENERATION = {
    "no folder": ("{tmp}/none", (), NO_DATA),
    "no dataset": ("{tmp}", (), NO_DATASET),
    "no such split": ("{data}", ("--gen-subset", "dev"), "no split 'dev' in '{data}': it holds test, train, valid"),
}


@pytest.mark.parametrize(("data", "options", "line"), GENERATION.values(), ids=GENERATION.keys())
@pytest.mark.parametrize("program", ["fairseq-generate", "extract_attention.py"])
def test_decoding(
    commands: Commands,
    copy_data: Path,
    trained: Path,
    tmp_path: Path,
    program: str,
    data: str,
    options: tuple[str, ...],
    line: str,
) -> None:
    places = {"data": copy_data, "tmp": tmp_path}
    folder = data.format(**places)
    if program == "fairseq-generate":
        outcome = commands(*generate_words(folder, trained, *options))
    else:
        outcome = commands(*extract_words(folder, trained, tmp_path / "attention.npz", *options))
    assert outcome.code == 2
    assert error_line(outcome) == f"{program}: error: {line.format(**places)}"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def renamed(copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``copy_data`` with a dictionary of the same size in another order."""
    folder = tmp_path_factory.mktemp("renamed") / "data"
    shutil.copytree(copy_data, folder)
    for language in ("src", "tgt"):
        path = folder / f"dict.{language}.txt"
        path.write_text("\n".join(reversed(path.read_text(encoding="utf-8").splitlines())), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data with more symbols."""
    folder = tmp_path_factory.mktemp("larger") / "data"
    make_copy_dataset(type(SMALL)(num_symbols=20, min_len=2, max_len=4, train=300, valid=30, test=30), folder)
    return folder


@pytest.mark.parametrize("data", ["renamed", "larger"])
@pytest.mark.parametrize("program", ["fairseq-generate", "extract_attention.py"])
def test_a_checkpoint_of_other_data(
    commands: Commands, trained: Path, tmp_path: Path, request: pytest.FixtureRequest, data: str, program: str
) -> None:
    folder = request.getfixturevalue(data)
    words = {
        "fairseq-generate": generate_words(folder, trained),
        "extract_attention.py": extract_words(folder, trained, tmp_path / "attention.npz"),
    }[program]
    outcome = commands(*words)
    assert outcome.code == 2
    line = error_line(outcome)
    assert line.startswith(
        f"{program}: error: the checkpoint was trained with a source dictionary of 8 symbols (sha256 "
    )
    found = "8 others or another order" if data == "renamed" else "24 symbols"
    assert f"but the one in '{folder}' has {found} (sha256 " in line
    assert line.endswith("): use the data folder it was trained with")
    assert list(tmp_path.iterdir()) == []


def test_training_goes_on_with_the_same_symbols_only(
    commands: Commands, trained: Path, larger: Path, tmp_path: Path
) -> None:
    outcome = commands(*train_words(larger, tmp_path, "--max-epoch", 9, "--restore-file", trained))
    assert outcome.code == 2
    assert error_line(outcome) == (
        "fairseq-train: error: the checkpoint knows 8 source symbols, but the dictionary has 24: use the data folder "
        "(dict.*.txt) that the checkpoint was trained with"
    )
    assert list(tmp_path.iterdir()) == []


HYDRA = {
    "no data": ((), "no dataset folder given: pass one, made with 'python -m data_gen copy DESTDIR'"),
    "no folder": (("task.data={tmp}/none",), NO_DATA),
    "size": (("task.data={data}", "model.attention_dim=0"), "--attention-dim must be at least 1, but is 0"),
    "precision": (
        ("task.data={data}", "common.cpu=true", "common.fp16=true"),
        "--fp16 needs a GPU to train on: leave it out, or train with --memory-efficient-fp16",
    ),
}


@pytest.mark.parametrize(("options", "line"), HYDRA.values(), ids=HYDRA.keys())
def test_hydra(commands: Commands, copy_data: Path, tmp_path: Path, options: tuple[str, ...], line: str) -> None:
    if not options and hydra.__version__ < "1.1":
        pytest.skip("a value that is missing in a file is refused by this hydra itself, which cannot print it")
    places = {"data": copy_data, "tmp": tmp_path}
    words = ("fairseq-hydra-train", "--config-dir", PLUGIN / "config", "--config-name", "copy")
    settings = (f"common.user_dir={PLUGIN}", "hydra.run.dir=.", "hydra.output_subdir=null")
    outcome = commands(*words, *settings, *(option.format(**places) for option in options), cwd=tmp_path)
    assert outcome.code == 2
    assert error_line(outcome) == f"fairseq-hydra-train: error: {line.format(**places)}"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["hydra_train.log"]
