"""Files that would do harm: checkpoints that run a command when they are unpickled, and those that are damaged.

Each such checkpoint would make the file ``{marker}``. Every command that loads one refuses it, and the file is not
there.
"""

import os
import pickle
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils

from data_gen.errors import UserError
from fairseq_plugin.analysis.extraction import generation_config, load
from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.checkpoints.safe_loading import ALLOWED
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.preflight import check_fairseq, require_safe_torch
from scripts.lengths.study import evaluate
from scripts.results_table import final_loss
from tests.support.case import Case, check, table
from tests.support.commands import Commands
from tests.support.damaged_checkpoints import Hostile, save
from tests.support.errors import message_of

REFUSED = (
    "{command}: error: refused to load '{{bad}}/hostile{end}': it asks for posix.system, which no checkpoint needs and "
    "which may run code hidden in the file: delete it unless you know who made it, and name one that fairseq-train wrote"
)
COMMANDS = {
    "train": "fairseq-train {data} TRAIN --restore-file",
    "train, to start from": "fairseq-train {data} TRAIN --finetune-from-model",
    "train, a named size": "fairseq-train {data} TRAIN --arch lstm --restore-file",
    "generate": "fairseq-generate {data} COPY --path",
    "generate, another task": "fairseq-generate {data} COPY --task translation --path",
    "interactive": "fairseq-interactive {data} COPY --path",
    "validate": "fairseq-validate {data} COPY --batch-size 9 --path",
    "extraction": "extract_attention.py {data} --output {out}/a.npz --path",
}
CASES = {
    f"{name}, {kind}": Case(
        f"{command} {{bad}}/hostile{end}",
        REFUSED.format(command=command.split(" ")[0], end=end),
        slow=(kind == "legacy" and name != "generate") or name == "train, a named size",
    )
    for name, command in COMMANDS.items()
    for kind, end in (("zip", ".pt"), ("legacy", "-legacy.pt"))
}


@table(CASES)
def test_every_command_refuses(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)
    assert not places["marker"].exists()


DAMAGED = {
    f"{name}, {kind}": Case(
        f"{command} {{bad}}/{kind}.pt",
        f"{command.split(' ')[0]}: error: '{{bad}}/{kind}.pt' is no checkpoint, or damaged (BadZipFile)[..]",
        slow=(name, kind) not in (("train", "zeros"), ("generate", "bit"), ("extraction", "zeros")),
    )
    for name, command in COMMANDS.items()
    for kind in ("zeros", "bit")
}


@table(DAMAGED)
def test_every_command_notices_damage(case: Case, commands: Commands, places: dict[str, Path]) -> None:
    check(case, commands, places)


def test_the_last_checkpoint_of_a_training(commands: Commands, places: dict[str, Path]) -> None:
    folder = places["out"] / "checkpoints"
    folder.mkdir()
    shutil.copyfile(places["bad"] / "hostile.pt", folder / "checkpoint_last.pt")
    message = REFUSED.format(command="fairseq-train", end=".pt").replace(
        "{bad}/hostile", "{out}/checkpoints/checkpoint_last"
    )
    check(Case("fairseq-train {data} TRAIN", message, leaves=("checkpoint_last.pt", "checkpoints")), commands, places)
    assert not places["marker"].exists()


def test_pictures_over_a_training(
    commands: Commands, places: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stages")
    shutil.copyfile(places["bad"] / "hostile.pt", folder / "checkpoint1.pt")
    message = REFUSED.format(command="plot_attention.py", end=".pt").replace("{bad}/hostile", "{stages}/checkpoint1")
    case = Case("plot_attention.py {data} --evolution {stages} --output {out}/a.png", message)
    check(case, commands, {**places, "stages": folder})
    assert not places["marker"].exists()


def refused_line(places: dict[str, Path], path: Path) -> str:
    line = REFUSED.format(command="", end=".pt").removeprefix(": error: ")
    return line.format(**places).replace(str(places["bad"] / "hostile.pt"), str(path))


def test_python(places: dict[str, Path]) -> None:
    path = places["bad"] / "hostile.pt"
    assert message_of(
        GRUAttentionModel.from_pretrained, str(path.parent), path.name, str(places["data"])
    ) == refused_line(places, path)
    assert message_of(load, generation_config([str(places["data"]), "--path", str(path)])) == refused_line(places, path)
    assert message_of(evaluate, str(places["data"]), str(path), 1, 1) == refused_line(places, path)
    with pytest.raises(pickle.UnpicklingError):  # of a checkpoint that the script itself has made
        final_loss(path)
    assert not places["marker"].exists()


class Made:
    """A class that no checkpoint needs."""


def _marks(path: Path) -> dict[str, Any]:
    """What would make the file ``path``, or is none of the classes allowed, by the name that pickle gives it."""
    code = f"open({str(path)!r}, 'w').close()"
    return {
        "posix.system": Hostile(os.system, f"touch '{path}'"),
        "eval": Hostile(eval, code),
        "exec": Hostile(exec, code),
        "commands.Popen": Hostile(subprocess.Popen, ["touch", str(path)]),
        "shutil.copyfile": Hostile(shutil.copyfile, __file__, str(path)),
        "getattr": Hostile(getattr, "", "join"),
        "pickle.loads": Hostile(pickle.loads, pickle.dumps(Hostile(os.system, f"touch '{path}'"))),
        "tests.commands.test_hostile.Made": Made(),
        "torch.serialization.load": Hostile(torch.load, str(path)),
    }


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", _marks(Path("x")))
def test_whatever_it_calls(tmp_path: Path, name: str, legacy: bool) -> None:
    path, marker = tmp_path / "checkpoint.pt", tmp_path / "marker"
    save({"model": {}, "cfg": _marks(marker)[name]}, path, legacy=legacy)
    with pytest.raises(UserError) as caught:
        checkpoint_utils.load_checkpoint_to_cpu(str(path))
    refused = f"refused to load {str(path)!r}: it asks for {name}, which no checkpoint needs and which may run code"
    assert str(caught.value).startswith(refused)
    assert not marker.exists()


def test_the_list_of_allowed_classes() -> None:
    """Another entry needs a reason beside it in safe_loading.py, a line in SECURITY.md, and one here."""
    assert [f"{each.__module__}.{each.__qualname__}" for each in ALLOWED] == [
        "argparse.Namespace",
        # Under NumPy's names, functions of checkpoints/numpy_values.py.
        *("numpy.dtype", "numpy.ndarray"),
        *("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"),
        *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    ]


@pytest.mark.parametrize("version", ["1.13.1", "2.0.0", "2.5.1+cpu"])
def test_a_torch_that_loads_unsafely(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    said = f"torch {version} runs code hidden in a checkpoint, 2.6 or later is needed; run: "
    with pytest.raises(ImportError) as caught:
        check_fairseq()
    assert str(caught.value) == f"{said}{shlex.quote(sys.executable)} -m pip install 'torch>=2.6'"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/fairseq-train", "data"])
    with pytest.raises(SystemExit) as stopped:
        check_fairseq()
    assert str(stopped.value).startswith(f"fairseq-train: error: {said}")


@pytest.mark.parametrize("version", ["2.6.0", "2.13.0+cpu", "3.0", "main"])
def test_a_torch_that_loads_safely(version: str) -> None:
    require_safe_torch(version)


def test_pickled_arrays_are_not_loaded(tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "attention.npz"
    hostile = np.array([Hostile(os.system, f"touch '{marker}'")], dtype=object)
    np.savez(path, format=hostile, allow_pickle=True)
    with pytest.raises(UserError, match=r"attention\.npz"):
        read_records(path)
    with open(path, "wb") as stream:
        np.save(stream, hostile, allow_pickle=True)
    with pytest.raises(UserError, match="no zip archive"):
        read_records(path)
    assert not marker.exists()
