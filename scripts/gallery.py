"""Make the pictures of docs/pictures.md again, with the commands that stand there.

    python -m scripts.gallery

Takes a few minutes: the page trains three small models. Pictures come into docs/images/ once all commands have passed.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from data_gen.errors import FAILURE, ArgumentParser, UserError, run_command
from scripts.common import ROOT, environment

NAME = "gallery"
PAGE = ROOT / "docs" / "pictures.md"
FOLDER = "/tmp/pictures"  # where the commands of the page write to
MOST_BYTES = 300_000  # of a picture that is kept in the repository


def parser() -> argparse.ArgumentParser:
    """Options of the command."""
    return ArgumentParser(
        prog=f"python -m scripts.{NAME}",
        description="Run the commands of docs/pictures.md, and write the pictures that the page shows to docs/images/.",
        epilog="This takes a few minutes. Nothing is written until every command has passed.",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. :returns: 0, or 1 if a command of the page fails."""
    return run_command(NAME, lambda: make_pictures(parser().parse_args(argv)))


def make_pictures(options: argparse.Namespace) -> int:
    """Run the page's commands in a temporary folder and keep the pictures that it shows."""
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        script = commands(page).replace(FOLDER, folder)
        if run_script(script):
            raise UserError(f"a command of {str(PAGE)!r} failed: the last one above", exit_code=FAILURE)
        made = [Path(folder) / name for name in pictures(page)]
        for picture in made:
            size = picture.stat().st_size
            if size > MOST_BYTES:
                raise UserError(f"{picture.name} has {size} bytes, at most {MOST_BYTES} are wanted", exit_code=FAILURE)
        for picture in made:
            print(shutil.copy(picture, PAGE.parent / "images" / picture.name))
    return 0


def run_script(script: str) -> int:
    """Run commands in the repository. :returns: the exit code. An interruption ends the command that runs as well."""
    process = subprocess.Popen(
        ["bash", "-euxc", script], cwd=ROOT, env=environment([], threads=1), start_new_session=True
    )
    try:
        return process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def commands(page: str) -> str:
    """All bash blocks of a page, one after the other."""
    return "".join(re.findall(r"^```bash\n(.*?)^```", page, flags=re.M | re.S))


def pictures(page: str) -> list[str]:
    """The pictures that a page shows and its commands make."""
    shown = re.findall(r"\]\(images/([^)]+)\)", page)
    return [name for name in shown if f"{FOLDER}/{name}" in commands(page)]


if __name__ == "__main__":
    sys.exit(main())
