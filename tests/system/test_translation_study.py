"""The study of real text: its settings, figures worked out by hand, the choice of examples, and a small run."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from data_gen.errors import UserError
from fairseq_plugin.analysis.pictures import fonts
from fairseq_plugin.analysis.records import AttentionRecord
from fairseq_plugin.modules.precision import EMULATE
from scripts import common, translation_study
from scripts.common import replace_section
from scripts.translation import recipe, report
from scripts.translation.corpus import read_corpus, sentences, sources_seen
from scripts.translation.recipe import ADDITIVE, GENERAL, LSTM, MEDIUM, MODELS, SOURCE, TARGET, Recipe, Run
from scripts.translation.report import Score, Scores, score, translations
from scripts.translation.trainings import Training

ROOT = Path(__file__).resolve().parents[2]
PAGE = "".join(f"<!-- {section}:begin --><!-- {section}:end -->\n" for section in ("translation", "examples"))


def test_all_models_get_the_same_options_but_for_the_model_its_loss_and_its_optimizer() -> None:
    def options(model: str) -> set[str]:
        return set(" ".join(recipe.train_words(Recipe(), Run(model, 1), Path("data"), Path("out"))).split(" --"))

    ours = {
        *("arch gru_attention", "criterion chunked_cross_entropy", "optimizer fused_adamw"),
        *("decoder-init tanh", "readout tanh", "readout-dim 256"),
    }
    assert options(GENERAL) - options(LSTM) == {*ours, "attention general", "input-feeding"}
    assert options(ADDITIVE) - options(LSTM) == {*ours, "attention-dim 256"}
    for model in (GENERAL, ADDITIVE):
        assert options(LSTM) - options(model) == {
            *("arch lstm", "criterion label_smoothed_cross_entropy", "optimizer adam", "decoder-out-embed-dim 256"),
        }


def test_a_model_beside_the_lstm_by_hand() -> None:
    walls = {Run(GENERAL, 1): 10.0, Run(GENERAL, 2): 20.0, Run(LSTM, 1): 50.0, Run(LSTM, 2): 70.0}
    took = {run: Training(wall, 1.0, 1, 1.0, 1.0, 1.0) for run, wall in walls.items()}
    scored = {
        seed: Scores({}, {"BLEU": {GENERAL: Score(ours, 1.0, p_value), LSTM: Score(20.0, 1.0, None)}})
        for seed, ours, p_value in ((1, 21.5, 0.25), (2, 19.75, 0.5))
    }
    assert report.compared(GENERAL, LSTM, took, scored) == (
        "- `gru_attention`, `general`, input feeding: +0.62 BLEU in 0.25 times the wall time of training; by seed "
        "+1.50 (p = 0.250), -0.25 (p = 0.500)"
    )


def test_medium_is_compared_with_highest() -> None:
    options = ["--corpus", "x", "--medium", "--update", "page.md", "--at-once", "6"]
    settings = translation_study.settings_of(translation_study.parser().parse_args(options))
    assert (settings.at_once, settings.models, settings.baseline) == (6, (MEDIUM, GENERAL), GENERAL)
    words = {model: recipe.train_words(settings, Run(model, 1), Path("data"), Path("out")) for model in settings.models}
    place = words[MEDIUM].index("--float32-matmul-precision")
    assert words[MEDIUM][place + 1] == "medium"
    assert words[MEDIUM][:place] + words[MEDIUM][place + 2 :] == words[GENERAL]

    took = {Run(model, 1): Training(wall, 1.0, 1, 1.0, 1.0, 1.0) for model, wall in ((MEDIUM, 30.0), (GENERAL, 60.0))}
    scored = {1: Scores({}, {"BLEU": {MEDIUM: Score(20.5, 1.0, 0.5), GENERAL: Score(20.0, 1.0, None)}})}
    assert report.verdict(settings, took, scored).splitlines()[:3] == [
        "Beside `gru_attention`, `general`, input feeding, in the mean of the seeds, and by seed with the p-value of a "
        "paired bootstrap test:",
        "",
        "- `gru_attention`, `general`, input feeding, `medium`: +0.50 BLEU in 0.50 times the wall time of training; "
        "by seed +0.50 (p = 0.500)",
    ]


@pytest.mark.parametrize("before", [None, "mine"])
def test_the_commands_of_a_study_emulate_bfloat16(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EMULATE, raising=False)
    if before is not None:
        monkeypatch.setenv(EMULATE, before)
    monkeypatch.setattr(translation_study, "study", lambda options: int(common.environment([], None)[EMULATE]))
    assert translation_study.main(["--smoke", "--update", "page.md"]) == 1
    assert os.environ.get(EMULATE) == before


@pytest.mark.parametrize("able", [True, False])
@pytest.mark.parametrize("models", [recipe.MEDIUM_AND_HIGHEST, MODELS], ids=["medium", "models"])
def test_a_page_says_where_bfloat16_was_emulated(
    models: tuple[str, ...], able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "has_bfloat16", lambda: able)
    corpus = {key: {SOURCE: ["a"], TARGET: ["b"]} for key in recipe.PARTS}
    text = report.circumstances(Recipe(models=models), corpus, common.describe_machine(), 1.0, made_up=False)
    assert text.endswith(report.EMULATED) == (MEDIUM in models and not able)


def test_translations_are_in_the_order_of_the_corpus() -> None:
    output = "INFO\nS-1\t▁b\nH-1\t-0.5\t▁B\nD-1\t-0.5\tB c\nP-1\t-0.5\nD-0\t-1e-05\t\n"
    assert translations(output, 2) == ["", "B c"]


@pytest.mark.parametrize(("output", "count"), [("D-0\t-1.0\ta\n", 1), ("D-0\t-1.0\ta\nD-0\t-1.0\ta\n", 2)])
def test_a_lost_sentence_is_an_error(output: str, count: int) -> None:
    with pytest.raises(UserError) as caught:
        translations(output, 2)
    assert str(caught.value) == f"{count} hypotheses were written for 2 sentences"


def test_scores() -> None:
    references = ["the cat sat on the mat", "a dog ran to the house", "we saw the sea from here"]
    # Of 18 words 17 are right, of the pairs 13 of 15, and so on: BLEU is the geometric mean of four precisions.
    wrong = [*references[:2], "we saw the sky from here"]
    expected = 100 * (17 / 18 * 13 / 15 * 9 / 12 * 6 / 9) ** 0.25
    scored = score({GENERAL: references, LSTM: wrong}, LSTM, references)
    assert scored.values["BLEU"][GENERAL].value == pytest.approx(100)
    assert scored.values["BLEU"][LSTM].value == pytest.approx(expected)
    assert scored.values["BLEU"][LSTM].p_value is None
    assert scored.values["BLEU"][GENERAL].p_value is not None
    assert scored.values["chrF2"][GENERAL].value == pytest.approx(100)
    assert scored.signatures["BLEU"].startswith("nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|")


def record(number: int, source: int, target: int) -> AttentionRecord:
    """A record of so many tokens."""
    weights = np.full((target, source), 1 / source, dtype=np.float32)
    return AttentionRecord(number, ("새",) * source, ("a",) * target, weights, score=-1.0)


def test_examples_are_chosen_by_rule() -> None:
    # Sentence n has n wrong letters of 20: the fewer, the better. The last three are too long or too short to show.
    references = ["abcd efgh ijkl mnop qrst"] * 11 + ["abcd"] + ["abcd efgh ijkl mnop qrst"] * 2
    outputs = [("x" * number + references[0].replace(" ", "")[number:]) for number in range(14)]
    records = [record(number, 5, 5) for number in range(12)] + [record(12, 9, 5), record(13, 5, 9)]
    settings = Recipe(example_words=(2, 6), example_pieces=8)
    sources = [f"source {number}" for number in range(14)]
    given = {GENERAL: outputs, LSTM: references}
    chosen = report.choose(settings, sources, references, given, GENERAL, records)
    # Of 11 sentences, from the worst (10) to the best (0): places 9, 7 and 5.
    assert [example.number for example in chosen] == [1, 3, 5]
    assert chosen[0].source == "source 1"
    assert chosen[0].translations == {GENERAL: outputs[1], LSTM: references[1]}
    with pytest.raises(UserError) as caught:
        report.choose(settings, sources[3:], references[3:], {GENERAL: outputs[3:]}, GENERAL, records[3:])
    assert str(caught.value) == "8 test sentences are short enough to show, at least 10 are needed"


def test_the_picture_of_an_example_has_words(tmp_path: Path) -> None:
    pieces = AttentionRecord(
        0, ("▁pack", "age", "</s>"), ("▁wr", "apper"), np.full((2, 3), 0.25, np.float32), score=0.0
    )
    example = report.Example(0, "package", "wrapper", {}, 1.0)
    report.draw(example, [pieces], tmp_path / "a.svg")
    drawn = re.findall(r">([^<>]+)</text>", (tmp_path / "a.svg").read_text(encoding="utf-8"))
    assert {"package", "wrapper", "&lt;/s&gt;"} <= set(drawn)
    assert not [text for text in drawn if "▁" in text]


def test_commands_that_are_shown_break_between_options() -> None:
    assert report.wrapped("a b --c 1 --d 22 --e", width=10) == "a b --c 1 \\\n  --d 22 \\\n  --e"


def test_text_in_tables_stays_as_it_is() -> None:
    assert report.escaped("a|b <x> *y* $1") == "a\\|b \\<x\\> \\*y\\* \\$1"


def test_the_made_up_corpus_has_no_pair_twice() -> None:
    pairs = [pair for part in sentences().values() for pair in part]
    assert len(set(pairs)) == len(pairs) == 500
    assert ("the cat eats the fish in the house", "고양이가 집에서 생선을 먹는다") in pairs
    assert {part: len(of_part) for part, of_part in sentences().items()} == {"train": 408, "valid": 46, "test": 46}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--update", "none.md"], 2, "cannot read 'none.md': No such file or directory"),
        (["--threads", "0"], 2, "--threads must be at least 1, but is 0"),
        (["--at-once", "0"], 2, "--at-once must be at least 1, but is 0"),
        (["--updates", "0"], 2, "--updates must be at least 1, but is 0"),
        (["--folder", "."], 2, "'.' holds something else: "),
        (["--folder", "old"], 2, "'old' is of a study with other corpus, settings, commands: "),
        (["--folder", "doc.md"], 2, "cannot make folder 'doc.md': File exists"),
    ],
)
def test_wrong_use(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("doc.md").write_text(PAGE, encoding="utf-8")
    Path("old").mkdir()
    Path("old", "study.json").write_text("{}", encoding="utf-8")
    assert translation_study.main(["--smoke", "--update", "doc.md", *arguments]) == code
    printed, said = capsys.readouterr()
    assert (printed, said.count("\n")) == ("", 1)
    assert said.startswith(f"translation_study: error: {message}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["doc.md", "old"]


def write_corpus(folder: Path, **contents: bytes) -> Path:
    """A corpus of one pair a part, but for the files named as in ``train_ko``."""
    folder.mkdir()
    for part in recipe.PARTS:
        for language in (recipe.SOURCE, recipe.TARGET):
            content = contents.get(f"{part}_{language}", f"{part} {language}\n".encode())
            (folder / f"{part}.{language}").write_bytes(content)
    return folder


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    text = "a\u2028b\r\n\x85c\n".encode()
    corpus = read_corpus(
        write_corpus(tmp_path / "x", train_ko=text, train_en=b"1\n2", test_ko="\x85c\n7".encode(), test_en=b"7\n8\n")
    )
    assert corpus["train"] == {"ko": ["a\u2028b", "\x85c"], "en": ["1", "2"]}
    assert corpus["valid"] == {"ko": ["valid ko"], "en": ["valid en"]}
    assert sources_seen(corpus) == 1


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"valid_en": b"1\n2\n"}, "'{}/valid.ko' has 1 lines, but .en has 2: make them the same"),
        ({"test_ko": b"\xff\n"}, "cannot read '{}/test.ko': it is not UTF-8 text"),
    ],
)
def test_a_corpus_that_is_none(contents: dict[str, bytes], message: str, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "x", **contents)
    with pytest.raises(UserError) as caught:
        read_corpus(folder)
    assert str(caught.value) == message.format(folder)


def test_a_corrected_corpus_is_another_study(tmp_path: Path) -> None:
    """Or old translations would be scored against new references."""
    corpus = write_corpus(tmp_path / "x")
    before = translation_study.hashes(corpus)
    assert translation_study.hashes(corpus) == before
    (corpus / "test.en").write_bytes(b"mended\n")
    after = translation_study.hashes(corpus)
    assert [name for name in before if before[name] != after[name]] == ["test.en"]


def test_a_corpus_that_lacks_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("doc.md").write_text(PAGE, encoding="utf-8")
    assert translation_study.main(["--corpus", "x", "--update", "doc.md", "--folder", "new"]) == 2
    assert capsys.readouterr() == (
        "",
        "translation_study: error: cannot read 'x/train.ko': No such file or directory\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["doc.md"]


def test_a_machine_without_korean_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before the trainings, not when the pictures are drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fonts, "choose", lambda texts: fonts.FontChoice((), tuple("".join(texts))))
    Path("doc.md").write_text(PAGE, encoding="utf-8")
    write_corpus(tmp_path / "x")
    assert translation_study.main(["--corpus", "x", "--update", "doc.md", "--folder", "new"]) == 1
    assert capsys.readouterr().err == (
        "translation_study: error: no installed font has Korean letters, which the pictures show: install one "
        "(e.g. `apt-get install fonts-noto-cjk`)\n"
    )
    assert not Path("new").exists()


@pytest.mark.parametrize("place", ["pages", "pages/images"])
def test_a_page_that_cannot_be_written(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before the trainings. root may write anywhere, so the system's answer is made up."""
    monkeypatch.chdir(tmp_path)
    Path("pages/images").mkdir(parents=True)
    Path("pages/page.md").write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != place)
    assert translation_study.main(["--smoke", "--update", "pages/page.md", "--folder", "new"]) == 1
    assert capsys.readouterr().err == f"translation_study: error: cannot write to '{place}': it is read-only\n"
    assert not Path("new").exists()


def test_the_document_can_be_replaced() -> None:
    assert "new" in replace_section(
        (ROOT / "docs" / "translation.md").read_text(encoding="utf-8"), "translation", "new"
    )


def test_the_length_penalty_is_the_best_on_the_validation_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    references = ["a b c d e", "f g h i j"]
    outputs = {1.0: ["a b c", "f g"], 1.5: references, 2.0: ["a b c d e x y", "f g h i j z"], 2.5: references}
    best_of_another_seed = {1.0: references, 1.5: ["a b c d e", "f g h i z"], 2.0: ["a", "f"], 2.5: ["b", "g"]}
    asked = []

    def decode(settings: Recipe, folder: Path, run: Run, part: str, penalty: float, sentences: int) -> list[str]:
        asked.append((run, part, sentences))
        return outputs[penalty] if run.seed == 1 else best_of_another_seed[penalty]

    monkeypatch.setattr(translation_study, "decode", decode)
    settings = Recipe(length_penalties=tuple(outputs), seeds=(1, 2))
    assert translation_study.choose_length_penalty(settings, tmp_path, GENERAL, references) == 1.5
    assert set(asked) == {(Run(GENERAL, 1), "valid", 2), (Run(GENERAL, 2), "valid", 2)}


@pytest.mark.slow
@pytest.mark.usefixtures("warm_studies")
def test_one_small_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "page.md"
    document.write_text(f"# a\n{PAGE}", encoding="utf-8")
    arguments = ["--smoke", "--update", str(document), "--folder", str(tmp_path / "work")]
    # As on a machine without Korean letters: the small study draws boxes and says so.
    monkeypatch.setattr(fonts, "choose", lambda texts: fonts.FontChoice((fonts.BASE,), ("한",)))
    assert translation_study.main(arguments) == 0
    captured = capsys.readouterr()
    boxes = [line for line in captured.err.splitlines() if line.startswith("translation_study: warning: ")]
    assert boxes == [f"translation_study: warning: {fonts.missing_message(['한'])}"]
    assert [line for line in captured.err.splitlines() if line.startswith("[")] == [
        "[1/10] data",
        "[2/10] train the models",
        "[3/10] choose the length penalty of gru_attention-general",
        "[4/10] translate the test part with gru_attention-general",
        "[5/10] choose the length penalty of gru_attention-additive",
        "[6/10] translate the test part with gru_attention-additive",
        "[7/10] choose the length penalty of lstm",
        "[8/10] translate the test part with lstm",
        "[9/10] score",
        "[10/10] attention",
    ]
    text = document.read_text(encoding="utf-8")
    results, shown = re.findall(r"<!-- \w+:begin -->\n(.*?)\n<!-- \w+:end -->\n", text, flags=re.S)
    assert captured.out == f"{results}\n\n{shown}\n\n"
    assert results.startswith(report.MADE_UP)
    assert shown.startswith(report.MADE_UP)
    rows = {
        cells[1].strip(): cells[2:-1] for cells in (line.split("|") for line in text.splitlines()) if len(cells) > 3
    }
    for name in ("BLEU, test part", "chrF2, test part"):
        assert all(re.fullmatch(r" \d+\.\d\d ", cell) for cell in rows[name]), rows[name]
    for name in ("BLEU, seed 1", "BLEU, seed 2", "chrF2, seed 1", "chrF2, seed 2"):
        assert all(re.fullmatch(r" \d+\.\d\d ± \d+\.\d ", cell) for cell in rows[name]), rows[name]
    # Times in the table are tenths of a minute, and may be 0.0.
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "work").glob("*/training.json")]
    assert len(kept) == 2 * len(MODELS)
    assert all(each["training"]["wall"] > 0 for each in kept)
    times = [name for name in report.ROWS if "time" in name]
    assert all(re.fullmatch(r" \d+\.\d ", cell) for name in times for cell in rows[name]), rows
    measured = [name for name in report.ROWS if name not in times]
    for name in ("length penalty, chosen on the validation part", *measured):
        assert all(float(cell.replace(",", "")) > 0 for cell in rows[name]), (name, rows[name])
    images = [tmp_path / "images" / f"translation-{place}.png" for place in (1, 2, 3)]
    assert [path.read_bytes()[:4] for path in images] == [b"\x89PNG"] * 3
    assert all(f"](images/{path.name})" in text for path in images)

    # The examples alone are those of the same model.
    pictures = [path.read_bytes() for path in images]
    for path in images:
        path.unlink()
    assert translation_study.main([*arguments[:-1], str(tmp_path / "examples"), "--examples"]) == 0
    alone = capsys.readouterr().out
    assert document.read_text(encoding="utf-8") == text.replace(shown, alone.strip())
    assert set(alone.splitlines()) < set(shown.splitlines())
    assert [path.read_bytes() for path in images] == pictures

    # What is there is not made again.
    monkeypatch.setattr(common, "LAUNCHER", ("no such program",))
    assert translation_study.main(arguments) == 0
    assert document.read_text(encoding="utf-8") == text
    assert set(MODELS) == {GENERAL, ADDITIVE, LSTM}

    # Times of two machines are not put into one table.
    cores = os.cpu_count()
    kept = tmp_path / "work" / "lstm-2" / "training.json"
    kept.write_text(kept.read_text(encoding="utf-8").replace('"cores": ', '"cores": 1'), encoding="utf-8")
    assert translation_study.main(arguments) == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith(
            f"translation_study: error: {str(tmp_path / 'work')!r} has trainings of another machine "
            f"(cores: {cores}, 1{cores}), "
        )
    )
