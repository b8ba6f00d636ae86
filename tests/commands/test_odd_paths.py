"""Paths with spaces and letters of any script work everywhere, and are told as they are."""

from pathlib import Path

import pytest

from tests.support.case import Case, check, words_of
from tests.support.commands import Commands

NAME = "ein Ordner, été 한국어 'x'"
STEPS = (
    "python -m data_gen copy '{odd}/da ten' --train 50 --valid 5 --test 5",
    "fairseq-train '{odd}/da ten' TRAIN --validate-interval 1",
    "fairseq-generate '{odd}/da ten' COPY --path '{odd}/checkpoints/checkpoint_last.pt' --beam 1",
    "fairseq-validate '{odd}/da ten' COPY --path '{odd}/checkpoints/checkpoint_last.pt' --batch-size 5",
    "extract_attention.py '{odd}/da ten' --path '{odd}/checkpoints/checkpoint_last.pt' --beam 1 --output '{odd}/ä 1.npz' "
    "'{odd}/ä 1.jsonl' '{odd}/ä 1.safetensors'",
    "attention_stats.py '{odd}/ä 1.safetensors' --json '{odd}/mes ures.json'",
    "view_attention.py '{odd}/ä 1.jsonl' -o '{odd}/ä 1.html'",
    "plot_attention.py '{odd}/ä 1.npz' --output '{odd}/ä 1.png'",
)


@pytest.mark.slow
def test_they_work(commands: Commands, tmp_path: Path) -> None:
    folder = tmp_path / NAME.replace("'", "")  # fairseq puts paths between quotes for hydra, and leaves ' as it is
    folder.mkdir()
    for step in STEPS:
        commands.succeed(*words_of(step, {"odd": folder, "out": folder}), cwd=folder)
    made = {path.name for path in folder.iterdir()}
    assert made == {
        "da ten",
        "checkpoints",
        "mes ures.json",
        *(f"ä 1.{end}" for end in ("npz", "jsonl", "safetensors")),
    } | {"ä 1.html", "ä 1.png"}


def test_errors_name_them_as_they_are(commands: Commands, places: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / NAME.replace("'", "")
    folder.mkdir()
    for command, message in (
        ("fairseq-train '{odd}' TRAIN", "fairseq-train: error: '{odd}' is no dataset folder, [..]"),
        (
            "fairseq-generate {data} COPY --path '{odd}/ä.pt'",
            "fairseq-generate: error: no checkpoint at '{odd}/ä.pt': [..]",
        ),
        ("attention_stats.py '{odd}/ä.npz'", "attention_stats.py: error: no attention file '{odd}/ä.npz': [..]"),
        (
            "python -m data_gen copy '{odd}/ä' --train 0",
            "data_gen: error: --train must be from 1 to 1000000000, but is 0",
        ),
    ):
        case = Case(command, message, leaves=(NAME.replace("'", ""),))
        check(case, commands, {**places, "odd": folder})
