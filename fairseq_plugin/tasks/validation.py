"""What the task ``copy`` reports of a decoded batch: how much of it is right, and some of it to read."""

import logging
from typing import Any

from fairseq.data import Dictionary
from torch import Tensor

from fairseq_plugin.analysis.labels import label
from fairseq_plugin.scoring.exact_match import Matches, count_matches

logger = logging.getLogger(__name__)


def compare_outputs(
    sample: dict[str, Any],
    hypotheses: list[list[dict[str, Any]]],
    source: Dictionary,
    target: Dictionary,
    examples: int,
) -> Matches:
    """Count the matches of a batch, and log the sentences with an id below ``examples``.

    :param sample: the batch.
    :param hypotheses: outputs of each row of the batch, the best one first.
    :param source: the dictionary of the sources.
    :param target: the dictionary of the targets.
    """
    total = Matches()
    for row, outputs in enumerate(hypotheses):
        reference = _letters(sample["target"][row], target)
        output = _letters(outputs[0]["tokens"], target)
        total += count_matches(reference, output)
        sample_id = int(sample["id"][row])
        if sample_id < examples:
            letters = _letters(sample["net_input"]["src_tokens"][row], source)
            lines = [
                f"{name} {' '.join(label(dictionary[token]) for token in tokens)}"
                for name, dictionary, tokens in (
                    ("SRC ", source, letters),
                    ("TRG ", target, reference),
                    ("PRED", target, output),
                )
            ]
            logger.info("example %d\n%s", sample_id, "\n".join(lines))
    return total


def _letters(tokens: Tensor, dictionary: Dictionary) -> list[int]:
    """Token ids without padding and end symbol."""
    special = {dictionary.pad(), dictionary.eos()}
    return [token for token in tokens.tolist() if token not in special]
