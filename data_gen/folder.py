"""A dataset folder appears whole or not at all.

It is filled beside its destination under a hidden name and renamed when it is complete. A dataset that it replaces
stays in place until then.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data_gen.errors import UserError, failure_from_os_error
from data_gen.leftovers import folder_in_the_making, hidden_sibling, remove_leftovers
from data_gen.manifest import MANIFEST_NAME, read_manifest
from data_gen.signals import exit_on_signals


@contextmanager
def new_folder(destination: Path, *, overwrite: bool) -> Iterator[Path]:
    """Lend an empty folder to fill; on leaving, it becomes ``destination``, or vanishes if an error is on its way.

    Missing parent folders are made, and removed again after an error, to which a signal leads. What runs that were
    killed have left behind here is removed.

    :param overwrite: replace ``destination`` if it is a dataset of ours.
    :raises UserError: if ``destination`` is in use, or if the operating system refuses something.
    :raises Ended: on SIGTERM or SIGHUP.
    """
    target = Path(os.path.realpath(destination))
    try:
        require_free(destination, target, overwrite=overwrite)
        new_parents = [parent for parent in target.parents if not parent.exists()]
        with exit_on_signals():
            try:
                remove_leftovers(target, whole=False)
                with folder_in_the_making(target) as fresh:
                    try:
                        yield fresh
                        require_free(destination, target, overwrite=overwrite)
                        _move_into_place(fresh, target)
                    except BaseException:
                        shutil.rmtree(fresh, ignore_errors=True)
                        raise
                remove_leftovers(target, whole=True)
            except BaseException:
                for parent in new_parents:  # the innermost first
                    with suppress(OSError):
                        parent.rmdir()
                raise
    except OSError as error:
        reason = OSError(error.errno, error.strerror or str(error), str(destination))
        raise failure_from_os_error("write the dataset", reason) from error


def require_free(destination: Path, target: Path, *, overwrite: bool) -> None:
    """:raises UserError: if ``target`` may not be made or replaced; the line names ``destination`` as it was given."""
    shown = repr(str(destination))
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise UserError(f"{shown} cannot be made: {str(parent)!r} is a file, not a folder; choose another folder")
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"{shown} is a file: give the name of a folder")
    if target == Path(os.path.realpath(Path.cwd())):
        raise UserError(f"{shown} is the current folder, which cannot be replaced: give the name of another folder")
    entries = sorted(entry.name for entry in target.iterdir())
    if not entries:
        return
    if not overwrite and MANIFEST_NAME not in entries:
        raise UserError(f"{shown} is not empty, and no dataset: choose another folder")
    if not overwrite:
        raise UserError(f"{shown} is not empty: choose another folder, or add --overwrite to replace the dataset in it")
    _require_dataset(target, shown, entries)


def _require_dataset(target: Path, shown: str, entries: list[str]) -> None:
    """:raises UserError: if the folder holds anything that is not part of a dataset of ours."""
    way_out = "choose another folder, or delete this one yourself"
    if MANIFEST_NAME not in entries:
        raise UserError(f"{shown} holds no {MANIFEST_NAME}, so --overwrite leaves it alone: {way_out}")
    try:
        known = {MANIFEST_NAME, *read_manifest(target).files}
    except UserError as error:
        raise UserError(f"{shown} holds no valid {MANIFEST_NAME}, so --overwrite leaves it alone: {way_out}") from error
    for entry in entries:
        if entry not in known:
            raise UserError(f"{shown} also holds {entry!r}, so --overwrite leaves it alone: move that away first")


def _move_into_place(fresh: Path, target: Path) -> None:
    if not target.exists() or not any(target.iterdir()):
        fresh.rename(target)
        return
    old = hidden_sibling(target)
    try:
        target.rename(old)
        fresh.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    try:
        shutil.rmtree(old)
    except OSError as error:
        raise failure_from_os_error("delete the replaced dataset", error) from error
