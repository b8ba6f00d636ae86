"""What the system gives less of than usual: an output that takes nothing, few open files, short names only.

Every command then ends with one line, and leaves nothing half-written.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import ROOT, Commands, error_line, extract_words, generate_words, train_words
from tests.unit.data_gen.conftest import everything_under

LIMITED = ROOT / "tests" / "support" / "limited.py"
LONG = "n" * 300


@pytest.fixture(scope="module")
def attention(commands: Commands, copy_data: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attention of the test sentences; read only."""
    path = tmp_path_factory.mktemp("attention") / "attention.npz"
    commands.succeed(*extract_words(copy_data, trained, path, "--greedy"))
    return path


PRINTING = {
    "data_gen": ("data_gen", "copy", "new", "--train", 10, "--valid", 1, "--test", 1),
    "extract_attention.py": ("scripts.extract_attention", "{data}", "--path", "{model}", "--output", "new.npz"),
    "plot_attention.py": ("scripts.plot_attention", "{attention}", "--output", "new.png"),
    "view_attention.py": ("scripts.view_attention", "{attention}", "--output", "new.html"),
    "attention_stats.py": ("scripts.attention_stats", "{attention}"),
    "parameter_table.py": ("scripts.parameter_table",),
    "benchmark": ("scripts.benchmark", "--list"),
    "length_study": ("scripts.length_study", "--help"),
    "fairseq_plugin": ("fairseq_plugin",),
}
REASONS = {"closed": "Broken pipe", "unread": "Broken pipe", "/dev/full": "No space left on device"}


@pytest.mark.parametrize("how", REASONS)
@pytest.mark.parametrize("program", PRINTING)
def test_output_that_takes_nothing(
    program: str, how: str, commands: Commands, attention: Path, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    if how.startswith("/") and not Path(how).exists():
        pytest.skip(f"needs {how}")
    places = {"attention": attention, "data": copy_data, "model": trained}
    words = [str(word).format(**places) for word in PRINTING[program]]
    done = commands("python", LIMITED, f"out={how}", *words, cwd=tmp_path)
    line = f"{program}: error: cannot write to standard output: {REASONS[how]}"
    assert (done.code, done.out, error_line(done)) == (1, "", line)
    assert "Exception ignored" not in done.err


def run(body: str, folder: Path, redirections: str) -> "subprocess.CompletedProcess[str]":
    """A command with this body, as a shell starts it."""
    script = f"from data_gen.errors import *\nimport os, sys\n{body}\nsys.exit(run_command('demo', body))"
    command = ["sh", "-c", f'exec "$0" -c "$1" {redirections}', sys.executable, script]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


@pytest.mark.parametrize("redirections", ["<&- >&- 2>&-", ">&- 2>&-", "2>&-", ">&-", "<&-"])
def test_a_file_gets_no_number_of_a_closed_stream(redirections: str, tmp_path: Path) -> None:
    """Or what libraries print would go into it."""
    body = "def body():\n  with open('new', 'w') as stream: stream.write(str(stream.fileno()))\n  return 0"
    assert run(body, tmp_path, redirections).returncode == 0
    assert int((tmp_path / "new").read_text()) > 2


def test_a_line_for_closed_errors_does_not_go_to_the_output(tmp_path: Path) -> None:
    done = run("def body(): raise UserError('bad')", tmp_path, "2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_error_is_told_before_an_output_that_takes_nothing(tmp_path: Path) -> None:
    done = run("def body():\n  print('so far')\n  raise UserError('bad')", tmp_path, "> /dev/full")
    assert (done.returncode, done.stderr) == (2, "demo: error: bad\n")


REFUSED = {
    "memory": ("return len(bytearray(1 << 60))", "out of memory"),
    "a thread": (
        "import threading\n  threading.stack_size(1 << 60)\n  threading.Thread(target=print).start()",
        "can't start new thread",
    ),
}


@pytest.mark.parametrize(("body", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_memory_and_threads_that_there_are_not(body: str, said: str, tmp_path: Path) -> None:
    done = run(f"def body():\n  {body}", tmp_path, "")
    assert (done.returncode, done.stderr) == (1, f"demo: error: the system refuses to give more: {said}\n")


def test_an_extraction_with_few_open_files(
    commands: Commands, copy_data: Path, trained: Path, attention: Path, tmp_path: Path
) -> None:
    words = ("scripts.extract_attention", copy_data, "--path", trained, "--greedy", "--output", "a.npz", "a.jsonl")
    commands.succeed("python", LIMITED, "files=24", *words, cwd=tmp_path)
    assert (tmp_path / "a.npz").read_bytes() == attention.read_bytes()


FEW_FILES = {
    "too few": (11, (), "extract_attention.py: error: cannot {}: Too many open files"),
    "a worker": (
        24,
        ("--num-workers", "1"),
        "extract_attention.py: error: --num-workers 1 needs 48 open files, and the system allows 24: leave it out, or "
        "run `ulimit -n 48` first",
    ),
}


@pytest.mark.parametrize(("files", "options", "line"), FEW_FILES.values(), ids=FEW_FILES.keys())
def test_an_extraction_with_too_few(
    files: int, options: tuple[str, ...], line: str, commands: Commands, copy_data: Path, trained: Path, tmp_path: Path
) -> None:
    words = ("scripts.extract_attention", copy_data, "--path", trained, "--output", "a.npz", "a.jsonl", *options)
    done = commands("python", LIMITED, f"files={files}", *words, cwd=tmp_path)
    before, _, after = line.partition("{}")
    assert done.code == 1
    assert error_line(done).startswith(before)
    assert error_line(done).endswith(after)
    assert everything_under(tmp_path) == {}


LONG_NAMES = {
    "extract --output": "python {scripts}/extract_attention.py {data} --path {model} --output {long}.npz",
    "extract --path": "python {scripts}/extract_attention.py {data} --path {long} --output a.npz",
    "extract DATA": "python {scripts}/extract_attention.py {long} --path {model} --output a.npz",
    "plot --output": "python {scripts}/plot_attention.py {attention} --output {long}.png",
    "plot DATA": "python {scripts}/plot_attention.py {long} --evolution . --output a.png",
    "plot --evolution": "python {scripts}/plot_attention.py {data} --evolution {long} --output a.png",
    "view --output": "python {scripts}/view_attention.py {attention} --output {long}.html",
    "stats --json": "python {scripts}/attention_stats.py {attention} --json {long}.json",
    "benchmark --output": "python -m scripts.benchmark --smoke --output {long}.json",
}


@pytest.mark.parametrize("command", LONG_NAMES.values(), ids=LONG_NAMES.keys())
def test_names_that_are_too_long(
    command: str, commands: Commands, copy_data: Path, trained: Path, attention: Path, tmp_path: Path
) -> None:
    places = {"scripts": ROOT / "scripts", "data": copy_data, "model": trained, "attention": attention, "long": LONG}
    words = command.format(**places).split()
    done = commands(*words, cwd=tmp_path)
    program = Path(words[1]).name.replace("-m", "benchmark")
    (name,) = (word for word in words if LONG in word)
    assert done.code == 2
    assert error_line(done) == f"{program}: error: cannot read or write '{name}': File name too long"
    assert everything_under(tmp_path) == {}


def test_data_with_too_long_a_name_under_commands_of_fairseq(commands: Commands, trained: Path, tmp_path: Path) -> None:
    for words in (train_words(LONG, tmp_path / "checkpoints"), generate_words(LONG, trained)):
        done = commands(*words, cwd=tmp_path)
        line = f"{words[0]}: error: cannot read or write '{LONG}': File name too long"
        assert (done.code, error_line(done)) == (2, line)
