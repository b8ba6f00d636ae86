"""Sentences of the user in place of a split: the same attention as the same sentences have in a split."""

import logging
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.analysis.pictures import picture
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.analysis.sentences import as_typed, dataset_of
from scripts import plot_attention
from tests.support.commands import ROOT, Commands, extract_words, train_words
from tests.support.making import make_task

PLOT = ("python", ROOT / "scripts" / "plot_attention.py")


def sources(copy_data: Path) -> list[str]:
    return (copy_data / "test.src").read_text(encoding="utf-8").splitlines()


def test_as_in_a_split(commands: Commands, copy_data: Path, trained: Path, tmp_path: Path) -> None:
    numbers = (3, 0, 11)
    chosen = [sources(copy_data)[number] for number in numbers]
    commands.succeed(*extract_words(copy_data, trained, tmp_path / "split.npz"))
    text = [word for sentence in chosen for word in ("--text", sentence)]
    commands.succeed(*extract_words(copy_data, trained, tmp_path / "text.npz", *text))
    typed = "\ufeff" + "".join(f"{sentence}\r\n" for sentence in chosen)
    commands.succeed(*extract_words(copy_data, trained, tmp_path / "input.npz", "--input", "-"), typed=typed)
    split = read_records(tmp_path / "split.npz")
    for name in ("text.npz", "input.npz"):
        own = read_records(tmp_path / name)
        assert [record.id for record in own] == [0, 1, 2]
        for record, number in zip(own, numbers, strict=True):
            assert (record.source, record.target) == (split[number].source, split[number].target)
            assert record.reference is None
            np.testing.assert_allclose(record.weights, split[number].weights, atol=1e-5)


@pytest.mark.quick
def test_straight_to_a_picture(commands: Commands, copy_data: Path, trained: Path, tmp_path: Path) -> None:
    words = (*PLOT, copy_data, "--path", trained, "--output", tmp_path / "a.png", "--beam", 2)
    done = commands.succeed(*words, "--text", "a b c")
    source, written, path = done.out.splitlines()
    assert (source, path) == ("SRC  a b c", str(tmp_path / "a.png"))
    assert written.startswith("PRED ")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    done = commands.succeed(*extract_words(copy_data, trained, tmp_path / "a.csv", "--text", "a b c"))
    assert done.out == f"1 hypothesis written to {tmp_path / 'a.csv'}\n"
    done = commands.succeed(*words, "--text", "a b c", "--text", "c zebra a")
    assert [line for line in done.out.splitlines() if line.startswith("SRC")] == ["SRC  a b c", "SRC  c zebra a"]
    assert "not in the source dictionary, read as <unk>: 'zebra'" in done.err
    commands.succeed(*extract_words(copy_data, trained, tmp_path / "b.jsonl", "--text", "a", "--text", "zebra <unk> a"))
    assert [record.source for record in read_records(tmp_path / "b.jsonl")] == [
        ("a", "</s>"),
        ("zebra", "<unk>", "a", "</s>"),
    ]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*:DeprecationWarning")  # of hydra
def test_pieces_are_joined_to_words(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{first} {second}\n" for first in ("ab", "cd", "ef") for second in ("ab", "cd", "ef")] * 4
    for split in ("train", "valid"):
        (tmp_path / f"{split}.en").write_text("".join(lines), encoding="utf-8")
    made = ("--source-lang", "en", "--model-type", "char", "--vocab-size", "auto", "--trainpref", tmp_path / "train")
    data, saved = tmp_path / "data", tmp_path / "checkpoints"
    commands.succeed("python", "-m", "data_gen", "text", data, *made, "--validpref", tmp_path / "valid")
    commands.succeed(*train_words(data, saved, "--max-epoch", 1))
    titles: list[str] = []
    monkeypatch.setattr(picture, "save", lambda figure, path: titles.append(figure.axes[0].get_title()))
    words = [str(data), "--path", str(saved / "checkpoint_last.pt"), "--output", "a.svg", "--text", "ef ab"]
    assert plot_attention.main(words) == 0
    assert plot_attention.main([*words, "--merge", "sentencepiece"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("SRC")] == [
        "SRC  ▁ e f ▁ a b",
        "SRC  ef ab",
    ]
    assert titles == ["Attention", "Attention"]


def test_raw_text_where_a_sentencepiece_model_lies(
    copy_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = tmp_path / "lines"
    lines.write_text("abcd\ndcba\nabab\ncdcd\n", encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(tmp_path / "sentencepiece"), model_type="char", vocab_size=8, minloglevel=2
    )
    task = make_task(copy_data)
    with caplog.at_level(logging.WARNING):
        dataset = dataset_of(["ab"], str(tmp_path / "checkpoint.pt"))(task)
    symbols = [task.source_dictionary[token] for token in dataset[0]["source"].tolist()]
    assert symbols == ["<unk>", "a", "b", "</s>"]  # the mark of a word's beginning is no symbol of this dictionary
    assert caplog.messages == ["not in the source dictionary, read as <unk>: '▁'"]
    record = AttentionRecord(1, ("<unk>", "a", "<unk>", "b", "</s>"), ("a",), np.full((1, 5), 0.2), score=0.0)
    typed = as_typed(["ab", "aéàb"], str(tmp_path / "checkpoint.pt"), task)
    assert typed(record).source == ("▁", "a", "éà", "b", "</s>")
