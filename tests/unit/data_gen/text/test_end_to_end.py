"""Raw text in, raw text out: fairseq's commands and Python on data made from sentences."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fairseq_plugin.models.gru_attention import GRUAttentionModel
from tests.support.commands import PLUGIN, Commands, lines_of

from .conftest import ENGLISH, KOREAN, write_lines

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true:UserWarning"),  # fairseq's, on a CPU
]

Trained = Callable[[str, Path], Path]
CASES = [("translation", "pairs", ENGLISH), ("copy", "copies", KOREAN)]


@pytest.fixture(scope="module")
def trained(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trains until the eight sentences are known by heart, once for each task."""
    folders: dict[str, Path] = {}

    def checkpoint(task: str, data: Path) -> Path:
        if task not in folders:
            folders[task] = tmp_path_factory.mktemp(task)
            commands.succeed(
                *("fairseq-train", data, "--user-dir", PLUGIN, "--task", task, "--arch", "gru_attention_copy"),
                *("--criterion", "cross_entropy", "--optimizer", "adam", "--lr", "0.01", "--batch-size", 16),
                *("--max-epoch", 40, "--seed", 1, "--num-workers", 0, "--save-dir", folders[task]),
                *("--no-epoch-checkpoints", "--save-interval", 40, "--disable-validation"),
            )
        return folders[task] / "checkpoint_last.pt"

    return checkpoint


def model_of(data: Path) -> Path:
    names = [data / "sentencepiece.model", data / "sentencepiece.en.model"]
    return next(path for path in names if path.exists())


@pytest.mark.parametrize(("task", "fixture", "sources"), CASES, ids=["translation", "copy"])
def test_every_way_gives_raw_text(
    task: str, fixture: str, sources: list[str], commands: Commands, trained: Trained, request: pytest.FixtureRequest
) -> None:
    data: Path = request.getfixturevalue(fixture)
    path = trained(task, data)
    common = (data, "--user-dir", PLUGIN, "--task", task, "--path", path, "--required-batch-size-multiple", 1)
    generated = commands.succeed("fairseq-generate", *common, "--remove-bpe", "sentencepiece")
    wanted = {number: [line] for number, line in enumerate(KOREAN[3:6])}
    assert lines_of(generated, "D") == lines_of(generated, "T") == wanted
    assert lines_of(generated, "S") == {number: [line] for number, line in enumerate(sources[3:6])}

    bpe = ("--bpe", "sentencepiece", "--sentencepiece-model", model_of(data))
    typed = "".join(f"{line}\n" for line in sources)
    answered = commands.succeed("fairseq-interactive", *common, *bpe, typed=typed)
    assert [line for lines in lines_of(answered, "D").values() for line in lines] == KOREAN

    for options in ({}, {"bpe": "sentencepiece", "sentencepiece_model": str(model_of(data))}):
        model = GRUAttentionModel.from_pretrained(str(path.parent), path.name, str(data), **options)
        assert model.translate(sources) == KOREAN
        assert model.translate(sources[0]) == KOREAN[0]


def test_the_model_of_the_source_language_is_found(
    commands: Commands, pairs: Path, tmp_path: Path, trained: Trained
) -> None:
    """The data can be read in the other direction too."""
    commands.succeed(
        *("fairseq-train", pairs, "--user-dir", PLUGIN, "--task", "translation", "--arch", "gru_attention_copy"),
        *("--source-lang", "ko", "--target-lang", "en", "--criterion", "cross_entropy", "--optimizer", "adam"),
        *("--lr", "0.01", "--batch-size", 16, "--max-update", 1, "--num-workers", 0, "--save-dir", tmp_path),
        *("--no-epoch-checkpoints", "--disable-validation"),
    )
    backward = GRUAttentionModel.from_pretrained(str(tmp_path), "checkpoint_last.pt", str(pairs))
    forward = trained("translation", pairs)
    hub = GRUAttentionModel.from_pretrained(str(forward.parent), forward.name, str(pairs))
    for made, line in ((backward, KOREAN[0]), (hub, ENGLISH[0])):
        assert made.tgt_dict != made.src_dict
        assert made.src_dict.unk() not in made.encode(line).tolist()
        assert made.src_dict.string(made.encode(line), "sentencepiece") == line


def test_raw_text_is_encoded_as_the_data_is(pairs: Path, trained: Trained) -> None:
    path = trained("translation", pairs)
    made = GRUAttentionModel.from_pretrained(str(path.parent), path.name, str(pairs))
    unknown, end = made.src_dict.unk(), made.src_dict.eos()
    assert made.encode("The\x85\u3000bird").tolist() == made.encode("The bird").tolist()
    assert made.encode("Ж").tolist()[-2:] == [unknown, end]
    plain = GRUAttentionModel.from_pretrained(str(path.parent), path.name, str(pairs), bpe=None)
    assert plain.bpe is None


def test_a_model_beside_the_checkpoint_is_found(pairs: Path, trained: Trained, tmp_path: Path) -> None:
    path = trained("translation", pairs)
    data, checkpoints = tmp_path / "data", tmp_path / "checkpoints"
    for folder, files in ((data, pairs.glob("dict.*")), (checkpoints, [path, pairs / "sentencepiece.en.model"])):
        folder.mkdir()
        for file in files:
            (folder / file.name).write_bytes(file.read_bytes())
    (data / "train.en-ko.en.idx").touch()  # names the languages
    made = GRUAttentionModel.from_pretrained(str(checkpoints), path.name, str(data))
    assert made.translate(ENGLISH[2]) == KOREAN[2]
    (checkpoints / "sentencepiece.en.model").unlink()
    assert GRUAttentionModel.from_pretrained(str(checkpoints), path.name, str(data)).bpe is None
    write_lines(data / "sentencepiece.model", ["no model"])
    with pytest.raises(ValueError, match=f"'{data}/sentencepiece.model' is not a sentencepiece model: "):
        GRUAttentionModel.from_pretrained(str(checkpoints), path.name, str(data))
