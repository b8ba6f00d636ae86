"""No name inside a file makes anything be read, written or deleted outside of the folder that was named."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from data_gen.__main__ import main
from fairseq_plugin.analysis.formats import read_records
from tests.support.attention_files import RECORD, make_attention_files

OUTSIDE = ("../victim", "../../victim", "{victim}", "sub/../../victim")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("still here", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_manifest(standing: dict[str, Path], tmp_path: Path, victim: Path, name: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(standing["data"], folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"][name.format(victim=victim)] = "0" * 64
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert main(["copy", str(folder), "--train", "10", "--overwrite"]) == 0
    assert victim.read_text(encoding="utf-8") == "still here"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "victim"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_manifest_of_a_shard(
    standing: dict[str, Path], tmp_path: Path, victim: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = tmp_path / "shards"
    shutil.copytree(standing["shards"], folder)
    path = folder / "shard1" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"][name.format(victim=victim)] = "0" * 64
    path.write_text(json.dumps(manifest), encoding="utf-8")
    sizes = [
        "--train",
        "70000",
        "--num-symbols",
        "4",
        "--min-len",
        "2",
        "--max-len",
        "4",
        "--valid",
        "30",
        "--test",
        "30",
    ]
    assert main(["copy", str(folder), "--shards", "2", *sizes]) == 2
    assert f"'{folder}/shard1' was made with --text" in capsys.readouterr().err.replace("without", "with")
    assert victim.read_text(encoding="utf-8") == "still here"


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_member_of_an_archive(tmp_path: Path, victim: Path, name: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    make_attention_files(folder)
    path = folder / "good.npz"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name.format(victim=victim), "overwritten")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert read_records(path)[0].source == RECORD.source
    assert victim.read_text(encoding="utf-8") == "still here"
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
