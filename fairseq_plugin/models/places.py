"""Whether there is anything where ``from_pretrained`` is told to look: fairseq itself does not say what it misses."""

from pathlib import Path

from data_gen.errors import UserError

ADDRESS = "://"  # of something on the web, which fairseq fetches


def check_places(folder: str, checkpoint_files: str, data: str) -> None:
    """Look for the folder or archive, the checkpoints in it, and the data.

    :param checkpoint_files: one name, or several with ':' between them.
    :param data: a folder; from a dot on it is meant from ``folder``.
    :raises UserError: naming what is not there.
    """
    if ADDRESS in folder:
        return
    place = Path(folder)
    if place.suffix == ".pt" and place.is_file():
        raise UserError(
            f"{folder!r} is a checkpoint: name its folder, {str(place.parent)!r}, and as second argument {place.name!r}"
        )
    if not place.exists():
        raise UserError(f"no folder {folder!r}: name the one that fairseq-train wrote checkpoints to (--save-dir)")
    for name in checkpoint_files.split(":") if place.is_dir() else ():
        if not (place / name).is_file():
            raise UserError(f"no checkpoint at {str(place / name)!r}: name one that fairseq-train wrote")
    if not data.startswith(".") and ADDRESS not in data and not Path(data).exists():
        raise UserError(f"no dataset folder at {data!r}: name the one that the model was trained with")
