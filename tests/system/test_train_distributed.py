"""``scripts/train_distributed.sh``: what it starts, how it ends, what it refuses."""

import inspect
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed import run

from data_gen.parallel import available_cores
from scripts import train_distributed
from tests.support.commands import PLUGIN, ROOT, train_words

SCRIPT = ROOT / "scripts" / "train_distributed.py"
# In the place of fairseq-train: writes down what it was given and the place it has, then does what the test says.
PROGRAM = """#!/bin/sh
cd "{folder}"
printf '%s\\n' "$@" > "words.$RANK"
echo "$WORLD_SIZE $LOCAL_RANK $OMP_NUM_THREADS" > "place.$RANK"
echo $$ > "started.$RANK.part" && mv "started.$RANK.part" "started.$RANK"
{does}
"""


@pytest.fixture
def python(warm: Path) -> Path:
    return warm / "bin" / "python"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program stands and writes; has a space in its name."""
    path = tmp_path / "a folder"
    path.mkdir()
    return path


def start(python: Path, folder: Path, does: str, *words: object, **variables: str) -> "subprocess.Popen[str]":
    program = folder / "fairseq-train"
    program.write_text(PROGRAM.format(folder=folder, does=does), encoding="utf-8")
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return subprocess.Popen(
        [python, SCRIPT, *map(str, words)],
        env={**kept, **variables, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def process_numbers(folder: Path, ranks: int) -> list[int]:
    """Of the started processes, when all have."""
    deadline = time.monotonic() + 60
    paths = [folder / f"started.{rank}" for rank in range(ranks)]
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return [int(path.read_text(encoding="utf-8")) for path in paths]


def lines(folder: Path, name: str) -> list[str]:
    return (folder / name).read_text(encoding="utf-8").splitlines()


def test_each_process_gets_the_words_and_its_place(python: Path, folder: Path) -> None:
    words = ("fairseq-train", folder / "data", "--user-dir", "fairseq_plugin", "--wandb-project", "it's $HOME")
    assert finish(start(python, folder, "exit 0", "--nproc-per-node", 2, *words)) == (0, "", "")
    for rank in ("0", "1"):
        assert lines(folder, f"words.{rank}") == [
            *("--cpu", "--distributed-backend", "gloo", "--ddp-backend", "legacy_ddp"),
            *map(str, words[1:]),
            *("--distributed-world-size", "2", "--distributed-rank", rank, "--device-id", rank),
            *("--distributed-init-method", "env://", "--distributed-no-spawn"),
        ]
        assert lines(folder, f"place.{rank}") == [f"2 {rank} {max(1, available_cores() // 2)}"]


def test_threads_that_are_set_stay(python: Path, folder: Path) -> None:
    assert finish(start(python, folder, "exit 0", "fairseq-train", "data", OMP_NUM_THREADS="7")) == (0, "", "")
    assert lines(folder, "place.0") == ["1 0 7"]


def test_two_machines_train_together(python: Path, folder: Path) -> None:
    """Two launchers that meet at one address, as on two machines."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    meeting = ("--nnodes", 2, "--rdzv-id", "two", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"localhost:{port}")
    machines = [start(python, folder, "exit 0", *meeting, "fairseq-train", "data") for _ in range(2)]
    for code, out, err in map(finish, machines):
        assert (code, out) == (0, "")
        # At most torch's warning on the machine that ends last, whose partner has gone.
        assert err == "" or re.match(r"\[W.* TCPStore\.cpp:\d+\] \[c10d\] recvVector failed", err), err
    for rank in ("0", "1"):
        assert lines(folder, f"place.{rank}") == [f"2 0 {available_cores()}"]
        assert lines(folder, f"words.{rank}")[8:10] == ["--distributed-rank", rank]


def test_the_first_error_ends_all(python: Path, folder: Path) -> None:
    does = 'if [ $RANK = 1 ]; then echo "fairseq-train: error: no data" >&2; exit 2; fi; exec sleep 60'
    begun = time.monotonic()
    process = start(python, folder, does, "--nproc_per_node", 2, "fairseq-train", "data")
    assert finish(process) == (2, "", "fairseq-train: error: no data\n")
    assert time.monotonic() - begun < 50
    assert not any(is_running(number) for number in process_numbers(folder, 2))


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_is_killed_ends_all(python: Path, folder: Path) -> None:
    process = start(python, folder, "exec sleep 60", "--nproc-per-node", 2, "fairseq-train", "data")
    first, second = process_numbers(folder, 2)
    os.kill(second, signal.SIGKILL)
    line = "train_distributed.sh: error: process 1 was ended by SIGKILL; the others were stopped\n"
    assert finish(process) == (1, "", line)
    assert not is_running(first)


@pytest.mark.parametrize(
    ("sent", "code", "line"),
    [(signal.SIGINT, 130, "train_distributed.sh: interrupted\n"), (signal.SIGTERM, 143, "")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_signal_ends_all(python: Path, folder: Path, sent: signal.Signals, code: int, line: str) -> None:
    process = start(python, folder, "exec sleep 60", "--nproc-per-node", 2, "fairseq-train", "data")
    numbers = process_numbers(folder, 2)
    process.send_signal(sent)
    assert finish(process) == (code, "", line)
    assert not any(is_running(number) for number in numbers)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at a process through /proc")
@pytest.mark.skipif("--signals-to-handle" not in inspect.getsource(run), reason="torchrun handles SIGHUP nevertheless")
def test_the_end_of_a_terminal_is_ignored_under_nohup(folder: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which a process hands on
    try:
        python = Path(sys.executable)
        process = start(python, folder, "exec sleep 60", "--nproc-per-node", 2, "fairseq-train", "data")
    finally:
        signal.signal(signal.SIGHUP, before)
    process_numbers(folder, 2)  # from here on torchrun handles signals
    status = Path(f"/proc/{process.pid}/status").read_text()
    process.send_signal(signal.SIGTERM)
    assert finish(process) == (143, "", "")
    (ignored,) = re.findall(r"^SigIgn:\s*(\w+)", status, flags=re.M)
    assert int(ignored, 16) & 1 << signal.SIGHUP - 1


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[Any]:
    """What torchrun would be asked for, on a machine with four GPUs."""
    asked: list[Any] = []
    (folder / "fairseq-train").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(train_distributed, "run", asked.append)
    return asked


def command_of(asked: Any) -> list[str]:
    """The words that each process runs, without the shell and its line."""
    shell, line, name, program, *words = [asked.training_script, *asked.training_script_args][1:]
    assert (shell, line, name) == ("-c", train_distributed.WORKER, "fairseq-train")
    return [Path(program).name, *words]


def test_a_process_a_gpu(launched: list[Any]) -> None:
    assert train_distributed.main(["fairseq-train", "data", "--bf16"]) == 0
    (asked,) = launched
    assert (asked.nproc_per_node, asked.standalone) == ("4", True)
    assert command_of(asked) == ["fairseq-train", "data", "--bf16"]


def test_a_cpu_beside_gpus(launched: list[Any]) -> None:
    train_distributed.main(["fairseq-train", "data"])
    launched.clear()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    train_distributed.main(["fairseq-train", "data", "--cpu"])
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    train_distributed.main(["--nproc-per-node", "8", "fairseq-train", "data", "--cpu"])
    assert [asked.nproc_per_node for asked in launched] == ["1", "8"]
    for asked in launched:
        assert command_of(asked) == ["fairseq-train", *train_distributed.ON_CPU, "data", "--cpu"]


def test_several_machines_meet_where_torchrun_is_told(launched: list[Any]) -> None:
    meeting = ["--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "host:29500"]
    train_distributed.main([*meeting, "fairseq-train", "data"])
    asked = launched[0]
    assert (asked.nnodes, asked.rdzv_backend, asked.rdzv_endpoint) == ("2", "c10d", "host:29500")
    assert not asked.standalone


PROCESSES = "--nproc-per-node must be at least 1, or gpu where there are GPUs, but is"
MACHINES = "--nnodes must be a number of machines, or a range such as 1:4, but is"
PLACE = "is set for each process: leave it out, and give --nproc-per-node and --nnodes"
WRONG = {
    "--nproc-per-node x fairseq-train data": f"{PROCESSES} 'x'",
    "--nproc-per-node 0 fairseq-train data": f"{PROCESSES} '0'",
    "--nproc-per-node 5 fairseq-train data": (
        "--nproc-per-node 5: each process needs a GPU, and there are 4; or add --cpu"
    ),
    "--nproc-per-node gpu fairseq-train data --cpu": f"{PROCESSES} 'gpu'",
    "--nnodes 1:2:3 fairseq-train data": f"{MACHINES} '1:2:3'",
    "--nnodes 0 fairseq-train data": f"{MACHINES} '0'",
    "fairseq-generate data": (
        "expected fairseq-train and its options after those of torchrun, but got 'fairseq-generate'"
    ),
    "none/fairseq-train data": (
        "'none/fairseq-train' is not there: activate the environment that fairseq is installed in"
    ),
    "fairseq-train data --distributed-rank 3": f"--distributed-rank {PLACE}",
    "fairseq-train data --distributed-world-size=2": f"--distributed-world-size {PLACE}",
}


@pytest.mark.parametrize(("words", "line"), WRONG.items(), ids=WRONG.keys())
def test_wrong_use(launched: list[Any], capsys: pytest.CaptureFixture[str], words: str, line: str) -> None:
    assert train_distributed.main(words.split()) == 2
    assert capsys.readouterr() == ("", f"train_distributed.sh: error: {line}\n")
    assert launched == []


@pytest.mark.slow
def test_it_trains(python: Path, copy_data: Path, folder: Path) -> None:
    """The front and the real fairseq-train: both processes train one model, and one of them writes it."""
    words = train_words(copy_data, folder / "checkpoints", "--batch-size", 16, "--max-epoch", 1)
    environment = f"{python.parent}{os.pathsep}{os.environ['PATH']}"  # as if it were active
    done = subprocess.run(
        [SCRIPT.with_suffix(".sh"), "--nproc-per-node", "2", *map(str, words)],
        env={**os.environ, "PATH": environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert done.stdout.count("training on 2 devices") == 1
    assert done.stdout.count("num_updates 10") == 2  # of training and validation, said by the first process
    saved = torch.load(folder / "checkpoints" / "checkpoint_last.pt", weights_only=True)
    assert saved["cfg"]["distributed_training"]["distributed_world_size"] == 2
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "checkpoint_best.pt",
        "checkpoint_last.pt",
    ]
    assert PLUGIN.name not in {path.name for path in folder.iterdir()}
