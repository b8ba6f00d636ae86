"""NumPy values in checkpoints: none is written, those that are there are read as plain numbers, and none does harm."""

import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils

from data_gen.errors import UserError
from fairseq_plugin.checkpoints.numpy_values import STAND_INS, plain

VALUES: list[tuple[Any, Any]] = [
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.asfortranarray(np.arange(6.0).reshape(2, 3)), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]),
    (np.array([1, 258], dtype=">i2"), [1, 258]),
    (np.array([True, False]), [True, False]),
    (np.array(3.5), 3.5),
    (np.float32(0.1), float(np.float32(0.1))),
    (np.float64(0.1), 0.1),
    (np.int64(-7), -7),
    (np.uint8(200), 200),
    (np.bool_(True), True),
]
IDS = [repr(value) for value, _ in VALUES]


def same(found: Any, expected: Any) -> bool:
    return found == expected and type(found) is type(expected)


def under_old_names(path: Path) -> None:
    """Make a checkpoint what NumPy before version 2 would have written."""
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: archive.read(member) for member in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(b"numpy._core.", b"numpy.core."))


def read(path: Path) -> Any:
    return checkpoint_utils.load_checkpoint_to_cpu(str(path))["extra_state"]


def checkpoint(extra: Any) -> dict[str, Any]:
    history = [{"optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}]
    return {"args": None, "cfg": {}, "model": {}, "optimizer_history": history, "extra_state": extra}


@pytest.mark.parametrize("old", [False, True], ids=["NumPy 2", "NumPy 1"])
@pytest.mark.parametrize(("value", "expected"), VALUES, ids=IDS)
def test_read(tmp_path: Path, value: Any, expected: Any, old: bool) -> None:
    path = tmp_path / "checkpoint.pt"
    extra = {"train_iterator": {"epoch": 1}, "found": [(value, 1)]}
    torch.save(checkpoint(extra), path)
    if old:
        under_old_names(path)
    ((found, one),) = read(path)["found"]
    assert same(found, expected)
    assert one == 1


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=IDS)
def test_written(tmp_path: Path, value: Any, expected: Any) -> None:
    path, weights = tmp_path / "checkpoint.pt", torch.ones(3)
    state = OrderedDict(weights=weights, deep=[{"value": (value, "text")}])
    checkpoint_utils.torch_persistent_save(state, str(path))
    with zipfile.ZipFile(path) as archive:
        assert b"numpy" not in archive.read("archive/data.pkl")
    found = torch.load(path)
    assert same(found["deep"][0]["value"][0], expected)
    assert type(found) is OrderedDict
    assert torch.equal(found["weights"], weights)
    assert state["deep"][0]["value"][0] is value


def test_every_torch_knows_the_stand_ins_by_the_names_of_numpys() -> None:
    """Which of the two attributes it reads depends on its version."""
    assert [(each.__module__, each.__name__) for each in STAND_INS] == [
        *(("numpy", "dtype"), ("numpy", "ndarray")),
        *((f"numpy.{core}.multiarray", name) for name in ("_reconstruct", "scalar") for core in ("core", "_core")),
    ]
    assert all(each.__name__ == each.__qualname__ for each in STAND_INS)


def test_tensors_are_not_copied() -> None:
    weights = torch.ones(3)
    assert plain({"a": [weights]})["a"][0] is weights


class Made:
    """What is pickled as a call, and a state for its result."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def array_of(kind: Made, data: bytes, length: int) -> Made:
    rebuild = np.array([0]).__reduce__()[0]
    return Made(rebuild, (np.ndarray, (0,), b"b"), (1, (length,), kind, False, data))


def objects(flags: int) -> Made:
    """The type of objects, with flags that say whether its memory holds such."""
    return Made(np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, flags))


ADDRESS = struct.pack("=Q", 0x4141414141414141)
HARM = {
    "objects at an address": array_of(objects(0), ADDRESS, 1),
    "one object at an address": Made(np.float64(1).__reduce__()[0], (objects(0), ADDRESS)),
    "fields of objects": array_of(
        Made(np.dtype, ("V8", False, True), (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)), ADDRESS, 1
    ),
    "more than is there": array_of(
        Made(np.dtype, ("i8", False, True), (3, "<", None, None, None, -1, -1, 0)), ADDRESS, 2
    ),
    "an array from nothing": Made(np.ndarray, ((1 << 40,),)),
    "an array as its own type": array_of(Made(np.ndarray, ()), ADDRESS, 1),
    "a type of another name": Made(np.dtype, ("float",)),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM.keys())
def test_harm(tmp_path: Path, harm: Made) -> None:
    """Each is one line; with NumPy's own functions, the first makes an array that ends the process when it is read."""
    path = tmp_path / "checkpoint.pt"
    torch.save({"model": {}, "cfg": {}, "extra_state": harm}, path)
    with pytest.raises(UserError, match="is no checkpoint, or damaged"):
        read(path)
