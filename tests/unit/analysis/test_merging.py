"""Subwords to words: text and weights worked out by hand, and what holds for any record."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.text.pieces import load_model, train_model
from data_gen.text.spec import TextSpec
from fairseq_plugin.analysis.merging import LOOKED_AT, SCHEMES, SPECIAL, SUFFIX, merge, merge_weights, scheme_of
from fairseq_plugin.analysis.records import AttentionRecord
from tests.support.errors import message_of
from tests.support.recording import fields_of, record


def target_words(tokens, scheme):
    return merge(record(target=tuple(tokens)), scheme).target


def test_weights_are_summed_over_the_source_and_averaged_over_the_target():
    once = record(
        source=("▁ab", "c", "▁d", "</s>"),
        target=("▁x", "▁y", "z", "</s>"),
        weights=np.array(
            [[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.5, 0], [0.125, 0.125, 0, 0.75], [0, 0.25, 0.25, 0.5]]
        ),
        reference=("▁x", "y", "</s>"),
        score=-2.5,
        rank=1,
    )
    words = merge(once, "sentencepiece")
    assert (words.source, words.target, words.reference) == (
        ("abc", "d", "</s>"),
        ("x", "yz", "</s>"),
        ("xy", "</s>"),
    )
    assert words.weights.tolist() == [[0.75, 0.125, 0.125], [0.375, 0.25, 0.375], [0.25, 0.25, 0.5]]
    assert (words.id, words.rank, words.score) == (0, 1, -2.5)
    assert once.source == ("▁ab", "c", "▁d", "</s>")


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ("▁Hel lo ▁world .", "Hello world."),
        ("▁한 국어 ▁는 </s>", "한국어 는 </s>"),
        ("lo ▁a", "lo a"),
        ("▁ ab c", "abc"),
        ("▁ </s>", "▁ </s>"),
        ("▁a <unk> b ▁c", "a <unk> b c"),
        ("<s> a b </s> c", "<s> ab </s> c"),
        ("▁▁a", "a"),
    ],
)
def test_words_of_sentencepiece(tokens, words):
    assert target_words(tokens.split(), "sentencepiece") == tuple(words.split())


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ("Hel lo▁ world .▁", "Hello world."),
        ("한 국어▁ 는▁ </s>", "한국어 는 </s>"),
        ("ab c▁ ▁", "abc ▁"),
        ("a <unk> b▁ c▁", "a <unk> b c"),
    ],
)
def test_words_of_sentencepiece_that_marks_ends(tokens, words):
    assert target_words(tokens.split(), SUFFIX) == tuple(words.split())


def test_weights_of_words_marked_at_their_end():
    once = record(
        source=("ab", "c▁", "d▁"), target=("x▁", "y", "z▁"), weights=np.array([[4, 2, 1], [2, 2, 4], [1, 1, 0]])
    )
    words = merge(once, SUFFIX)
    assert (words.source, words.target) == (("abc", "d"), ("x", "yz"))
    assert words.weights.tolist() == [[6, 1], [3, 2]]


ENGLISH = [f"{one} {other} sat on the {one} mat" for one in ("a cat", "the dog") for other in ("then", "never")]


@pytest.mark.parametrize("model_type", ["unigram", "bpe", "char"])
@pytest.mark.parametrize("suffix", [False, True], ids=["prefix", "suffix"])
def test_a_model_tells_where_it_marks_words(model_type, suffix):
    options = (("treat_whitespace_as_suffix", str(suffix).lower()), ("hard_vocab_limit", "false"))
    spec = TextSpec(source_lang="x", train="x", model_type=model_type, vocab_size=30, spm_options=options)
    model = load_model(train_model(ENGLISH, spec, "x"), "x")
    cut = [(*model.encode(line, out_type=str), "</s>") for line in ENGLISH]
    scheme = scheme_of("sentencepiece", cut, cut)
    assert scheme == (SUFFIX if suffix else "sentencepiece")
    for line, pieces in zip(ENGLISH, cut, strict=True):
        assert target_words(pieces, scheme) == (*line.split(), "</s>")


WORDS = [("a", "b", "</s>")] * 99
STRAY = [*WORDS, ("▁c", "d@@", "e")]  # one symbol of a dictionary
PREFIX, ENDS, PIECES_OF_BPE = [("▁a", "b", "▁c")] * 2, [("a", "b▁", "c▁")] * 2, [("a@@", "b", "c")]
NOT_SUCH = "the data is not in such pieces: leave --merge out"


@pytest.mark.parametrize(
    ("source", "target", "line"),
    [
        (STRAY, PREFIX, f"--merge sentencepiece: a piece has '▁' in 1 of 100 source sentences, {NOT_SUCH}"),
        (ENDS, STRAY, f"--merge sentencepiece: a piece has '▁' in 1 of 100 target sentences, {NOT_SUCH}"),
        (WORDS, ENDS, f"--merge sentencepiece-suffix: a piece has '▁' in 0 of 99 source sentences, {NOT_SUCH}"),
        (PREFIX, PREFIX, "--merge sentencepiece-suffix: '▁' begins words in this data: use --merge sentencepiece"),
        (
            PREFIX,
            ENDS,
            "--merge sentencepiece: '▁' ends words in the target, but begins them in the source: cut both in one way, "
            "or leave --merge out",
        ),
        (STRAY, PREFIX * 10, f"--merge bpe: a piece ends in '@@' in 1 of 120 source and target sentences, {NOT_SUCH}"),
        (PREFIX, [("@@", "a")], f"--merge bpe: a piece ends in '@@' in 0 of 3 source and target sentences, {NOT_SUCH}"),
    ],
)
def test_data_that_is_not_in_such_pieces(source, target, line):
    assert message_of(scheme_of, line.split(":")[0].split()[1], source, target) == line


def test_data_that_is():
    assert scheme_of("none", WORDS, WORDS) == "none"
    assert scheme_of("bpe", WORDS, PIECES_OF_BPE) == "bpe"
    assert scheme_of("bpe", [("whole", "words")], [], few=True) == "bpe"
    assert scheme_of("sentencepiece", [("</s>",), *ENDS], []) == SUFFIX  # without references
    assert scheme_of("sentencepiece", iter(PREFIX * LOOKED_AT), PREFIX) == "sentencepiece"
    assert scheme_of("sentencepiece", [("▁New▁Yo", "rk", "▁is")], PREFIX) == "sentencepiece"


def test_a_mark_inside_a_piece_is_a_space():
    assert target_words(["▁New▁Yo", "rk", "▁is"], "sentencepiece") == ("New York", "is")


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ("Hel@@ lo world .", "Hello world ."),
        ("a@@ b@@ c </s>", "abc </s>"),
        ("a@@ </s>", "a </s>"),
        ("a@@ <unk> b", "a <unk> b"),
        ("a@@", "a"),
        ("@@ a", "@@ a"),
        ("@ a@b a@@b", "@ a@b a@@b"),
        ("a@@@@ b", "a@@b"),
        ("▁a b", "▁a b"),
    ],
)
def test_words_of_bpe(tokens, words):
    assert target_words(tokens.split(), "bpe") == tuple(words.split())


def test_an_unknown_scheme():
    assert message_of(merge, record(), "wordpiece") == (
        "no way to merge subwords called 'wordpiece': choose one of none, sentencepiece, sentencepiece-suffix, bpe"
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("source", "target"), [((), ()), ((), ("a", "▁b")), (("a@@", "b"), ())])
def test_records_without_weights(scheme, source, target):
    words = merge(record(source=source, target=target), scheme)
    assert words.weights.shape == (len(words.target), len(words.source))


PIECES = st.lists(
    st.sampled_from(["a", "bc", "▁d", "▁", "e@@", "@@", "▁f@@", "한", "</s>", "<unk>", "<s>"]), min_size=1, max_size=8
).map(tuple)


@st.composite
def distributions(draw, tokens=PIECES):
    """Records whose rows sum to 1."""
    source, target = draw(tokens), draw(tokens)
    size = len(source) * len(target)
    positive = draw(st.lists(st.floats(0.001, 1), min_size=size, max_size=size))
    weights = np.array(positive).reshape(len(target), len(source))
    weights /= weights.sum(axis=1, keepdims=True)
    return AttentionRecord(id=0, source=source, target=target, weights=weights, score=0.0, reference=draw(tokens))


@pytest.mark.parametrize("scheme", SCHEMES)
@given(once=distributions())
@settings(max_examples=80, deadline=None)
def test_rows_still_sum_to_one(scheme, once):
    np.testing.assert_allclose(merge(once, scheme).weights.sum(axis=1), 1, atol=1e-6)


@st.composite
def cut(draw, length):
    return sorted({0} | draw(st.sets(st.integers(0, length - 1))))


@given(data=st.data(), once=distributions())
@settings(max_examples=80, deadline=None)
def test_each_word_has_the_weight_of_its_pieces(data, once):
    """Against plain loops; over all pieces the total weight is kept."""
    rows, columns = once.weights.shape
    target, source = data.draw(cut(rows)), data.draw(cut(columns))
    merged = merge_weights(once.weights, target, source)
    for w, (top, bottom) in enumerate(zip(target, [*target[1:], rows], strict=True)):
        for v, (left, right) in enumerate(zip(source, [*source[1:], columns], strict=True)):
            total = sum(float(once.weights[t, s]) for t in range(top, bottom) for s in range(left, right))
            assert merged[w, v] == pytest.approx(total / (bottom - top), rel=1e-6)
    pieces = np.diff([*target, rows])
    assert (merged * pieces[:, None]).sum() == pytest.approx(once.weights.sum(), rel=1e-5)


@given(once=distributions())
@settings(max_examples=80, deadline=None)
def test_none_changes_nothing(once):
    assert fields_of(merge(once, "none")) == fields_of(once)


@given(once=distributions(st.lists(st.sampled_from(["▁ab", "▁한", "</s>", "<unk>"]), max_size=6).map(tuple)))
@settings(max_examples=80, deadline=None)
def test_whole_words_of_sentencepiece_lose_their_mark_only(once):
    bare = {
        name: tuple(token.removeprefix("▁") for token in getattr(once, name))
        for name in ("source", "target", "reference")
    }
    assert fields_of(merge(once, "sentencepiece")) == fields_of(dataclasses.replace(once, **bare))


@given(once=distributions(PIECES.filter(lambda pieces: "@@" not in pieces)))
@settings(max_examples=80, deadline=None)
def test_words_of_bpe_stay_when_merged_again(once):
    words = merge(once, "bpe")
    assert fields_of(merge(words, "bpe")) == fields_of(words)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(once=distributions())
@settings(max_examples=80, deadline=None)
def test_special_symbols_stay_on_their_own(scheme, once):
    def special(tokens):
        return [token for token in tokens if token in SPECIAL]

    words = merge(once, scheme)
    assert (special(words.source), special(words.target)) == (special(once.source), special(once.target))
