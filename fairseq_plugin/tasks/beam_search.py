"""fairseq's beam search, which finds the best candidates of a step faster in a large vocabulary: the same candidates.

The k best of many numbers stand in those k blocks of numbers that have the largest maxima. So one pass finds the
maximum of each block, and k blocks are searched instead of the whole vocabulary. Which of equal candidates comes first
is up to torch, so a sentence with equal ones among the best is left to fairseq.
"""

import torch
from fairseq.search import BeamSearch
from torch import Tensor

BLOCK = 64  # symbols
# Numbers of a step from which on blocks pay on a CPU, and blocks for each candidate to find.
LARGE, SPARSE = 1 << 18, 2


class BlockwiseBeamSearch(BeamSearch):
    """``BeamSearch``, block by block on a CPU where the vocabulary is large."""

    def step(
        self,
        step: int,
        lprobs: Tensor,
        scores: Tensor | None,
        prev_output_tokens: Tensor | None = None,
        original_batch_idxs: Tensor | None = None,
        candidate_multiple: int | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scores, symbols and beams (B, K) of the best candidates, the best first; see fairseq.

        :param lprobs: log-probabilities (B, K', V) for the K' hypotheses of each sentence.
        :param scores: of these hypotheses after each step (B, K', steps).
        :param candidate_multiple: how many times K' K is; 2 by default. fairseq 0.12.2 knows 2 alone.
        """
        _, hypotheses, symbols = lprobs.shape
        multiple = {} if candidate_multiple is None else {"candidate_multiple": candidate_multiple}
        wanted = (2 if candidate_multiple is None else candidate_multiple) * hypotheses
        large = lprobs.numel() >= LARGE and symbols // BLOCK > SPARSE * wanted
        if large and lprobs.device.type == "cpu":
            if step == 0:  # all hypotheses are the same
                values, positions = best_of_blocks(lprobs[:, :1], lprobs.new_zeros(lprobs.size(0), 1), wanted + 1)
            else:
                assert scores is not None
                values, positions = best_of_blocks(lprobs, scores[:, :, step - 1], wanted + 1)
            tied = torch.eq(values[:, 1:], values[:, :-1]).any(dim=1)  # (B,)
            values, positions = values[:, :wanted], positions[:, :wanted]
            found = values, positions % symbols, positions // symbols
            if tied.any():
                before = None if scores is None else scores[tied]
                stock = super().step(step, lprobs[tied], before, None, None, **multiple)
                for ours, theirs in zip(found, stock, strict=True):
                    ours[tied] = theirs
            return found
        return super().step(step, lprobs, scores, prev_output_tokens, original_batch_idxs, **multiple)


def best_of_blocks(lprobs: Tensor, before: Tensor, wanted: int) -> tuple[Tensor, Tensor]:
    """The ``wanted`` largest of lprobs + before (B, wanted), and where they stand among the K V numbers of a sentence.

    :param lprobs: (B, K, V).
    :param before: (B, K).
    """
    batch, hypotheses, symbols = lprobs.shape
    blocks = symbols // BLOCK
    whole = blocks * BLOCK
    in_blocks = lprobs[:, :, :whole].view(batch, hypotheses, blocks, BLOCK)
    largest = (in_blocks.amax(dim=3) + before.unsqueeze(2)).flatten(1)  # (B, K blocks)
    best = largest.topk(wanted, sorted=False).indices  # (B, wanted)
    hypothesis, block = best // blocks, best % blocks
    sentence = torch.arange(batch, device=lprobs.device).unsqueeze(1)
    found = in_blocks[sentence, hypothesis, block] + before.gather(1, hypothesis).unsqueeze(2)  # (B, wanted, BLOCK)
    rest = lprobs[:, :, whole:] + before.unsqueeze(2)  # (B, K, V % BLOCK)
    position = torch.arange(hypotheses * symbols, device=lprobs.device).view(hypotheses, symbols)
    positions = torch.cat(
        [
            position[:, :whole].view(hypotheses, blocks, BLOCK)[hypothesis, block].flatten(1),
            position[:, whole:].flatten().expand(batch, -1),
        ],
        dim=1,
    )
    values, chosen = torch.cat([found.flatten(1), rest.flatten(1)], dim=1).topk(wanted)
    return values, positions.gather(1, chosen)
