"""Jobs, one training and its tests each, side by side on one thread each; what is done is not done again."""

import json
from pathlib import Path

from data_gen.progress import progress_on_stderr
from fairseq_plugin.scoring.exact_match import Matches
from scripts.common import PLUGIN, Command, read_text, run, run_side_by_side
from scripts.lengths.config import Study
from scripts.lengths.results import JobResult, read_log

COUNTS = "counts.json"
EVALUATION = "scripts.lengths.evaluation"


def make_data(study: Study, folder: Path) -> None:
    """The dataset of all jobs, once."""
    if not (folder / "data").exists():
        lengths = ",".join(map(str, study.test_lengths))
        words = ["data_gen", "copy", str(folder / "data"), *study.data, "--test-lengths", lengths]
        run(words, folder / "data.log", threads=1)


def train_words(study: Study, model: str, seed: int, data: Path, checkpoints: Path) -> list[str]:
    """``fairseq-train``; it goes on from its last checkpoint."""
    every = str(study.validate_every)
    words = ["fairseq_cli.train", str(data), *PLUGIN, *study.common, *study.models[model], "--seed", str(seed)]
    words += ["--num-workers", "0", "--cpu"]
    words += ["--max-update", str(study.updates), "--log-format", "json", "--log-interval", every]
    words += ["--validate-interval-updates", every, "--save-interval-updates", every, "--keep-interval-updates", "1"]
    return [*words, "--no-epoch-checkpoints", "--save-dir", str(checkpoints)]


def run_jobs(study: Study, folder: Path, cores: int) -> list[JobResult]:
    """Do the jobs that are not done, as many at a time as there are cores.

    :returns: all of them in the order of the study's models and seeds.
    """
    data, sets = folder / "data", str(len(study.test_lengths))
    places = {(model, seed): folder / f"{model}-{seed}" for seed in study.seeds for model in study.models}
    evaluations, waiting = {}, []
    for (model, seed), place in places.items():
        place.mkdir(exist_ok=True)
        if (counts := place / COUNTS).exists():
            continue
        training = train_words(study, model, seed, data, place)
        words = [str(data), str(place / "checkpoint_last.pt"), str(counts), str(study.beam), sets]
        evaluations[place.name] = Command(place.name, [EVALUATION, *words], place / "evaluation.log")
        waiting.append(Command(place.name, training, place / "train.log"))
    with progress_on_stderr(len(waiting) or 1, "jobs") as progress:

        def go_on(name: str, wall: float, cpu: float) -> None:
            if name in evaluations:
                waiting.insert(0, evaluations.pop(name))
            else:
                progress(1)

        run_side_by_side(waiting, cores, go_on)
    return [
        JobResult(model, seed, *read_log(read_text(place / "train.log")), read_counts(place / COUNTS))
        for (model, seed), place in sorted(places.items(), key=lambda entry: list(study.models).index(entry[0][0]))
    ]


def read_counts(path: Path) -> list[Matches]:
    """Matches at each length, as the evaluation wrote them."""
    return [Matches(**entry) for entry in json.loads(read_text(path))]
