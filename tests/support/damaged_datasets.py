"""Dataset folders that must be refused: good ones with one thing wrong."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

HEADER = 26  # bytes of an index before its sizes
SIDE = "train.src-tgt.src"


def make_datasets(folder: Path, good: Path) -> None:
    """One folder for each of ``SPOILT``, made from the dataset ``good``."""
    for name, spoil in SPOILT.items():
        made = folder / name
        made.mkdir()
        for path in good.iterdir():
            shutil.copyfile(path, made / path.name)
        spoil(made)


def _index(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: _change(folder / f"{SIDE}.idx", change)


def _ids(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: _change(folder / f"{SIDE}.bin", change)


def _dictionary(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: _change(folder / "dict.src.txt", change)


def _manifest(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: _change(folder / "manifest.json", change)


def _change(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def _put(place: int, value: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content[:place] + value + content[place + len(value) :]


def _other_index(folder: Path) -> None:
    """The index of train beside the ids of another draw: as many sequences, of other lengths."""
    path = folder / f"{SIDE}.bin"
    ids = np.frombuffer(path.read_bytes(), "<u2")
    path.write_bytes(ids[:-2].tobytes())


def _fewer_targets(folder: Path) -> None:
    for ending in ("idx", "bin"):
        shutil.copyfile(folder / f"valid.src-tgt.tgt.{ending}", folder / f"train.src-tgt.tgt.{ending}")


def _another_pair(folder: Path) -> None:
    for side in ("src", "de"):
        for ending in ("idx", "bin"):
            shutil.copyfile(folder / f"train.src-tgt.src.{ending}", folder / f"train.src-de.{side}.{ending}")


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


SPOILT: dict[str, Callable[[Path], None]] = {
    "idx-empty": _index(lambda content: b""),
    "idx-cut": _index(lambda content: content[:-5]),
    "idx-magic": _index(_put(0, b"GIF89a\0\0\0")),
    "idx-version": _index(_put(9, struct.pack("<Q", 7))),
    "idx-type": _index(_put(17, b"\xff")),
    "idx-absurd": _index(_put(18, struct.pack("<Q", 2**62))),
    "idx-none": _index(lambda content: content[:18] + struct.pack("<Q", 0)),
    "idx-negative": _index(_put(HEADER, struct.pack("<i", -3))),
    "idx-missing": _without(f"{SIDE}.idx"),
    "bin-empty": _ids(lambda content: b""),
    "bin-cut": _ids(lambda content: content[:-3]),
    "bin-longer": _ids(lambda content: content + b"\2\0"),
    "bin-other": _other_index,
    "bin-missing": _without(f"{SIDE}.bin"),
    "id-outside": _ids(_put(2, struct.pack("<H", 60_000))),
    "pairs-unequal": _fewer_targets,
    "pairs-several": _another_pair,
    "dict-empty": _dictionary(lambda content: b""),
    "dict-binary": _dictionary(lambda content: bytes(range(256))),
    "dict-twice": _dictionary(lambda content: content + content.splitlines(keepends=True)[0]),
    "dict-short": _dictionary(lambda content: b"".join(content.splitlines(keepends=True)[:-1])),
    "dict-missing": _without("dict.src.txt"),
    "dict-turned": _dictionary(lambda content: b"\n".join(reversed(content.splitlines()))),
    "manifest-none": _without("manifest.json"),
    "manifest-binary": _manifest(lambda content: bytes(range(256))),
    "manifest-cut": _manifest(lambda content: content[:-20]),
    "manifest-outside": _manifest(lambda content: content.replace(b'"train": 300', b'"train": -300')),
}
