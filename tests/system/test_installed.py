"""An installed wheel gives the same commands from any folder, and the source distribution builds the same wheel.

``python`` of the environment is warm (see warm_commands.py), ``python3`` is the real one.
"""

import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.commands import Commands, Outcome, error_line
from tests.support.distributions import FOLDERS, PAPERS, SHIPPED, build_sdist, build_wheel, copy_of_sources
from tests.support.linked_environment import make_environment, variables, warm_python

pytestmark = pytest.mark.slow

USE = """
python -m data_gen copy data --num-symbols 4 --max-len 4 --train 64 --valid 8 --test 8
fairseq-train data --user-dir "$(python -m fairseq_plugin)" --task copy --arch gru_attention_copy \
  --criterion cross_entropy --optimizer adam --lr 0.01 --batch-size 32 --max-epoch 1 --num-workers 0 --save-dir .
fairseq-generate data --user-dir "$(python -m fairseq_plugin)" --task copy --path checkpoint_best.pt \
  --scoring exact_match | tail -n 1
fairseq-extract-attention data --path checkpoint_best.pt --output attention.npz
fairseq-plot-attention attention.npz --output attention.png
fairseq-view-attention attention.npz --output attention.html
fairseq-attention-stats attention.npz
python -m fairseq_plugin
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build_wheel(copy_of_sources(folder / "source", SHIPPED), folder)


@pytest.fixture(scope="module")
def environment(commands: Commands, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheel."""
    made = make_environment(tmp_path_factory.mktemp("environment"))
    pip = [made / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--ignore-installed", wheel], check=True)
    warm_python(made / "bin" / "python", commands.address)
    return made


def shell(script: str, folder: Path, environment: Path) -> Outcome:
    """Run a script in ``folder`` as in the activated environment."""
    settings = variables(environment) | {"PYTHONWARNINGS": "ignore"}
    words = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(words, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_every_command_from_any_folder(environment: Path, tmp_path: Path) -> None:
    outcome = shell(USE, tmp_path, environment)
    assert outcome.code == 0, outcome.err[-3000:]
    assert "Generate test with beam=5: exact match " in outcome.out
    assert "8 hypotheses written to attention.npz" in outcome.out
    plugin = Path(outcome.out.splitlines()[-1])
    assert plugin.name == "fairseq_plugin"
    assert environment in plugin.parents
    assert {"attention.npz", "attention.png", "attention.html"} <= set(os.listdir(tmp_path))  # noqa: PTH208


@pytest.mark.parametrize("program", ["plot-attention", "view-attention", "attention-stats"])
def test_errors_name_the_program(environment: Path, tmp_path: Path, program: str) -> None:
    output = (
        "" if program == "attention-stats" else "--output a.html" if program == "view-attention" else "--output a.png"
    )
    outcome = shell(f"fairseq-{program} none.npz {output}", tmp_path, environment)
    assert outcome.code == 2
    assert error_line(outcome).startswith(f"fairseq-{program}: error: no attention file 'none.npz': ")


def test_a_user_error_in_fairseq_is_one_line(environment: Path, tmp_path: Path) -> None:
    program = 'python3 "$(command -v fairseq-extract-attention)"'
    outcome = shell(f"{program} none --path none.pt --output a.npz", tmp_path, environment)
    assert outcome.code == 2
    assert error_line(outcome).startswith("fairseq-extract-attention: error: ")


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    source = copy_of_sources(tmp_path / "source", {*SHIPPED, *PAPERS, *FOLDERS})
    with tarfile.open(build_sdist(source, tmp_path)) as archive:
        # Python before 3.10.12 and 3.11.4 has no filter.
        archive.extractall(tmp_path / "unpacked", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    (tmp_path / "built").mkdir()
    assert contents(build_wheel(unpacked, tmp_path / "built")) == contents(wheel)
