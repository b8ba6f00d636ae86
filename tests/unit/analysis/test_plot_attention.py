"""The command from end to end: pictures, printed lines, exit codes and messages."""

import os
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from fairseq_plugin.analysis.formats import write_records
from fairseq_plugin.analysis.pictures import picture
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.commands.plot_attention import printable
from scripts import plot_attention

SCRIPT = Path(plot_attention.__file__)


def record(number, target="ab", reference=None, rank=0):
    source = ("a", "b", "</s>")
    tokens = (*target, "</s>")
    weights = np.full((len(tokens), len(source)), 1 / 3)
    gold = None if reference is None else (*reference, "</s>")
    return AttentionRecord(number, source, tokens, weights, score=-0.5, reference=gold, rank=rank)


RECORDS = [record(3, reference="ab"), record(3, "ba", "ab", rank=1), record(5), record(9, "\U0010f123")]


@pytest.fixture(params=[".npz", ".jsonl"])
def attention(request, tmp_path):
    path = tmp_path / f"attention{request.param}"
    write_records(RECORDS, path)
    return str(path)


@pytest.fixture
def titles(monkeypatch):
    """The titles of the figures that are saved as they are."""
    kept = []
    save = picture.save
    monkeypatch.setattr(
        picture, "save", lambda figure, path: (kept.append(figure.axes[0].get_title()), save(figure, path))
    )
    return kept


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg"])
def test_the_first_sentence_is_drawn_and_printed(attention, ending, tmp_path, capsys, titles):
    output = tmp_path / f"heatmap{ending}"
    assert plot_attention.main([attention, "--output", str(output)]) == 0
    assert capsys.readouterr() == (f"SRC  a b\nTRG  a b\nPRED a b\n{output}\n", "")
    assert output.stat().st_size > 1000
    assert titles == ["Attention, sentence 3"]


@pytest.mark.parametrize(
    ("options", "printed", "title"),
    [
        (["--rank", "1"], "SRC  a b\nTRG  a b\nPRED b a\n", "Attention, sentence 3, rank 1"),
        (["--id", "5", "--cmap", "Greys"], "SRC  a b\nPRED a b\n", "Attention, sentence 5"),
        (["--id", "3", "--title", "$Mine$"], "SRC  a b\nTRG  a b\nPRED a b\n", "$Mine$"),
    ],
)
def test_options(attention, options, printed, title, tmp_path, capsys, titles):
    output = str(tmp_path / "heatmap.svg")
    assert plot_attention.main([attention, "--output", output, *options]) == 0
    assert capsys.readouterr() == (f"{printed}{output}\n", "")
    assert titles == [title]


def test_lines_show_tokens_whole_and_what_cannot_be_seen_as_its_code(tmp_path, capsys):
    tokens = ("a\u200b", "</s>", "\xa0", "\u202eb", "c" * 200, "</s>")
    write_records([AttentionRecord(0, tokens, tokens, np.eye(6), score=-0.5, reference=tokens)], tmp_path / "a.jsonl")
    assert plot_attention.main([str(tmp_path / "a.jsonl"), "--output", str(tmp_path / "a.svg")]) == 0
    shown = r"a\u200b </s> \xa0 \u202eb " + "c" * 200
    assert capsys.readouterr().out == f"SRC  {shown}\nTRG  {shown}\nPRED {shown}\n{tmp_path / 'a.svg'}\n"


def test_titles_show_what_cannot_be_seen_as_its_code(tmp_path, titles):
    names = [os.fsdecode(name) for name in (b"a\nb.jsonl", b"bad\xff.jsonl")]
    paths = [str(tmp_path / name) for name in names]
    for path in paths:
        write_records(RECORDS, path)
    output = ["--output", str(tmp_path / "a.svg")]
    assert plot_attention.main([paths[0], "--compare", paths[1], *output]) == 0
    assert plot_attention.main([paths[1], "--compare", paths[0], *output]) == 0
    assert plot_attention.main([paths[0], "--title", "\a$x$\n \u202eb ", *output]) == 0
    assert titles == [r"a\nb.jsonl, sentence 3", r"bad\udcff.jsonl, sentence 3", "\\x07$x$\n \\u202eb "]
    ElementTree.parse(tmp_path / "a.svg")


def test_of_many_ranks_ten_are_named(tmp_path, capsys):
    write_records([record(0, rank=rank) for rank in range(12)], tmp_path / "a.jsonl")
    words = [str(tmp_path / "a.jsonl"), "--rank", "12", "--output", str(tmp_path / "a.svg")]
    assert plot_attention.main(words) == 2
    assert capsys.readouterr().err.endswith("has no rank 12: it has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more\n")


def test_characters_without_a_font_give_one_line(attention, tmp_path, capsys):
    assert plot_attention.main([attention, "--output", str(tmp_path / "a.png"), "--id", "9"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(
        "plot_attention.py: warning: no installed font has \U0010f123: drawn as boxes; install one"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "a.jpg"], "picture 'a.jpg' must end in .png, .pdf or .svg"),
        (["--output", "lost/a.png"], "folder 'lost' does not exist: "),
        (["--output", "a.png", "--id", "4"], "no sentence 4 in {file!r}: choose one of its 3, from 3 to 9"),
        (["--output", "a.png", "--rank", "2"], "sentence 3 in {file!r} has no rank 2: it has 0, 1"),
        (["--output", "a.png", "--cmap", "x"], "unknown colour map 'x': use viridis, cividis, magma, Greys or another"),
    ],
)
def test_wrong_use(attention, options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert plot_attention.main([attention, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("plot_attention.py: error: " + message.format(file=attention))
    assert captured.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [Path(attention).name]


def test_files_that_cannot_be_used(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_records([], "empty.jsonl")
    Path("a.png").mkdir()
    write_records(RECORDS, "full.jsonl")
    assert plot_attention.main(["none.npz", "--output", "b.png"]) == 2
    assert plot_attention.main(["empty.jsonl", "--output", "b.png"]) == 2
    assert plot_attention.main(["full.jsonl", "--output", "a.png"]) == 2
    none, *others = capsys.readouterr().err.splitlines()
    assert none.startswith("plot_attention.py: error: no attention file 'none.npz': ")
    assert others == [
        "plot_attention.py: error: 'empty.jsonl' holds no sentence: extract attention again",
        "plot_attention.py: error: cannot write 'a.png': Is a directory",
    ]


def test_missing_arguments_end_with_2(capsys):
    assert plot_attention.main([]) == 2
    assert "the following arguments are required: attention, --output" in capsys.readouterr().err


def test_lines_that_the_terminal_cannot_show_are_escaped(monkeypatch, tmp_path):
    with open(tmp_path / "out", "w", encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert printable("a 한") == r"a \ud55c"


def test_all_sentences_are_pages_of_a_pdf(attention, tmp_path, capsys):
    output = tmp_path / "all.pdf"
    assert plot_attention.main([attention, "--output", str(output), "--all", "--annotate", "--vmax", "0.5"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"3 pages\n{output}\n"  # of rank 0
    assert captured.err.count("warning: no installed font has \U0010f123") == 1
    assert output.read_bytes().count(b"/Type /Page ") == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "a.png"], "pages cannot be written to 'a.png': give a path that ends in .pdf"),
        (
            ["--output", "a.pdf", "--rank", "7"],
            "no sentence to draw in 'a.pdf': extract attention again or give another --rank",
        ),
        (["--output", "a.pdf", "--vmin", "1"], "colours from 1.0 to 1.0 are no range"),
    ],
)
def test_pages_that_cannot_be_written(attention, options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert plot_attention.main([attention, "--all", *options]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [Path(attention).name]


def drawn(monkeypatch):
    """Titles and image data of the figures that are saved."""
    kept = []
    monkeypatch.setattr(
        picture,
        "save",
        lambda figure, path: kept.extend((a.get_title(), a.get_images()[0].get_array()) for a in figure.axes[:-1]),
    )
    return kept


def test_several_sentences_in_one_picture(attention, tmp_path, capsys, monkeypatch):
    kept = drawn(monkeypatch)
    output = str(tmp_path / "grid.png")
    assert plot_attention.main([attention, "--output", output, "--ids", "5,3"]) == 0
    assert capsys.readouterr().out == f"SRC  a b\nPRED a b\nSRC  a b\nTRG  a b\nPRED a b\n{output}\n"
    assert [title for title, _ in kept] == ["Attention, sentence 5", "Attention, sentence 3"]


def test_two_models_on_one_sentence(attention, tmp_path, capsys, monkeypatch):
    kept = drawn(monkeypatch)
    other = tmp_path / "other.jsonl"
    write_records([record(3, "bb", "ab")], other)
    output = str(tmp_path / "pair.png")
    assert plot_attention.main([attention, "--output", output, "--id", "3", "--compare", str(other)]) == 0
    assert capsys.readouterr().out == f"SRC  a b\nTRG  a b\nPRED a b\nPRED b b\n{output}\n"
    assert [title for title, _ in kept] == [f"{Path(attention).name}, sentence 3", "other.jsonl, sentence 3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "2"], "--columns 2 without --ids or --compare: there is one heatmap"),
        (["--all", "--compare", "x.npz"], "--compare draws chosen sentences: give --id or --ids in place of --all"),
        (["--ids", "3,77"], "no sentence 77 in '{attention}': choose one of its 3, from 3 to 9"),
        (
            ["--compare", "{other}"],
            "sentence 3 of '{attention}' is not sentence 4 of '{other}': compare attention of the same data, and name "
            "a sentence with --id",
        ),
    ],
)
def test_grids_that_cannot_be_drawn(attention, options, message, tmp_path, capsys):
    other = tmp_path / "other.jsonl"
    write_records([record(4)], other)
    output = tmp_path / "out.pdf"
    words = [word.format(other=other) for word in options]
    assert plot_attention.main([attention, "--output", str(output), *words]) == 2
    expected = message.format(attention=attention, other=other)
    assert capsys.readouterr().err == f"plot_attention.py: error: {expected}\n"
    assert not output.exists()


def test_ids_that_are_no_numbers(attention, tmp_path, capsys):
    assert plot_attention.main([attention, "--output", str(tmp_path / "x.png"), "--ids", "3,b"]) == 2
    assert "argument --ids: '3,b' must be numbers of sentences, as in 0,3,7" in capsys.readouterr().err


def long_record(number, rows, columns):
    source, target = (tuple(f"w{n}" for n in range(count)) for count in (columns, rows))
    return AttentionRecord(number, source, target, np.full((rows, columns), 1 / columns), score=-1.0)


def test_a_long_sentence_is_pages_of_a_pdf(tmp_path, capsys):
    write_records([long_record(0, 3, 201), record(1)], tmp_path / "long.npz")
    output = tmp_path / "a.pdf"
    assert plot_attention.main([str(tmp_path / "long.npz"), "--output", str(output)]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith(f"\n3 pages\n{output}\n")
    assert captured.err == ""
    assert output.read_bytes().count(b"/Type /Page ") == 3
    assert plot_attention.main([str(tmp_path / "long.npz"), "--output", str(output), "--all"]) == 0
    assert capsys.readouterr().out == f"4 pages\n{output}\n"


@pytest.mark.parametrize(("output", "options"), [("a.svg", []), ("a.pdf", ["--ids", "0,0"])])
def test_a_long_sentence_is_thinned_elsewhere_with_one_line(output, options, tmp_path, capsys):
    write_records([long_record(0, 3, 101)], tmp_path / "long.npz")
    path = str(tmp_path / output)
    assert plot_attention.main([str(tmp_path / "long.npz"), "--output", path, *options]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("plot_attention.py: warning: 3 target x 101 source tokens are more than the 100 x 100 cells")
