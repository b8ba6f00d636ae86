"""The files of the checkout: a copy to test, and a name for their state."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from data_gen.errors import FAILURE, UserError

ROOT = Path(__file__).resolve().parents[2]
PAGES = (".md",)


def source_files(root: Path = ROOT) -> list[Path]:
    """Files of the checkout that git knows or does not ignore, relative to ``root``.

    :raises UserError: it is no checkout of git.
    """
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"cannot list the files of {str(root)!r}: run this in a checkout of git", FAILURE) from None
    return [
        path for path in sorted({Path(name) for name in done.stdout.split("\0") if name}) if (root / path).is_file()
    ]


def state(root: Path = ROOT) -> str:
    """Changes with any file but the pages: a new table in the README asks for no new tests."""
    digest = hashlib.sha256()
    for path in source_files(root):
        if path.suffix not in PAGES:
            content = (root / path).read_bytes()
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def copy_sources(folder: Path, root: Path = ROOT) -> None:
    """Put the files into ``folder``, in place of an older copy."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in source_files(root):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, folder / path)
