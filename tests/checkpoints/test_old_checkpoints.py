"""Checkpoints of earlier releases load and decode as they did (see make.py, which made them)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.make import FAMILY, decode

FOLDERS = sorted((Path(__file__).parents[1] / "data").glob("checkpoints-*"))
KEPT = [(folder, path.stem) for folder in FOLDERS for path in sorted(folder.glob("*.pt"))]
LARGEST = 100_000  # bytes of a checkpoint that is kept


def expected(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "expected.json").read_text(encoding="utf-8")))


def test_every_member_of_the_family_is_kept() -> None:
    (first, *_) = FOLDERS
    assert first.name == "checkpoints-1.0.0"
    assert {path.stem for path in first.glob("*.pt")} == set(FAMILY) == set(expected(first))
    assert max(path.stat().st_size for path in first.glob("*.pt")) < LARGEST


@pytest.mark.parametrize(("folder", "member"), KEPT, ids=[f"{folder.name}-{member}" for folder, member in KEPT])
def test_a_checkpoint_decodes_as_it_did(folder: Path, member: str) -> None:
    for found, was in zip(decode(folder, member), expected(folder)[member], strict=True):
        assert found["text"] == was["text"]
        assert found.keys() == was.keys()
        if "weights" in was:
            np.testing.assert_allclose(found["score"], was["score"], rtol=0, atol=1e-4)
            np.testing.assert_allclose(found["weights"], was["weights"], rtol=0, atol=1e-4)
