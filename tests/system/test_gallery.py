"""The page of pictures: what it shows is there, small, and made by its own commands."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from scripts import gallery, plot_attention

PAGE = gallery.PAGE.read_text(encoding="utf-8")
IMAGES = gallery.PAGE.parent / "images"


def plots() -> list[list[str]]:
    """The options of each plot_attention.py command of the page."""
    lines = gallery.commands(PAGE).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[2:] for line in lines if line.startswith("python scripts/plot_attention.py")]


def test_every_picture_but_the_translation_is_made_by_the_page() -> None:
    shown = re.findall(r"\]\(images/([^)]+)\)", PAGE)
    assert gallery.pictures(PAGE) == [name for name in shown if name != "translation-1.png"]
    made = {Path(plot_attention.parser().parse_args(words).output).name for words in plots()}
    assert made - set(gallery.pictures(PAGE)) == {"all.pdf"}


@pytest.mark.parametrize("name", gallery.pictures(PAGE))
def test_pictures_are_there_and_small(name: str) -> None:
    assert (IMAGES / name).stat().st_size <= gallery.MOST_BYTES
    with Image.open(IMAGES / name) as picture:
        assert min(picture.size) > 400
        assert getattr(picture, "n_frames", 1) == (12 if name.endswith(".gif") else 1)


def test_commands_are_the_bash_blocks_alone() -> None:
    page = "text\n```bash\none \\\n  two\n```\n```text\nno\n```\n```bash\nthree\n```\n![x](images/a.png)"
    assert gallery.commands(page) == "one \\\n  two\nthree\n"
    assert gallery.pictures(page) == []
