"""A new environment that installs nothing: it sees the packages of the one that runs the tests, and adds its own."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support.commands import ROOT

PURPOSES = ("runtime", "fairseq", "test")
WARM = """#!{real} -IS
import sys
sys.path.append({support!r})
from warm_client import main
main({address!r}, {real!r})
"""


def make_environment(folder: Path) -> Path:
    """An empty environment, with the packages of the present one behind its own, and fairseq's programs.

    To scripts/environment.sh it is one that was filled already.

    :returns: ``folder``.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (site / "linked.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m pip "$@"\n', encoding="utf-8")
    pip.chmod(0o755)
    for program in Path(sys.executable).parent.glob("fairseq-*"):
        _, _, rest = program.read_text(encoding="utf-8").partition("\n")
        (folder / "bin" / program.name).write_text(f"#!{folder}/bin/python\n{rest}", encoding="utf-8")
        (folder / "bin" / program.name).chmod(0o755)
    version = "{}.{}".format(*sys.version_info[:2])
    (folder / ".made-by-fairseq-attention").touch()
    for purpose in PURPOSES:
        pins = (ROOT / "requirements" / f"{purpose}.txt").read_text(encoding="utf-8")
        (folder / f".installed-{purpose}").write_text(f"{version}\n{pins}", encoding="utf-8")
    return folder


def variables(environment: Path) -> dict[str, str]:
    """Environment variables as ``activate`` sets them."""
    path = os.pathsep.join([str(environment / "bin"), os.environ["PATH"]])
    dropped = ("PYTHONPATH", "PYTHONWARNINGS", "PYTHON", "FAIRSEQ_ATTENTION_VENV")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"PATH": path, "VIRTUAL_ENV": str(environment), "OMP_NUM_THREADS": "1"}


def warm_python(python: Path, address: str) -> Path:
    """Put a program in the place of an environment's ``python``: it runs commands without their start-up.

    :param python: is there, a link or a file; the programs of its folder begin with it.
    :param address: of the server: see warm_commands.py.
    :returns: ``python``.
    """
    real = str(python.with_name("python3"))
    python.unlink(missing_ok=True)
    python.write_text(WARM.format(real=real, support=str(Path(__file__).parent), address=address), encoding="utf-8")
    python.chmod(0o755)
    return python
