"""The command from end to end: table, JSON, exit codes and messages."""

import json
from pathlib import Path

import numpy as np
import pytest

from fairseq_plugin.analysis.formats import write_records
from fairseq_plugin.analysis.records import AttentionRecord
from scripts import attention_stats

SCRIPT = Path(attention_stats.__file__)


def record(number, columns, letters="ab", rank=0, reference=None, weights=None):
    """All weight of row t on column columns[t], unless weights are given; the rows are the letters and </s>."""
    tokens = (*letters, "</s>")
    weights = np.eye(len(tokens))[list(columns)] if weights is None else np.array(weights)
    gold = None if reference is None else (*reference, "</s>")
    return AttentionRecord(number, tokens, tokens, weights, score=-0.5, reference=gold, rank=rank)


THREE = [
    [0.0, 0.0, 1.0, 0.0],  # argmax 2, off the diagonal
    [0.0, 0.5, 0.5, 0.0],  # argmax 1, on the diagonal, back; 1 bit
    [0.0, 0.0, 1.0, 0.0],  # argmax 2, on the diagonal, on
    [0.0, 0.0, 0.0, 1.0],
]
# Best hypotheses: 5 letters, 4 on the diagonal; 3 steps, 2 not back; 1 bit; coverage 1 1, 0 0.5 2.5: a gap of 3.
RECORDS = [
    record(0, [0, 1, 2], reference="ab"),
    record(0, [1, 0, 2], rank=1, reference="ab"),
    record(1, [], "abc", reference="abc", weights=THREE),
]


@pytest.fixture(params=[".npz", ".jsonl"])
def attention(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_records(RECORDS, f"attention{request.param}")
    return f"attention{request.param}"


def run(capsys, *arguments):
    code = attention_stats.main([*map(str, arguments)])
    return code, *capsys.readouterr()


def test_the_table_of_the_best_hypotheses(attention, capsys):
    assert run(capsys, attention) == (
        0,
        "length  sentences  diagonal  monotonic  entropy  coverage_gap  covered\n"
        "   all          2    0.8000     0.6667   0.2000        0.6000   0.8000\n",
        "",
    )


def test_lines_for_each_length_with_gold_alignments(attention, capsys):
    Path("gold.txt").write_text("0-0 1-1\n2-0 1p1\n")
    # sentence 0: A = 0-0 1-1 = S, 4 counted; sentence 1: A = 2-0 1-1 2-2, S = 2-0: 1 - (1 + 2) / 4
    write_records([RECORDS[0], RECORDS[2]], attention)
    assert run(capsys, attention, "--by-length", "--gold", "gold.txt") == (
        0,
        "length  sentences  diagonal  monotonic  entropy  coverage_gap  covered     aer\n"
        "   all          2    0.8000     0.6667   0.2000        0.6000   0.8000  0.1250\n"
        "     2          1    1.0000     1.0000   0.0000        0.0000   1.0000  0.0000\n"
        "     3          1    0.6667     0.5000   0.3333        1.0000   0.6667  0.2500\n",
        "",
    )


def test_the_json_file_has_the_set_each_length_and_each_hypothesis(attention, capsys):
    assert run(capsys, attention, "--json", "stats.json", "--task-map", "reverse")[0] == 0
    report = json.loads(Path("stats.json").read_text())
    assert (report["attention"], report["task_map"], report["gold"]) == (attention, "reverse", None)
    assert report["set"] == {
        "sentences": 2,
        "diagonal": {"mean": 0.4, "count": 5},
        "monotonic": {"mean": 2 / 3, "count": 3},
        "entropy": {"mean": 0.2, "count": 5},
        "coverage_gap": {"mean": 0.6, "count": 5},
        "covered": {"mean": 0.8, "count": 5},
    }
    assert [(each["length"], each["sentences"]) for each in report["by_length"]] == [(2, 1), (3, 1)]
    assert [(each["id"], each["rank"], each["diagonal"]["mean"]) for each in report["records"]] == [
        (0, 0, 0.0),
        (0, 1, 1.0),
        (1, 0, 2 / 3),
    ]


def test_a_mean_over_nothing_is_a_dash_and_null(attention, capsys):
    write_records([record(0, [0], "")], attention)
    assert run(capsys, attention, "--json", "stats.json") == (
        0,
        "length  sentences  diagonal  monotonic  entropy  coverage_gap  covered\n"
        "   all          1         -          -        -             -        -\n",
        "",
    )
    assert json.loads(Path("stats.json").read_text())["set"]["entropy"] == {"mean": None, "count": 0}


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (
            "0-0\n",
            "'gold.txt' has 1 lines for 2 sentences with ids 0 to 1: give one line a sentence, in the order of the"
            " corpus, and attention of the whole corpus",
        ),
        (
            "0-0\n2-0 1?3\n",
            "{file!r}: sentence 1, rank 0: gold link 1-3 (counted from 0) is outside of 3 source and 3 target tokens"
            " without </s>: is it of other data, of words instead of pieces, or counted from 1 (--gold-first 1)?",
        ),
        ("0-0\nx\n", "'gold.txt' line 2: 'x' is no link: "),
        ("", "'gold.txt' has 0 lines for 2 sentences with ids 0 to 1: give one line a sentence"),
        (None, "no gold alignments 'gold.txt': give a file with a line of links i-j a sentence"),
    ],
)
def test_gold_files_that_do_not_fit(attention, gold, message, capsys):
    if gold is not None:
        Path("gold.txt").write_text(gold)
    refused(run(capsys, attention, "--gold", "gold.txt", "--json", "stats.json"), message.format(file=attention))


def refused(result, message):
    """One line that starts as given, exit code 2, no output and no file."""
    code, printed, error = result
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert error.startswith(f"attention_stats.py: error: {message}")
    assert not Path("stats.json").exists()


def test_gold_alignments_need_the_reference_as_target(attention, capsys):
    Path("gold.txt").write_text("0-0\n")
    write_records([record(0, [0, 1, 2], "ab", reference="ba")], attention)
    message = (
        f"{attention!r}: sentence 0, rank 0: gold alignments are of the reference, but this target is another:"
        " extract with --forced"
    )
    refused(run(capsys, attention, "--gold", "gold.txt"), message)


def test_the_input_is_not_replaced(attention, capsys):
    before = Path(attention).read_bytes()
    message = f"--json {attention!r} would replace "
    refused(run(capsys, attention, "--json", attention), message)
    assert Path(attention).read_bytes() == before


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("[[0.5, 0.25], [0, 1]]", "sentence 0, rank 0: row 0 of the attention sums to 0.75, not 1: measures need"),
        ("[[NaN, 1], [0, 1]]", "line 1: NaN is not a finite number: "),
    ],
)
def test_weights_that_cannot_be_measured(weights, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_records([record(0, [0, 1], "a")], "a.jsonl")
    text = Path("a.jsonl").read_text()
    changed = text.replace("[[1.0, 0.0], [0.0, 1.0]]", weights)
    assert changed != text
    Path("a.jsonl").write_text(changed)
    refused(run(capsys, "a.jsonl", "--json", "stats.json"), f"'a.jsonl': {message}")


def test_files_that_cannot_be_used(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("empty.jsonl").touch()
    write_records(RECORDS, "full.jsonl")
    Path("folder").mkdir()
    refused(run(capsys, "empty.jsonl"), "'empty.jsonl' holds no sentence with rank 0: extract attention again")
    refused(run(capsys, "none.npz"), "no attention file 'none.npz': ")
    refused(run(capsys, "full.jsonl", "--json", "lost/stats.json"), "folder 'lost' does not exist: make it")
    assert run(capsys, "full.jsonl", "--json", "folder") == (
        2,
        "",
        "attention_stats.py: error: cannot write 'folder': Is a directory\n",
    )
