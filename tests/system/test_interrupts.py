"""Signals: every command ends at once, with exit code 128 + their number, without a traceback, and with it all that it
has started.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from scripts.common import run
from tests.support.commands import ROOT, Commands, Running, extract_words
from tests.unit.data_gen.conftest import everything_under

PROC = Path("/proc")
pytestmark = pytest.mark.skipif(not (PROC / "self" / "maps").exists(), reason="looks at processes through /proc")

PATIENCE = 60  # seconds until a process gets to what is waited for, on a busy machine
SOON = 5  # seconds after Ctrl-C, likewise
STARTED = 0.5  # seconds from a new process to its being in the hands of what has started it, likewise


def environment(folder: Path) -> dict[str, str]:
    more = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    return os.environ | more


@contextmanager
def running(*words: object, cwd: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that is the first of its session, as if a terminal had started it."""
    process = subprocess.Popen(
        [str(word) for word in words],
        cwd=cwd,
        env=environment(cwd),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    with ended_at_last(process):
        yield process


@contextmanager
def ended_at_last(process: "subprocess.Popen[str] | Running") -> Iterator[None]:
    try:
        yield
    finally:
        for number in (process.pid, *descendants(process.pid)):
            if Path(PROC / str(number)).exists():
                os.kill(number, signal.SIGKILL)
        process.communicate()


def wait_until(
    condition: Callable[[], object], process: "subprocess.Popen[str] | Running", seconds: float = PATIENCE
) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it does not come to that"
        if process.poll() is not None:
            pytest.fail(f"ended before: {process.communicate()}")
        time.sleep(0.01)


def parents() -> dict[int, int]:
    """Process to parent, of all that run."""
    found = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if state != "Z":
            found[int(path.parent.name)] = int(parent)
    return found


def descendants(number: int) -> list[int]:
    above = parents()
    found = [number]
    for each in found:
        found += [child for child, parent in above.items() if parent == each]
    return found[1:]


def runs(number: int, word: str) -> bool:
    try:
        return word in (PROC / str(number) / "cmdline").read_text().split("\0")
    except OSError:
        return False


def gone(numbers: list[int]) -> bool:
    return not set(numbers) & set(parents())


IMPORTING = {
    "data_gen copy": ("data_gen", "copy", "new"),
    "data_gen text": ("data_gen", "text", "new", "--source-lang", "en", "--trainpref", "none"),
    "extract_attention": ("scripts.extract_attention", "none", "--path", "none.pt", "--output", "new.npz"),
    "plot_attention": ("scripts.plot_attention", "none.npz", "--output", "new.png"),
    "attention_stats": ("scripts.attention_stats", "none.npz"),
    "view_attention": ("scripts.view_attention", "none.npz", "--output", "new.html"),
    "length_study": ("scripts.length_study", "none.yaml", "--folder", "new"),
    "translation_study": ("scripts.translation_study", "--corpus", "none", "--update", "none.md", "--folder", "new"),
    "benchmark": ("scripts.benchmark", "--list"),
    "results_table": ("scripts.results_table", "new"),
    "parameter_table": ("scripts.parameter_table",),
    "kill_and_resume": ("scripts.kill_and_resume", "new"),
}


# The others begin in the same way.
EVERYDAY = ("data_gen copy", "extract_attention", "length_study", "parameter_table")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(words, id=name, marks=[] if name in EVERYDAY else [pytest.mark.slow])
        for name, words in IMPORTING.items()
    ],
)
def test_while_it_imports(words: tuple[str, ...], tmp_path: Path) -> None:
    with running(sys.executable, "-m", *words, cwd=tmp_path) as process:
        wait_until(lambda: "numpy" in (PROC / str(process.pid) / "maps").read_text(), process)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=SOON)
    assert (process.returncode, out) == (130, "")
    assert err in ("", f"{words[0]}: interrupted\n")
    assert everything_under(tmp_path) == {}


@pytest.fixture(scope="module")
def attention(commands: Commands, copy_data: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attention of two sentences; read only."""
    path = tmp_path_factory.mktemp("attention") / "attention.npz"
    commands.succeed(*extract_words(copy_data, trained, path, "--greedy", "--text", "a b", "--text", "b c"))
    return path


AT_THE_END = {
    "data_gen copy": ("data_gen", "rename", "copy", "new", "--train", 100, "--valid", 10, "--test", 10),
    "a shard": ("data_gen", "rename", "copy", "new", "--train", 70_000, "--shards", 2, "--shard-id", 1),
    "data_gen text": (
        *("data_gen", "rename", "text", "new", "--source-lang", "en", "--vocab-size", 10, "--trainpref", "train"),
        *("--validpref", "train", "--testpref", "train"),
    ),
    "plot_attention": ("scripts.plot_attention", "replace", "{attention}", "--output", "old.png"),
    "plot_attention --all": ("scripts.plot_attention", "replace", "{attention}", "--output", "old.pdf", "--all"),
    "attention_stats": ("scripts.attention_stats", "replace", "{attention}", "--json", "old.json"),
    "view_attention": ("scripts.view_attention", "replace", "{attention}", "--output", "old.html"),
    "parameter_table": ("scripts.parameter_table", "replace", "--update", "old.md"),
}


KINDS = ("SIGINT", "SIGTERM", "SIGHUP", "dropped-SIGINT", "dropped-SIGTERM", "dropped-SIGHUP")
# The others differ in nothing but what they write.
SENT = [
    (name, kind)
    for name in AT_THE_END
    for kind in KINDS
    if kind == "SIGINT" or name in ("a shard", "plot_attention --all")
]


@pytest.mark.parametrize(("name", "kind"), SENT)
def test_when_its_file_is_about_to_appear(
    name: str, kind: str, commands: Commands, attention: Path, tmp_path: Path
) -> None:
    (tmp_path / "train.en").write_text("a b c d e f\n" * 20)
    for ending in ("png", "pdf", "json", "html"):
        (tmp_path / f"old.{ending}").write_text("old")
    (tmp_path / "old.md").write_text("<!-- parameters:begin -->\n<!-- parameters:end -->\n")
    before = everything_under(tmp_path)
    given = [str(word).format(attention=attention) for word in AT_THE_END[name]]
    done = commands("python", ROOT / "tests" / "support" / "interrupted.py", kind, *given, cwd=tmp_path)
    program = given[0].removeprefix("scripts.") + ".py" * given[0].startswith("scripts.")
    number = signal.Signals[kind.removeprefix("dropped-")]
    assert (done.code, done.out) == (128 + number, "")
    assert [line for line in done.err.splitlines() if program in line] == (
        [f"{program}: interrupted"] if number == signal.SIGINT else []
    )
    assert "Traceback" not in done.err
    assert everything_under(tmp_path) == before


def threads(number: int) -> int:
    return len(list((PROC / str(number) / "task").iterdir()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_while_sentencepiece_trains(number: signal.Signals, tmp_path: Path) -> None:
    """It trains in threads of its own, for a long time, and does not ask Python meanwhile."""
    chance = random.Random(1)
    syllables = [a + b for a in "bcdfghjklmnprstvw" for b in "aeiou"]
    words = ["".join(chance.choices(syllables, k=3)) for _ in range(30_000)]
    text = "".join(f"{' '.join(chance.choices(words, k=10))}\n" for _ in range(50_000))
    (tmp_path / "text.en").write_text(text)
    command = ["data_gen", "text", "new", "--source-lang", "en", "--vocab-size", "8000"]
    for part in ("train", "valid", "test"):
        command += [f"--{part}pref", "text"]
    with running(sys.executable, "-m", *command, cwd=tmp_path) as process:
        wait_until(lambda: threads(process.pid) > 10, process)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=SOON)
    assert process.returncode == 128 + number
    assert err.splitlines()[1:] == ["data_gen: interrupted"][number != signal.SIGINT :]
    assert list(everything_under(tmp_path)) == ["text.en"]


@pytest.mark.parametrize("options", [(), ("--shards", "3")], ids=["whole", "shards"])
def test_while_blocks_are_made(options: tuple[str, ...], tmp_path: Path) -> None:
    """On several threads where there are several cores."""
    command = ("-m", "data_gen", "copy", "parent/new", "--train", "20000000", *options)
    with running(sys.executable, *command, cwd=tmp_path) as process:
        wait_until(lambda: any(path.stat().st_size for path in tmp_path.rglob("*.bin")), process)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=SOON)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "data_gen: interrupted"
    assert "Traceback" not in err
    assert everything_under(tmp_path) == {}


WITH_CHILDREN = {
    "length_study": ("fairseq_cli.train", "scripts.length_study", "--smoke", "--folder", "new"),
    "translation_study": (
        *("fairseq_cli.train", "scripts.translation_study", "--smoke", "--folder", "new", "--update", "page.md"),
    ),
    "benchmark": ("fairseq_cli.train", "scripts.benchmark", "--smoke", "--rows", "train"),
    "results_table": ("fairseq_cli.train", "scripts.results_table", "new"),
    "profile_training": ("--one", "scripts.profile_training"),
    "kill_and_resume": ("fairseq_cli.train", "scripts.kill_and_resume", "new", "--smoke"),
    "gallery": ("data_gen", "scripts.gallery"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("send", "number"),
    [(os.killpg, signal.SIGINT), (os.kill, signal.SIGINT), (os.kill, signal.SIGTERM)],
    ids=["Ctrl-C", "the command alone", "SIGTERM"],
)
@pytest.mark.parametrize("words", WITH_CHILDREN.values(), ids=WITH_CHILDREN.keys())
def test_while_a_command_of_its_own_runs(
    commands: Commands,
    launcher: Path,
    words: tuple[str, ...],
    send: Callable[[int, int], None],
    number: signal.Signals,
    tmp_path: Path,
) -> None:
    child, module, *options = words
    page = tmp_path / "page.md"
    sections = ("translation", "examples")
    page.write_text("".join(f"<!-- {name}:begin -->\n<!-- {name}:end -->\n" for name in sections))
    before = page.read_text()
    started_as = ("python", "-m", module, *options)
    process = commands.begin(launcher, *started_as, cwd=tmp_path, variables=environment(tmp_path))
    with ended_at_last(process):
        wait_until(lambda: any(runs(number, child) for number in descendants(process.pid)), process)
        time.sleep(STARTED)
        started = descendants(process.pid)
        send(process.pid, number)
        _, err = process.communicate(timeout=SOON)
        assert process.returncode == 128 + number
        assert "Traceback" not in err
        said = [line.removesuffix(".py: interrupted").removesuffix(": interrupted") for line in err.splitlines()]
        assert (said[-1:] == [module.split(".")[1]]) == (number == signal.SIGINT)
        assert gone(started)
    assert page.read_text() == before
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("new", "page.md")] == []


@pytest.mark.parametrize("child", ["exec sleep 60", "trap 'exit 1' INT; sleep 60"], ids=["dies", "ends with 1"])
def test_shell_scripts(child: str, tmp_path: Path) -> None:
    """pip, say, ends with an exit code of its own, which must not be taken for a failed installation."""
    script = f"set -euo pipefail; source {ROOT}/scripts/environment.sh; bash -c \"{child}\" || fail 'it failed'"
    with running("bash", "-c", script, "demo.sh", cwd=tmp_path) as process:
        wait_until(lambda: any(runs(number, "sleep") for number in descendants(process.pid)), process)
        started = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=SOON)
    assert (process.returncode, err) == (130, "demo.sh: interrupted\n")
    assert gone(started)


def test_a_script_ends_the_command_that_it_runs(tmp_path: Path) -> None:
    before, log = signal.signal(signal.SIGINT, signal.default_int_handler), tmp_path / "log"
    timer = Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    try:
        with pytest.raises(KeyboardInterrupt):
            run(["timeit", "-n1", "-r1", program], log)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert gone([int(log.read_text())])
