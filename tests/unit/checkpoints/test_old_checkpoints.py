"""Checkpoints of earlier releases load and decode as they did (see make.py, which made them)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support import building
from tests.support.old_checkpoints import FAMILY, decode

FOLDERS = sorted((Path(__file__).parents[2] / "data").glob("checkpoints-*"))
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


def test_a_summary_of_both_directions_keeps_its_meaning() -> None:
    """In version 1.0.0 it was the last annotation. Those checkpoints do not say at which place a unit is read."""
    options = {"attention": "none", "encoder_bidirectional": True, "decoder_init": "tanh"}
    net_input = building.batch([3, 6, 5])
    last_annotation = building.model(**options)
    last_annotation.decoder.attention.from_first = None
    was, _ = last_annotation(**net_input)
    model = building.model(**options)
    now, _ = model(**net_input)
    assert not torch.allclose(now, was, atol=1e-3)

    model.load_state_dict(last_annotation.state_dict())
    torch.testing.assert_close(model(**net_input)[0], was, rtol=0, atol=0)
    again = building.model(seed=1, **options)
    again.load_state_dict(model.state_dict())  # written anew, it does say so
    torch.testing.assert_close(again(**net_input)[0], was, rtol=0, atol=0)
