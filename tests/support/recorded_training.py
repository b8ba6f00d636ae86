"""fairseq-train, with what happens in it written down: ``python recorded_training.py FOLDER ...``.

After each update, ``FOLDER/RANK-UPDATE.pt`` holds what this process trained on, the gradients that its optimizer was
given, and the parameters that came out.
"""

import sys
from pathlib import Path
from typing import Any

import fairseq_cli.train
import torch
from fairseq.trainer import Trainer

FOLDER = Path(sys.argv.pop(1))


class RecordedTrainer(Trainer):
    def train_step(self, samples: list[dict[str, Any]], raise_oom: bool = False) -> Any:
        logged = super().train_step(samples, raise_oom)
        parameters = dict(self.get_model().named_parameters())
        record = {
            "targets": [row.tolist() for sample in samples if sample for row in sample["target"]],
            "gradients": {name: parameter.grad for name, parameter in parameters.items()},
            "parameters": {name: parameter.detach() for name, parameter in parameters.items()},
        }
        torch.save(record, FOLDER / f"{self.data_parallel_rank}-{self.get_num_updates()}.pt")
        return logged


fairseq_cli.train.Trainer = RecordedTrainer
if __name__ == "__main__":
    fairseq_cli.train.cli_main()
