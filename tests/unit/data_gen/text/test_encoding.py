"""Batches of pairs in ids, against one line at a time."""

from pathlib import Path

import numpy as np
import pytest

from data_gen.indexed import END_OF_SEQUENCE
from data_gen.text import corpus, encoding
from data_gen.text.corpus import BLANK, EMPTY, INVALID, VANISHED, read_batches
from data_gen.text.encoding import EncodedSide, Encoder, encode_batches
from data_gen.text.pieces import build_vocabulary

from .conftest import ENGLISH, KOREAN, train


def encoder(lines: list[str]) -> Encoder:
    model = train(lines, 80, ("hard_vocab_limit", "false"), character_coverage=1.0)
    return Encoder(model, build_vocabulary(model, "x"))


@pytest.fixture(scope="module")
def encoders() -> tuple[Encoder, Encoder]:
    return encoder(ENGLISH), encoder(KOREAN)


def one_by_one(lines: list[str], made: Encoder) -> list[list[int]]:
    """The specification: each line alone."""
    return [[*(made.vocabulary.ids[number].item() for number in made.pieces([line])[0]), 2] for line in lines]


def sequences(sides: list[EncodedSide]) -> list[list[int]]:
    ids = np.concatenate([side.ids for side in sides])
    lengths = np.concatenate([side.lengths for side in sides])
    found = [part.tolist() for part in np.split(ids, np.cumsum(lengths + 1)[:-1])]
    assert all(sequence[-1] == END_OF_SEQUENCE for sequence in found)
    return found


@pytest.mark.parametrize("cores", [1, 3])
def test_batches_come_in_order_and_equal_single_lines(
    tmp_path: Path, encoders: tuple[Encoder, Encoder], monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(corpus, "BATCH_LINES", 3)
    monkeypatch.setattr(encoding, "available_cores", lambda: cores)
    source, target = [f"{line} {n}" for n in range(9) for line in ENGLISH], KOREAN * 9
    (tmp_path / "x.en").write_text("\n".join(source), encoding="utf-8")
    (tmp_path / "x.ko").write_text("\n".join(target), encoding="utf-8")
    batches = list(encode_batches(read_batches(tmp_path / "x.en", tmp_path / "x.ko"), *encoders))
    assert [batch.lines for batch in batches] == [3] * 24
    assert sequences([batch.source for batch in batches]) == one_by_one(source, encoders[0])
    assert sequences([batch.target for batch in batches if batch.target]) == one_by_one(target, encoders[1])
    alone = list(encode_batches(read_batches(tmp_path / "x.en", None), encoders[0], None))
    assert all(batch.target is None for batch in alone)
    assert sequences([batch.source for batch in alone]) == one_by_one(source, encoders[0])


def test_a_bad_line_takes_its_pair_along_and_no_other(
    tmp_path: Path, encoders: tuple[Encoder, Encoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "BATCH_LINES", 4)
    source = [b"The cat", b"", b"in the tree", b"\xff", b"  ", b"a book", b"\x0b\x7f", b"The river", b"\x01"]
    target = [KOREAN[n % 8].encode() for n in range(9)]
    target[4], target[5] = b"\t", "\u200b".encode()
    (tmp_path / "x.en").write_bytes(b"\n".join(source))
    (tmp_path / "x.ko").write_bytes(b"\n".join(target))
    batches = list(encode_batches(read_batches(tmp_path / "x.en", tmp_path / "x.ko"), *encoders))
    good = [0, 2, 7]
    assert sequences([batch.source for batch in batches]) == one_by_one([source[n].decode() for n in good], encoders[0])
    assert sequences([batch.target for batch in batches if batch.target]) == one_by_one(
        [target[n].decode() for n in good], encoders[1]
    )
    assert [fault for batch in batches for fault in batch.source.faults] == [
        (EMPTY, 2),
        (INVALID, 4),
        (BLANK, 5),
        (VANISHED, 7),
        (VANISHED, 9),
    ]
    assert [fault for batch in batches if batch.target for fault in batch.target.faults] == [(BLANK, 5), (VANISHED, 6)]


def test_unknown_pieces_are_known_by_line(tmp_path: Path, encoders: tuple[Encoder, Encoder]) -> None:
    lines = ["The Ж", "", "tree", "Ж tree Ж", "tree Ж"]
    (tmp_path / "x.en").write_text("\n".join(lines), encoding="utf-8")
    (batch,) = encode_batches(read_batches(tmp_path / "x.en", None), encoders[0], None)
    assert batch.source.unknown == [1, 4, 4, 5]
    assert np.count_nonzero(batch.source.ids == 3) == 4


def test_white_space_that_fairseq_would_split_at_is_a_space(encoders: tuple[Encoder, Encoder]) -> None:
    made = encoders[0]
    assert made.pieces(["The\x85tree", "The tree"]) == [made.pieces(["The tree"])[0]] * 2


def test_an_error_in_a_batch_is_not_lost(tmp_path: Path, encoders: tuple[Encoder, Encoder]) -> None:
    class BrokenEncoder(Encoder):
        def __init__(self) -> None:
            pass

        def pieces(self, lines: list[str]) -> list[list[int]]:
            raise RuntimeError("broken")

    (tmp_path / "x.en").write_text("a\n")
    with pytest.raises(RuntimeError, match="broken"):
        list(encode_batches(read_batches(tmp_path / "x.en", None), BrokenEncoder(), None))
