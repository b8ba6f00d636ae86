"""Encoding and the two binary files, byte by byte."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from data_gen import indexed as module
from data_gen.copy.binarize import build_vocabulary, encode, format_lines, separated_names
from data_gen.copy.sample import Block
from data_gen.indexed import id_type, indexed_files
from data_gen.manifest import hash_files

BLOCK = Block(np.array([0, 1, 2, 1, 0, 0], dtype=np.uint32), np.array([3, 1, 2]))
VOCABULARY = build_vocabulary(["a", "b", "c"], np.array([5, 9, 0]))  # b is 4, a is 5, c is unknown


def test_each_sequence_gets_its_ids_and_an_end() -> None:
    assert encode(BLOCK, VOCABULARY).tolist() == [5, 4, 3, 2, 4, 2, 5, 5, 2]


@pytest.mark.parametrize(("size", "width"), [(8, 2), (65_499, 2), (65_500, 4), (1_000_004, 4)])
def test_ids_are_as_wide_as_the_vocabulary_needs(size: int, width: int) -> None:
    assert id_type(size).itemsize == width


@pytest.mark.parametrize("at_a_time", [1, 2, 100])
def test_files_byte_by_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int) -> None:
    monkeypatch.setattr(module, "_AT_A_TIME", at_a_time)
    with indexed_files(tmp_path / "x", 8) as writer:
        writer.add(np.array([5, 4, 2], dtype="<u2"), np.array([2]))
        writer.add(np.array([258, 2, 5, 2], dtype="<u2"), np.array([1, 1]))
    assert (tmp_path / "x.bin").read_bytes() == bytes([5, 0, 4, 0, 2, 0, 2, 1, 2, 0, 5, 0, 2, 0])
    header = b"MMIDIDX\0\0" + bytes([1, 0, 0, 0, 0, 0, 0, 0]) + bytes([8]) + bytes([3, 0, 0, 0, 0, 0, 0, 0])
    sizes = bytes([3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0])
    offsets = bytes([0] * 8 + [6] + [0] * 7 + [10] + [0] * 7)
    assert (tmp_path / "x.idx").read_bytes() == header + sizes + offsets


def test_ids_of_another_width_are_our_own_mistake(tmp_path: Path) -> None:
    with indexed_files(tmp_path / "x", 65_500) as writer, pytest.raises(AssertionError, match="ids of type uint16"):
        writer.add(np.array([5, 2], dtype="<u2"), np.array([1]))


def test_lines_have_names_of_any_width() -> None:
    assert format_lines(BLOCK, separated_names(["a", "s10", "s2"])) == b"a s10 s2\ns10\na a\n"


def test_twins_have_the_same_content_and_the_digests_are_right(tmp_path: Path) -> None:
    with indexed_files(tmp_path / "x", 8, twins=[tmp_path / "y"]) as writer:
        writer.add(np.array([5, 4, 2], dtype="<u2"), np.array([2]))
        writer.add(np.array([4, 2, 5, 2], dtype="<u2"), np.array([1, 1]))
    for ending in ("bin", "idx"):
        content = (tmp_path / f"x.{ending}").read_bytes()
        assert (tmp_path / f"y.{ending}").read_bytes() == content
        for name in ("x", "y"):
            assert writer.digests[f"{name}.{ending}"] == hashlib.sha256(content).hexdigest()
    assert writer.digests == hash_files(tmp_path)
    assert hash_files(tmp_path, known={"x.bin": "known"}) == {**writer.digests, "x.bin": "known"}
