"""What torch may make from a checkpoint, and from what the first process of a training sends to the others."""

import argparse
import errno
import io
import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

import omegaconf
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.distributed import utils as distributed_utils
from omegaconf.base import ContainerMetadata, Metadata
from torch.serialization import safe_globals

from fairseq_plugin.checkpoints import reading, safe_loading
from fairseq_plugin.checkpoints.numpy_values import STAND_INS
from fairseq_plugin.checkpoints.safe_loading import ALLOWED, ALLOWED_FROM_FIRST_RANK
from tests.support.errors import message_of


def test_the_lists_are_complete() -> None:
    """Whoever adds to them has to say here, too, that making it is harmless."""
    assert set(ALLOWED) == {argparse.Namespace, *STAND_INS}
    assert set(ALLOWED_FROM_FIRST_RANK) == {
        distributed_utils._TensorPlaceholder,
        *(omegaconf.DictConfig, omegaconf.ListConfig, omegaconf.AnyNode, ContainerMetadata, Metadata),
        *(Any, dict, list, int, defaultdict),
    }
    assert len(ALLOWED_FROM_FIRST_RANK) == 11


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is put on torch's list from now on, which stays as it is."""
    found: list[Any] = []
    monkeypatch.setattr(torch.serialization, "add_safe_globals", found.extend)
    return found


def test_a_process_alone_allows_nothing_more(added: list[Any]) -> None:
    safe_loading.allow_classes_from_first_rank()
    assert added == []


@pytest.mark.parametrize(("rank", "allowed"), [(0, ()), (1, ALLOWED_FROM_FIRST_RANK), (7, ALLOWED_FROM_FIRST_RANK)])
def test_the_first_process_which_reads_the_file_allows_nothing_more(
    added: list[Any], monkeypatch: pytest.MonkeyPatch, rank: int, allowed: tuple[Any, ...]
) -> None:
    monkeypatch.setattr(safe_loading.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(safe_loading.distributed, "get_rank", lambda: rank)
    safe_loading.allow_classes_from_first_rank()
    assert tuple(added) == allowed


@pytest.fixture(scope="module")
def sent(trained: Path) -> bytes:
    """What the first process sends when a training goes on, as fairseq writes it."""
    state = checkpoint_utils.load_checkpoint_to_cpu(str(trained))
    stream = io.BytesIO()
    torch.save(distributed_utils._split_tensors_from_obj(state, []), stream)
    return stream.getvalue()


def test_what_is_sent_is_read(sent: bytes) -> None:
    with safe_globals(list(ALLOWED_FROM_FIRST_RANK)):
        state = torch.load(io.BytesIO(sent), weights_only=True)
    assert state["cfg"].task._name == "copy"


@pytest.mark.parametrize("left_out", ALLOWED_FROM_FIRST_RANK, ids=str)
def test_nothing_on_the_list_can_be_spared(sent: bytes, left_out: Any) -> None:
    fewer = [entry for entry in ALLOWED_FROM_FIRST_RANK if entry is not left_out]
    with safe_globals(fewer), pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(io.BytesIO(sent), weights_only=True)


def test_a_file_that_the_system_does_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(reading, "_check_file", refuse)
    (tmp_path / "x.pt").touch()
    assert message_of(checkpoint_utils.load_checkpoint_to_cpu, str(tmp_path / "x.pt"), exit_code=1) == (
        f"cannot read checkpoint '{tmp_path}/x.pt': Input/output error"
    )
