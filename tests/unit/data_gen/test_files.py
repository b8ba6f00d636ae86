"""Where a file may appear, and what it takes the place of."""

import os
from pathlib import Path

import pytest

from data_gen.errors import UserError
from data_gen.files import require_not_read, whole_file
from tests.support.errors import message_of


def test_behind_a_link(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "folder" / "target"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to(target)
    with whole_file(link) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "link", "target"]


def test_a_pipe_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError) as caught, whole_file(tmp_path / "pipe"):
        pass
    line = f"'{tmp_path}/pipe' is a device or a pipe, which a file would replace: name a file"
    assert (str(caught.value), caught.value.exit_code) == (line, 2)
    assert (tmp_path / "pipe").is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_what_is_read_stays(tmp_path: Path) -> None:
    """Also under another name."""
    read, link, missing = tmp_path / "read", tmp_path / "link", tmp_path / "missing"
    read.write_bytes(b"old")
    link.symlink_to(read)
    for path in (read, link):
        line = f"--output '{path}' would replace what is read: choose another name"
        assert message_of(require_not_read, "--output", path, [missing, read]) == line
    require_not_read("--output", missing, [missing, read])
    require_not_read("--output", read, [missing, tmp_path / ("n" * 300)])


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "한" * 85], ids=["ASCII", "Korean"])
def test_the_longest_name(name: str, tmp_path: Path) -> None:
    """255 bytes, which leave no room for more in the name of the file beside it."""
    with whole_file(tmp_path / name) as stream:
        stream.write(b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, b"new")]
