"""Readers of files meet any bytes at all, and good files with bytes changed, cut out and put in.

They either read what is there or raise a UserError of one line. The examples are the same in each run; for another and
longer one: ``FUZZING=50000 pytest tests/commands/test_fuzzing.py``.
"""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data.indexed_dataset import MMapIndexedDataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_gen.copy.dataset import make_copy_dataset
from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.spec import CopySpec
from data_gen.errors import UserError
from data_gen.indexed import check_files
from data_gen.manifest import MANIFEST_NAME
from fairseq_plugin.analysis.formats import read_records
from fairseq_plugin.analysis.measures import read_gold
from fairseq_plugin.tasks.folder import load_dictionary
from scripts.lengths.study import read_study
from tests.support.attention_files import READABLE, make_attention_files
from tests.support.commands import ROOT
from tests.support.damaged_checkpoints import save

LONG = int(os.environ.get("FUZZING", "0"))
FUZZED = settings(
    max_examples=LONG or 100,
    derandomize=not LONG,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["put", "cut", "insert", "repeat"]),
        st.integers(0, 2**16),
        st.binary(min_size=1, max_size=8)
        | st.sampled_from([b"\0", b"\xff" * 8, b"-1", b"NaN", b"1e999", b"\n", b'"', b"{"]),
    ),
    min_size=1,
    max_size=4,
)
ARBITRARY = st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([-1, 2**70, "../x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def changed(good: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    """A file with some bytes replaced, cut out, put in or written twice."""
    for kind, place, piece in changes:
        place %= len(good) + 1
        end = place + len(piece) * 4
        good = {
            "put": good[:place] + piece + good[place + len(piece) :],
            "cut": good[:place] + good[end:],
            "insert": good[:place] + piece + good[place:],
            "repeat": good[:end] + good[place:],
        }[kind]
    return good


def read_or_refuse(read: Callable[[], object]) -> None:
    """Nothing but a UserError of one line may come."""
    message = "read"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read()
        except UserError as error:
            message = str(error)
    assert len(message.splitlines()) == 1, message


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good files of every kind, the dataset in ``data``."""
    place = tmp_path_factory.mktemp("fuzzing")
    make_attention_files(place)
    make_copy_dataset(CopySpec(num_symbols=4, train=6, valid=2, test=2), place / "data")
    history = [{"optimizer_name": "adam", "lr_scheduler_state": {}, "num_updates": 1}]
    state = {"model": {"a": torch.arange(99.0)}, "cfg": {"model": {"a": [1, 2.5, "x"]}}, "optimizer_history": history}
    save({**state, "args": None, "extra_state": {"train_iterator": {"epoch": 1}}}, place / "zip.pt")
    save({"model": {}, "cfg": {"model": {"a": [1, 2.5, "x"]}}, "args": None}, place / "legacy.pt", legacy=True)
    (place / "gold").write_text("0-0 1p1\n2?3\n", encoding="utf-8")
    return place


@pytest.mark.parametrize("name", READABLE)
@given(content=ARBITRARY, changes=CHANGES)
@FUZZED
def test_attention_files(folder: Path, name: str, content: bytes, changes: list[Any]) -> None:
    path = folder / f"fuzzed.{name}"
    for tried in (content, changed((folder / f"good.{name}").read_bytes(), changes)):
        path.write_bytes(tried)
        read_or_refuse(lambda: read_records(path))


@given(
    changes=CHANGES,
    key=st.sampled_from(["id", "rank", "score", "axes", "source", "target", "reference", "weights"]),
    value=VALUES,
)
@FUZZED
def test_values_of_lines(folder: Path, changes: list[Any], key: str, value: Any) -> None:
    line = json.loads((folder / "good.jsonl").read_text(encoding="utf-8"))
    path = folder / "fuzzed.jsonl"
    path.write_text(json.dumps({**line, key: value}), encoding="utf-8")
    read_or_refuse(lambda: read_records(path))


@given(content=ARBITRARY, changes=CHANGES)
@FUZZED
def test_gold_alignments(folder: Path, content: bytes, changes: list[Any]) -> None:
    path = folder / "fuzzed.gold"
    for tried in (content, changed((folder / "gold").read_bytes(), changes)):
        path.write_bytes(tried)
        read_or_refuse(lambda: read_gold(path))


@pytest.mark.parametrize("kind", ["zip", "legacy"])
@given(content=ARBITRARY, changes=CHANGES)
@FUZZED
def test_checkpoints(folder: Path, kind: str, content: bytes, changes: list[Any]) -> None:
    path = folder / "fuzzed.pt"
    for tried in (content, changed((folder / f"{kind}.pt").read_bytes(), changes)):
        path.write_bytes(tried)
        read_or_refuse(lambda: checkpoint_utils.load_checkpoint_to_cpu(str(path)))


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@FUZZED
def test_a_flipped_bit_in_a_checkpoint(folder: Path, place: float, bit: int) -> None:
    """It is noticed, unless nothing of what is read depends on it."""
    path, content = folder / "fuzzed.pt", bytearray((folder / "zip.pt").read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    try:
        found = checkpoint_utils.load_checkpoint_to_cpu(str(path))
    except UserError:
        return
    good = checkpoint_utils.load_checkpoint_to_cpu(str(folder / "zip.pt"))
    assert repr(found) == repr(good)
    assert all(torch.equal(found["model"][name], good["model"][name]) for name in good["model"])


def made_of(folder: Path, name: str, content: bytes) -> Path:
    """The dataset folder ``fuzzed`` with that one file in it."""
    made = folder / "fuzzed"
    made.mkdir(exist_ok=True)
    (made / name).write_bytes(content)
    return made


@given(content=ARBITRARY, changes=CHANGES)
@FUZZED
def test_dictionaries(folder: Path, content: bytes, changes: list[Any]) -> None:
    for tried in (content, changed((folder / "data" / "dict.src.txt").read_bytes(), changes)):
        made = made_of(folder, "dict.src.txt", tried)
        read_or_refuse(lambda made=made: load_dictionary([str(made)], "src"))


@given(content=ARBITRARY, changes=CHANGES)
@FUZZED
def test_manifests(folder: Path, content: bytes, changes: list[Any]) -> None:
    for tried in (content, changed((folder / "data" / MANIFEST_NAME).read_bytes(), changes)):
        made = made_of(folder, MANIFEST_NAME, tried)
        read_or_refuse(lambda made=made: read_copy_manifest(made))


@given(data=st.data(), value=VALUES)
@FUZZED
def test_values_of_manifests(folder: Path, data: st.DataObject, value: Any) -> None:
    manifest = json.loads((folder / "data" / MANIFEST_NAME).read_text(encoding="utf-8"))
    place = manifest
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    made = made_of(folder, MANIFEST_NAME, json.dumps(manifest).encode())
    read_or_refuse(lambda: read_copy_manifest(made))


@given(content=ARBITRARY, changes=CHANGES)
@FUZZED
def test_configurations(folder: Path, content: bytes, changes: list[Any]) -> None:
    path = folder / "fuzzed.yaml"
    for tried in (content, changed((ROOT / "scripts" / "lengths" / "smoke.yaml").read_bytes(), changes)):
        path.write_bytes(tried)
        read_or_refuse(lambda: read_study(path))


@pytest.mark.parametrize("ending", ["idx", "bin"])
@given(changes=CHANGES)
@FUZZED
def test_binarized_files(folder: Path, ending: str, changes: list[Any]) -> None:
    """What passes the check can be read by fairseq, and every id has an embedding."""
    prefix, good = folder / "fuzzed.src", folder / "data" / "train.src-tgt.src"
    for each in ("idx", "bin"):
        content = Path(f"{good}.{each}").read_bytes()
        Path(f"{prefix}.{each}").write_bytes(changed(content, changes) if each == ending else content)

    def read() -> None:
        sequences = check_files(prefix, 8, folder / "data" / "dict.src.txt")
        if sequences is not None:
            opened = MMapIndexedDataset(str(prefix))
            assert len(opened) == sequences
            assert all(0 <= token < 8 for number in range(sequences) for token in opened[number].tolist())

    read_or_refuse(read)
