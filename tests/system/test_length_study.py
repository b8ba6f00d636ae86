"""The study of lengths: its configuration, figures worked out by hand, and a small run."""

import json
from pathlib import Path
from typing import Any

import pytest

from data_gen.errors import UserError
from fairseq_plugin.scoring.exact_match import Matches
from scripts import length_study
from scripts.lengths import results
from scripts.lengths.results import mean_and_deviation
from scripts.lengths.study import JobResult, read_log, read_study, study_of, train_words

ENTRIES: dict[str, Any] = {
    "data": "--max-len 4",
    "train_lengths": [2, 4],
    "test_lengths": [3, 6],
    "common": "--lr 0.1",
    "models": {"none": "--attention none", "additive": "--attention additive"},
    "seeds": [1, 2],
    "updates": 8,
    "validate_every": 4,
}
PLACE = Path("study.yaml")
CONFIGURATIONS = Path(length_study.__file__).parent / "lengths"
LOG = """\
12:00 | INFO | fairseq_cli.train | num. shared model params: 3,954 (num. trained: 3,954)
12:01 | INFO | valid | {"valid_exact_match": "0.98", "valid_num_updates": "10"}
12:02 | INFO | valid | {"valid_exact_match": "0.99", "valid_num_updates": "20"}
12:03 | INFO | valid | {"valid_exact_match": "1", "valid_num_updates": "30"}
"""


def job(model: str, seed: int, exact: int) -> JobResult:
    """10 sequences of 3 symbols each at each length, ``exact`` of them right at the first, none at the second."""
    return JobResult(model, seed, 3954, [(4, 0.5), (8, 0.98)], [Matches(10, exact, 40, 40), Matches(10, 0, 40, 0)])


JOBS = [job("none", 1, 2), job("none", 2, 4), job("additive", 1, 10), job("additive", 2, 10)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"seed": 1},
            "unknown entry 'seed'; known are beam, common, data, models, seeds, test_lengths, train_lengths, updates, "
            "validate_every",
        ),
        ({"seeds": []}, "seeds must be a list of whole numbers of at least 1, but is []"),
        ({"updates": -5}, "updates must be a whole number of at least 1, but is -5"),
        ({"test_lengths": [3, 3]}, "test_lengths must be a list without repetitions, but is [3, 3]"),
        ({"train_lengths": [4, 2]}, "train_lengths must be [shortest, longest], but is [4, 2]"),
        (
            {"models": {"../../outside": ""}},
            "a model's name is a folder's: letters, digits, - and _, not '../../outside'",
        ),
    ],
)
def test_configuration_that_makes_no_sense(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        study_of({**ENTRIES, **change}, PLACE)
    assert str(caught.value) == f"'study.yaml': {message}"


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGURATIONS.glob("*.yaml")))
def test_committed_configurations_can_be_read(name: str) -> None:
    study = read_study(CONFIGURATIONS / f"{name}.yaml")
    assert "additive" in study.models
    shortest, longest = (study.data[study.data.index(option) + 1] for option in ("--min-len", "--max-len"))
    assert study.train_lengths == [int(shortest), int(longest)]


def test_models_differ_in_their_own_words_alone() -> None:
    study = study_of(ENTRIES, PLACE)
    one, other = (train_words(study, model, 1, Path("data"), Path("out")) for model in study.models)
    assert set(one) ^ set(other) == {"none", "additive"}


def test_log_tells_parameters_and_validations() -> None:
    assert read_log(LOG) == (3954, [(10, 0.98), (20, 0.99), (30, 1.0)])
    assert read_log(LOG.splitlines()[0]) == (3954, [])


def test_converged_at_the_first_validation_with_99_percent() -> None:
    assert JobResult("a", 1, 1, read_log(LOG)[1], []).converged == 20
    assert job("a", 1, 1).converged is None


@pytest.mark.parametrize(
    ("exact", "expected"), [([[10, 0], [10, 0]], 3), ([[9, 10], [10, 10]], None), ([[10, 10], [10, 10]], 6)]
)
def test_carries_as_far_as_every_seed_does_without_a_gap(exact: list[list[int]], expected: int | None) -> None:
    jobs = [JobResult("none", 1, 1, [], [Matches(10, right, 40, 40) for right in row]) for row in exact]
    assert results.carries(study_of(ENTRIES, PLACE), jobs, "none") == expected


def test_mean_and_deviation_of_the_sample() -> None:
    assert mean_and_deviation([1.0, 3.0]) == pytest.approx((2.0, 2**0.5))
    assert mean_and_deviation([1.0]) == (1.0, 0.0)


def test_table() -> None:
    table = results.markdown(study_of(ENTRIES, PLACE), JOBS)
    assert (
        "| exact match at length | none | additive |\n| ---: | ---: | ---: |\n| 3 | 0.300 ± 0.141 | 1.000 ± 0.000 |"
        in table
    )
    assert "| token accuracy at length | none | additive |" in table
    assert "| none | 3,954 | not reached, not reached | none |" in table
    assert "| additive | 3,954 | not reached, not reached | 3 |" in table


def test_figure_has_a_line_for_each_model_in_each_panel() -> None:
    learning, exact, accuracy = results.draw(study_of(ENTRIES, PLACE), JOBS).axes
    lines = [{line.get_label(): list(line.get_ydata()) for line in panel.lines} for panel in (learning, exact)]
    assert lines[0] == {"fixed summary": [0.5, 0.98], "additive": [0.5, 0.98]}
    assert lines[1] == {"fixed summary": pytest.approx([0.3, 0.0]), "additive": [1.0, 0.0]}
    assert [list(learning.lines[0].get_xdata()), list(accuracy.lines[0].get_xdata())] == [[4, 8], [3, 6]]
    assert [panel.get_xlabel() for panel in (learning, exact)] == ["updates", "sequence length"]


@pytest.mark.slow
@pytest.mark.usefixtures("warm_studies")
def test_small_run_and_nothing_done_twice(tmp_path: Path) -> None:
    document = tmp_path / "length.md"
    document.write_text("<!-- smoke:begin -->\n<!-- smoke:end -->\n", encoding="utf-8")
    words = ["--smoke", "--folder", str(tmp_path / "out"), "--update", str(document)]
    assert length_study.main(words) == 0
    assert len(json.loads((tmp_path / "out" / "results.json").read_text())["jobs"]) == 4
    assert "| model | parameters |" in document.read_text()
    assert (tmp_path / "images" / "length-smoke.png").stat().st_size > 1000
    assert (tmp_path / "length-smoke.json").read_text() == (tmp_path / "out" / "results.json").read_text()
    checkpoint = tmp_path / "out" / "none-1" / "checkpoint_last.pt"
    before = checkpoint.stat().st_mtime_ns
    assert length_study.main(words) == 0
    assert checkpoint.stat().st_mtime_ns == before
