"""A trained model through every command that decodes: they all say the same."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.models.gru_attention import GRUAttentionModel
from fairseq_plugin.scoring.exact_match import Matches, count_matches
from tests.support.commands import PLUGIN, Commands, extract_words, generate_words, lines_of, train_words


@pytest.fixture(scope="module")
def records(
    commands: Commands, copy_data: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[AttentionRecord]:
    """What the extractor decodes with beam 5."""
    output = tmp_path_factory.mktemp("attention") / "attention.npz"
    commands.succeed(*extract_words(copy_data, trained, output))
    return read_records(output)


def outputs(records: list[AttentionRecord]) -> dict[int, list[str]]:
    return {record.id: [" ".join(record.target[:-1])] for record in records}


def sentences(data: Path) -> list[str]:
    return (data / "test.src").read_text(encoding="utf-8").splitlines()


RUNS = {
    "beam 5": ("--beam", 5),
    "batch size 1": ("--batch-size", 1),
    "batch size 128": ("--batch-size", 128),
    "left padding": ("--left-pad-source", "--batch-size", 8),
    "few tokens": ("--max-tokens", 20),
    "translation": ("--task", "translation", "--required-batch-size-multiple", 1),
    "translation, right padding": ("--task", "translation", "--left-pad-source", "--required-batch-size-multiple", 1),
}


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS.keys())
def test_generate_gives_the_same_outputs(
    commands: Commands, copy_data: Path, trained: Path, records: list[AttentionRecord], options: tuple
) -> None:
    outcome = commands.succeed(*generate_words(copy_data, trained, *options))
    assert lines_of(outcome, "H") == outputs(records)
    total = sum((count_matches(record.reference or (), record.target) for record in records), Matches())
    assert 0 < total.exact < 30
    letters = sum(len(line.split()) + 1 for line in sentences(copy_data))
    summary = outcome.out.splitlines()[-1]
    assert summary.startswith(f"Generate test with beam=5: exact match {total.exact / 30:.4f}, token accuracy 0.")
    assert summary.endswith(f" (30 sequences, {letters} tokens)")


@pytest.mark.quick
def test_greedy_decoding_counted_by_hand(commands: Commands, copy_data: Path, trained: Path) -> None:
    outcome = commands.succeed(*generate_words(copy_data, trained, "--beam", 1))
    pairs = zip(lines_of(outcome, "T").values(), lines_of(outcome, "H").values(), strict=True)
    total = sum((count_matches(gold[0].split(), output[0].split()) for gold, output in pairs), Matches())
    assert outcome.out.splitlines()[-1] == (
        f"Generate test with beam=1: exact match {total.exact_match:.4f}, token accuracy {total.token_accuracy:.4f} "
        f"(30 sequences, {total.tokens} tokens)"
    )


@pytest.mark.parametrize("padding", [(), ("--left-pad-source",)], ids=["right", "left"])
def test_hard_alignment(
    commands: Commands, copy_data: Path, trained: Path, records: list[AttentionRecord], padding: tuple
) -> None:
    outcome = commands.succeed(*generate_words(copy_data, trained, "--print-alignment", "hard", *padding))
    expected = {
        record.id: [
            # fairseq leaves the end of sequence out on both sides
            " ".join(f"{record.weights[t, :-1].argmax()}-{t}" for t in range(len(record.target) - 1))
        ]
        for record in records
    }
    assert lines_of(outcome, "A") == expected


@pytest.mark.parametrize("padding", [(), ("--left-pad-source",)], ids=["right", "left"])
def test_soft_alignment(
    commands: Commands, copy_data: Path, trained: Path, records: list[AttentionRecord], padding: tuple
) -> None:
    outcome = commands.succeed(*generate_words(copy_data, trained, "--print-alignment", "soft", *padding))
    printed = lines_of(outcome, "A")
    assert printed.keys() == outputs(records).keys()
    for record in records:
        rows = [[float(number) for number in row.split(",")] for row in printed[record.id][0].split()]
        np.testing.assert_allclose(np.array(rows), record.weights, rtol=0, atol=1.5e-6)  # six decimals


def test_an_ensemble(commands: Commands, copy_data: Path, trained: Path, also_trained: Path, tmp_path: Path) -> None:
    both = f"{trained}:{also_trained}"
    outcome = commands.succeed(*generate_words(copy_data, both))
    commands.succeed(*extract_words(copy_data, both, tmp_path / "attention.npz"))
    assert lines_of(outcome, "H") == outputs(read_records(tmp_path / "attention.npz"))


def test_interactive(commands: Commands, copy_data: Path, trained: Path, records: list[AttentionRecord]) -> None:
    words = ("fairseq-interactive", copy_data, "--user-dir", PLUGIN, "--task", "copy", "--path", trained, "--beam", 5)
    typed = "\n".join(sentences(copy_data)) + "\n"
    for more in ((), ("--buffer-size", 16, "--batch-size", 4)):
        assert lines_of(commands.succeed(*words, *more, typed=typed), "H") == outputs(records)


@pytest.mark.parametrize("buffer", [1, 2, 5])
def test_interactive_goes_on_after_a_line_that_is_too_long(
    commands: Commands, copy_data: Path, trained: Path, buffer: int
) -> None:
    words = ("fairseq-interactive", copy_data, "--user-dir", PLUGIN, "--task", "copy", "--path", trained)
    limits = ("--max-source-positions", 4, "--skip-invalid-size-inputs-valid-test", "--buffer-size", buffer)
    outcome = commands.succeed(*words, *limits, typed="a b\na b c d\nb c\nd c b a\nc\n")
    assert lines_of(outcome, "S") == {0: ["a b"], 2: ["b c"], 4: ["c"]}
    skipped = [line.rsplit(": ids ", 1)[1] for line in (outcome.out + outcome.err).splitlines() if "skipped: " in line]
    assert skipped == (["1, 3"] if buffer == 5 else ["1", "3"])


def test_translate_from_python(copy_data: Path, trained: Path, records: list[AttentionRecord]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fairseq's data loader, about pinned memory
        model = GRUAttentionModel.from_pretrained(
            str(trained.parent), checkpoint_file=trained.name, data_name_or_path=str(copy_data)
        )
        translated = model.translate(sentences(copy_data), beam=5)
    assert {number: [line] for number, line in enumerate(translated)} == outputs(records)


def test_validate(commands: Commands, copy_data: Path, trained: Path) -> None:
    words = ("fairseq-validate", copy_data, "--user-dir", PLUGIN, "--task", "copy", "--path", trained)
    outcome = commands.succeed(*words, "--batch-size", 8, "--valid-subset", "test")
    greedy = commands.succeed(*generate_words(copy_data, trained, "--beam", 1)).out.splitlines()[-1]
    exact = float(greedy.split("exact match ")[1].split(",")[0])
    assert f" | exact_match {round(exact, 4):g} | " in outcome.out


@pytest.mark.parametrize("precision", ["--fp16", "--bf16"])
def test_half_precision(
    commands: Commands, copy_data: Path, trained: Path, records: list[AttentionRecord], precision: str
) -> None:
    """Where the model is sure of every token of its output, rounding does not change it."""
    outcome = commands.succeed(*generate_words(copy_data, trained, precision, "--cpu"))
    found = lines_of(outcome, "H")
    sure = [record for record in records if record.score > -0.05]
    assert len(found) == 30
    assert len(sure) > 5
    assert {record.id: found[record.id] for record in sure} == outputs(sure)


def test_output_files_hold_the_streams(commands: Commands, copy_data: Path, trained: Path, tmp_path: Path) -> None:
    commands.succeed(*generate_words(copy_data, trained, "--results-path", tmp_path))
    assert os.listdir(tmp_path) == ["generate-test.txt"]  # noqa: PTH208 - names only


@pytest.mark.parametrize(
    "options",
    [("--attention", "location", "--sharpening", 2, "--location-kernel", 3), ("--attention", "dot", "--input-feeding")],
    ids=["location", "dot"],
)
def test_other_attentions_through_the_commands(
    commands: Commands, copy_data: Path, tmp_path: Path, options: tuple
) -> None:
    """Trained for an epoch, decoded with a beam in padded batches: what is printed is the attention of single ones."""
    commands.succeed(*train_words(copy_data, tmp_path, "--max-epoch", 1, *options))
    path, output = tmp_path / "checkpoint_last.pt", tmp_path / "attention.npz"
    commands.succeed(*extract_words(copy_data, path, output, "--batch-size", 1, "--beam", 3))
    printing = ("--print-alignment", "soft", "--left-pad-source", "--batch-size", 7, "--beam", 3)
    printed = commands.succeed(*generate_words(copy_data, path, *printing))
    records = read_records(output)
    assert lines_of(printed, "H") == outputs(records)
    for record in records:
        rows = [[float(n) for n in row.split(",")] for row in lines_of(printed, "A")[record.id][0].split()]
        np.testing.assert_allclose(np.array(rows), record.weights, rtol=0, atol=1.5e-6)


def test_decoding_does_not_need_the_files_of_pretrained_embeddings(
    commands: Commands, copy_data: Path, tmp_path: Path
) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("a" + " 0.5" * 32 + "\n", encoding="utf-8")
    given = ("--encoder-embed-path", vectors, "--decoder-embed-path", vectors, "--decoder-freeze-embed")
    commands.succeed(*train_words(copy_data, tmp_path, "--max-update", 2, *given))
    vectors.unlink()
    outcome = commands.succeed(*generate_words(copy_data, tmp_path / "checkpoint_last.pt"))
    assert len(lines_of(outcome, "H")) == 30
