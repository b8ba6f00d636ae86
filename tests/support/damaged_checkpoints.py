"""Checkpoints that must be refused: files that are none, and good ones with one thing wrong."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


class Hostile:
    """What runs a command when it is unpickled, unless unpickling is safe.

    :param function: what is called.
    :param arguments: of the call.
    """

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def save(state: Any, path: Path, *, legacy: bool = False) -> None:
    """Write a checkpoint in torch's present format, a zip archive, or in that before torch 1.6."""
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)


def make_checkpoints(folder: Path, good: Path, hostile: Hostile) -> None:
    """Write the files, from the checkpoint ``good``."""
    content = good.read_bytes()
    (folder / "empty.pt").write_bytes(b"")
    (folder / "binary.pt").write_bytes(bytes(range(256)))
    (folder / "text.pt").write_text("a b c\n" * 100, encoding="utf-8")
    middle = len(content) // 2
    (folder / "cut.pt").write_bytes(content[:middle])
    (folder / "zeros.pt").write_bytes(content[:middle] + bytes(2000) + content[middle + 2000 :])
    (folder / "bit.pt").write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    state: dict[str, Any] = torch.load(good, weights_only=True)
    save([1, 2, 3], folder / "list.pt")
    save({"a": torch.zeros(2)}, folder / "dict.pt")
    save({name: value for name, value in state.items() if name not in ("cfg", "args")}, folder / "no-cfg.pt")
    save({name: value for name, value in state.items() if name != "model"}, folder / "no-model.pt")
    for name, spoil in SPOILT.items():
        made = copy.deepcopy(state)
        spoil(made)
        save(made, folder / f"{name}.pt")
    for name, legacy in (("hostile", False), ("hostile-legacy", True)):
        save({**state, "extra": hostile}, folder / f"{name}.pt", legacy=legacy)


def _unknown_arch(state: dict[str, Any]) -> None:
    state["cfg"]["model"]["_name"] = state["cfg"]["model"]["arch"] = "nosuch"


def _weight(value: float) -> Callable[[dict[str, Any]], None]:
    def spoil(state: dict[str, Any]) -> None:
        state["model"]["decoder.output_projection.weight"][0, 0] = value

    return spoil


def _parameter_missing(state: dict[str, Any]) -> None:
    del state["model"]["decoder.output_projection.weight"]


def _other_size(state: dict[str, Any]) -> None:
    state["model"]["decoder.attention.v"] = torch.zeros(3)


SPOILT: dict[str, Callable[[dict[str, Any]], None]] = {
    "arch": _unknown_arch,
    "nan": _weight(float("nan")),
    "inf": _weight(float("inf")),
    "parameter": _parameter_missing,
    "size": _other_size,
}
