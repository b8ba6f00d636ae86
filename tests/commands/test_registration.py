"""``--user-dir`` in processes that know nothing of the plugin yet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import PLUGIN, ROOT, Commands, error_line, generate_words

PROGRAM = """
import argparse
import fairseq_plugin
from fairseq.utils import import_user_module
from fairseq.models import ARCH_MODEL_REGISTRY, MODEL_REGISTRY
from fairseq.registry import REGISTRIES
from fairseq.tasks import TASK_REGISTRY

def registered():
    return (
        TASK_REGISTRY["copy"],
        MODEL_REGISTRY["gru_attention"],
        ARCH_MODEL_REGISTRY["gru_attention_copy"],
        REGISTRIES["scoring"]["registry"]["exact_match"],
    )

first = registered()
for _ in range(2):
    import_user_module(argparse.Namespace(user_dir={user_dir!r}))
    assert registered() == first
print([entry.__module__ for entry in first])
"""


def test_user_dir_after_an_import_and_twice(commands: Commands) -> None:
    outcome = commands.succeed("python", "-c", PROGRAM.format(user_dir=str(PLUGIN)), unloaded=True)
    assert outcome.out.splitlines()[-1] == str(
        [
            "fairseq_plugin.tasks.copy_task",
            "fairseq_plugin.models.gru_attention",
            "fairseq_plugin.models.gru_attention",
            "fairseq_plugin.scoring.exact_match",
        ]
    )


def test_a_link_to_the_package(commands: Commands, copy_data: Path, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "fairseq_plugin").symlink_to(PLUGIN)
    words = generate_words(copy_data, trained, "--user-dir", tmp_path / "fairseq_plugin")
    outcome = commands.succeed(*words, cwd=tmp_path, unloaded=True)
    assert outcome.out.splitlines()[-1].startswith("Generate test with beam=5: exact match")


@pytest.mark.parametrize("name", ["plug", "fairseq_plugin"], ids=["a link of another name", "a copy without data_gen"])
def test_what_the_package_cannot_be_loaded_from(
    commands: Commands, name: str, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    place = tmp_path / name
    if name == "plug":
        place.symlink_to(PLUGIN)
    else:
        shutil.copytree(PLUGIN, place)
    outcome = commands(*generate_words(copy_data, trained, "--user-dir", place), cwd=tmp_path, unloaded=True)
    assert outcome.code == 2
    assert error_line(outcome) == (
        f"fairseq-generate: error: the plugin cannot be loaded from '{place}': --user-dir takes the folder "
        "fairseq_plugin of a checkout, or a link of that name to it; a copy needs data_gen beside it"
    )


def test_a_command_from_its_very_start(copy_data: Path, trained: Path) -> None:
    program = Path(sys.executable).with_name("fairseq-generate")
    words = generate_words(copy_data, trained)
    words[words.index(PLUGIN)] = "fairseq_plugin"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([program, *map(str, words[1:])], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Generate test with beam=5: exact match ")


def test_the_printed_path_from_another_folder(
    commands: Commands, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    printed = commands("python", "-m", "fairseq_plugin", cwd=tmp_path, unloaded=True)
    assert (printed.code, printed.out) == (0, f"{PLUGIN}\n")
    words = generate_words(copy_data, trained)
    words[words.index(PLUGIN)] = printed.out.strip()
    commands.succeed(*words, cwd=tmp_path, unloaded=True)
