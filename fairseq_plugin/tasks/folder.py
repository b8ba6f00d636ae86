"""A folder of binarized data: is it one, which languages, which splits? The splits are read, or made while training."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fairseq import utils
from fairseq.data import Dictionary, StripTokenDataset, data_utils
from fairseq.tasks.translation import load_langpair_dataset

from data_gen.errors import UserError, listed
from data_gen.indexed import check_files
from data_gen.manifest import MANIFEST_NAME, read_manifest
from fairseq_plugin.modules.encoder import UNLIMITED
from fairseq_plugin.program import reports_user_errors
from fairseq_plugin.tasks.copy_config import TRAIN, CopyTaskConfig
from fairseq_plugin.tasks.datasets import CopyDataset, OnlineData, OnlineDataset

# As fairseq-preprocess names its files: train.src-tgt.src.bin.
PAIR = re.compile(r"[^.]+\.(?P<one>[^.-]+)-(?P<other>[^.-]+)\.[^.]+\.(?:bin|idx)")


class Sides(NamedTuple):
    """Sources and targets of a split: token ids by index, and how many ids there are in each, as an array."""

    source: Any
    source_sizes: Any
    target: Any
    target_sizes: Any


def check_folder(folder: str) -> None:
    """Refuse a path that holds no binarized dataset.

    :raises UserError: no such folder, or no ``dict.*.txt`` in it.
    """
    if not Path(folder).is_dir():
        if Path(folder).is_file():
            raise UserError(f"{folder!r} is a file: name the folder of a dataset")
        raise UserError(f"no dataset folder at {folder!r}: make one with 'python -m data_gen copy {folder}'")
    shards = [path.name for path in Path(folder).glob("shard*") if path.is_dir()]
    if shards:
        joined = ":".join(f"{folder}/shard{number}" for number in range(min(len(shards), 2)))
        raise UserError(f"{folder!r} holds {len(shards)} shards: name them, joined with ':', as in {joined}")
    if not list(Path(folder).glob("dict.*.txt")):
        if list(Path(folder).glob("*.pt")):
            raise UserError(
                f"{folder!r} holds checkpoints, but no dict.*.txt: name the folder of the dataset, which "
                "from_pretrained takes as third argument"
            )
        raise UserError(
            f"{folder!r} is no dataset folder, it has no dict.*.txt: make one with 'python -m data_gen copy DESTDIR' "
            "or fairseq-preprocess"
        )


def find_languages(folder: str, source: str | None, target: str | None) -> tuple[str, str]:
    """Source and target suffix of the data files, read off their names or the manifest unless given.

    :raises UserError: they are not given and nothing tells, or the one given is not of the pair that is there.
    """
    if source is not None and target is not None:
        return source, target
    _require_one_pair(folder, source or target)
    pair = data_utils.infer_language_pair(folder)
    if None in pair and (Path(folder) / MANIFEST_NAME).is_file():
        pair = read_manifest(folder).languages
    if None in pair:
        raise UserError(
            f"no file in {folder!r} is named like train.src-tgt.src.bin, so the languages are unknown: "
            "name them with --source-lang and --target-lang"
        )
    option, given = ("source", source) if source is not None else ("target", target)
    if given is None:
        return pair[0], pair[1]
    if given not in pair:
        raise UserError(f"--{option}-lang {given}: {folder!r} holds {pair[0]} and {pair[1]}")
    other = pair[1] if given == pair[0] else pair[0]
    return (given, other) if option == "source" else (other, given)


def _require_one_pair(folder: str, given: str | None) -> None:
    """Refuse a choice between pairs of languages.

    :raises UserError: the folder holds data of several pairs of languages: fairseq would take any of them.
    """
    named = (PAIR.fullmatch(name) for name in sorted(_names(folder)))
    pairs = {frozenset(name.group("one", "other")): f"{name['one']}-{name['other']}" for name in named if name}
    fitting = [shown for pair, shown in pairs.items() if given is None or given in pair]
    if len(fitting) > 1:
        raise UserError(
            f"{folder!r} holds {len(fitting)} pairs of languages, {listed(fitting)}: choose one with --source-lang "
            "and --target-lang"
        )


def load_dictionary(folders: Sequence[str], language: str) -> Dictionary:
    """The symbols of one side, which all the folders must share.

    :raises UserError: a file is missing or is no dictionary, or they differ.
    """
    first, *others = (_load_dictionary(folder, language) for folder in folders)
    for folder, other in zip(folders[1:], others, strict=True):
        if other != first:
            raise UserError(
                f"'{folder}/dict.{language}.txt' ({len(other)} symbols) is not the dictionary of {folders[0]!r} "
                f"({len(first)} symbols): folders joined with ':' must be shards of one dataset"
            )
    return first


def _load_dictionary(folder: str, language: str) -> Dictionary:
    path = Path(folder) / f"dict.{language}.txt"
    if not path.is_file():
        raise UserError(f"no dictionary at '{path}': is {language!r} a language of this dataset?")
    try:
        return Dictionary.load(str(path))
    except Exception as error:  # fairseq raises a bare one for a wrong encoding, and puts line ends into messages
        said = " ".join(str(error).split())
        raise UserError(f"'{path}' is no fairseq dictionary (lines of 'symbol count'): {said}") from error


def has_split(folder: str, split: str, source: str, target: str) -> bool:
    """Whether the folder holds the sequences of a split.

    :raises UserError: the folder is gone.
    """
    names = _names(folder)
    pairs = (f"{source}-{target}.{source}", f"{target}-{source}.{source}")
    return any(f"{split}.{pair}.{ending}" in names for pair in pairs for ending in ("idx", "bin"))


def check_split(folder: str, split: str, source: str, target: str) -> None:
    """Refuse a split that the folder does not hold.

    :raises UserError: naming the split and the ones that are there.
    """
    if not has_split(folder, split, source, target):
        raise no_split(folder, split)


def no_split(folder: str, split: str) -> UserError:
    """The line for a split that a folder does not hold."""
    names = _names(folder)
    there = sorted({name.split(".")[0] for name in names if name.endswith(".idx")})
    if not there and MANIFEST_NAME in names:
        return UserError(
            f"no split {split!r} in {folder!r}, which holds no sequences at all: add --online to make them"
        )
    held = listed(there) or "none"
    return UserError(f"no split {split!r} in {folder!r}, which holds {held}: name another, or make the data with it")


def open_split(cfg: Any, folder: str, split: str, source: Dictionary, target: Dictionary, *, combine: bool) -> Sides:
    """Open the files of a split.

    :param cfg: the options of the task, with the languages filled in.
    :param source: the dictionary of the sources.
    :param target: the dictionary of the targets.
    :param combine: take ``valid1``, ``valid2``, ... as well.
    :raises UserError: the folder has no such split, or its files are damaged or do not fit the dictionaries.
    """
    check_split(folder, split, cfg.source_lang, cfg.target_lang)
    if cfg.dataset_impl in (None, "mmap"):
        dictionaries = ((cfg.source_lang, source), (cfg.target_lang, target))
        numbers = range(len(_names(folder))) if combine else range(1)
        for name in (f"{split}{number or ''}" for number in numbers):
            _check_files(folder, name, dictionaries)
    pairs = load_langpair_dataset(
        folder,
        split,
        cfg.source_lang,
        source,
        cfg.target_lang,
        target,
        combine=combine,
        dataset_impl=cfg.dataset_impl,
        upsample_primary=1,
        left_pad_source=cfg.left_pad_source,
        left_pad_target=cfg.left_pad_target,
        max_source_positions=UNLIMITED,
        max_target_positions=UNLIMITED,
    )
    return Sides(pairs.src, pairs.src_sizes, pairs.tgt, pairs.tgt_sizes)


def _check_files(folder: str, split: str, dictionaries: Sequence[tuple[str, Dictionary]]) -> None:
    """Check both sides of a split, if it is there; the second one may be missing.

    :param dictionaries: of source and target, with their languages.
    :raises UserError: a file is damaged, or does not fit another or its dictionary.
    """
    names, (source, target) = _names(folder), (language for language, _ in dictionaries)
    counts: dict[str, int | None] = {}
    for stem in (f"{split}.{source}-{target}", f"{split}.{target}-{source}"):
        for language, dictionary in dictionaries:
            if {f"{stem}.{language}.idx", f"{stem}.{language}.bin"} & names:
                prefix, symbols = Path(folder) / f"{stem}.{language}", Path(folder) / f"dict.{language}.txt"
                counts[str(prefix)] = check_files(prefix, len(dictionary), symbols)
        if counts:
            break
    if len(set(counts.values())) > 1:
        both = " and ".join(f"'{prefix}' has {count}" for prefix, count in counts.items())
        raise UserError(f"number of sequences: {both}: each must be the pair of the other; make the data again")


def _names(folder: str) -> set[str]:
    """List the files of a dataset folder. :raises UserError: the folder is gone."""
    if not Path(folder).is_dir():
        raise UserError(f"the dataset folder {folder!r} is gone")
    return {path.name for path in Path(folder).iterdir()}


class Splits:
    """Opens splits, or makes them.

    :param cfg: of the task. Its options are read anew at each call: a checkpoint may change them.
    :param source: the dictionary of the sources.
    :param target: the dictionary of the targets.
    :param online: how sequences are made; None if all splits are read.
    """

    def __init__(self, cfg: CopyTaskConfig, source: Dictionary, target: Dictionary, online: OnlineData | None) -> None:
        self._cfg = cfg
        self._source = source
        self._target = target
        self._online = online

    def open(self, split: str, epoch: int, *, combine: bool) -> CopyDataset:
        """The data of a split; several folders take turns, an epoch each.

        :param combine: take ``valid1``, ``valid2``, ... as well.
        :raises UserError: the folder has no such split.
        """
        cfg = self._cfg
        folders = utils.split_paths(cfg.data)
        if split != cfg.train_subset:
            folders = folders[:1]
        folder = folders[(epoch - 1) % len(folders)]
        if self._online is not None and self._is_made(self._online, folder, split):
            return self.make(self._online, split, epoch)
        sides = open_split(cfg, folder, split, self._source, self._target, combine=combine)
        return self._dataset(CopyDataset, sides, shuffle=split == cfg.train_subset)

    @reports_user_errors
    def make(self, online: OnlineData, split: str, epoch: int) -> CopyDataset:
        """The sequences of an epoch; those of any split but train are the same in each.

        :raises UserError: they cannot be made.
        """
        source, target = online.make(split, epoch)
        sides = Sides(source, source.sizes, target, target.sizes)
        if split == TRAIN:
            return self._dataset(OnlineDataset, sides, shuffle=True, epoch=epoch)
        return self._dataset(CopyDataset, sides, shuffle=False)

    def _is_made(self, online: OnlineData, folder: str, split: str) -> bool:
        """Whether ``split`` is made rather than read: train, and what the folder has no files of.

        :raises UserError: there is no such split.
        """
        if split == TRAIN:
            return True
        if has_split(folder, split, self._cfg.source_lang or "", self._cfg.target_lang or ""):
            return False
        if split not in online.splits:
            raise UserError(f"no split {split!r} in {folder!r}: --online makes {', '.join(online.splits)}")
        return True

    def _dataset(self, kind: type[CopyDataset], sides: Sides, **options: Any) -> CopyDataset:
        source, source_sizes, target, target_sizes = sides
        if self._cfg.no_source_eos:
            source, source_sizes = StripTokenDataset(source, self._source.eos()), source_sizes - 1
        return kind(
            source,
            source_sizes,
            self._source,
            target,
            target_sizes,
            self._target,
            left_pad_source=self._cfg.left_pad_source,
            left_pad_target=self._cfg.left_pad_target,
            pad_to_multiple=self._cfg.required_seq_len_multiple,
            **options,
        )
