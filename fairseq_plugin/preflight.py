"""Check that fairseq can be used, and where it cannot, say in one line why and which command mends it.

fairseq is unmaintained. Upstream 0.12.2 imports on Python 3.10 and older; two forks with the same import name carry on
from there. Which one suits a Python and a platform is written down here and nowhere else: setup.py loads this file for
its extra ``fairseq``. So it imports nothing outside the standard library.

The installed version is read from ``fairseq.__version__``: package metadata is wrong where a fork lies over upstream.
"""

import logging
import platform
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

PREBUILT = ("ve-fairseq==0.12.3", "hydra-core>=1.3.2,<1.4", "omegaconf>=2.3,<2.4")
PREBUILT_MARKER = (
    'python_version >= "3.11" and python_version < "3.13" and sys_platform == "linux" and platform_machine == "x86_64"'
)
FROM_SOURCE = ("fairseq-fixed==0.12.3.1",)
FROM_SOURCE_MARKER = (
    'python_version < "3.11" or python_version >= "3.13" or sys_platform != "linux" or platform_machine != "x86_64"'
)

DISTRIBUTIONS = ("fairseq", "ve-fairseq", "fairseq-fixed")
OLDEST = (0, 12)
OLDEST_TORCH = (2, 6)  # from there on torch loads checkpoints safely unless told otherwise, and fairseq does not tell


def fairseq_requirements(python: tuple[int, int], system: str, machine: str) -> tuple[str, ...]:
    """What to install to have fairseq.

    :param python: major and minor version, as in ``sys.version_info[:2]``.
    :param system: as in ``sys.platform``.
    :param machine: as in ``platform.machine()``.
    """
    prebuilt = (3, 11) <= python < (3, 13) and system == "linux" and machine == "x86_64"
    return PREBUILT if prebuilt else FROM_SOURCE


def install_command(*, replace: bool) -> str:
    """The shell command that gives the running Python a fairseq that works.

    :param replace: first remove what there is; pip would otherwise take a broken or partly removed one for installed.
    """
    pip = f"{shlex.quote(sys.executable or 'python')} -m pip"
    wanted = fairseq_requirements(sys.version_info[:2], sys.platform, platform.machine())
    install = f"{pip} install {shlex.join(wanted)}"
    return f"{pip} uninstall -y {' '.join(DISTRIBUTIONS)} && {install}" if replace else install


@contextmanager
def quiet_import() -> Iterator[None]:
    """Keep to itself what fairseq does on import: deprecation warnings, and logging set to DEBUG on standard error.

    Nothing to do under a fairseq command, where fairseq was imported before the plugin.
    """
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    root.addHandler(logging.NullHandler())  # so that logging.basicConfig leaves the root logger alone
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


def check_name(package: str) -> None:
    """Find all of this project, also where ``--user-dir`` names a link to its package; where that cannot be, end a
    command of this project or of fairseq with one line and exit code 2.

    :param package: the name under which the package is imported.
    :raises ImportError: it has another name, or ``data_gen`` does not lie beside it; in any other program.
    """
    from .commands import (
        running_program,  # relative, as the package may have another name; setup.py runs this file alone
    )

    home = Path(__file__).resolve().parent
    if find_spec("data_gen") is None:
        sys.path.append(str(home.parent))
    if package == "fairseq_plugin" and find_spec("data_gen") is not None:
        return
    problem = (
        f"the plugin cannot be loaded from {str(Path(__file__).parent)!r}: --user-dir takes the folder "
        "fairseq_plugin of a checkout, or a link of that name to it; a copy needs data_gen beside it"
    )
    program = running_program()
    if program is None:
        raise ImportError(problem)
    print(f"{program.name}: error: {problem}", file=sys.stderr)  # data_gen, whose line this is, may be missing
    sys.exit(2)


def check_fairseq() -> None:
    """Import fairseq and torch; where that fails under a command of this project or of fairseq, end the process with
    one line and exit code 1.

    :raises ImportError: as :func:`require_fairseq` and :func:`require_safe_torch`, in any other program.
    """
    try:
        require_fairseq()
        require_safe_torch(str(import_module("torch").__version__))
    except ImportError as error:
        from .commands import running_program

        program = running_program()
        if program is None:
            raise
        sys.exit(f"{program.name}: error: {error}")


def require_fairseq() -> None:
    """Import fairseq.

    :raises ImportError: fairseq is missing, too old or broken; the message is one line that ends with a command.
    """
    try:
        with quiet_import():
            version = getattr(import_module("fairseq"), "__version__", None)
    except ModuleNotFoundError as error:
        if error.name == "fairseq":
            raise ImportError(f"fairseq is not installed; run: {install_command(replace=False)}") from None
        raise _broken(error) from error
    except Exception as error:  # An import can fail with anything; all of it is told in one line.
        raise _broken(error) from error
    if version is None:
        raise ImportError(
            "fairseq is an empty folder, as left behind when a fork installed over another fairseq is removed; "
            f"run: {install_command(replace=True)}"
        )
    numbers = re.match(r"(\d+)\.(\d+)", str(version))
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        raise ImportError(f"fairseq {version} is too old, 0.12 is needed; run: {install_command(replace=True)}")


def require_safe_torch(version: str) -> None:
    """Refuse a torch that loads checkpoints unsafely.

    :raises ImportError: a torch of this version would run code that is hidden in a checkpoint.
    """
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST_TORCH:
        oldest = ".".join(map(str, OLDEST_TORCH))
        pip = f"{shlex.quote(sys.executable or 'python')} -m pip"
        raise ImportError(
            f"torch {version} runs code hidden in a checkpoint, {oldest} or later is needed; run: "
            f"{pip} install {shlex.quote(f'torch>={oldest}')}"
        )


def _broken(error: Exception) -> ImportError:
    """The one line for a fairseq that is there but does not import."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, ValueError) and "mutable default" in said:
        problem = f"this fairseq does not work on Python {sys.version_info[0]}.{sys.version_info[1]}, only up to 3.10"
    elif isinstance(error, ImportError) and re.search(r"\b(hydra|omegaconf)\b", said):
        problem = "this fairseq does not work with the installed hydra-core and omegaconf"
    else:
        problem = "fairseq cannot be imported"
    return ImportError(f"{problem} ({said}); run: {install_command(replace=True)}")
