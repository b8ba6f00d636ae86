"""The formats of other programs: the lines they expect, what of a record comes back, what is refused.

In the examples the model wrote "x y </s>" for "a b </s>".
"""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_plugin.analysis.formats import read_records, write_records
from fairseq_plugin.analysis.formats.text import hard_pairs
from fairseq_plugin.analysis.measures import read_gold
from fairseq_plugin.analysis.records import AttentionRecord
from tests.support.errors import message_of
from tests.support.recording import fields_of, record, round_trip

WEIGHTS = [[0.25, 0.5, 0.25], [1, 0, 0], [0, 0.125, 0.875]]
SOFT = "0.25,0.5,0.25 1.0,0.0,0.0 0.0,0.125,0.875"


def example(number=0, **fields):
    return record(
        number, ("a", "b", "</s>"), ("x", "y", "</s>"), **{"weights": np.array(WEIGHTS), "score": -math.log(2)} | fields
    )


def written(path, *records):
    write_records(records, path)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["jsonl", "nematus", "fairseq", "marian"])
def test_lines_that_end_in_cr_alone(name, tmp_path):
    path = tmp_path / f"a.{name}"
    write_records([example(0), example(1)], path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    expected = f"'{path}': its lines end in CR alone, not in LF: "
    assert message_of(read_records, path).startswith(expected)
    path.write_bytes(b"0-0\r1-1\r")
    assert message_of(read_gold, path).startswith(expected)


WORDS = st.lists(
    st.sampled_from(["a", "</s>", "<unk>", "▁한", "a|b", "0-0", ",", "A-1", "👩‍👩‍👧"]), min_size=1, max_size=4
)


@st.composite
def plain_records(draw, nbest):
    """Sentences 0, 1, ... with tokens that plain text can hold."""
    records = []
    for number in range(draw(st.integers(0, 3))):
        source = tuple(draw(WORDS))
        reference = draw(st.none() | WORDS.map(lambda tokens: (*tokens, "</s>")))
        for rank in range(draw(st.integers(1, nbest))):
            target = tuple(draw(WORDS))
            shape = (len(target), len(source))
            size = shape[0] * shape[1]
            flat = draw(st.lists(st.floats(0, 1, width=32), min_size=size, max_size=size))
            score = draw(st.floats(-1e6, 1e6))
            records.append(
                AttentionRecord(
                    id=number,
                    rank=rank,
                    source=source,
                    target=target,
                    reference=reference,
                    weights=np.array(flat, dtype=np.float32).reshape(shape),
                    score=score,
                )
            )
    return records


@given(records=plain_records(nbest=3))
@settings(max_examples=60, deadline=None)
def test_nematus_keeps_all_but_the_reference(records):
    kept = [dataclasses.replace(record, reference=None) for record in records]
    assert list(map(fields_of, round_trip(records, "nematus"))) == list(map(fields_of, kept))


@given(records=plain_records(nbest=3).filter(bool))
@settings(max_examples=60, deadline=None)
def test_fairseq_keeps_all_but_the_last_bits_of_a_score(records):
    back = round_trip(records, "fairseq")
    for mine, theirs in zip(records, back, strict=True):
        assert theirs.score == pytest.approx(mine.score, rel=1e-14, abs=1e-300)
        assert fields_of(dataclasses.replace(theirs, score=mine.score)) == fields_of(mine)


@given(records=plain_records(nbest=1))
@settings(max_examples=60, deadline=None)
def test_marian_keeps_target_and_weights(records):
    for number, (mine, theirs) in enumerate(zip(records, round_trip(records, "marian"), strict=True)):
        assert (theirs.id, theirs.rank, theirs.target) == (number, 0, mine.target)
        assert theirs.weights.tobytes() == mine.weights.tobytes()
        *places, last = "0123"[: len(mine.source)]
        assert theirs.source == (*places, "</s>" if mine.target[-1] == "</s>" else last)


@given(records=plain_records(nbest=1))
@settings(max_examples=60, deadline=None)
def test_pairs_are_read_back_as_gold_alignments(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "a.pharaoh"
    write_records(records, path)
    assert [gold.sure for gold in read_gold(path)] == [frozenset(hard_pairs(record)) for record in records]


# --- as the other programs write and read them ------------------------------------------------------------------------


def test_pairs_name_the_source_first_and_leave_the_end_symbols_out(tmp_path):
    nothing = record(1, ("</s>",), ("x", "</s>"))
    end_first = record(2, ("</s>", "a", "b"), ("</s>", "x"), weights=np.array([[0, 0, 1], [0.6, 0.3, 0.1]]))
    assert written(tmp_path / "a.pharaoh", example(), nothing, end_first) == "1-0 0-1\n\n0-0\n"


def test_the_leftmost_of_equal_weights_is_the_pair():
    assert hard_pairs(record(weights=np.full((2, 3), 1 / 3))) == [(0, 0)]


def test_marian(tmp_path):
    assert written(tmp_path / "a.marian", example(), example(1)) == f"x y ||| {SOFT}\n" * 2


def test_nematus(tmp_path):
    records = [example(3, score=-0.5), example(3, score=-1.5, rank=1)]
    block = "0.25 0.5 0.25\n1.0 0.0 0.0\n0.0 0.125 0.875\n\n"
    assert written(tmp_path / "a.nematus", *records) == (
        f"3 ||| x y ||| -0.5 ||| a b ||| 3 3\n{block}3 ||| x y ||| -1.5 ||| a b ||| 3 3\n{block}"
    )


def test_an_empty_translation_of_nematus(tmp_path):
    one = record(0, ("a", "</s>"), ("</s>",), weights=np.array([[0.5, 0.5]]), score=0)
    none = record(1, (), ())
    assert written(tmp_path / "a.nematus", one, none) == (
        "0 |||  ||| 0.0 ||| a ||| 2 1\n0.5 0.5\n\n1 |||  ||| -0.1 |||  ||| 0 0\n\n"
    )
    assert list(map(fields_of, read_records(tmp_path / "a.nematus"))) == [fields_of(one), fields_of(none)]


def test_fairseq(tmp_path):
    records = [example(3, reference=("x", "</s>")), example(3, rank=1, reference=("x", "</s>")), example(4)]
    assert written(tmp_path / "a.fairseq", *records) == (
        f"S-3\ta b\nT-3\tx\nH-3\t-1.0\tx y\nA-3\t{SOFT}\nH-3\t-1.0\tx y\nA-3\t{SOFT}\n"
        f"S-4\ta b\nH-4\t-1.0\tx y\nA-4\t{SOFT}\n"
    )


def test_what_fairseq_itself_prints_can_be_read(tmp_path):
    path = tmp_path / "generate.txt"
    path.write_text(
        "2026-01-01 | INFO | fairseq_cli.generate | loading\n"
        "S-5\ta\nT-5\tx\nH-5\t-1.0\tx\nD-5\t-1.0\tx\nP-5\t-0.5 -0.5\nA-5\t0.900000,0.100000 0.200000,0.800000\n"
        "S-2\tb\nH-2\t-2.0\t\nD-2\t-2.0\t\nP-2\t-0.5\nA-2\t0.500000,0.500000\n"
        "Generate test with beam=5: BLEU4 = 0.00\n",
        encoding="utf-8",
    )
    first, second = read_records(path, "fairseq")
    assert (first.id, first.source, first.target, first.reference) == (2, ("b", "</s>"), ("</s>",), None)
    assert (second.id, second.source, second.target) == (5, ("a", "</s>"), ("x", "</s>"))
    assert second.reference == ("x", "</s>")
    assert second.score == pytest.approx(-math.log(2))
    np.testing.assert_allclose(second.weights, [[0.9, 0.1], [0.2, 0.8]], rtol=1e-7)


# --- what cannot be kept ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["marian", "pharaoh"])
@pytest.mark.parametrize("second", [record(0, rank=1), record(2)], ids=["second hypothesis", "missing sentence"])
def test_one_line_a_sentence(name, second, tmp_path):
    assert message_of(write_records, [record(0), second], tmp_path / f"a.{name}") == (
        f"id {second.id}, rank {second.rank} where id 1, rank 0 belongs: {name} has one line for each sentence; keep "
        "one hypothesis of every sentence, or write .jsonl"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nematus", "fairseq"])
@pytest.mark.parametrize("records", [[record(0, rank=1)], [record(0), record(0, rank=2)]], ids=["first", "second"])
def test_ranks_that_are_left_out(name, records, tmp_path):
    rank, expected = records[-1].rank, len(records) - 1
    assert message_of(write_records, records, tmp_path / f"a.{name}") == (
        f"id 0, rank {rank} where rank {expected} belongs: {name} counts the hypotheses of a sentence; keep them all,"
        " or write .jsonl"
    )


@pytest.mark.parametrize("name", ["marian", "nematus", "fairseq"])
@pytest.mark.parametrize("token", ["", "a b", "\u3000", "a\n", "|||"])
def test_tokens_that_plain_text_would_blur(name, token, tmp_path):
    assert message_of(write_records, [record(target=(token, "</s>"))], tmp_path / f"a.{name}") == (
        f"token {token!r} cannot be told apart in {name}, which is plain text: write .jsonl"
    )


@pytest.mark.parametrize("name", ["marian", "fairseq"])
def test_a_matrix_without_weights(name, tmp_path):
    assert message_of(write_records, [record(target=())], tmp_path / f"a.{name}") == (
        f"sentence 0, rank 0 has 0 target and 3 source tokens: {name} cannot keep a matrix without weights;"
        " write .jsonl"
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("marian", "x y\n", "line 1: not of the form 'translation ||| weights': let Marian print with --alignment"),
        ("marian", "x ||| 1,0 0,1\nx ||| 0-0\n", "line 2: no matrix of weights: could not convert string to float"),
        ("marian", "x ||| 1,0 0\n", "line 1: no matrix of weights: its rows have 1 and 2 numbers"),
        ("marian", "x ||| \n", "line 1: no matrix of weights: its rows have no numbers"),
        ("marian", "x y z ||| 1 1\n", "line 1: the translation has 3 tokens for 2 weights: text that was put together"),
        ("marian", "x ||| nan\n", "line 1: sentence 0, rank 0: an attention weight or the score is NaN"),
        ("marian", "\udcff\n", "line 1: not UTF-8 text: is this an attention file?"),
        ("fairseq", "hello\n", "no line A-...: let fairseq-generate print with --print-alignment soft"),
        ("fairseq", "A-0\t1\n", "line 1: A-0 without a line S-0 before it"),
        ("fairseq", "S-0\ta\nA-0\t1\n", "line 2: A-0 without a line H-0 before it"),
        ("fairseq", "S-0\ta\nH-0\t0\ta\nA-0\t1\nA-0\t1\n", "line 4: A-0 without a line H-0 before it"),
        ("fairseq", "S-0\ta\nH-1\t0\ta\nA-0\t1\n", "line 3: A-0 without a line H-0 before it"),
        ("fairseq", "S-0\ta\nH-0\t0\nA-0\t1\n", "line 3: H-0 has no tab between score and hypothesis"),
        ("fairseq", "S-0\ta\nH-0\tx\ta\nA-0\t1\n", "line 3: score is 'x', not a number"),
        ("fairseq", "S-0\ta\nH-0\t0\ta\nA-0\t0-0\n", "line 3: no matrix of weights: could not convert string"),
        ("fairseq", "S-0\ta b c\nH-0\t0\ta\nA-0\t1,0\n", "line 3: S-0 has 3 tokens for 2 weights"),
        ("nematus", "hello\n", "block at line 1: its first line is not 'id ||| translation ||| score ||| source |||"),
        ("nematus", "x ||| x ||| 0 ||| a ||| 2 2\n", "block at line 1: id is 'x', not a number"),
        ("nematus", "0 ||| x ||| 0 ||| a ||| 2 b\n", "block at line 1: T is 'b', not a number"),
        ("nematus", "0 |||  ||| 0 ||| a ||| 2 -1\n", "block at line 1: S is 2 and T is -1: neither can be less than 0"),
        ("nematus", "0 ||| x ||| 0 ||| a ||| 2 2\n1 0\n", "block at line 1: the file ends after 1 of 2 rows"),
        ("nematus", "\n0 ||| x ||| 0 ||| a ||| 1 1\n1 0\n", "block at line 2: row 0 has 2 weights for 1 source tokens"),
        ("nematus", "0 ||| x ||| 0 ||| a ||| 1 1\nx\n", "block at line 1: no matrix of weights: could not convert"),
        ("nematus", "1 ||| x ||| 0 ||| a ||| 1 1\n1\n\n0 ||| x ||| 0 ||| a ||| 1 1\n1\n", "id 0, rank 0 comes after"),
    ],
)
def test_files_with_another_layout(name, text, message, tmp_path):
    path = tmp_path / f"a.{name}"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert message_of(read_records, path).startswith(f"'{path}': {message}")
