"""Set-up shared by all tests: the plugin, real commands, and a small trained model.

Of pytest-xdist's processes, that which starts the others imports nothing large: they would wait for it.
"""

import gc
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from tests.support.commands import Commands, start_servers, train_words
from tests.support.linked_environment import make_environment, warm_python
from tests.support.made_once import made_once

UNIT, SYSTEM = Path(__file__).with_name("unit"), Path(__file__).with_name("system")
SHARED, OWNER = "FAIRSEQ_ATTENTION_TESTS", "FAIRSEQ_ATTENTION_TESTS_PROCESS"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="where tests of modules make their tensors (default: cpu)")


def pytest_configure(config: pytest.Config) -> None:
    first = not hasattr(config, "workerinput")  # of all processes, or the only one
    if first:
        os.environ[SHARED] = tempfile.mkdtemp(prefix="fairseq-attention-tests-")
        os.environ[OWNER] = str(os.getpid())
        config.add_cleanup(partial(shutil.rmtree, shared_folder(), ignore_errors=True))
    if first and config.getoption("numprocesses", None):
        starting = Thread(target=servers)  # they are ready when the other processes have found their tests
        starting.start()
        config.add_cleanup(starting.join)
    else:
        prepare(config.getoption("--device"))


def prepare(device: str) -> None:
    """Set up what tests are run with."""
    import torch

    import fairseq_plugin  # noqa: F401  (registers everything, with fairseq's import warnings kept quiet)
    from tests.support import shortcuts

    # For tiny tensors a second thread costs more than it brings, above all where several processes share the cores.
    torch.set_num_threads(1)
    shortcuts.take()
    if device != "cpu":
        torch.set_default_device(device)
        torch.backends.cudnn.allow_tf32 = False  # numbers are compared to the last digit


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import for the quick tests what has none."""
    return True if collection_path == SYSTEM and config.getoption("markexpr") == "quick" else None


@pytest.hookimpl(tryfirst=True)  # before pytest looks at -m
def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """Mark the quick tests, and skip what needs the compiled recurrence where it is not built.

    Quick are the tests of the packages that run no command, and what is marked so: one way through all commands, and
    for each table of bad inputs its first line.
    """
    from fairseq_plugin import native

    def runs_commands(item: pytest.Item) -> bool:
        return "commands" in getattr(item, "fixturenames", ())

    if config.getoption("markexpr") == "quick":
        items.sort(key=runs_commands)  # last: until then, the servers have started
    missing = native.missing()
    for item in items:
        if UNIT in item.path.parents and not runs_commands(item) and item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.quick)
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if missing is not None and any(isinstance(value, str) and value == "native" for value in parameters):
            item.add_marker(pytest.mark.skip(reason=f"--recurrence native is {missing}"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let nothing look for garbage in all that was imported, and look for it seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def shared_folder() -> Path:
    """A folder that all processes of a run share."""
    return Path(os.environ[SHARED])


def servers() -> Path:
    """The folder of the servers that run commands."""
    owner = int(os.environ[OWNER])
    return made_once(shared_folder() / "server", lambda folder: start_servers(folder, owner))


@pytest.fixture(scope="session")
def commands() -> Commands:
    """Runs a command as a user types it."""
    return Commands(servers())


@pytest.fixture(scope="session")
def warm(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment where ``python`` and fairseq's programs start at once: they are forks of one process."""
    environment = make_environment(tmp_path_factory.mktemp("warm") / "environment")
    warm_python(environment / "bin" / "python", commands.address)
    return environment


@pytest.fixture(scope="session")
def launcher(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``python`` for the modules of this checkout, with the plugin imported."""
    environment = make_environment(tmp_path_factory.mktemp("launcher") / "environment")
    return warm_python(environment / "bin" / "python", commands.with_plugin)


@pytest.fixture
def warm_studies(launcher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that scripts/common.py starts, and their own, start at once."""
    from scripts import common

    monkeypatch.setattr(common, "LAUNCHER", (str(launcher), "-m"))


@pytest.fixture(scope="session")
def copy_data() -> Path:
    """A small copy dataset: 4 letters, length 2 to 4, 30 test sequences; read only."""
    from data_gen.copy.dataset import make_copy_dataset
    from tests.support.making import SMALL

    return made_once(shared_folder() / "copy_data", lambda folder: make_copy_dataset(SMALL, folder, text=True))


@pytest.fixture(scope="session")
def trained(commands: Commands, copy_data: Path) -> Path:
    """The best checkpoint of fairseq-train on ``copy_data``: mostly right, but not always. Read only."""
    return _trained(commands, copy_data, "trained", "--max-epoch", 11)


@pytest.fixture(scope="session")
def also_trained(commands: Commands, copy_data: Path) -> Path:
    """Another checkpoint, of another seed and other sizes."""
    sizes = ("--encoder-hidden-size", 48, "--decoder-hidden-size", 48)
    return _trained(commands, copy_data, "also_trained", "--max-epoch", 5, "--seed", 2, *sizes)


def _trained(commands: Commands, data: Path, name: str, *options: object) -> Path:
    folder = shared_folder() / name
    made_once(folder, lambda made: commands.succeed(*train_words(data, made, *options)))
    return folder / "checkpoint_best.pt"
