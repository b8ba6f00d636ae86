"""The dataset behind the task ``copy``: fairseq's pairs of sequences, none of them dropped, batched quickly."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from fairseq.data import LanguagePairDataset
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from data_gen.errors import UserError
from fairseq_plugin.cli_errors import reports_user_errors


class CopyDataset(LanguagePairDataset):
    """BlockSource of sequences; every index given to :meth:`batch_by_size` ends up in a batch.

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
        ordered = [samples[place] for place in order.tolist()]
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
