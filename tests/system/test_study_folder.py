"""A study goes on in its own folder and in no other."""

from pathlib import Path

import pytest

from data_gen.errors import UserError
from scripts.common import study_folder


def test_the_same_study_goes_on(tmp_path: Path) -> None:
    folder = study_folder(tmp_path / "new" / "work", {"seeds": (1, 2)})
    (folder / "result").touch()
    assert study_folder(tmp_path / "new" / "work", {"seeds": (1, 2)}) == folder == (tmp_path / "new" / "work").resolve()
    assert sorted(path.name for path in folder.iterdir()) == ["result", "study.json"]


def test_another_study_is_refused(tmp_path: Path) -> None:
    folder = study_folder(tmp_path / "work", {"updates": 1, "seeds": (1, 2)})
    before = (folder / "study.json").read_text(encoding="utf-8")
    with pytest.raises(UserError) as caught:
        study_folder(folder, {"updates": 2, "seeds": (1, 2)})
    assert str(caught.value) == (
        f"{str(folder)!r} is of a study with other updates: remove it or name another with --folder"
    )
    assert caught.value.exit_code == 2
    assert (folder / "study.json").read_text(encoding="utf-8") == before


def test_a_damaged_mark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text('{"updates": ', encoding="utf-8")
    with pytest.raises(UserError, match="is of a study with other settings: remove it"):
        study_folder(tmp_path, {"updates": 1})


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError) as caught:
        study_folder(tmp_path, {})
    assert str(caught.value) == f"{str(tmp_path)!r} holds something else: name another folder with --folder"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
