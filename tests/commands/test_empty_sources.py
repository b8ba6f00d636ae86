"""Sources without any token, as --no-source-eos makes of empty lines: each command reads them, alike in any batch."""

from pathlib import Path

import numpy as np
import pytest

from fairseq_plugin.analysis.formats import read_records
from tests.support.commands import PLUGIN, Commands, extract_words, generate_words, lines_of, train_words

LINES = ("a b c", "", "b a", "", "", "c")
EMPTY = [number for number, line in enumerate(LINES) if not line]
LIMITS = ("--max-len-a", 0, "--max-len-b", 8)  # else fairseq lets an output get longer where others of its batch may
BATCHES = ((1,), (6,), (4, "--left-pad-source"))


@pytest.fixture(scope="module")
def data(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text with empty lines, as fairseq-preprocess binarizes it with the dictionaries of ``copy_data``."""
    folder = tmp_path_factory.mktemp("empty")
    for name in ("text.src", "text.tgt"):
        (folder / name).write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    words = ["fairseq-preprocess", "--source-lang", "src", "--target-lang", "tgt", "--destdir", folder / "data"]
    for side, option in (("src", "--srcdict"), ("tgt", "--tgtdict")):
        words += [option, copy_data / f"dict.{side}.txt"]
    for split in ("train", "valid", "test"):
        words += [f"--{split}pref", folder / "text"]
    commands.succeed(*words)
    return folder / "data"


@pytest.fixture(scope="module")
def model(commands: Commands, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on that, in batches of nothing but empty sources as well."""
    folder = tmp_path_factory.mktemp("model")
    words = train_words(data, folder, "--max-epoch", 3, "--no-source-eos")
    words[words.index("--batch-size") + 1] = 1
    commands.succeed(*words)
    return folder / "checkpoint_last.pt"


def test_generate(commands: Commands, data: Path, model: Path) -> None:
    outputs = []
    for size, *padding in BATCHES:
        words = generate_words(data, model, *LIMITS, "--batch-size", size, *padding, "--print-alignment", "hard")
        done = commands.succeed(*words)
        outputs.append(lines_of(done, "H"))
        assert [lines_of(done, "A")[number] for number in EMPTY] == [[""]] * len(EMPTY)
        assert len({lines_of(done, "P")[number][0] for number in EMPTY}) == 1
    assert outputs[1:] == outputs[:1] * 2
    assert sorted(outputs[0]) == list(range(len(LINES)))


def test_interactive(commands: Commands, data: Path, model: Path) -> None:
    words = ("fairseq-interactive", data, "--user-dir", PLUGIN, "--task", "copy", "--path", model, *LIMITS)
    typed = "".join(f"{line}\n" for line in LINES)
    outputs = []
    for batching in ((), ("--buffer-size", 6, "--batch-size", 6), ("--buffer-size", 3, "--batch-size", 2)):
        outputs.append(lines_of(commands.succeed(*words, *batching, typed=typed), "H"))
    assert outputs[1:] == outputs[:1] * 2
    assert sorted(outputs[0]) == list(range(len(LINES)))


@pytest.mark.parametrize("forced", [(), ("--forced",)], ids=["decoded", "forced"])
def test_extraction(commands: Commands, data: Path, model: Path, tmp_path: Path, forced: tuple) -> None:
    path = tmp_path / "attention.npz"
    made = []
    for size, *padding in BATCHES:
        commands.succeed(*extract_words(data, model, path, *(forced or LIMITS), "--batch-size", size, *padding))
        made.append(read_records(path))
    for records in made:
        assert [" ".join(record.source) for record in records] == list(LINES)
        assert {records[number].weights.shape[1] for number in EMPTY} == {0}
        for record, alone in zip(records, made[0], strict=True):
            assert record.target == alone.target
            assert record.score == pytest.approx(alone.score, abs=1e-5)
            np.testing.assert_allclose(record.weights, alone.weights, rtol=0, atol=1e-6)

    stats = commands.succeed("python", PLUGIN.parent / "scripts" / "attention_stats.py", path).out
    assert stats.splitlines()[1].split()[:2] == ["all", "6"]
    drawing = ("python", PLUGIN.parent / "scripts" / "plot_attention.py", path, "--all", "--output", tmp_path / "a.pdf")
    assert commands.succeed(*drawing).out.splitlines()[:2] == [
        "3 pages",
        "3 sentences have no weight to draw, such as sentence 1",
    ]
