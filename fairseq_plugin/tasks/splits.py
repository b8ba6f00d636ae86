"""The splits of the task ``copy``: read from the data folder, or made while training."""

from typing import Any

from fairseq import utils
from fairseq.data import Dictionary, StripTokenDataset

from data_gen.errors import UserError
from fairseq_plugin.cli_errors import reports_user_errors
from fairseq_plugin.tasks.copy_config import TRAIN, CopyTaskConfig
from fairseq_plugin.tasks.copy_dataset import CopyDataset
from fairseq_plugin.tasks.dataset_folder import Sides, has_split, open_split
from fairseq_plugin.tasks.online_dataset import OnlineData, OnlineDataset


class Splits:
    """Opens splits, or makes them.

    :param cfg: of the task, whose options are read anew at each call: a checkpoint may change them.
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
