"""The places that the tables name: good data and checkpoints, a folder of bad ones, an empty folder to run in."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from data_gen.copy.dataset import make_copy_dataset, make_copy_shards, make_online_folder
from data_gen.copy.spec import CopySpec
from tests.conftest import shared_folder
from tests.support.attention_files import make_attention_files
from tests.support.case import words_of
from tests.support.commands import ROOT, Commands
from tests.support.damaged_checkpoints import Hostile, make_checkpoints
from tests.support.damaged_datasets import make_datasets
from tests.support.made_once import made_once

NAMES = ("bad", "data", "lstm", "online", "shards", "good", "marker", "larger")
SPEC = CopySpec(num_symbols=4, min_len=2, max_len=4, train=300, valid=30, test=30)


@pytest.fixture(scope="session")
def standing(commands: Commands) -> dict[str, Path]:
    """Everything but ``{out}``; read only. ``{marker}`` is what a hostile file would make."""
    folder = made_once(shared_folder() / "bad_input", lambda made: make(commands, made))
    places = {name: folder / name for name in NAMES}
    return places | {name: checkpoint_in(places[name]) for name in ("good", "lstm")}


def make(commands: Commands, folder: Path) -> None:
    """Make the folder of all places."""
    places = {name: folder / name for name in NAMES}
    folder.mkdir()
    make_copy_dataset(SPEC, places["data"])
    make_copy_dataset(CopySpec(num_symbols=20, train=50, valid=5, test=5), places["larger"])
    make_online_folder(SPEC, places["online"])
    make_copy_shards(replace(SPEC, train=70_000), places["shards"], 2)  # two blocks
    for name, options in (("good", ""), ("lstm", " --arch lstm")):
        words = words_of(f"fairseq-train {{data}} TRAIN{options}", {**places, "out": places[name]})
        commands.succeed(*words)
    places["bad"].mkdir()
    make_attention_files(places["bad"])
    make_datasets(places["bad"], places["data"])
    make_checkpoints(places["bad"], checkpoint_in(places["good"]), Hostile(os.system, f"touch '{places['marker']}'"))
    _make_texts(places["bad"])


def checkpoint_in(folder: Path) -> Path:
    """The checkpoint of a training of the tables."""
    return folder / "checkpoints" / "checkpoint_last.pt"


def _make_texts(folder: Path) -> None:
    """Files of text, and files in the place of text."""
    (folder / "empty").write_bytes(b"")
    (folder / "binary").write_bytes(bytes(range(256)))
    (folder / "cr").write_bytes(b"a b\rc d\r")
    (folder / "blank").write_text("a b\n\nb\n \n", encoding="utf-8")
    for ending, content in {
        "en": b"a b c\nb c a\n",
        "ko": "가 나 다\n나 다\n".encode(),
        "empty": b"",
        "binary": bytes(range(256)),
        "long": b"a\nb\nc\n",
    }.items():
        (folder / f"text.{ending}").write_bytes(content)
    (folder / "text.folder").mkdir()
    (folder / "marked.md").write_text("<!-- translation:begin -->\n<!-- translation:end -->\n", encoding="utf-8")
    _make_configurations(folder)


def _make_configurations(folder: Path) -> None:
    """Configurations of the study of lengths: ``good``, and others with one thing wrong."""
    good = (ROOT / "scripts" / "lengths" / "smoke.yaml").read_text(encoding="utf-8")
    for name, text in {
        "good": good,
        "list": "- a\n- b\n",
        "open": "models: [a, b\n",
        "object": f"{good}beam: !!python/object/apply:os.system ['true']\n",
        "reference": f"{good}beam: ${{nowhere}}\n",
    }.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def places(standing: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """All places of a case."""
    return {**standing, "out": tmp_path}
