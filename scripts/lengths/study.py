"""What a study of lengths trains and tests, read from a YAML file, and its jobs: one training and its tests each.

The tests of a job run as ``python -m scripts.lengths.study DATA CHECKPOINT OUT BEAM N``: the N test sets are decoded,
and OUT becomes a JSON list of counts, one entry a test set, in their order.
"""

import json
import os
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from data_gen.errors import UserError, failure_from_os_error, run_command
from data_gen.progress import progress_on_stderr
from fairseq_plugin.scoring.exact_match import Matches
from scripts.common import PLUGIN, Command, read_text, run, run_side_by_side, write

CONVERGED = 0.99  # exact match on the validation part
COUNTS = "counts.json"  # in the folder of a job, once it is done
BATCH = 50  # sequences decoded at once


@dataclass(frozen=True)
class Study:
    """One study.

    :param data: words for ``python -m data_gen copy``; ``--test-lengths`` is added.
    :param train_lengths: shortest and longest sequence trained on, as in ``data``; shaded in the figure.
    :param test_lengths: lengths of the test sets, in symbols without end symbol.
    :param common: words for ``fairseq-train`` that all models share.
    :param models: name of a model to its own words for ``fairseq-train``.
    :param seeds: of the trainings; all read the same data.
    :param updates: of each training.
    :param validate_every: updates between two validations, each with a checkpoint.
    :param beam: of the decoding.
    """

    data: list[str]
    train_lengths: list[int]
    test_lengths: list[int]
    common: list[str]
    models: dict[str, list[str]]
    seeds: list[int]
    updates: int
    validate_every: int
    beam: int = 1


def read_study(path: Path) -> Study:
    """:raises UserError: no such file, no YAML, or an entry that is missing, unknown or makes no sense."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError  # type: ignore[import-untyped]

    try:
        text = path.read_text(encoding="utf-8")
        values = OmegaConf.to_container(OmegaConf.create(text))
    except OSError as error:
        raise failure_from_os_error("read", error) from None
    except (YAMLError, OmegaConfBaseException, ValueError, AssertionError, RecursionError) as error:
        said = next(
            iter(str(error).splitlines()), "it has no entries"
        )  # of a bare word omegaconf asserts, and is silent
        raise UserError(f"cannot read {os.fspath(path)!r} as YAML: {said}") from None
    if not isinstance(values, dict):
        raise UserError(f"{os.fspath(path)!r} has no entries; scripts/lengths/summary.yaml is an example")
    return study_of({str(name): value for name, value in values.items()}, path)


def study_of(values: dict[str, Any], path: Path) -> Study:
    """:raises UserError: an entry of ``values``, read from ``path``, is missing, unknown or makes no sense."""

    def refuse(name: str, expected: str) -> UserError:
        return UserError(f"{os.fspath(path)!r}: {name} must be {expected}, but is {values.get(name)!r}")

    known = {field.name for field in fields(Study)}
    if unknown := sorted(values.keys() - known):
        raise UserError(f"{os.fspath(path)!r}: unknown entry {unknown[0]!r}; known are {', '.join(sorted(known))}")
    values = {"beam": 1, **values}
    for name in ("data", "common"):
        if not isinstance(values.get(name), str):
            raise refuse(name, "words of a command line")
    for name in ("updates", "validate_every", "beam"):
        if not _is_positive(values.get(name)):
            raise refuse(name, "a whole number of at least 1")
    for name in ("train_lengths", "test_lengths", "seeds"):
        numbers = values.get(name)
        if not isinstance(numbers, list) or not numbers or not all(map(_is_positive, numbers)):
            raise refuse(name, "a list of whole numbers of at least 1")
        if len(set(numbers)) < len(numbers) and name != "train_lengths":
            raise refuse(name, "a list without repetitions")
    if len(values["train_lengths"]) != 2 or values["train_lengths"][0] > values["train_lengths"][1]:
        raise refuse("train_lengths", "[shortest, longest]")
    models = values.get("models")
    if not isinstance(models, dict) or not models or not all(isinstance(words, str) for words in models.values()):
        raise refuse("models", "names, each with words of a command line")
    if bad := [name for name in models if not str(name).replace("-", "").replace("_", "").isalnum()]:
        raise UserError(f"{os.fspath(path)!r}: a model's name is a folder's: letters, digits, - and _, not {bad[0]!r}")
    split = {name: values[name].split() for name in ("data", "common")}
    return Study(**{**values, **split, "models": {str(name): words.split() for name, words in models.items()}})


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@dataclass(frozen=True)
class JobResult:
    """One training.

    :param parameters: of the model, a shared matrix counted once.
    :param validations: updates and exact match of each validation.
    :param lengths: matches at each length of the study, in its order.
    """

    model: str
    seed: int
    parameters: int
    validations: list[tuple[int, float]]
    lengths: list[Matches]

    @property
    def converged(self) -> int | None:
        """Updates to the first validation with an exact match of ``CONVERGED``; None if there was none."""
        return min((updates for updates, match in self.validations if match >= CONVERGED), default=None)


def read_log(log: str) -> tuple[int, list[tuple[int, float]]]:
    """:returns: the parameters that a training log names, and updates and exact match of its validations."""
    parameters = re.search(r"num\. shared model params: ([\d,]+)", log)
    assert parameters, "a training that ended well names its parameters"
    lines = [json.loads(line) for line in re.findall(r"\| valid \| (\{.*\})", log)]
    validations = {int(line["valid_num_updates"]): float(line["valid_exact_match"]) for line in lines}
    return int(parameters[1].replace(",", "")), sorted(validations.items())


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
        evaluations[place.name] = Command(place.name, ["scripts.lengths.study", *words], place / "evaluation.log")
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


def evaluate(data: str, path: str, beam: int, sets: int) -> list[Matches]:
    """:returns: matches of ``test1``, ``test2``, ... in this order."""
    import torch
    from fairseq import checkpoint_utils

    import fairseq_plugin  # noqa: F401 - registers the task and the models
    from fairseq_plugin.tasks.validation import compare_outputs

    models, _, task = checkpoint_utils.load_model_ensemble_and_task([path], arg_overrides={"data": data})
    for model in models:
        model.eval()
    results = []
    for number in range(1, sets + 1):
        task.load_dataset(f"test{number}")
        generator = task.build_generator(models, Namespace(beam=beam))
        batches = task.get_batch_iterator(task.dataset(f"test{number}"), max_sentences=BATCH)
        total = Matches()
        for sample in batches.next_epoch_itr(shuffle=False):
            with torch.no_grad():
                hypotheses = task.inference_step(generator, models, sample)
            total += compare_outputs(sample, hypotheses, task.source_dictionary, task.target_dictionary, 0)
        results.append(total)
    return results


def main(arguments: Sequence[str]) -> int:
    """Test one training. :returns: 0, 2 if the checkpoint or the data cannot be used, 1 if OUT cannot be written."""
    return run_command("evaluation", lambda: write_counts(arguments))


def write_counts(arguments: Sequence[str]) -> int:
    """Do what the words of the command say."""
    data, path, out, beam, sets = arguments
    write(Path(out), json.dumps([matches._asdict() for matches in evaluate(data, path, int(beam), int(sets))]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
