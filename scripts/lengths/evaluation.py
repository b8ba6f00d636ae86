"""Decode the test set of every length: ``python -m scripts.lengths.evaluation DATA CHECKPOINT OUT BEAM N``.

N is how many test sets there are; OUT becomes a JSON list of counts, one entry a test set, in their order.
"""

import json
import sys
from argparse import Namespace
from pathlib import Path

from data_gen.errors import run_command
from data_gen.files import whole_file
from fairseq_plugin.scoring.exact_match import Matches

BATCH = 50  # sequences decoded at once


def evaluate(data: str, path: str, beam: int, sets: int) -> list[Matches]:
    """:returns: matches of ``test1``, ``test2``, ... in this order."""
    import torch
    from fairseq import checkpoint_utils

    import fairseq_plugin  # noqa: F401 - registers the task and the models
    from fairseq_plugin.tasks.validation import compare_outputs

    models, _, task = checkpoint_utils.load_model_ensemble_and_task([path], arg_overrides={"data": data})
    for model in models:
        model.eval()
    results = []
    for number in range(1, sets + 1):
        task.load_dataset(f"test{number}")
        generator = task.build_generator(models, Namespace(beam=beam))
        batches = task.get_batch_iterator(task.dataset(f"test{number}"), max_sentences=BATCH)
        total = Matches()
        for sample in batches.next_epoch_itr(shuffle=False):
            with torch.no_grad():
                hypotheses = task.inference_step(generator, models, sample)
            total += compare_outputs(sample, hypotheses, task.source_dictionary, task.target_dictionary, 0)
        results.append(total)
    return results


def main(arguments: list[str]) -> int:
    """Run the command. :returns: 0, 2 if the checkpoint or the data cannot be used, 1 if OUT cannot be written."""
    return run_command("evaluation", lambda: write_counts(arguments))


def write_counts(arguments: list[str]) -> int:
    """Do what the words of the command say."""
    data, path, out, beam, sets = arguments
    text = json.dumps([matches._asdict() for matches in evaluate(data, path, int(beam), int(sets))])
    with whole_file(Path(out)) as stream:
        stream.write(text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
