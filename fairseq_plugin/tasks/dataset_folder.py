"""A folder of binarized data: is it one, which languages, which splits?"""

from pathlib import Path

from fairseq.data import Dictionary, data_utils

from data_gen.errors import UserError


def check_folder(folder: str) -> None:
    """Refuse a path that holds no binarized dataset.

    :raises UserError: no such folder, or no ``dict.*.txt`` in it.
    """
    if not Path(folder).is_dir():
        raise UserError(f"no dataset folder at {folder!r}: make one with 'python -m data_gen copy {folder}'")
    if not list(Path(folder).glob("dict.*.txt")):
        raise UserError(
            f"{folder!r} is no dataset folder, it has no dict.*.txt: make one with 'python -m data_gen copy DESTDIR' "
            "or fairseq-preprocess"
        )


def find_languages(folder: str, source: str | None, target: str | None) -> tuple[str, str]:
    """Source and target suffix of the data files, read off their names unless given.

    :raises UserError: they are not given and no file name tells.
    """
    if source is None or target is None:
        source, target = data_utils.infer_language_pair(folder)
    if source is None or target is None:
        raise UserError(
            f"no file in {folder!r} is named like train.src-tgt.src.bin, so the languages are unknown: "
            "name them with --source-lang and --target-lang"
        )
    return source, target


def load_dictionary(folder: str, language: str) -> Dictionary:
    """The symbols of one side.

    :raises UserError: the file is missing or is no dictionary.
    """
    path = Path(folder) / f"dict.{language}.txt"
    if not path.is_file():
        raise UserError(f"no dictionary at '{path}': is {language!r} a language of this dataset?")
    try:
        return Dictionary.load(str(path))
    except Exception as error:  # fairseq raises a bare one for a wrong encoding, and puts line ends into messages
        said = " ".join(str(error).split())
        raise UserError(f"'{path}' is no fairseq dictionary (lines of 'symbol count'): {said}") from error


def check_split(folder: str, split: str, source: str, target: str) -> None:
    """Refuse a split that the folder does not hold.

    :raises UserError: naming the split and the ones that are there.
    """
    if not Path(folder).is_dir():
        raise UserError(f"the dataset folder {folder!r} is gone")
    names = {path.name for path in Path(folder).iterdir()}
    pairs = (f"{source}-{target}.{source}", f"{target}-{source}.{source}")
    if any(f"{split}.{pair}.{ending}" in names for pair in pairs for ending in ("idx", "bin")):
        return
    there = sorted({name.split(".")[0] for name in names if name.endswith(".idx")})
    raise UserError(f"no split {split!r} in {folder!r}: it holds {', '.join(there) or 'none'}")
