"""Jobs, one training and its tests each, side by side on one thread each; what is done is not done again."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Lock

from tqdm import tqdm

from data_gen.errors import FAILURE, UserError
from fairseq_plugin.scoring.exact_match import Matches
from scripts.benchmark.commands import ROOT
from scripts.lengths.config import Study
from scripts.lengths.results import JobResult, read_log

PLUGIN = ("--user-dir", "fairseq_plugin", "--task", "copy", "--num-workers", "0", "--cpu")
POLL = 0.2
"""Seconds between two looks at the jobs: Python deals with Ctrl-C when its main thread wakes, and one that comes as the
thread falls asleep does not wake it."""


class Runner:
    """Runs ``python -m`` commands in the repository, and can end those under way."""

    def __init__(self) -> None:
        self.processes: set[subprocess.Popen[bytes]] = set()
        self.stopped, self.lock = False, Lock()

    def run(self, words: Sequence[str], log: Path) -> None:
        """:raises UserError: the command fails; what it said is at the end of ``log``."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        with log.open("ab") as stream:
            with self.lock:
                if self.stopped:
                    raise UserError("stopped", exit_code=FAILURE)
                command = [sys.executable, "-m", *words]
                process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=stream)
                self.processes.add(process)
            try:
                code = process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        with self.lock:
            self.processes.discard(process)
        if code:
            raise UserError(f"{words[0]} failed: see {str(log)!r}", exit_code=FAILURE)

    def stop(self) -> None:
        """End what runs, start nothing more."""
        with self.lock:
            self.stopped = True
            for process in self.processes:
                process.terminate()


def make_data(study: Study, folder: Path) -> None:
    """The dataset of all jobs, once."""
    if not (folder / "data").exists():
        lengths = ",".join(map(str, study.test_lengths))
        words = ["data_gen", "copy", str(folder / "data"), *study.data, "--test-lengths", lengths]
        Runner().run(words, folder / "data.log")


def train_words(study: Study, model: str, seed: int, data: Path, checkpoints: Path) -> list[str]:
    """``fairseq-train``; it goes on from its last checkpoint."""
    every = str(study.validate_every)
    words = ["fairseq_cli.train", str(data), *PLUGIN, *study.common, *study.models[model], "--seed", str(seed)]
    words += ["--max-update", str(study.updates), "--log-format", "json", "--log-interval", every]
    words += ["--validate-interval-updates", every, "--save-interval-updates", every, "--keep-interval-updates", "1"]
    return [*words, "--no-epoch-checkpoints", "--save-dir", str(checkpoints)]


def run_job(study: Study, model: str, seed: int, folder: Path, runner: Runner) -> JobResult:
    """Train and test, or read what an earlier run left."""
    place = folder / f"{model}-{seed}"
    place.mkdir(exist_ok=True)
    data, counts, log = folder / "data", place / "counts.json", place / "train.log"
    if not counts.exists():
        runner.run(train_words(study, model, seed, data, place), log)
        words = [str(data), str(place / "checkpoint_last.pt"), str(counts), str(study.beam)]
        sets = str(len(study.test_lengths))
        runner.run(["scripts.lengths.evaluation", *words, sets], place / "evaluation.log")
    lengths = [Matches(**entry) for entry in json.loads(counts.read_text(encoding="utf-8"))]
    return JobResult(model, seed, *read_log(log.read_text(encoding="utf-8")), lengths)


def run_jobs(study: Study, folder: Path, cores: int) -> list[JobResult]:
    """All jobs, as many at a time as there are cores. :returns: them in the order of the study's models and seeds."""
    runner = Runner()
    with ThreadPoolExecutor(cores) as pool, tqdm(total=len(study.models) * len(study.seeds), unit="job") as bar:
        try:  # Ctrl-C may come as soon as the first job is under way
            jobs = [pool.submit(run_job, study, m, seed, folder, runner) for seed in study.seeds for m in study.models]
            pending = set(jobs)
            while pending:
                done, pending = wait(pending, POLL, FIRST_COMPLETED)
                for future in done:
                    future.result()
                    bar.update()
        except BaseException:
            runner.stop()
            raise
    names = list(study.models)
    return sorted((job.result() for job in jobs), key=lambda job: (names.index(job.model), study.seeds.index(job.seed)))
