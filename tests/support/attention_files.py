"""Attention files that must be refused, in every format that is read."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fairseq_plugin.analysis.formats import FORMATS, write_records
from fairseq_plugin.analysis.records import AttentionRecord

WEIGHTS = np.array([[0.75, 0.25, 0.0], [0.0, 0.5, 0.5]], dtype=np.float32)
RECORD = AttentionRecord(id=0, source=("a", "b", "</s>"), target=("a", "</s>"), weights=WEIGHTS, score=-0.5)
READABLE = tuple(name for name, each in FORMATS.items() if each.read is not None)


def make_attention_files(folder: Path) -> None:
    """Write ``good.FORMAT``, and ``empty``, ``binary``, ``cut``, ``nan``, ``inf`` of each format that is read."""
    for name in READABLE:
        good = folder / f"good.{name}"
        write_records([RECORD], good)
        content = good.read_bytes()
        (folder / f"empty.{name}").write_bytes(b"")
        (folder / f"binary.{name}").write_bytes(bytes(range(256)))
        (folder / f"cut.{name}").write_bytes(content[: len(content) * 2 // 3])
        for value in ("nan", "inf"):
            spoil(good, folder / f"{value}.{name}", value)
    _make_arrays(folder)
    _make_lines(folder)


def spoil(good: Path, path: Path, value: str) -> None:
    """Copy a file with NaN or infinity in the place of the weight 0.75."""
    if good.suffix == ".npz":
        arrays = _arrays(good)
        arrays["weights"][0] = float(value)
        np.savez(path, **arrays)
    elif good.suffix == ".safetensors":
        content = good.read_bytes()
        weight = np.float32(0.75).tobytes()
        assert content.count(weight) == 1
        path.write_bytes(content.replace(weight, np.float32(value).tobytes()))
    else:
        word = {"nan": "NaN", "inf": "Infinity"}[value] if good.suffix in (".jsonl", ".bertviz") else value
        path.write_bytes(good.read_bytes().replace(b"0.75", word.encode()))


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path) as archive:
        return {name: archive[name].copy() for name in archive.files}


def _make_arrays(folder: Path) -> None:
    """Archives that are whole, with arrays that are not what they should be."""
    arrays = _arrays(folder / "good.npz")
    np.savez(folder / "axes.npz", **{**arrays, "axes": np.array("source x target")})
    np.savez(folder / "object.npz", **{**arrays, "symbols": np.array([{"a": 1}, None], dtype=object)})
    np.savez(folder / "outside.npz", **{**arrays, "source": np.array([0, 1, 99], dtype=np.int32)})
    np.savez(folder / "negative.npz", **{**arrays, "weights_offsets": np.array([0, -6])})
    np.savez(folder / "other.npz", weights=WEIGHTS)
    with zipfile.ZipFile(folder / "absurd.npz", "w") as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                if name == "score":
                    header = {"descr": "<f8", "fortran_order": False, "shape": (2**60,)}
                    np.lib.format.write_array_header_1_0(member, header)
                else:
                    np.lib.format.write_array(member, values)
    huge = (2**62).to_bytes(8, "little")
    (folder / "absurd.safetensors").write_bytes(huge + b"{}")
    header = json.dumps({"weights": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    (folder / "hostile.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


def _make_lines(folder: Path) -> None:
    """Lines of JSON that are whole, with values that are not what they should be."""
    line = json.loads((folder / "good.jsonl").read_text(encoding="utf-8"))
    transposed = WEIGHTS.T.tolist()
    for name, change in {
        "ragged": {"weights": [[0.5, 0.5], [0.0, 0.5, 0.5]]},
        "turned": {"weights": transposed},
        "axes": {"axes": "source x target", "weights": transposed},
        "text": {"weights": [["0.5", "0.5", "0"], ["0", "0.5", "0.5"]]},
        "negative": {"id": -1},
        "huge": {"id": 10**30},
        "surrogate": {"source": ["\ud800", "b", "</s>"]},
        "unnormalised": {"weights": [[2.0, 0.0, 0.0], [0.0, 0.5, 0.5]]},
    }.items():
        (folder / f"{name}.jsonl").write_text(json.dumps({**line, **change}) + "\n", encoding="utf-8")
    (folder / "deep.jsonl").write_bytes(b"[" * 100_000 + b"\n")
    (folder / "deep.bertviz").write_bytes(b"[" * 100_000)
    (folder / "digits.jsonl").write_bytes(b'{"id": ' + b"9" * 10_000 + b"}\n")
    (folder / "ragged.marian").write_bytes(b"a b ||| 0.5,0.5 0.5\n")
    (folder / "absurd.nematus").write_bytes(b"0 ||| a ||| -1 ||| a ||| 99999999999 99999999999\n")
    (folder / "order.jsonl").write_text(
        "".join(json.dumps({**line, "id": number}) + "\n" for number in (1, 0)), encoding="utf-8"
    )
