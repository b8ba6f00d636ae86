"""The datasets of the task ``copy``: read from files, or made while training.

Data that is made while training has new sequences in each epoch. Sequence ``i`` of epoch ``e`` depends on the
specification, ``e`` and ``i`` alone, so that data workers, ranks and resumed runs all see the same. An epoch is made
whole when it begins, in the smallest type that holds its ids: batches draw from all over it, and fairseq needs every
length before the first batch. Its size is bounded (see :data:`data_gen.copy.dataset.EPOCH_BYTES`). Small epochs lose
nothing, for there is always another one.
"""

import logging
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from fairseq.data import Dictionary, LanguagePairDataset
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from data_gen.copy.binarize import symbol_names
from data_gen.copy.dataset import hold_out, require_small
from data_gen.copy.draws import Block
from data_gen.copy.manifest import read_copy_manifest
from data_gen.copy.overlap import HeldOut
from data_gen.copy.sample import blocks_in_split, sample_block, sequences_per_block, transform_block
from data_gen.copy.spec import SOURCE_LANGUAGE, TARGET_LANGUAGE, CopySpec
from data_gen.errors import UserError
from data_gen.indexed import end_sequences
from fairseq_plugin.program import reports_user_errors


class CopyDataset(LanguagePairDataset):
    """Sequences of a split; every index given to :meth:`batch_by_size` ends up in a batch.

    fairseq leaves out the last batch where its size is no multiple of ``--required-batch-size-multiple`` (8 by
    default): with a batch size of 1, the last sequence would never be read.
    """

    first_line: int | None = None
    """Of sentences typed in: how many came before them."""

    @reports_user_errors
    def batch_by_size(
        self, indices: np.ndarray, max_tokens: int | None = None, *args: Any, **kwargs: Any
    ) -> list[np.ndarray]:
        """Cut ``indices`` into batches, in order; see fairseq for the limits.

        :param max_tokens: tokens in a batch, at most; None for no limit.
        :raises UserError: one sequence alone is longer than ``max_tokens``.
        """
        longest = int(self.num_tokens_vec(indices).max()) if len(indices) else 0
        if max_tokens is not None and longest > max_tokens:
            raise UserError(f"a sequence of {longest} tokens does not fit into --max-tokens {max_tokens}: raise it")
        batches = list(super().batch_by_size(indices, max_tokens, *args, **kwargs))
        batched = sum(len(batch) for batch in batches)
        if batched < len(indices):
            batches.append(np.asarray(indices[batched:], dtype=np.int64))
        return batches

    def collater(self, samples: list[dict[str, Any]], pad_to_length: Any = None) -> dict[str, Any]:
        """Make a batch; the same one as fairseq's, in a third of the time where nothing unusual is asked for.

        A batch of nothing but empty sources has a column of padding, so that they are read as in any other batch.
        """
        unusual = (
            pad_to_length is not None
            or self.pad_to_multiple != 1
            or self.left_pad_source
            or self.left_pad_target
            or self.constraints is not None
            or not samples
            or samples[0]["target"] is None
        )
        batch = super().collater(samples, pad_to_length) if unusual else self._collate_pairs(samples)
        if batch and not batch["net_input"]["src_tokens"].numel():
            batch["net_input"]["src_tokens"] = torch.full((len(samples), 1), self.src_dict.pad())
        return batch

    def _collate_pairs(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        pad, eos = self.src_dict.pad(), self.eos
        lengths = torch.tensor([len(sample["source"]) for sample in samples])
        lengths, order = lengths.sort(descending=True)  # as fairseq does
        ordered = [samples[row] for row in order.tolist()]
        source = pad_sequence([sample["source"] for sample in ordered], batch_first=True, padding_value=pad)
        target = pad_sequence([sample["target"] for sample in ordered], batch_first=True, padding_value=pad)
        return {
            "id": torch.tensor([sample["id"] for sample in ordered]),
            "nsentences": len(ordered),
            "ntokens": sum(len(sample["target"]) for sample in ordered),
            "net_input": {
                "src_tokens": source,
                "src_lengths": lengths,
                "prev_output_tokens": shift_right(target, pad=pad, eos=eos),
            },
            "target": target,
        }


def shift_right(target: Tensor, *, pad: int, eos: int) -> Tensor:
    """What the decoder reads: each right-padded row (B, T) with its end symbol moved to the front."""
    shifted = target.roll(1, dims=1)
    shifted[:, 1:].masked_fill_(shifted[:, 1:].eq(eos), pad)  # the end symbol of a row shorter than T
    shifted[:, 0] = eos
    return shifted


def length_ratio(datasets: Iterable[Any]) -> float:
    """Target tokens per source token, at most, over the datasets that have targets, and at least 1."""
    ratios = [
        float(np.max(dataset.tgt_sizes / np.maximum(dataset.src_sizes, 1)))
        for dataset in datasets
        if getattr(dataset, "tgt_sizes", None) is not None and len(dataset) > 0
    ]
    return max([1.0, *ratios])


logger = logging.getLogger(__name__)


class Column:
    """The sources or the targets of an epoch, as the files of fairseq hand them out.

    :param per_block: sequences in every block but the last.
    """

    def __init__(self, per_block: int) -> None:
        self._per_block = per_block
        self._ids: list[npt.NDArray[np.unsignedinteger]] = []
        self._ends: list[npt.NDArray[np.int32]] = []

    def add(self, ids: npt.NDArray[np.unsignedinteger], lengths: npt.NDArray[np.int64]) -> None:
        """Append a block.

        :param ids: (symbols + sequences,) each sequence with its end symbol.
        :param lengths: (sequences,) symbols in each, end of sequence not counted.
        """
        self._ids.append(ids)
        self._ends.append(np.cumsum(lengths + 1).astype(np.int32))

    @property
    def sizes(self) -> npt.NDArray[np.int32]:
        """(sequences,) ids in each, its end symbol counted."""
        return np.concatenate([np.diff(ends, prepend=np.int32(0)) for ends in self._ends])

    def __len__(self) -> int:
        return sum(map(len, self._ends))

    def __getitem__(self, index: int) -> Tensor:
        block, row = divmod(int(index), self._per_block)
        ends = self._ends[block]
        start = ends[row - 1] if row else 0
        return torch.from_numpy(self._ids[block][start : ends[row]].astype(np.int64))


class OnlineDataset(CopyDataset):
    """Train in one epoch: another epoch is another dataset.

    :param epoch: counts from 1.
    """

    def __init__(self, *args: Any, epoch: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.epoch = epoch

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        """False: batches of one epoch mean nothing in the next."""
        return False


class OnlineData:
    """Makes any split of a specification, in any epoch.

    :param source: the dictionary of the sources.
    :param target: the dictionary of the targets.
    :param folder: the folder that they are from, for messages.
    :raises UserError: if a dictionary lacks a symbol.
    """

    def __init__(self, spec: CopySpec, source: Dictionary, target: Dictionary, folder: str) -> None:
        self.spec = spec
        self._source_ids = _ids_of_symbols(spec, source, folder, SOURCE_LANGUAGE)
        self._target_ids = _ids_of_symbols(spec, target, folder, TARGET_LANGUAGE)
        self._same = spec.transform == "copy" and np.array_equal(self._source_ids, self._target_ids)

    @cached_property
    def _held_out(self) -> HeldOut | None:
        """What train must not hold; not looked for where only other splits are made."""
        return hold_out(self.spec)

    @property
    def splits(self) -> tuple[str, ...]:
        """What can be made."""
        return tuple(split.name for split in self.spec.splits)

    def make(self, name: str, epoch: int) -> tuple[Column, Column]:
        """Make a split.

        :param name: one of :attr:`splits`.
        :param epoch: for train, which counts from 1; other splits are the same in each.
        :returns: sources and targets; the same object twice if they are equal.
        :raises UserError: if it does not fit into memory, or if train cannot do without the held-out sequences but is
            to.
        """
        split = self.spec.split(name)
        require_small(self.spec, split)
        training = split.number == 0
        per_block = sequences_per_block(self.spec, split)
        sources, targets = Column(per_block), Column(per_block)
        for index in range(blocks_in_split(self.spec, split)):
            block = sample_block(
                self.spec,
                split,
                index,
                epoch=epoch if training else 0,
                held_out=self._held_out if training else None,
            )
            sources.add(_encode(block, self._source_ids), block.lengths)
            if not self._same:
                block = transform_block(self.spec, block)
                targets.add(_encode(block, self._target_ids), block.lengths)
        logger.info("made %d sequences of %s%s", len(sources), name, f" for epoch {epoch}" if training else "")
        return sources, sources if self._same else targets


def read_online_data(folder: str, source: Dictionary, target: Dictionary) -> OnlineData:
    """Open a folder made by ``python -m data_gen copy``, with sequences or without.

    :param source: the dictionary of its sources.
    :param target: the dictionary of its targets.
    :raises UserError: if it is no such folder, or if its dictionaries lack a symbol.
    """
    return OnlineData(read_copy_manifest(folder).spec, source, target, folder)


def _ids_of_symbols(
    spec: CopySpec, dictionary: Dictionary, folder: str, language: str
) -> npt.NDArray[np.unsignedinteger]:
    """Look up the symbols of a copy dataset in a dictionary.

    :returns: (symbols,) the id of each symbol number, in the smallest type for this dictionary.
    """
    names = symbol_names(spec.num_symbols)
    ids = np.array([dictionary.index(name) for name in names])
    lacking = np.flatnonzero(ids == dictionary.unk())
    if len(lacking):
        raise UserError(
            f"'{folder}/dict.{language}.txt' lacks {len(lacking)} of the {len(names)} symbols that --online draws, "
            f"such as {names[lacking[0]]!r}: make a folder with 'python -m data_gen copy DESTDIR --online'"
        )
    return ids.astype(np.min_scalar_type(len(dictionary) - 1))


def _encode(block: Block, ids: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
    return end_sequences(ids.take(block.symbols), block.lengths)
