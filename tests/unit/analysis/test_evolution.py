"""One sentence over a training: which checkpoints are read, in which order, and what is drawn of them."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data_gen.errors import UserError
from fairseq_plugin.analysis.evolution import checkpoints_in, evenly, stages
from fairseq_plugin.analysis.extraction import extract, generation_config, load
from fairseq_plugin.analysis.pictures import picture
from scripts import plot_attention
from tests.support.commands import Commands, train_words

IN_ORDER = [
    *("checkpoint_1_7.pt", "checkpoint1.pt", "checkpoint_2_14.pt", "checkpoint_2_21.pt", "checkpoint2.pt"),
    *("checkpoint_3_28.pt", "checkpoint3.pt"),
]
UPDATES = [7, 11, 14, 21, 22, 28, 33]
HYDRA = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*:DeprecationWarning")


@pytest.fixture(scope="module")
def training(commands: Commands, copy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of 3 epochs of 11 updates and of every 7th update."""
    folder = tmp_path_factory.mktemp("training")
    words = [word for word in train_words(copy_data, folder, "--max-epoch", 3) if word != "--no-epoch-checkpoints"]
    commands.succeed(*words, "--save-interval-updates", 7)
    return folder


def test_checkpoints_are_in_the_order_of_updates(training: Path) -> None:
    assert [path.name for path in checkpoints_in(training)] == IN_ORDER
    assert (training / "checkpoint_best.pt").exists()
    assert (training / "checkpoint_last.pt").exists()


def test_numbers_count_as_numbers(tmp_path: Path) -> None:
    names = ["checkpoint9.pt", "checkpoint_10_900.pt", "checkpoint_10_1000.pt", "checkpoint10.pt", "checkpoint100.pt"]
    for name in (*names, "checkpoint_best.pt", "checkpoint1-shard0.pt", "checkpoint.best_loss_1.5.pt", "checkpoint.pt"):
        (tmp_path / name).touch()
    assert [path.name for path in checkpoints_in(tmp_path)] == names


@pytest.mark.parametrize(
    ("count", "most", "chosen"),
    [(3, 3, [0, 1, 2]), (3, 9, [0, 1, 2]), (9, 3, [0, 4, 8]), (9, 2, [0, 8]), (10, 4, [0, 3, 6, 9]), (1, 2, [0])],
)
def test_some_of_many_evenly(count: int, most: int, chosen: list[int]) -> None:
    assert evenly(range(count), most) == chosen


@pytest.mark.parametrize("count", [13, 99, 1000])
def test_gaps_differ_by_one_at_most(count: int) -> None:
    chosen = evenly(range(count), 12)
    assert (len(chosen), chosen[0], chosen[-1]) == (12, 0, count - 1)
    assert np.ptp(np.diff(chosen)) <= 1


def test_options_of_a_search_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--beam has no effect on references, "):
        next(stages([tmp_path / "checkpoint1.pt"], [str(tmp_path), "--beam", "3"], 0))


def test_all_stages_read_the_same_tokens_and_the_weights_are_those_of_the_checkpoint(
    copy_data: Path, training: Path
) -> None:
    paths = checkpoints_in(training)
    arguments = [str(copy_data), "--gen-subset", "test"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's and the data loader's
        read = list(stages(paths, arguments, 5))
        cfg = generation_config([*arguments, "--path", str(paths[-1]), "--score-reference", "--batch-size", "64"])
        whole = extract(load(cfg), cfg)
    assert [(stage.epoch, stage.updates) for stage in read] == list(zip([1, 1, 2, 2, 2, 3, 3], UPDATES, strict=True))
    sentence = tuple((copy_data / "test.src").read_text().splitlines()[5].split())
    assert {(stage.record.source, stage.record.target) for stage in read} == {((*sentence, "</s>"),) * 2}
    np.testing.assert_allclose(read[-1].record.weights, whole[5].weights, atol=1e-6)
    assert np.abs(read[-1].record.weights - read[0].record.weights).max() > 0.01


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are saved."""
    kept: list[Any] = []
    save = picture.save
    monkeypatch.setattr(picture, "save", lambda figure, path: (kept.append(figure), save(figure, path)))
    return kept


@HYDRA
def test_small_multiples(
    copy_data: Path, training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], figures: list[Any]
) -> None:
    output = tmp_path / "evolution.svg"
    command = [str(copy_data), "--evolution", str(training), "--output", str(output), "--id", "5", "--panels", "4"]
    assert plot_attention.main(command) == 0
    sentence = (copy_data / "test.src").read_text().splitlines()[5]
    share = "4 of 7 checkpoints, evenly chosen: --panels N draws at most N"
    assert capsys.readouterr().out == f"SRC  {sentence}\nTRG  {sentence}\n{share}\n{output}\n"
    *matrices, _ = figures[0].axes
    assert [axes.get_title() for axes in matrices] == [
        *("epoch 1, update 7", "epoch 2, update 14", "epoch 2, update 22", "epoch 3, update 33")
    ]
    assert {axes.get_images()[0].get_clim() for axes in matrices} == {(0.0, 1.0)}
    assert len({tuple(tick.get_text() for tick in axes.get_yticklabels()) for axes in matrices}) == 1


@pytest.mark.slow
@HYDRA
def test_animation_of_another_split(
    copy_data: Path, training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "evolution.GIF"
    command = [str(copy_data), "--evolution", str(training), "--output", str(output), "--gen-subset", "valid"]
    assert plot_attention.main([*command, "--task", "copy", "--title", "Copy"]) == 0
    sentence = (copy_data / "valid.src").read_text().splitlines()[0]
    assert capsys.readouterr().out == f"SRC  {sentence}\nTRG  {sentence}\n7 checkpoints\n{output}\n"
    with Image.open(output) as gif:
        assert (gif.format, gif.n_frames) == ("GIF", 7)


@HYDRA
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--all"], "--all with --evolution, which draws one sentence and its reference: give --id alone"),
        (["--ids", "1,2"], "--ids with --evolution, which draws one sentence and its reference: give --id alone"),
        (["--compare", "x"], "--compare with --evolution, which draws one sentence and its reference: give --id alone"),
        (["--rank", "1"], "--rank with --evolution, which draws one sentence and its reference: give --id alone"),
        (["--merge", "bpe"], "--merge bpe with --evolution, which draws the tokens of the data: leave it out"),
        (["--columns", "2"], "--columns 2 with a .gif: an animation has one heatmap"),
        (["--panels", "1"], "at least 2 checkpoints show a change, but 1 is given: take --panels 2 or more"),
        (["--panels", "0"], "at least 2 checkpoints show a change, but 0 is given: take --panels 2 or more"),
        (["--output", "a.jpg"], "picture 'a.jpg' must end in .png, .pdf, .svg or .gif"),
        (["--output", "none/a.gif"], "folder 'none' does not exist: "),
        (["--id", "30"], "no sentence 30 in split 'test': choose one from 0 to 29"),
        (["--id", "-1"], "no sentence -1 in split 'test': choose one from 0 to 29"),
        (["--evolution", "none"], "no folder 'none': give the --save-dir of a training"),
        (
            ["--evolution", "."],
            "no checkpoint of an epoch or an update in '.': train without --no-epoch-checkpoints, or with "
            "--save-interval-updates",
        ),
    ],
    ids=lambda given: given[0] if isinstance(given, list) else "",
)
def test_wrong_use(
    options: list[str],
    message: str,
    copy_data: Path,
    training: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    command = [str(copy_data), "--evolution", str(training), "--output", "a.gif", *options]
    assert plot_attention.main(command) == 2
    printed, said = capsys.readouterr()
    assert (printed, said.count("\n")) == ("", 1)
    assert said.startswith(f"plot_attention.py: error: {message}")
    assert list(tmp_path.iterdir()) == []


def test_an_attention_file_is_no_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.npz").touch()
    command = [str(tmp_path / "a.npz"), "--evolution", str(tmp_path), "--output", str(tmp_path / "b.png")]
    assert plot_attention.main(command) == 2
    path = str(tmp_path / "a.npz")
    expected = f"plot_attention.py: error: --evolution reads a dataset: give its folder in place of {path!r}\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("option", [("--panels", "3"), ("--gen-subset", "valid")])
def test_options_of_a_training_alone(option: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert plot_attention.main(["a.npz", "--output", "a.png", *option]) == 2
    name, value = option
    expected = f"plot_attention.py: error: {name} {value} without --evolution: it is for a sentence over a training\n"
    assert capsys.readouterr().err == expected


def test_options_of_fairseq_are_for_a_training_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert plot_attention.main(["a.npz", "--output", "a.png", "--task", "copy"]) == 2
    expected = "unrecognized arguments: --task copy (`python scripts/plot_attention.py --help` lists the options)"
    assert capsys.readouterr().err == f"plot_attention.py: error: {expected}\n"
